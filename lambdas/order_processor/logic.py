"""Taking an order once, and reading it again."""

from __future__ import annotations

import hashlib
import json
import random
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import validation
from common import days, keys, money, settings, ulid
from common.clients import Item
from problems import Problem
from store import Outcome, Store
from validation import Draft, Line

ROUTE = "POST /orders"
_ATTEMPTS = 8
_PAUSE = 0.02


@dataclass(frozen=True)
class Settings:
    """What the environment decides."""

    zone: ZoneInfo
    shards: int
    key_lifetime: timedelta

    @classmethod
    def load(cls, environment: Mapping[str, str]) -> Settings:
        """Read the function's environment variables."""
        return cls(
            zone=settings.zone(environment, "BUSINESS_TIME_ZONE"),
            shards=settings.positive(environment, "DAY_SHARDS", 1000),
            key_lifetime=timedelta(hours=settings.positive(environment, "IDEMPOTENCY_TTL_HOURS", 24 * 365)),
        )


@dataclass(frozen=True)
class Submission:
    """A request to place an order, as it came."""

    body: str | None
    content_type: str | None
    idempotency_key: str | None
    principal: str
    base64: bool = False


@dataclass(frozen=True)
class Placed:
    """The answer to an accepted order; the same again when the request is repeated."""

    status: int
    body: str
    order_id: str
    replayed: bool


def place_order(
    submission: Submission,
    store: Store,
    config: Settings,
    now: datetime,
    *,
    new_id: Callable[[datetime], str] = ulid.new,
    pause: Callable[[float], None] = time.sleep,
) -> Placed:
    """Store an order exactly once per idempotency key.

    Raises:
        Problem: The request cannot be served.
        store.Unavailable: The table asks for patience.
    """
    key = _record_key(submission)
    body = validation.parse(submission.body, submission.content_type, base64=submission.base64)
    draft = validation.check(body, now)
    payload_hash = _payload_hash(body)
    day = days.business_day(now, config.zone)
    store.announce_shards(day, config.shards)
    kind, order_id, outcome = "new", new_id(now), Outcome.CONTENDED
    for attempt in range(_ATTEMPTS):
        order = _item(draft, order_id, kind, now, config)
        answer = _text(_summary(order))
        record = _record(key, payload_hash, answer, order_id, now, config.key_lifetime)
        outcome = store.write(order, record, int(now.timestamp()))
        if outcome is Outcome.WRITTEN:
            return Placed(201, answer, order_id, replayed=False)
        if outcome is Outcome.KEY_USED:
            earlier = _replay(store.record(key), payload_hash, now)
            if earlier is not None:
                return earlier
        elif outcome is Outcome.CUSTOMER_DIFFERS:
            kind = "returning" if kind == "new" else "new"
        elif outcome is Outcome.ID_TAKEN:
            order_id = new_id(now)
        else:
            pause(random.uniform(0.5, 1) * _PAUSE * 2**attempt)  # noqa: S311 - spreads retries, no secret
    raise _gave_up(outcome)


def find_order(order_id: str, store: Store) -> str:
    """Return an order as JSON.

    Raises:
        Problem: There is no such order.
        store.Unavailable: The table asks for patience.
    """
    order = store.order(order_id) if ulid.is_valid(order_id) else None
    if order is None:
        raise Problem(404, "order_not_found", "There is no order with this id.")
    return _text(_detail(order))


def principal(identity: Mapping[str, Any]) -> str:
    """Name the caller for idempotency: sessions of one role are one caller, so a retry may come from another.

    Args:
        identity: `requestContext.identity` of the API's event.
    """
    arn = str(identity.get("userArn") or identity.get("caller") or "anonymous")
    if ":assumed-role/" in arn:
        return arn.rpartition("/")[0]
    return arn


def unavailable() -> Problem:
    """Return the answer for a table that asks for patience."""
    detail = "The service is busy. Repeat the request with the same Idempotency-Key."
    return Problem(503, "busy", detail, retry_after=2)


def _gave_up(outcome: Outcome) -> Problem:
    if outcome in {Outcome.KEY_CONTENDED, Outcome.KEY_USED}:
        detail = "A request with this Idempotency-Key is still being processed."
        return Problem(409, "request_in_progress", detail, retry_after=1)
    return unavailable()


