"""What was changed on which day, and which earlier days therefore need their report (again)."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import date, timedelta
from decimal import Decimal
from typing import Any

from common import keys, money
from common.clients import Item
from orders import query_all, shards_of
from publication import Versions

WINDOW = 7
"""Days before the reported one that the daily run looks back: what a run missed, one of the next six mends."""
_KINDS = {"REFUNDED": "refunds", "CANCELLED": "cancellations"}
_PARALLEL = 8


@dataclass(frozen=True)
class Days:
    """The changes and reports of past days.

    Attributes:
        client: DynamoDB client.
        table: The orders table.
        shards: Shards of a day that has no item telling their number.
    """

    client: Any
    table: str
    shards: int

    def changes(self, day: date) -> Iterator[Item]:
        """Return the cancellations and refunds that were made on a day, by shard and time."""
        count = shards_of(self.client, self.table, day, self.shards)
        partitions = [keys.changes(day, shard) for shard in range(count)]
        with ThreadPoolExecutor(min(count, _PARALLEL)) as pool:
            for found in pool.map(lambda partition: list(query_all(self.client, self.table, partition)), partitions):
                yield from found

    def due(self, day: date) -> list[date]:
        """Return the days before `day` whose report is missing or older than a change of their orders, oldest first.

        A day without report is missing if orders were taken on it, or if an earlier day has one.
        """
        window = [day - timedelta(days=back) for back in range(WINDOW, 0, -1)]
        changed: dict[date, str] = {}
        for made in [*window, day]:
            for change in self.changes(made):
                concerned = date.fromisoformat(change["order_day"])
                changed[concerned] = max(changed.get(concerned, ""), change["created_at"])
        versions, found, begun = Versions(self.client, self.table), [], False
        for one in sorted({*window, *changed} - {day}):
            if one > day:
                continue
            newest = versions.newest(one)
            if newest is not None and newest.published:
                begun = True
                if newest.holds_until < changed.get(one, ""):
                    found.append(one)
            elif begun or one in changed or shards_of(self.client, self.table, one, 0):
                found.append(one)
        return found


def totals(changes: Iterable[Mapping[str, Any]]) -> dict[str, Any]:
    """Add up a day's changes by currency: what was refunded and voided on it, of orders of whatever day."""
    sums: dict[str, dict[str, list[Any]]] = {}
    with money.exact():
        for change in changes:
            kinds = sums.setdefault(change["currency"], {name: [0, Decimal(0)] for name in _KINDS.values()})
            entry = kinds[_KINDS[change["status"]]]
            entry[0] += 1
            entry[1] += change["total"]
        return {
            code: {
                name: {"count": count, "total": money.as_text(total, code)} for name, (count, total) in kinds.items()
            }
            for code, kinds in sorted(sums.items())
        }
