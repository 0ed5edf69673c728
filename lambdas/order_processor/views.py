"""Orders as the API shows them: JSON with amounts as decimal strings."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from common import money
from common.clients import Item

_AMOUNTS = ("subtotal", "discount", "shipping", "tax", "total")


def summary(order: Mapping[str, Any]) -> dict[str, Any]:
    """Return what the answer to a new order says."""
    currency = order["currency"]
    return {
        "order_id": order["order_id"],
        "status": order["status"],
        "currency": currency,
        **{name: money.as_text(order[name], currency) for name in _AMOUNTS},
        "business_day": order["business_day"],
        "created_at": order["created_at"],
    }


def detail(order: Item) -> dict[str, Any]:
    """Return everything of an order."""
    shown = {
        **summary(order),
        "refunded": money.as_text(order.get("refunded", money.ZERO), order["currency"]),
        "customer_id": order["customer_id"],
        "customer_kind": order["customer_kind"],
        "items": [_item(item, order["currency"]) for item in order["items"]],
        "updated_at": order["updated_at"],
        "version": int(order["version"]),
    }
    return {**shown, **{name: order[name] for name in ("placed_at", "cancelled_at") if name in order}}


def entry(order: Item) -> dict[str, Any]:
    """Return an order's line in a list."""
    return {
        "order_id": order["order_id"],
        "status": order["status"],
        "currency": order["currency"],
        "total": money.as_text(order["total"], order["currency"]),
        "created_at": order["created_at"],
    }


def text(document: Mapping[str, Any]) -> str:
    """Write a document."""
    return json.dumps(document, ensure_ascii=False, separators=(",", ":"))


def _item(item: Mapping[str, Any], currency: str) -> dict[str, Any]:
    price = item["unit_price"]
    view = {
        "sku": item["sku"],
        "category": item["category"],
        "quantity": int(item["quantity"]),
        "unit_price": money.as_text(price, currency) if money.fits(price, currency) else f"{price.normalize():f}",
        "amount": money.as_text(item["amount"], currency),
    }
    return {**view, "name": item["name"]} if "name" in item else view
