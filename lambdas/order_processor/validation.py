"""The authoritative check of what clients send: every problem at once, each with its place.

What a JSON schema can say is answered with 400, as the gateway does from the schemas in openapi.yaml. What has
the form and makes no sense is answered with 422.
"""

from __future__ import annotations

import json
import re
from base64 import b64decode
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any
from urllib.parse import quote

from common import days, money
from problems import Issue, Problem

MAX_BODY_BYTES = 256 * 1024
MAX_ITEMS = 100
MAX_QUANTITY = 10_000
MAX_LIMIT = 100
MAX_CURSOR = 512
CLOCK_SKEW = timedelta(minutes=5)

_AMOUNT = re.compile(r"[0-9]{1,12}(\.[0-9]{1,4})?")
_CURRENCY = re.compile(r"[A-Z]{3}")
_LIMIT = re.compile(r"[0-9]{1,3}")
# no control characters, and something that can be seen
_PRINTABLE = re.compile(r"[^\x00-\x1f\x7f-\x9f]*[^\x00-\x20\x7f-\xa0][^\x00-\x1f\x7f-\x9f]*")
_SURROGATE = re.compile(r"[\ud800-\udfff]")
_INSTANT = re.compile(
    r"[0-9]{4}-[0-9]{2}-[0-9]{2}[Tt][0-9]{2}:[0-9]{2}:[0-9]{2}(\.[0-9]{1,6})?([Zz]|[+-][0-9]{2}:[0-9]{2})"
)
_ORDER_KEYS = {"customer_id", "currency", "items", "discount", "shipping", "tax", "total", "placed_at"}
_QUERY_KEYS = {"customer_id", "limit", "cursor"}
_ITEM_KEYS = {"sku", "name", "category", "quantity", "unit_price"}


@dataclass(frozen=True)
class Line:
    """One position of an order; `amount` is quantity times unit price, rounded to the currency."""

    sku: str
    name: str | None
    category: str
    quantity: int
    unit_price: Decimal
    amount: Decimal


@dataclass(frozen=True)
class Draft:
    """An order that may be stored, with the server's own sums."""

    customer_id: str
    currency: str
    lines: tuple[Line, ...]
    subtotal: Decimal
    discount: Decimal
    shipping: Decimal
    tax: Decimal
    total: Decimal
    placed_at: str | None


def parse(body: str | None, content_type: str | None, *, base64: bool = False) -> dict[str, Any]:
    """Read a request body as a JSON object.

    Args:
        body: The body as the API hands it over.
        content_type: The header; without one the API's own default, JSON, holds.
        base64: Whether the API encoded the body.

    Raises:
        Problem: 400, 413 or 415.
    """
    media_type = (content_type or "application/json").partition(";")[0].strip().lower()
    if media_type != "application/json" and not media_type.endswith("+json"):
        raise Problem(415, "unsupported_media_type", "The body must be application/json.")
    try:
        raw = b64decode(body or "") if base64 else (body or "").encode()
        if len(raw) > MAX_BODY_BYTES:
            raise Problem(413, "body_too_large", f"The body must not exceed {MAX_BODY_BYTES} bytes.")
        value = json.loads(
            raw.decode(),
            parse_float=Decimal,
            parse_constant=_refuse_constant,
            object_pairs_hook=_without_duplicates,
        )
    except (ValueError, RecursionError, ArithmeticError):
        raise Problem(400, "malformed_json", "The body is not a well-formed JSON document.") from None
    if not isinstance(value, dict):
        raise Problem(400, "malformed_json", "The body must be a JSON object.")
    return value


def check(body: Mapping[str, Any], now: datetime) -> Draft:
    """Check an order and compute its sums.

    Raises:
        Problem: 400 with everything that violates the schema, or else 422 with everything that makes no sense.
    """
    reader = _Reader()
    draft = _read(reader, body)
    if reader.issues or draft is None:
        raise Problem(400, "invalid_order", "The order does not have the required form.", issues=reader.issues)
    if draft.currency not in money.EXPONENTS:
        issue = Issue("#/currency", "is not an ISO 4217 currency in circulation")
        raise Problem(422, "unacceptable_order", "The order cannot be accepted.", issues=[issue])
    with money.exact():
        return _settle(draft, now)


@dataclass(frozen=True)
class Listing:
    """Which orders are asked for."""

    customer_id: str
    limit: int
    cursor: str | None


