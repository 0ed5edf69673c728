"""Reading the orders of a day: all shards at once, merged by time, page by page."""

from __future__ import annotations

import gc
import heapq
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal
from functools import partial
from operator import itemgetter
from typing import Any

from common import keys
from common.clients import Item, decode, encode

PAGE_ITEMS = 1000
_IN_MEMORY = 5000  # two pages per shard: bounded however many orders and shards the day has
_LEAST = 10
_PARALLEL = 8
_TEXTS = ("order_id", "status", "currency", "customer_id", "customer_kind", "created_at", "updated_at")
_NUMBERS = ("subtotal", "discount", "shipping", "tax", "total", "refunded", "refund_count")
_NAMES = {f"#{name}": name for name in (*_TEXTS, *_NUMBERS, "lines")}  # status, total and more are reserved words
_PROJECTED = {"ProjectionExpression": ", ".join(_NAMES), "ExpressionAttributeNames": _NAMES}


@dataclass
class Reading:
    """The orders of a day and what it took to read them.

    Attributes:
        orders: The orders, oldest first; to be consumed once.
        shards: How many shards are read.
        pages: How many pages have been read so far.
    """

    orders: Iterator[Item] = field(default_factory=lambda: iter(()))
    shards: int = 0
    pages: int = 0


@contextmanager
def read_day(client: Any, table: str, day: date, default_shards: int) -> Iterator[Reading]:
    """Read a day through the index by day.

    Only what the report needs is asked for: reading the answers is most of the work. An order has the names of its
    item's attributes, numbers are Decimals.

    Args:
        client: DynamoDB client.
        table: The orders table.
        day: The business day.
        default_shards: Shards of a day that has no item telling their number.
    """
    count = shards_of(client, table, day, default_shards)
    reading = Reading(shards=count)
    pool = ThreadPoolExecutor(max_workers=min(count, _PARALLEL))
    try:
        size = max(_IN_MEMORY // (2 * count), _LEAST)
        queries = [
            partial(_query, client, table, keys.day(day, shard), limit=size, **_PROJECTED) for shard in range(count)
        ]
        first = [pool.submit(query, None) for query in queries]
        streams = [_follow(pool, query, future, reading) for query, future in zip(queries, first, strict=True)]
        reading.orders = heapq.merge(*streams, key=itemgetter("created_at", "order_id"))
        with _without_collector():
            yield reading
    finally:
        pool.shutdown(cancel_futures=True)


def shards_of(client: Any, table: str, day: date, default: int) -> int:
    """Return into how many shards a day is split; the default for a day on which nothing was announced."""
    key = encode({"pk": keys.shards(day), "sk": keys.META})
    answer = client.get_item(TableName=table, Key=key, ConsistentRead=True)
    return int(decode(answer["Item"])["shards"]) if "Item" in answer else default


def query_all(client: Any, table: str, partition: str) -> Iterator[Item]:
    """Return the items of one partition of the index by day, in the order of time."""
    start = None
    while True:
        page = _query(client, table, partition, start)
        yield from (decode(item) for item in page["Items"])
        start = page.get("LastEvaluatedKey")
        if start is None:
            return


def order_of(item: Item) -> Item:
    """Decode an order. Its form is known, which is three times as fast as asking each value for its type.

    Args:
        item: What the index has of an order, as attribute values.
    """
    order: Item = {name: item[name]["S"] for name in _TEXTS}
    for name in _NUMBERS:
        if name in item:  # an order says nothing of refunds until there is one
            order[name] = Decimal(item[name]["N"])
    order["lines"] = [_line(line["M"]) for line in item["lines"]["L"]]
    return order


def _line(item: Item) -> Item:
    return {
        "sku": item["sku"]["S"],
        "category": item["category"]["S"],
        "quantity": int(item["quantity"]["N"]),
        "amount": Decimal(item["amount"]["N"]),
    }


@contextmanager
def _without_collector() -> Iterator[None]:
    """Keep Python from looking for cycles: pages have none, and walking over all of them is a quarter of the work."""
    was = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was:
            gc.enable()


def _query(
    client: Any, table: str, partition: str, start: Item | None, *, limit: int = PAGE_ITEMS, **more: Any
) -> dict[str, Any]:
    following = {} if start is None else {"ExclusiveStartKey": start}
    answer: dict[str, Any] = client.query(
        TableName=table,
        IndexName=keys.DAY_INDEX,
        KeyConditionExpression="gsi1pk = :partition",
        ExpressionAttributeValues=encode({":partition": partition}),
        Limit=limit,
        **following,
        **more,
    )
    return answer


def _follow(
    pool: ThreadPoolExecutor,
    query: Callable[[Item | None], dict[str, Any]],
    first: Future[dict[str, Any]],
    reading: Reading,
) -> Iterator[Item]:
    future: Future[dict[str, Any]] | None = first
    while future is not None:
        page = future.result()
        reading.pages += 1
        start = page.get("LastEvaluatedKey")
        # the next page travels while this one is counted
        future = pool.submit(query, start) if start else None
        for item in page["Items"]:
            yield order_of(item)
