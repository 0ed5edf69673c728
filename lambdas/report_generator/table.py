"""orders.csv: RFC 4180, one row per order, safe to open in a spreadsheet."""

from __future__ import annotations

import csv
from collections.abc import Mapping
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
)
_AMOUNTS = COLUMNS[-5:]
_FORMULA = ("=", "+", "-", "@", "\t", "\r", "\n", "\uff1d", "\uff0b", "\uff0d", "\uff20")  # wide forms count too


def safe(text: str) -> str:
    """Keep a spreadsheet from taking a text for a formula: a quote mark in front makes it plain text."""
    return f"'{text}" if text.lstrip(" ").startswith(_FORMULA) else text


class OrdersTable:
    """Writes rows as they come; to be used in a `with` statement.

    Args:
        path: The file to write.
    """

    def __init__(self, path: Path) -> None:
        self._file = path.open("w", encoding="utf-8", newline="")
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
        units = sum(int(line["quantity"]) for line in order["lines"])
        texts = [safe(str(order[name])) for name in COLUMNS[:7]]
        amounts = [money.as_text(order[name], currency) for name in _AMOUNTS]
        self._writer.writerow([*texts, units, *amounts])
