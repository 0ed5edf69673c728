"""orders.csv and summary.csv: RFC 4180, safe to open in a spreadsheet."""

from __future__ import annotations

import csv
from collections.abc import Iterator, Mapping
from datetime import date
from pathlib import Path
from types import TracebackType
from typing import Any

from common import money

COLUMNS = (
    "order_id",
    "created_at",
    "business_day",
    "status",
    "customer_id",
    "customer_kind",
    "currency",
    "units",
    "subtotal",
    "discount",
    "shipping",
    "tax",
    "total",
    "refunded",
)
_TEXTS = tuple(name for name in COLUMNS[:7] if name != "business_day")
_AMOUNTS = COLUMNS[-6:]
_FORMULA = ("=", "+", "-", "@", "\t", "\r", "\n", "\uff1d", "\uff0b", "\uff0d", "\uff20")  # wide forms count too


def safe(text: str) -> str:
    """Keep a spreadsheet from taking a text for a formula: a quote mark in front makes it plain text."""
    return f"'{text}" if text.lstrip(" ").startswith(_FORMULA) else text


class OrdersTable:
    """Writes rows as they come; to be used in a `with` statement.

    Args:
        path: The file to write.
        day: The business day of the orders.
    """

    def __init__(self, path: Path, day: date) -> None:
        self._day = day.isoformat()
        self._file = path.open("w", 1 << 20, encoding="utf-8", newline="")  # fewer waits for the disk
        self._writer = csv.writer(self._file, lineterminator="\r\n")
        self._writer.writerow(COLUMNS)

    def __enter__(self) -> OrdersTable:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._file.close()

    def add(self, order: Mapping[str, Any]) -> None:
        """Write an order."""
        currency = order["currency"]
        units = sum(line["quantity"] for line in order["lines"])
        texts = [safe(order[name]) for name in _TEXTS]
        amounts = [money.as_text(order.get(name, money.ZERO), currency) for name in _AMOUNTS]
        self._writer.writerow([*texts[:2], self._day, *texts[2:], units, *amounts])


def write_summary(path: Path, currencies: Mapping[str, Mapping[str, Any]]) -> None:
    """Write summary.csv: one row per currency and figure; inner figures are named with a dot.

    Args:
        path: The file to write.
        currencies: The figures of the report.
    """
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file, lineterminator="\r\n")
        writer.writerow(("currency", "figure", "value"))
        for code, figures in currencies.items():
            writer.writerows((code, name, value) for name, value in _flat(figures))


def _flat(figures: Mapping[str, Any], prefix: str = "") -> Iterator[tuple[str, Any]]:
    for name, value in figures.items():
        if isinstance(value, Mapping):
            yield from _flat(value, f"{prefix}{name}.")
        elif not isinstance(value, list):
            yield prefix + name, value
