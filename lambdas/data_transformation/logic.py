"""Turning a version of an order into rows of the order lines table."""

from __future__ import annotations

import base64
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import Any
from zoneinfo import ZoneInfo

from common import days, money, settings
from common.clients import Item, decode

PARTITION_KEY = "dt"
_ORDER_AMOUNTS = ("subtotal", "discount", "shipping", "tax", "total")


class UnreadableRecordError(ValueError):
    """A record that holds no complete order; no retry will help."""


@dataclass(frozen=True)
class Settings:
    """What the environment decides."""

    zone: ZoneInfo
    pseudonym_key: str

    @classmethod
    def load(cls, environment: Mapping[str, str]) -> Settings:
        """Read the function's environment variables."""
        return cls(
            zone=settings.zone(environment, "BUSINESS_TIME_ZONE"),
            pseudonym_key=settings.text(environment, "PSEUDONYM_KEY_ID"),
        )


def transform(record: Mapping[str, Any], zone: ZoneInfo, pseudonym: Callable[[str], str]) -> dict[str, Any]:
    """Answer one record of Firehose with the order's lines, one JSON document each, under the order's day.

    All lines of a version stay in one record, so that they arrive together or not at all.

    Args:
        record: `recordId` and base64 `data`: the image of an order's item.
        zone: The zone of the business day.
        pseudonym: What stands for a customer's id.
    """
    try:
        order = _order(record["data"])
        day = date.fromisoformat(order["business_day"])
        documents = rows(order, day, zone, pseudonym)
    except (UnreadableRecordError, ArithmeticError, KeyError, TypeError, ValueError):
        return {"recordId": record["recordId"], "result": "ProcessingFailed", "data": record["data"]}
    text = "".join(json.dumps(row, ensure_ascii=False, separators=(",", ":")) + "\n" for row in documents)
    return {
        "recordId": record["recordId"],
        "result": "Ok",
        "data": base64.b64encode(text.encode()).decode(),
        "metadata": {"partitionKeys": {PARTITION_KEY: day.isoformat()}},
    }


def rows(order: Item, day: date, zone: ZoneInfo, pseudonym: Callable[[str], str]) -> list[dict[str, Any]]:
    """Flatten an order: one row per line, each with what the order as a whole says.

    Amounts are decimal texts, which no reader on the way takes for floats. Nothing that names a customer or was
    written by one gets into a row.
    """
    currency = order["currency"]
    shared = {
        "order_id": order["order_id"],
        "version": int(order["version"]),
        "line_count": len(order["lines"]),
        "status": order["status"],
        "customer_key": pseudonym(order["customer_id"]),
        "customer_kind": "returning" if order["customer_kind"] == "returning" else "new",
        "created_at": days.timestamp(days.instant(order["created_at"])),
        "updated_at": days.timestamp(days.instant(order["updated_at"])),
        "hour_start": hour_start(order["created_at"], day, zone),
        "currency": currency,
        "currency_digits": money.EXPONENTS[currency],
        **{name: _amount(order[name], currency) for name in _ORDER_AMOUNTS},
        # an order says nothing of refunds until there is one
        "refunded": _amount(order.get("refunded", money.ZERO), currency),
        "refund_count": int(order.get("refund_count", 0)),
    }
    found = [
        {
            **shared,
            "line_number": number,
            "sku": line["sku"],
            "category": line["category"],
            "quantity": int(line["quantity"]),
            "amount": _amount(line["amount"], currency),
        }
        for number, line in enumerate(order["lines"], 1)
    ]
    if not found:
        raise UnreadableRecordError("an order without lines")
    return found


def hour_start(created_at: str, day: date, zone: ZoneInfo) -> str:
    """Return the local start of the hour that the report counts an order in; outside the day, the nearest one."""
    hours = days.hours(day, zone)
    index = (days.instant(created_at) - hours[0]) // days.HOUR
    return hours[min(max(index, 0), len(hours) - 1)].astimezone(zone).isoformat(timespec="minutes")


def _order(data: str) -> Item:
    image = json.loads(base64.b64decode(data, validate=True))
    if not isinstance(image, dict):
        raise UnreadableRecordError("not an item")
    return decode(image)


def _amount(value: Any, currency: str) -> str:
    if not isinstance(value, Decimal) or not money.fits(value, currency):
        raise UnreadableRecordError("not an amount of the currency")
    return money.as_text(value, currency)
