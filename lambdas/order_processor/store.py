"""The order processor's reads and writes: one transaction per order, and one per change of an order."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, datetime
from decimal import Decimal
from enum import Enum
from typing import Any

from botocore.exceptions import ClientError, HTTPClientError
from botocore.exceptions import ConnectionError as BotoConnectionError
from common import days, keys
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
    ORDER_DIFFERS = "the id is taken, or the order was changed in the meantime"
    CONTENDED = "another transaction holds an item"


@dataclass(frozen=True)
class Change:
    """A cancellation or a refund, decided on an order as it was read.

    Attributes:
        order: The order's item.
        at: When the change was asked for.
        kind: CANCELLED or REFUNDED.
        amount: What is voided or paid back.
        reason: The caller's words.
        allowed: Statuses of the order in which the change may happen.
    """

    order: Item
    at: datetime
    kind: str
    amount: Decimal
    reason: str
    allowed: tuple[str, ...]

    @property
    def cancels(self) -> bool:
        """Whether the order ends with this change."""
        return self.kind == "CANCELLED"

    @property
    def version(self) -> int:
        """The version of the order that the change makes."""
        return int(self.order["version"]) + 1


@dataclass(frozen=True)
class Page:
    """Orders of a customer, newest first; `last` is the place to go on from, if there is more."""

    orders: list[Item]
    last: str | None


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
        return self._transact({"Put": put_order}, self._record(record, now), self._customer(order))

    def change(self, change: Change, item: Mapping[str, Any], record: Mapping[str, Any], now: int) -> Outcome:
        """Write a change, what it makes of the order, and the idempotency record together, or nothing.

        The conditions hold the rules though the order was checked when it was read: it may have moved on.

        Args:
            change: The change.
            item: The item that keeps it.
            record: The idempotency record.
            now: Epoch seconds; a record that expired by then may be replaced.
        """
        put_item = {
            "TableName": self.orders,
            "Item": encode(item),
            "ConditionExpression": "attribute_not_exists(pk)",
        }
        return self._transact({"Update": self._update(change)}, self._record(record, now), {"Put": put_item})

    def customers_orders(self, customer_id: str, limit: int, after: str | None) -> Page:
        """Return orders of a customer, newest first.

        Args:
            customer_id: The customer.
            limit: How many at most.
            after: `last` of the page before.
        """
        partition = keys.customer(customer_id)
        more = {}
        if after is not None:
            order_id = after.rpartition("#")[2]
            start = {"pk": keys.order(order_id), "sk": keys.META, "gsi2pk": partition, "gsi2sk": after}
            more = {"ExclusiveStartKey": encode(start)}
        answer = self._call(
            "query",
            TableName=self.orders,
            IndexName=keys.CUSTOMER_INDEX,
            KeyConditionExpression="gsi2pk = :partition",
            ExpressionAttributeValues=encode({":partition": partition}),
            ScanIndexForward=False,
            Limit=limit + 1,  # the one too many tells whether there is another page
            **more,
        )
        items = [decode(item) for item in answer["Items"]]
        return Page(items[:limit], str(items[limit - 1]["gsi2sk"]) if len(items) > limit else None)

    def report(self, day: date) -> Item | None:
        """Return what is known of a day's report."""
        return self._get(self.orders, {"pk": keys.report(day), "sk": keys.META})

    def secret(self, name: str, proposal: bytes) -> bytes:
        """Return a secret of the function; the proposal becomes it if there is none yet."""
        known = self.record(name)
        if known is None:
            try:
                self._call(
                    "put_item",
                    TableName=self.idempotency,
                    Item=encode({"pk": name, "secret": proposal}),
                    ConditionExpression="attribute_not_exists(pk)",
                )
            except ClientError as error:
                if error_code(error) != "ConditionalCheckFailedException":
                    raise
                known = self.record(name)
        return proposal if known is None else bytes(known["secret"])

    def record(self, key: str) -> Item | None:
        """Return an idempotency record."""
        return self._get(self.idempotency, {"pk": key})

    def order(self, order_id: str) -> Item | None:
        """Return an order."""
        return self._get(self.orders, {"pk": keys.order(order_id), "sk": keys.META})

    def _transact(self, *operations: Mapping[str, Any]) -> Outcome:
        try:
            self._call("transact_write_items", TransactItems=list(operations))
        except ClientError as error:
            if error_code(error) != "TransactionCanceledException":
                raise
            return _outcome(error)
        return Outcome.WRITTEN

    def _record(self, record: Mapping[str, Any], now: int) -> dict[str, Any]:
        put = {
            "TableName": self.idempotency,
            "Item": encode(record),
            # TTL deletes days late, so the time itself is compared
            "ConditionExpression": "attribute_not_exists(pk) OR expires_at <= :now",
            "ExpressionAttributeValues": encode({":now": now}),
        }
        return {"Put": put}

    def _update(self, change: Change) -> dict[str, Any]:
        statuses = {f":status{index}": status for index, status in enumerate(change.allowed)}
        allowed = f"#status IN ({', '.join(statuses)})"
        condition, values = ["version = :version", allowed], {":version": change.order["version"], **statuses}
        if change.cancels:
            update = "SET #status = :cancelled, cancelled_at = :at, updated_at = :at ADD version :one"
            values[":cancelled"] = change.kind
        else:
            update = "SET updated_at = :at ADD refunded :amount, refund_count :one, version :one"
            condition.append("(attribute_not_exists(refunded) OR refunded <= :limit)")
            values |= {":amount": change.amount, ":limit": change.order["total"] - change.amount}
        return {
            "TableName": self.orders,
            "Key": encode({"pk": keys.order(change.order["order_id"]), "sk": keys.META}),
            "UpdateExpression": update,
            "ConditionExpression": " AND ".join(condition),
            "ExpressionAttributeNames": {"#status": "status"},
            "ExpressionAttributeValues": encode({**values, ":at": days.timestamp(change.at), ":one": 1}),
        }

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
        return Outcome.ORDER_DIFFERS
    if 2 in failed:
        return Outcome.CUSTOMER_DIFFERS
    raise error
