"""Taking an order once, and reading it again."""

from __future__ import annotations

import random
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import idempotency
import validation
import views
from common import days, keys, money, settings, ulid
from idempotency import Answer, Submission, Ticket
from problems import Problem
from store import Outcome, Store
from validation import Draft, Line

ROUTE = "POST /orders"
ATTEMPTS = 8
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


def place_order(
    submission: Submission,
    store: Store,
    config: Settings,
    now: datetime,
    *,
    new_id: Callable[[datetime], str] = ulid.new,
    pause: Callable[[float], None] = time.sleep,
) -> Answer:
    """Store an order exactly once per idempotency key.

    Raises:
        Problem: The request cannot be served.
        store.Unavailable: The table asks for patience.
    """
    key = idempotency.key_of(submission, ROUTE)
    body = validation.parse(submission.body, submission.content_type, base64=submission.base64)
    draft = validation.check(body, now)
    ticket = Ticket(key, idempotency.hash_of(body), now, config.key_lifetime)
    store.announce_shards(days.business_day(now, config.zone), config.shards)
    kind, order_id, outcome = "new", new_id(now), Outcome.CONTENDED
    for attempt in range(ATTEMPTS):
        order = _item(draft, order_id, kind, now, config)
        answer = views.text(views.summary(order))
        outcome = store.write(order, ticket.record(201, answer, order_id), int(now.timestamp()))
        if outcome is Outcome.WRITTEN:
            return Answer(201, answer, order_id, replayed=False)
        if outcome is Outcome.KEY_USED:
            earlier = ticket.replay(store.record(key))
            if earlier is not None:
                return earlier
        elif outcome is Outcome.CUSTOMER_DIFFERS:
            kind = "returning" if kind == "new" else "new"
        elif outcome is Outcome.ORDER_DIFFERS:
            order_id = new_id(now)
        else:
            wait(attempt, pause)
    raise gave_up(outcome)


def find_order(order_id: str, store: Store) -> str:
    """Return an order as JSON.

    Raises:
        Problem: There is no such order.
        store.Unavailable: The table asks for patience.
    """
    order = store.order(order_id) if ulid.is_valid(order_id) else None
    if order is None:
        raise order_not_found()
    return views.text(views.detail(order))


def order_not_found() -> Problem:
    """Return the answer for an order that is not there."""
    return Problem(404, "order_not_found", "There is no order with this id.")


def wait(attempt: int, pause: Callable[[float], None]) -> None:
    """Let another transaction finish; longer with every attempt, and never at the same pace as others."""
    pause(random.uniform(0.5, 1) * _PAUSE * 2**attempt)  # noqa: S311 - spreads retries, no secret


def gave_up(outcome: Outcome) -> Problem:
    """Return the answer after the last attempt."""
    if outcome in {Outcome.KEY_CONTENDED, Outcome.KEY_USED}:
        return idempotency.in_progress()
    return unavailable()


def unavailable() -> Problem:
    """Return the answer for a table that asks for patience."""
    detail = "The service is busy. Repeat the request with the same Idempotency-Key."
    return Problem(503, "busy", detail, retry_after=2)


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
        # what was paid back, and in how many refunds
        "refunded": money.ZERO,
        "refund_count": 0,
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
