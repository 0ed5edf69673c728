"""Realistic orders in three currencies, from a seed: the same seed gives the same orders."""

from __future__ import annotations

import json
import random
from collections.abc import Iterator
from dataclasses import dataclass
from decimal import ROUND_HALF_UP, Decimal
from typing import Any

CURRENCIES = {"USD": Decimal("0.01"), "EUR": Decimal("0.01"), "JPY": Decimal("1")}
_RATES = {"USD": Decimal("1"), "EUR": Decimal("0.92"), "JPY": Decimal("150")}
_TAX = {"USD": Decimal("0.0825"), "EUR": Decimal("0.19"), "JPY": Decimal("0.10")}

_PRODUCTS = (
    ("BOOK-0101", "Field guide to the birds", "books", "24.90"),
    ("BOOK-0102", "A history of maps", "books", "39.00"),
    ("COFF-0201", "Espresso beans, 1 kg", "groceries", "18.50"),
    ("COFF-0202", "Pour-over filter, 100 pieces", "groceries", "4.75"),
    ("TOYS-0301", "Wooden train", "toys", "59.95"),
    ("TOYS-0302", "Kite <red & blue>", "toys", "21.30"),
    ("HOME-0401", 'Lamp "Nordic"', "home", "89.00"),
    ("HOME-0402", "Wool blanket", "home", "74.20"),
    ("ELEC-0501", "USB-C charger, 65 W", "electronics", "34.99"),
    ("ELEC-0502", "Bluetooth speaker", "electronics", "129.00"),
    ("ELEC-0503", "=HYPERLINK(headphones)", "electronics", "199.00"),
)


@dataclass(frozen=True)
class Call:
    """One call to make.

    Attributes:
        kind: What the call shows: `order`, `replay`, `other body`, `malformed`, `invalid` or `unsigned`.
        key: Its Idempotency-Key.
        body: The bytes it sends.
        signed: False for the call that forgets its signature.
        expected: The status code that the API has to answer.
    """

    kind: str
    key: str
    body: bytes
    signed: bool
    expected: int


def make_orders(count: int, seed: str) -> tuple[Call, ...]:
    """Return `count` orders that the API has to take."""
    source = random.Random(seed)  # noqa: S311 - a repeatable demonstration, no secret
    return tuple(
        Call("order", f"{seed}-{number:04d}", _encode(_order(source)), signed=True, expected=201)
        for number in range(count)
    )


def make_disturbances(orders: tuple[Call, ...], seed: str) -> Iterator[Call]:
    """Yield the calls that must not change a figure: repeated, contradicting, malformed and unsigned ones."""
    for order in orders[::10]:
        yield Call("replay", order.key, order.body, signed=True, expected=201)
    for order in orders[::40]:
        other = json.loads(order.body)
        other["items"][0]["quantity"] += 1
        yield Call("other body", order.key, _encode(other), signed=True, expected=422)
    good = json.loads(orders[0].body)
    yield Call("malformed", f"{seed}-cut", orders[0].body[:-7], signed=True, expected=400)
    yield Call("malformed", f"{seed}-text", b"an order, please", signed=True, expected=400)
    yield Call("invalid", f"{seed}-empty", _encode({**good, "items": []}), signed=True, expected=400)
    yield Call("invalid", f"{seed}-float", _encode(_with_price(good, 12.5)), signed=True, expected=400)
    yield Call("invalid", f"{seed}-extra", _encode({**good, "coupon": "FREE"}), signed=True, expected=400)
    yield Call("unsigned", f"{seed}-unsigned", orders[0].body, signed=False, expected=403)


def _order(source: random.Random) -> dict[str, Any]:
    currency = source.choices(tuple(CURRENCIES), weights=(6, 3, 1))[0]
    lines = [
        {
            "sku": sku,
            "name": name,
            "category": category,
            "quantity": source.choices((1, 2, 3, 7), weights=(12, 4, 2, 1))[0],
            "unit_price": str(_rounded(Decimal(price) * _RATES[currency], currency)),
        }
        for sku, name, category, price in source.sample(_PRODUCTS, source.randint(1, 4))
    ]
    order: dict[str, Any] = {
        "customer_id": f"customer-{source.randint(1, 60):03d}",
        "currency": currency,
        "items": lines,
        "tax": str(_rounded(_subtotal(lines) * _TAX[currency], currency)),
    }
    if source.random() < 0.4:
        order["shipping"] = str(_rounded(Decimal("4.90") * _RATES[currency], currency))
    if source.random() < 0.25:
        order["discount"] = str(_rounded(_subtotal(lines) * Decimal("0.1"), currency))
    return order


def _subtotal(lines: list[dict[str, Any]]) -> Decimal:
    return sum((Decimal(line["unit_price"]) * line["quantity"] for line in lines), Decimal(0))


def _rounded(amount: Decimal, currency: str) -> Decimal:
    return amount.quantize(CURRENCIES[currency], rounding=ROUND_HALF_UP)


def _with_price(order: dict[str, Any], price: float) -> dict[str, Any]:
    line = {**order["items"][0], "unit_price": price}
    return {**order, "items": [line]}


def _encode(order: dict[str, Any]) -> bytes:
    return json.dumps(order, ensure_ascii=False).encode()
