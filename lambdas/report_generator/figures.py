"""The figures of a day, per currency: exact sums, taken in one pass without keeping the orders."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import date, datetime
from decimal import ROUND_HALF_UP, Decimal
from typing import Any
from zoneinfo import ZoneInfo

from common import days, money

TOP = 10
_KINDS = ("new", "returning")


@dataclass
class _Sum:
    orders: int = 0
    units: int = 0
    gross: Decimal = money.ZERO
    total: Decimal = money.ZERO


@dataclass
class _Currency:
    hours: list[_Sum]
    refunded_orders: int = 0
    refunds: int = 0
    refunded: Decimal = money.ZERO
    cancelled: int = 0
    voided: Decimal = money.ZERO
    discounts: Decimal = money.ZERO
    shipping: Decimal = money.ZERO
    tax: Decimal = money.ZERO
    all: _Sum = field(default_factory=_Sum)
    categories: dict[str, _Sum] = field(default_factory=dict)
    products: dict[str, _Sum] = field(default_factory=dict)
    kinds: dict[str, _Sum] = field(default_factory=lambda: {kind: _Sum() for kind in _KINDS})


class Aggregation:
    """Takes orders one by one.

    Args:
        day: The business day.
        zone: The zone that the day belongs to.
    """

    def __init__(self, day: date, zone: ZoneInfo) -> None:
        self._zone = zone
        self._hours = days.hours(day, zone)
        self._currencies: dict[str, _Currency] = {}
        self.orders = 0
        self.outside_window = 0
        self.changed_later = 0
        self._end = days.timestamp(self._hours[-1] + days.HOUR)

    def add(self, order: Mapping[str, Any]) -> None:
        """Count an order; every amount comes from the order's own attributes."""
        with money.exact():
            self._add(order)

    def _add(self, order: Mapping[str, Any]) -> None:
        code = order["currency"]
        figures = self._currencies.get(code)
        if figures is None:
            figures = self._currencies[code] = _Currency([_Sum() for _ in self._hours])
        units = 0
        for line in order["lines"]:
            quantity = line["quantity"]
            units += quantity
            for table, key in ((figures.categories, line["category"]), (figures.products, line["sku"])):
                entry = table.setdefault(key, _Sum())
                entry.units += quantity
                entry.gross += line["amount"]
        figures.discounts += order["discount"]
        figures.shipping += order["shipping"]
        figures.tax += order["tax"]
        kind = "returning" if order["customer_kind"] == "returning" else "new"
        for entry in (figures.all, figures.hours[self._hour(order["created_at"])], figures.kinds[kind]):
            entry.orders += 1
            entry.units += units
            entry.gross += order["subtotal"]
            entry.total += order["total"]
        self._changes(figures, order)
        self.orders += 1

    def _changes(self, figures: _Currency, order: Mapping[str, Any]) -> None:
        """Count what the order has become: its total is what was kept, refunded and voided."""
        refunded = order.get("refunded", money.ZERO)
        if refunded:
            figures.refunded_orders += 1
            figures.refunds += int(order["refund_count"])
            figures.refunded += refunded
        if order["status"] == "CANCELLED":
            figures.cancelled += 1
            figures.voided += order["total"] - refunded
        if order.get("updated_at", "") >= self._end:
            self.changed_later += 1

    def _hour(self, created_at: str) -> int:
        """Return the hour's index; an order outside its day (the zone was changed) goes to the nearest hour."""
        index = (days.instant(created_at) - self._hours[0]) // days.HOUR
        nearest = min(max(index, 0), len(self._hours) - 1)
        if nearest != index:
            self.outside_window += 1
        return nearest

    def window(self) -> dict[str, Any]:
        """Return when the day begins and how many hours it has."""
        return {"start": self._local(self._hours[0]), "hours": len(self._hours)}

    def currencies(self) -> dict[str, Any]:
        """Return the figures by currency, every amount as a decimal string."""
        with money.exact():
            return {code: self._document(code, self._currencies[code]) for code in sorted(self._currencies)}

    def _document(self, code: str, figures: _Currency) -> dict[str, Any]:
        def amount(value: Decimal) -> str:
            return money.as_text(value, code)

        def sums(entry: _Sum) -> dict[str, Any]:
            return {"orders": entry.orders, "units": entry.units, "gross": amount(entry.gross)}

        whole = figures.all
        average = (whole.total / whole.orders).quantize(
            Decimal(1).scaleb(-money.EXPONENTS[code]), rounding=ROUND_HALF_UP
        )
        return {
            **sums(whole),
            "discounts": amount(figures.discounts),
            "net": amount(whole.gross - figures.discounts),
            "shipping": amount(figures.shipping),
            "tax": amount(figures.tax),
            "total": amount(whole.total),
            "average_order_value": amount(average),
            "units_per_order": _ratio(whole.units, whole.orders, 2),
            "refunds": {
                "orders": figures.refunded_orders,
                "count": figures.refunds,
                "total": amount(figures.refunded),
                "rate": _ratio(figures.refunded, whole.total, 4),
            },
            "cancellations": {
                "orders": figures.cancelled,
                "total": amount(figures.voided),
                "rate": _ratio(figures.cancelled, whole.orders, 4),
            },
            "kept": amount(whole.total - figures.refunded - figures.voided),
            "customers": {
                kind: {"orders": entry.orders, "total": amount(entry.total)} for kind, entry in figures.kinds.items()
            },
            "by_category": [
                {"category": name, "units": entry.units, "gross": amount(entry.gross)}
                for name, entry in _ranked(figures.categories, by_units=False)
            ],
            "by_hour": [
                {"start": self._local(start), **sums(entry), "total": amount(entry.total)}
                for start, entry in zip(self._hours, figures.hours, strict=True)
            ],
            "top_products": {
                name: [
                    {"sku": sku, "units": entry.units, "revenue": amount(entry.gross)}
                    for sku, entry in _ranked(figures.products, by_units=name == "by_units")[:TOP]
                ]
                for name in ("by_revenue", "by_units")
            },
        }

    def _local(self, start: datetime) -> str:
        return start.astimezone(self._zone).isoformat(timespec="minutes")


def _ratio(part: int | Decimal, whole: int | Decimal, digits: int) -> str:
    """Write a quotient with fixed digits; of nothing, nothing is zero."""
    value = Decimal(part) / whole if whole else money.ZERO
    return f"{value.quantize(Decimal(1).scaleb(-digits), rounding=ROUND_HALF_UP):f}"


def _ranked(entries: Mapping[str, _Sum], *, by_units: bool) -> list[tuple[str, _Sum]]:
    def rank(pair: tuple[str, _Sum]) -> tuple[Decimal, Decimal, str]:
        name, entry = pair
        first, second = (entry.units, entry.gross) if by_units else (entry.gross, entry.units)
        return -Decimal(first), -Decimal(second), name

    return sorted(entries.items(), key=rank)


SUMMARY = (
    "orders",
    "units",
    "gross",
    "discounts",
    "net",
    "shipping",
    "tax",
    "total",
    "average_order_value",
    "kept",
)
"""The figures that a manifest repeats for each currency."""


def summary(currencies: Mapping[str, Mapping[str, Any]], names: Iterable[str] = SUMMARY) -> dict[str, Any]:
    """Pick the main figures of each currency."""
    chosen = tuple(names)
    return {code: {name: figures[name] for name in chosen} for code, figures in currencies.items()}