def check_cancellation(body: Mapping[str, Any]) -> str:
    """Return the reason of a cancellation.

    Raises:
        Problem: 400 with everything that violates the schema.
    """
    reader = _Reader()
    reader.only(body, "#", {"reason"})
    reason = reader.text(body, "#", "reason", 200)
    if reader.issues or reason is None:
        raise Problem(400, "invalid_cancellation", "The cancellation lacks the required form.", issues=reader.issues)
    return reason


def check_refund(body: Mapping[str, Any]) -> tuple[Decimal, str]:
    """Return amount and reason of a refund; whether the amount fits the order is decided later.

    Raises:
        Problem: 400 with everything that violates the schema.
    """
    reader = _Reader()
    reader.only(body, "#", {"amount", "reason"})
    amount = reader.amount(body, "#", "amount", required=True)
    reason = reader.text(body, "#", "reason", 200)
    if reader.issues or amount is None or reason is None:
        raise Problem(400, "invalid_refund", "The refund does not have the required form.", issues=reader.issues)
    return amount, reason


def check_listing(query: Mapping[str, Sequence[str]]) -> Listing:
    """Check the query parameters of a list of orders.

    Args:
        query: Every value of every parameter.

    Raises:
        Problem: 400 with everything that is wrong.
    """
    reader = _Reader()
    reader.only(query, "?", _QUERY_KEYS)
    single = {}
    for name in _QUERY_KEYS & set(query):
        if len(query[name]) == 1:
            single[name] = query[name][0]
        else:
            reader.complain(f"?/{name}", "must be given once")
    customer_id = None if reader.issues else reader.text(single, "?", "customer_id", 128)
    limit = single.get("limit", "20")
    if not _LIMIT.fullmatch(limit) or not 1 <= int(limit) <= MAX_LIMIT:
        reader.complain("?/limit", f"must be an integer from 1 to {MAX_LIMIT}")
    cursor = reader.text(single, "?", "cursor", MAX_CURSOR, required=False)
    if reader.issues or customer_id is None:
        raise Problem(400, "invalid_query", "The query parameters are not valid.", issues=reader.issues)
    return Listing(customer_id, int(limit), cursor)


@dataclass(frozen=True)
class _Fields:
    customer_id: str
    currency: str
    items: tuple[tuple[str, str | None, str, int, Decimal], ...]
    discount: Decimal
    shipping: Decimal
    tax: Decimal
    total: Decimal | None
    placed_at: str | None


class _Reader:
    """Takes typed values out of JSON objects and remembers what was wrong."""

    def __init__(self) -> None:
        self.issues: list[Issue] = []

    def complain(self, pointer: str, detail: str) -> None:
        self.issues.append(Issue(pointer, detail))

    def only(self, source: Mapping[str, Any], base: str, allowed: set[str]) -> None:
        for name in source:
            if name not in allowed:
                self.complain(f"{base}/{_fragment(name)}", "is not a known property")

    def _present(self, source: Mapping[str, Any], base: str, name: str, required: bool) -> bool:
        if name not in source and required:
            self.complain(f"{base}/{name}", "is required")
        return name in source

    def text(
        self, source: Mapping[str, Any], base: str, name: str, maximum: int, *, required: bool = True
    ) -> str | None:
        if not self._present(source, base, name, required):
            return None
        value = source[name]
        if not isinstance(value, str) or not 1 <= len(value) <= maximum:
            self.complain(f"{base}/{name}", f"must be a string of 1 to {maximum} characters")
        elif not _PRINTABLE.fullmatch(value) or _SURROGATE.search(value):
            self.complain(f"{base}/{name}", "must be printable text")
        else:
            return value
        return None

    def amount(self, source: Mapping[str, Any], base: str, name: str, *, required: bool = False) -> Decimal | None:
        if not self._present(source, base, name, required):
            return None
        value = source[name]
        if isinstance(value, str) and _AMOUNT.fullmatch(value):
            return Decimal(value)
        self.complain(f"{base}/{name}", "must be a decimal string with up to 12 digits before and 4 after the point")
        return None

    def quantity(self, source: Mapping[str, Any], base: str) -> int | None:
        if not self._present(source, base, "quantity", True):
            return None
        value = source["quantity"]
        if isinstance(value, int) and not isinstance(value, bool) and 1 <= value <= MAX_QUANTITY:
            return value
        self.complain(f"{base}/quantity", f"must be an integer from 1 to {MAX_QUANTITY}")
        return None

    def currency(self, source: Mapping[str, Any]) -> str | None:
        if not self._present(source, "#", "currency", True):
            return None
        value = source["currency"]
        if isinstance(value, str) and _CURRENCY.fullmatch(value):
            return value
        self.complain("#/currency", "must be a currency code of three capital letters")
        return None

    def instant(self, source: Mapping[str, Any], name: str) -> str | None:
        if name not in source:
            return None
        value = source[name]
        if isinstance(value, str) and _INSTANT.fullmatch(value):
            return value.upper()
        self.complain(f"#/{name}", "must be an RFC 3339 instant with an offset")
        return None


