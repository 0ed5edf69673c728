"""Whether a day fits into one run, estimated before it starts."""

from __future__ import annotations

import shutil
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import date, timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

from common import days, keys
from common.clients import encode
from orders import PAGE_ITEMS

ORDERS_PER_SECOND = 5_000
"""What one processor surely reads, adds up and writes; docs/scaling.md says what was measured, and how."""
ROW_BYTES = 256
_RESERVE_SECONDS = 60
_SAMPLES_PER_HOUR = 4
_SAMPLE = timedelta(seconds=9)


class DayTooLargeError(RuntimeError):
    """The day does not fit into one run; nothing was begun, and no retry will help."""


@dataclass(frozen=True)
class Room:
    """What a run has.

    Attributes:
        seconds: Until it is ended.
        folder: Where it keeps the table of orders.
    """

    seconds: float
    folder: Path

    def orders(self) -> int:
        """Return how many orders fit."""
        by_time = max(self.seconds - _RESERVE_SECONDS, 0) * ORDERS_PER_SECOND
        return int(min(by_time, shutil.disk_usage(self.folder).free / ROW_BYTES))


def check(client: Any, table: str, day: date, zone: ZoneInfo, shards: int, room: Room) -> None:
    """Refuse a day that does not fit.

    Small days cost one query. Of larger ones the first shard is sampled: 36 seconds of each hour are counted, spread
    over the hour, so that nothing like the whole day is read.

    Raises:
        DayTooLargeError: The day is too large.
    """
    partition, fits = keys.day(day, 0), room.orders()
    if _count(client, table, partition, "", "~", PAGE_ITEMS) < PAGE_ITEMS and PAGE_ITEMS * shards <= fits:
        return
    hour, step = days.HOUR, days.HOUR / _SAMPLES_PER_HOUR
    starts = [start + step * index for start in days.hours(day, zone) for index in range(_SAMPLES_PER_HOUR)]

    def sample(index: int) -> int:
        # another part of each quarter, so that what happens every quarter of an hour does not decide
        start = starts[index] + _SAMPLE * (index * 7 % int(step / _SAMPLE))
        return _count(client, table, partition, days.timestamp(start), days.timestamp(start + _SAMPLE), None)

    with ThreadPoolExecutor(8) as pool:
        counted = sum(pool.map(sample, range(len(starts))))
    estimate = counted * shards * int(hour / (_SAMPLE * _SAMPLES_PER_HOUR))
    if estimate > fits:
        raise DayTooLargeError(
            f"{day} has about {estimate:,} orders, and {fits:,} fit into one run: "
            "make its figures with the module 07-data-transformation, whose Athena queries are those of the report"
        )


def _count(client: Any, table: str, partition: str, first: str, last: str, limit: int | None) -> int:
    values = {":partition": partition, ":first": first or " ", ":last": last}
    arguments: dict[str, Any] = {
        "TableName": table,
        "IndexName": keys.DAY_INDEX,
        "Select": "COUNT",
        "KeyConditionExpression": "gsi1pk = :partition AND gsi1sk BETWEEN :first AND :last",
        "ExpressionAttributeValues": encode(values),
    }
    if limit is not None:
        return int(client.query(**arguments, Limit=limit)["Count"])
    total, start = 0, None
    while True:
        more = {} if start is None else {"ExclusiveStartKey": start}
        page = client.query(**arguments, **more)
        total += int(page["Count"])
        start = page.get("LastEvaluatedKey")
        if start is None:
            return total
