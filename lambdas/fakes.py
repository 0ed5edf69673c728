"""Small in-memory stand-ins for the AWS clients that the functions call; used by tests only."""

from __future__ import annotations

import io
import re
from collections.abc import Callable, Mapping
from copy import deepcopy
from typing import Any

from botocore.exceptions import ClientError
from common.clients import decode, encode

Item = dict[str, Any]


def client_error(code: str, **more: Any) -> ClientError:
    """Make the error that a client raises for a service's answer."""
    response: Any = {"Error": {"Code": code, "Message": code}, **more}
    return ClientError(response, "Operation")


class FakeDynamoDB:
    """Tables with the conditions, updates, transactions and index queries that the functions use.

    `failures` holds errors that the next calls of an operation raise; `before` holds functions that run
    right before the next calls, to let something else happen first.
    """

    def __init__(self) -> None:
        self.tables: dict[str, dict[tuple[str, ...], Item]] = {}
        self.failures: dict[str, list[Exception]] = {}
        self.before: dict[str, list[Callable[[], object]]] = {}
        self.calls: list[tuple[str, dict[str, Any]]] = []
        self.page_size = 1000

    def items(self, table: str) -> list[Item]:
        """Return a table's items as plain values."""
        return [decode(item) for item in self.tables.get(table, {}).values()]

    def add(self, table: str, item: Mapping[str, Any]) -> None:
        """Put a plain item into a table."""
        self._table(table)[_key(item)] = encode(item)

    def get_item(self, **arguments: Any) -> dict[str, Any]:
        """Read an item."""
        self._enter("get_item", arguments)
        item = self._table(arguments["TableName"]).get(_key(decode(arguments["Key"])))
        return {} if item is None else {"Item": deepcopy(item)}

    def put_item(self, **arguments: Any) -> dict[str, Any]:
        """Write an item if its condition holds."""
        self._enter("put_item", arguments)
        self._single(arguments, decode(arguments["Item"]))
        return {}

    def update_item(self, **arguments: Any) -> dict[str, Any]:
        """Change an item if its condition holds."""
        self._enter("update_item", arguments)
        self._single(arguments, decode(arguments["Key"]))
        return {}

    def transact_write_items(self, **arguments: Any) -> dict[str, Any]:
        """Write all or nothing."""
        self._enter("transact_write_items", arguments)
        operations = [(kind, body) for entry in arguments["TransactItems"] for kind, body in entry.items()]
        reasons = [
            {"Code": "None" if self._holds(body, decode(body.get("Item") or body["Key"])) else "ConditionalCheckFailed"}
            for _, body in operations
        ]
        if any(reason["Code"] != "None" for reason in reasons):
            raise client_error("TransactionCanceledException", CancellationReasons=reasons)
        for _, body in operations:
            self._apply(body)
        return {}

    def query(self, **arguments: Any) -> dict[str, Any]:
        """Read a page of an index."""
        self._enter("query", arguments)
        partition_key = arguments["KeyConditionExpression"].partition(" ")[0]
        sort_key = partition_key.replace("pk", "sk")
        values = decode(arguments["ExpressionAttributeValues"])
        partition, first, last = values[":partition"], values.get(":first", ""), values.get(":last", "\uffff")
        backwards = not arguments.get("ScanIndexForward", True)
        found = sorted(
            (
                item
                for item in self.items(arguments["TableName"])
                if item.get(partition_key) == partition and first <= item[sort_key] <= last
            ),
            key=lambda item: str(item[sort_key]),
            reverse=backwards,
        )
        if "ExclusiveStartKey" in arguments:
            start = decode(arguments["ExclusiveStartKey"])
            found = [
                item
                for item in found
                if item[sort_key] != start[sort_key] and (item[sort_key] < start[sort_key]) == backwards
            ]
        size = min(arguments.get("Limit", self.page_size), self.page_size)
        answer: dict[str, Any] = {"Count": len(found[:size])}
        if arguments.get("Select") != "COUNT":
            answer["Items"] = [encode(_projected(item, arguments)) for item in found[:size]]
        if len(found) > size:
            last = found[size - 1]
            answer["LastEvaluatedKey"] = encode({name: last[name] for name in ("pk", "sk", partition_key, sort_key)})
        return answer

    def _enter(self, operation: str, arguments: dict[str, Any]) -> None:
        self.calls.append((operation, arguments))
        if self.before.get(operation):
            self.before[operation].pop(0)()
        if self.failures.get(operation):
            raise self.failures[operation].pop(0)

    def _table(self, name: str) -> dict[tuple[str, ...], Item]:
        return self.tables.setdefault(name, {})

    def _single(self, arguments: dict[str, Any], key: Item) -> None:
        if not self._holds(arguments, key):
            old = self._table(arguments["TableName"]).get(_key(key))
            more = {"Item": old} if arguments.get("ReturnValuesOnConditionCheckFailure") and old else {}
            raise client_error("ConditionalCheckFailedException", **more)
        self._apply(arguments)

    def _holds(self, body: Mapping[str, Any], key: Item) -> bool:
        stored = self._table(body["TableName"]).get(_key(key))
        item = {} if stored is None else decode(stored)
        condition = body.get("ConditionExpression")
        if condition is None:
            return True
        return all(_any_holds(part.strip(), item, body) for part in condition.split(" AND "))

    def _apply(self, body: Mapping[str, Any]) -> None:
        table = self._table(body["TableName"])
        if "Item" in body:
            table[_key(decode(body["Item"]))] = deepcopy(body["Item"])
            return
        key = decode(body["Key"])
        item = decode(table.get(_key(key), encode(key)))
        values = decode(body.get("ExpressionAttributeValues", {}))
        names = body.get("ExpressionAttributeNames", {})
        for clause, text in re.findall(r"(SET|ADD) (.+?)(?= ADD |$)", body["UpdateExpression"]):
            for part in text.split(","):
                name, value = re.split(r" = | ", part.strip())
                name = names.get(name, name)
                item[name] = item.get(name, 0) + values[value] if clause == "ADD" else values[value]
        table[_key(key)] = encode(item)


