"""The demonstration's own books: figures from the bodies it sent and the status codes it got, nothing else.

The books of one deployment are kept between runs, so that a second `make demo` on the same day still agrees
with a report that holds the orders of both.
"""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Iterable, Mapping
from datetime import datetime
from decimal import Decimal
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

from demo.shop import Answer

Figures = dict[str, Decimal]
Books = dict[str, dict[str, Figures]]
"""Business day → currency → figure → value."""

_CREATED = 201


def load_books(path: Path, deployment: str) -> Books:
    """Read the books of a deployment; those of an earlier one are worth nothing."""
    try:
        kept = json.loads(path.read_text())
    except (OSError, ValueError):
        return {}
    if kept.get("deployment") != deployment:
        return {}
    return {
        day: {code: {name: Decimal(value) for name, value in figures.items()} for code, figures in codes.items()}
        for day, codes in kept["days"].items()
    }


def save_books(path: Path, deployment: str, books: Books) -> None:
    """Keep the books for the next run."""
    days = {
        day: {code: {name: str(value) for name, value in figures.items()} for code, figures in codes.items()}
        for day, codes in books.items()
    }
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps({"deployment": deployment, "days": days}, indent=1))


def enter(books: Books, answers: Iterable[Answer], zone: ZoneInfo) -> set[str]:
    """Enter the orders that were taken; returns the business days they belong to.

    An order belongs to the day on which the API took it, so a run over midnight enters two days.
    """
    days = set()
    for answer in answers:
        if answer.call.kind == "order" and answer.status == _CREATED:
            taken = datetime.fromisoformat(answer.document["created_at"])
            day = taken.astimezone(zone).date().isoformat()
            days.add(day)
            _add(books.setdefault(day, {}), json.loads(answer.call.body))
    return days


def compare(day: str, figures: Mapping[str, Figures], report: Mapping[str, Any]) -> list[str]:
    """Return a sentence for every figure in which the report and the books differ."""
    reported = {code: _reported(part) for code, part in report["currencies"].items()}
    differences = []
    for code in sorted({*figures, *reported}):
        own, theirs = figures.get(code, {}), reported.get(code, {})
        differences += [
            f"{day} {code} {name}: sent {own.get(name)}, reported {theirs.get(name)}"
            for name in sorted({*own, *theirs})
            if own.get(name) != theirs.get(name)
        ]
    return differences


def _add(day: dict[str, Figures], order: Mapping[str, Any]) -> None:
    figures = defaultdict(Decimal, day.get(order["currency"], {}))
    gross = Decimal(0)
    for line in order["items"]:
        amount = Decimal(line["unit_price"]) * line["quantity"]
        gross += amount
        figures["units"] += line["quantity"]
        figures[f"category {line['category']}"] += amount
    discount, shipping, tax = (Decimal(order.get(name, "0")) for name in ("discount", "shipping", "tax"))
    figures["orders"] += 1
    figures["gross"] += gross
    figures["discounts"] += discount
    figures["shipping"] += shipping
    figures["tax"] += tax
    figures["total"] += gross - discount + shipping + tax
    day[order["currency"]] = dict(figures)


def _reported(part: Mapping[str, Any]) -> Figures:
    names = ("orders", "units", "gross", "discounts", "shipping", "tax", "total")
    figures = {name: Decimal(part[name]) for name in names}
    figures |= {f"category {row['category']}": Decimal(row["gross"]) for row in part["by_category"]}
    return figures