def _read(reader: _Reader, body: Mapping[str, Any]) -> _Fields | None:
    reader.only(body, "#", _ORDER_KEYS)
    customer_id = reader.text(body, "#", "customer_id", 128)
    currency = reader.currency(body)
    items = _items(reader, body)
    discount, shipping, tax, total = (
        reader.amount(body, "#", name) for name in ("discount", "shipping", "tax", "total")
    )
    placed_at = reader.instant(body, "placed_at")
    if customer_id is None or currency is None or items is None:
        return None
    return _Fields(
        customer_id,
        currency,
        items,
        discount or money.ZERO,
        shipping or money.ZERO,
        tax or money.ZERO,
        total,
        placed_at,
    )


def _items(reader: _Reader, body: Mapping[str, Any]) -> tuple[tuple[str, str | None, str, int, Decimal], ...] | None:
    values = body.get("items")
    if not isinstance(values, list) or not 1 <= len(values) <= MAX_ITEMS:
        detail = "is required" if "items" not in body else f"must be an array of 1 to {MAX_ITEMS} items"
        reader.complain("#/items", detail)
        return None
    found = []
    for index, value in enumerate(values):
        base = f"#/items/{index}"
        if not isinstance(value, dict):
            reader.complain(base, "must be an object")
            continue
        reader.only(value, base, _ITEM_KEYS)
        sku = reader.text(value, base, "sku", 64)
        name = reader.text(value, base, "name", 200, required=False)
        category = reader.text(value, base, "category", 64)
        quantity = reader.quantity(value, base)
        price = reader.amount(value, base, "unit_price", required=True)
        if sku is not None and category is not None and quantity is not None and price is not None:
            found.append((sku, name, category, quantity, price))
    return tuple(found)


def _settle(fields: _Fields, now: datetime) -> Draft:
    reader = _Reader()
    currency = fields.currency
    digits = money.EXPONENTS[currency]
    for name in ("discount", "shipping", "tax", "total"):
        amount = getattr(fields, name)
        if amount is not None and not money.fits(amount, currency):
            reader.complain(f"#/{name}", f"must not have more than {digits} decimals in {currency}")
    lines = tuple(
        Line(sku, name, category, quantity, price, money.rounded(price * quantity, currency))
        for sku, name, category, quantity, price in fields.items
    )
    subtotal = sum((line.amount for line in lines), money.ZERO)
    if fields.discount > subtotal:
        reader.complain("#/discount", "must not exceed the sum of the items")
    total = subtotal - fields.discount + fields.shipping + fields.tax
    if fields.total is not None and fields.total != total:
        reader.complain("#/total", f"must be {money.as_text(total, currency)}, the sum of the order's parts")
    placed_at = _placed_at(reader, fields.placed_at, now)
    if reader.issues:
        raise Problem(422, "unacceptable_order", "The order cannot be accepted.", issues=reader.issues)
    return Draft(
        fields.customer_id,
        currency,
        lines,
        subtotal,
        fields.discount,
        fields.shipping,
        fields.tax,
        total,
        placed_at,
    )


def _placed_at(reader: _Reader, text: str | None, now: datetime) -> str | None:
    if text is None:
        return None
    try:
        moment = days.instant(text)
        if moment <= now + CLOCK_SKEW:
            return days.timestamp(moment)
        reader.complain("#/placed_at", "must not lie in the future")
    except (ValueError, OverflowError):
        reader.complain("#/placed_at", "must be an instant that exists")
    return None


def _fragment(name: str) -> str:
    escaped = name[:64].replace("~", "~0").replace("/", "~1")
    return quote(escaped.encode(errors="replace"), safe="~")


def _refuse_constant(name: str) -> None:
    raise ValueError(f"{name} is not JSON")


def _without_duplicates(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    value = dict(pairs)
    if len(value) != len(pairs):
        raise ValueError("duplicate property")
    return value