def _projected(item: Item, arguments: Mapping[str, Any]) -> Item:
    if "ProjectionExpression" not in arguments:
        return item
    names = [arguments["ExpressionAttributeNames"][one] for one in arguments["ProjectionExpression"].split(", ")]
    return {name: item[name] for name in names if name in item}


def _key(item: Mapping[str, Any]) -> tuple[str, ...]:
    return tuple(str(item[name]) for name in ("pk", "sk") if name in item)


def _any_holds(condition: str, item: Item, body: Mapping[str, Any]) -> bool:
    inner = condition[1:-1] if condition.startswith("(") else condition
    return any(_holds(part.strip(), item, body) for part in inner.split(" OR "))


def _holds(condition: str, item: Item, body: Mapping[str, Any]) -> bool:
    if match := re.fullmatch(r"(#\w+) IN \((.+)\)", condition):
        values = decode(body["ExpressionAttributeValues"])
        return item.get(body["ExpressionAttributeNames"][match[1]]) in {
            values[one.strip()] for one in match[2].split(",")
        }
    if match := re.fullmatch(r"attribute_(not_)?exists\((\w+)\)", condition):
        return (match[2] in item) != bool(match[1])
    match = re.fullmatch(r"(#?\w+) (=|<|<=) (:\w+)", condition)
    if match is None:
        raise NotImplementedError(condition)
    name = body.get("ExpressionAttributeNames", {}).get(match[1], match[1])
    value = decode(body["ExpressionAttributeValues"])[match[3]]
    if name not in item:
        return False
    compared = {"=": item[name] == value, "<": item[name] < value, "<=": item[name] <= value}
    return bool(compared[match[2]])


class FakeS3:
    """A bucket; `keys` tells in which order objects were written."""

    def __init__(self) -> None:
        self.objects: dict[str, bytes] = {}
        self.keys: list[str] = []
        self.failures: list[Exception] = []

    def put_object(self, **arguments: Any) -> dict[str, Any]:
        """Write an object."""
        if self.failures:
            raise self.failures.pop(0)
        self.objects[arguments["Key"]] = arguments["Body"].read()
        self.keys.append(arguments["Key"])
        return {}

    def get_object(self, **arguments: Any) -> dict[str, Any]:
        """Read an object."""
        if arguments["Key"] not in self.objects:
            raise client_error("NoSuchKey")
        return {"Body": io.BytesIO(self.objects[arguments["Key"]])}


class FakeSender:
    """SES or SNS: remembers what it was given."""

    def __init__(self) -> None:
        self.sent: list[dict[str, Any]] = []
        self.failures: list[Exception] = []

    def send_email(self, **arguments: Any) -> dict[str, Any]:
        """Take a mail."""
        return self._take(arguments)

    def publish(self, **arguments: Any) -> dict[str, Any]:
        """Take a message."""
        return self._take(arguments)

    def _take(self, arguments: dict[str, Any]) -> dict[str, Any]:
        if self.failures:
            raise self.failures.pop(0)
        self.sent.append(arguments)
        return {"MessageId": f"message-{len(self.sent)}"}
