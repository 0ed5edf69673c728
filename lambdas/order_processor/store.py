"""The order processor's reads and writes: one transaction per order."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date
from enum import Enum
from typing import Any

from botocore.exceptions import ClientError, HTTPClientError
from botocore.exceptions import ConnectionError as BotoConnectionError
from common import keys
from common.clients import Item, decode, encode, error_code

_THROTTLED = {
    "InternalServerError",
    "ProvisionedThroughputExceededException",
    "RequestLimitExceeded",
    "ServiceUnavailable",
    "ThrottlingException",
    "TransactionInProgressException",
}
_THROTTLED_REASONS = {"ProvisionedThroughputExceeded", "ThrottlingError"}


class Unavailable(Exception):  # noqa: N818 - a state of the table, not of the code
    """The table does not answer in time, or asks for patience."""


class Outcome(Enum):
    """How an attempt to write an order ended."""

    WRITTEN = "written"
    KEY_USED = "idempotency key used"
    KEY_CONTENDED = "idempotency key in use right now"
    CUSTOMER_DIFFERS = "the customer is not of the assumed kind"
    ID_TAKEN = "order id taken"
    CONTENDED = "another transaction holds an item"


@dataclass(frozen=True)
class Store:
    """Both tables of the order processor."""

    client: Any
    orders: str
    idempotency: str
    _announced: set[tuple[date, int]] = field(default_factory=set, repr=False)

    def announce_shards(self, day: date, count: int) -> None:
        """Make sure that a reader of the day looks into at least `count` shards.

        Must come before the first order of a day; each execution environment does it once.
        """
        if (day, count) in self._announced:
            return
        try:
            self._call(
                "update_item",
                TableName=self.orders,
                Key=encode({"pk": keys.shards(day), "sk": keys.META}),
                UpdateExpression="SET shards = :count",
                ConditionExpression="attribute_not_exists(pk) OR shards < :count",
                ExpressionAttributeValues=encode({":count": count}),
            )
        except ClientError as error:
            if error_code(error) != "ConditionalCheckFailedException":
                raise
        self._announced.add((day, count))

    def write(self, order: Mapping[str, Any], record: Mapping[str, Any], now: int) -> Outcome:
        """Write order, idempotency record and customer together, or nothing.

        Args:
            order: The order's item.
            record: The idempotency record.
            now: Epoch seconds; a record that expired by then may be replaced.
        """
        put_order = {
            "TableName": self.orders,
            "Item": encode(order),
            "ConditionExpression": "attribute_not_exists(pk)",
        }
        put_record = {
            "TableName": self.idempotency,
            "Item": encode(record),
            # TTL deletes days late, so the time itself is compared
            "ConditionExpression": "attribute_not_exists(pk) OR expires_at <= :now",
            "ExpressionAttributeValues": encode({":now": now}),
        }
        try:
            self._call(
                "transact_write_items",
                TransactItems=[{"Put": put_order}, {"Put": put_record}, self._customer(order)],
            )
        except ClientError as error:
            if error_code(error) != "TransactionCanceledException":
                raise
            return _outcome(error)
        return Outcome.WRITTEN

    def record(self, key: str) -> Item | None:
        """Return an idempotency record."""
        return self._get(self.idempotency, {"pk": key})

    def order(self, order_id: str) -> Item | None:
        """Return an order."""
        return self._get(self.orders, {"pk": keys.order(order_id), "sk": keys.META})

    def _customer(self, order: Mapping[str, Any]) -> dict[str, Any]:
        key = {"pk": keys.customer(order["customer_id"]), "sk": keys.META}
        if order["customer_kind"] == "new":
            first = {"first_order_id": order["order_id"], "first_order_at": order["created_at"]}
            item = {**key, **first, "last_order_at": order["created_at"], "orders": 1}
            return {
                "Put": {
                    "TableName": self.orders,
                    "Item": encode(item),
                    "ConditionExpression": "attribute_not_exists(pk)",
                }
            }
        return {
            "Update": {
                "TableName": self.orders,
                "Key": encode(key),
                "UpdateExpression": "SET last_order_at = :at ADD orders :one",
                "ConditionExpression": "attribute_exists(pk)",
                "ExpressionAttributeValues": encode({":at": order["created_at"], ":one": 1}),
            }
        }

    def _get(self, table: str, key: Mapping[str, str]) -> Item | None:
        answer = self._call("get_item", TableName=table, Key=encode(key), ConsistentRead=True)
        return decode(answer["Item"]) if "Item" in answer else None

    def _call(self, operation: str, **arguments: Any) -> Any:
        try:
            return getattr(self.client, operation)(**arguments)
        except ClientError as error:
            if error_code(error) in _THROTTLED:
                raise Unavailable(error_code(error)) from error
            raise
        except (HTTPClientError, BotoConnectionError) as error:
            raise Unavailable(type(error).__name__) from error


def _outcome(error: ClientError) -> Outcome:
    reasons = [reason.get("Code", "None") for reason in error.response.get("CancellationReasons", [])]
    if _THROTTLED_REASONS.intersection(reasons):
        raise Unavailable("TransactionCanceledException") from error
    failed = {index for index, code in enumerate(reasons) if code == "ConditionalCheckFailed"}
    if 1 in failed:
        return Outcome.KEY_USED
    if len(reasons) > 1 and reasons[1] == "TransactionConflict":
        return Outcome.KEY_CONTENDED
    if "TransactionConflict" in reasons:
        return Outcome.CONTENDED
    if 0 in failed:
        return Outcome.ID_TAKEN
    if 2 in failed:
        return Outcome.CUSTOMER_DIFFERS
    raise error