def _record_key(submission: Submission) -> str:
    value = (submission.idempotency_key or "").strip()
    if not value:
        raise Problem(400, "idempotency_key_required", "The header Idempotency-Key is required.")
    if len(value) > 255 or not value.isprintable():
        raise Problem(400, "invalid_idempotency_key", "The header Idempotency-Key must have 1 to 255 characters.")
    return hashlib.sha256("\n".join((submission.principal, ROUTE, value)).encode()).hexdigest()


def _payload_hash(body: Mapping[str, Any]) -> str:
    return hashlib.sha256(json.dumps(body, sort_keys=True, separators=(",", ":")).encode()).hexdigest()


def _record(
    key: str, payload_hash: str, answer: str, order_id: str, now: datetime, lifetime: timedelta
) -> dict[str, Any]:
    return {
        "pk": key,
        "payload_hash": payload_hash,
        "status_code": 201,
        "response": answer,
        "order_id": order_id,
        "expires_at": int((now + lifetime).timestamp()),
    }


def _replay(record: Item | None, payload_hash: str, now: datetime) -> Placed | None:
    if record is None or record["expires_at"] <= int(now.timestamp()):
        return None  # deleted or expired since the attempt: the key is free again
    if record["payload_hash"] != payload_hash:
        detail = "This Idempotency-Key was used for another order."
        raise Problem(422, "idempotency_key_reused", detail)
    return Placed(int(record["status_code"]), record["response"], record["order_id"], replayed=True)


def _item(draft: Draft, order_id: str, kind: str, now: datetime, config: Settings) -> dict[str, Any]:
    day = days.business_day(now, config.zone)
    created_at = days.timestamp(now)
    item = {
        "pk": keys.order(order_id),
        "sk": keys.META,
        "gsi1pk": keys.day(day, keys.shard(order_id, config.shards)),
        "gsi1sk": f"{created_at}#{order_id}",
        "gsi2pk": keys.customer(draft.customer_id),
        "gsi2sk": f"{created_at}#{order_id}",
        "order_id": order_id,
        "status": "PLACED",
        "customer_id": draft.customer_id,
        "customer_kind": kind,
        "currency": draft.currency,
        "subtotal": draft.subtotal,
        "discount": draft.discount,
        "shipping": draft.shipping,
        "tax": draft.tax,
        "total": draft.total,
        # `lines` is what the index by day carries; names and unit prices would only make it larger
        "lines": [_line(line) for line in draft.lines],
        "items": [_position(line) for line in draft.lines],
        "business_day": day.isoformat(),
        "created_at": created_at,
        "updated_at": created_at,
        "version": 1,
    }
    if draft.placed_at is not None:
        item["placed_at"] = draft.placed_at
    return item


def _line(line: Line) -> dict[str, Any]:
    return {"sku": line.sku, "category": line.category, "quantity": line.quantity, "amount": line.amount}


def _position(line: Line) -> dict[str, Any]:
    position = {**_line(line), "unit_price": line.unit_price}
    return position if line.name is None else {**position, "name": line.name}


def _summary(order: Mapping[str, Any]) -> dict[str, Any]:
    currency = order["currency"]
    amounts = {
        name: money.as_text(order[name], currency) for name in ("subtotal", "discount", "shipping", "tax", "total")
    }
    return {
        "order_id": order["order_id"],
        "status": order["status"],
        "currency": currency,
        **amounts,
        "business_day": order["business_day"],
        "created_at": order["created_at"],
    }


def _detail(order: Item) -> dict[str, Any]:
    detail = {
        **_summary(order),
        "customer_id": order["customer_id"],
        "customer_kind": order["customer_kind"],
        "items": [_item_view(item, order["currency"]) for item in order["items"]],
        "updated_at": order["updated_at"],
        "version": int(order["version"]),
    }
    if "placed_at" in order:
        detail["placed_at"] = order["placed_at"]
    return detail


def _item_view(item: Mapping[str, Any], currency: str) -> dict[str, Any]:
    price = item["unit_price"]
    view = {
        "sku": item["sku"],
        "category": item["category"],
        "quantity": int(item["quantity"]),
        "unit_price": money.as_text(price, currency) if money.fits(price, currency) else f"{price.normalize():f}",
        "amount": money.as_text(item["amount"], currency),
    }
    return {**view, "name": item["name"]} if "name" in item else view


def _text(document: Mapping[str, Any]) -> str:
    return json.dumps(document, ensure_ascii=False, separators=(",", ":"))
