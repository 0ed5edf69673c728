"""The keys of the orders table: one place that knows how items are addressed."""

from __future__ import annotations

from datetime import date
from zlib import crc32

META = "META"
DAY_INDEX = "gsi1_day"
CUSTOMER_INDEX = "gsi2_customer"
REPORT_FILES = ("report.html", "report.json", "orders.csv", "summary.csv")
"""What a version of a report holds for readers; beside it are its manifest and the page for mail programs."""


def order(order_id: str) -> str:
    """Partition key of an order."""
    return f"ORDER#{order_id}"


def customer(customer_id: str) -> str:
    """Partition key of what is remembered of a customer, and of the index by customer."""
    return f"CUSTOMER#{customer_id}"


def shards(day: date) -> str:
    """Partition key of the item that tells into how many shards a day is split."""
    return f"SHARDS#{day.isoformat()}"


def shard(order_id: str, count: int) -> int:
    """Shard of an order: calculated from its id, so that it can be found again."""
    return crc32(order_id.encode()) % count


def day(day_: date, shard_: int) -> str:
    """Partition key of one shard of a day in the index by day."""
    return f"DAY#{day_.isoformat()}#{shard_}"


def changes(day_: date, shard_: int) -> str:
    """Partition key of one shard of a day's changes (cancellations, refunds) in the index by day."""
    return f"CHANGES#{day_.isoformat()}#{shard_}"


def change(version: int) -> str:
    """Sort key of the change that made a version of an order."""
    return f"CHANGE#{version:06d}"


def report(day_: date) -> str:
    """Partition key of the item that knows a day's newest report."""
    return f"REPORT#{day_.isoformat()}"


def mailing(day_: date, version: int) -> str:
    """Partition key of the mark that a version of a report was mailed."""
    return f"REPORT#{day_.isoformat()}#{version}"


def report_folder(day_: date, version: int) -> str:
    """Where a version of a report lies in the bucket."""
    return f"reports/dt={day_.isoformat()}/v{version:04d}/"
