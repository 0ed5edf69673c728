"""Cancelling and refunding: each change once per idempotency key, each on top of the version it was decided on.

An order goes PLACED, PAID, SHIPPED, DELIVERED; other systems move it along. It can be cancelled before it is
shipped, which voids what has not been refunded. It can be refunded in parts, up to its total, until it is
cancelled. So an order's total is always the sum of what was kept, refunded and voided.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Any

import idempotency
import logic
import validation
import views
from common import days, keys, money, ulid
from common.clients import Item
from idempotency import Answer, Submission, Ticket
from problems import Issue, Problem
from store import Change, Outcome, Store

CANCELLABLE = ("PLACED", "PAID")
REFUNDABLE = ("PLACED", "PAID", "SHIPPED", "DELIVERED")


@dataclass(frozen=True)
class _Wish:
    """What a request asks for.

    Attributes:
        route: Its path, for the idempotency key.
        status: Of the answer.
        body: What was sent.
        plan: Decides on the order as it is, or refuses.
    """

    route: str
    status: int
    body: Mapping[str, Any]
    plan: Callable[[Item], Change]


def cancel(
    order_id: str,
    submission: Submission,
    store: Store,
    config: logic.Settings,
    now: datetime,
    *,
    pause: Callable[[float], None] = time.sleep,
) -> Answer:
    """Cancel an order that has not been shipped.

    Raises:
        Problem: The request cannot be served.
        store.Unavailable: The table asks for patience.
    """
    route = f"POST /orders/{order_id}/cancel"
    key = idempotency.key_of(submission, route)
    body = validation.parse(submission.body, submission.content_type, base64=submission.base64)
    reason = validation.check_cancellation(body)

    def plan(order: Item) -> Change:
        if order["status"] not in CANCELLABLE:
            detail = f"The order is {order['status']}; only one that is {' or '.join(CANCELLABLE)} can be cancelled."
            raise Problem(409, "illegal_transition", detail)
        voided = order["total"] - order.get("refunded", money.ZERO)
        return Change(order, now, "CANCELLED", voided, reason, CANCELLABLE)

    return _change(order_id, key, _Wish(route, 200, body, plan), store, config, now, pause)


def refund(
    order_id: str,
    submission: Submission,
    store: Store,
    config: logic.Settings,
    now: datetime,
    *,
    pause: Callable[[float], None] = time.sleep,
) -> Answer:
    """Pay back a part of an order, or the whole.

    Raises:
        Problem: The request cannot be served.
        store.Unavailable: The table asks for patience.
    """
    route = f"POST /orders/{order_id}/refunds"
    key = idempotency.key_of(submission, route)
    body = validation.parse(submission.body, submission.content_type, base64=submission.base64)
    amount, reason = validation.check_refund(body)

    def plan(order: Item) -> Change:
        if order["status"] not in REFUNDABLE:
            raise Problem(409, "illegal_transition", f"The order is {order['status']}; nothing is left to refund.")
        _check_amount(amount, order)
        return Change(order, now, "REFUNDED", amount, reason, REFUNDABLE)

    return _change(order_id, key, _Wish(route, 201, body, plan), store, config, now, pause)


def _check_amount(amount: Decimal, order: Item) -> None:
    currency = order["currency"]
    left = order["total"] - order.get("refunded", money.ZERO)
    issue = None
    if not money.fits(amount, currency):
        issue = f"must not have more than {money.EXPONENTS[currency]} decimals in {currency}"
    elif amount == 0:
        issue = "must be more than zero"
    elif amount > left:
        issue = f"must not exceed {money.as_text(left, currency)}, what is left of the order's total"
    if issue is not None:
        detail = "The refund cannot be accepted."
        raise Problem(422, "unacceptable_refund", detail, issues=[Issue("#/amount", issue)])


def _change(
    order_id: str,
    key: str,
    wish: _Wish,
    store: Store,
    config: logic.Settings,
    now: datetime,
    pause: Callable[[float], None],
) -> Answer:
    if not ulid.is_valid(order_id):
        raise logic.order_not_found()
    ticket = Ticket(key, idempotency.hash_of(wish.body), now, config.key_lifetime)
    day = days.business_day(now, config.zone)
    outcome = Outcome.CONTENDED
    for attempt in range(logic.ATTEMPTS):
        # first the record: the order may already be what this very request made of it
        earlier = ticket.replay(store.record(key))
        if earlier is not None:
            return earlier
        order = store.order(order_id)
        if order is None:
            raise logic.order_not_found()
        with money.exact():
            change = wish.plan(order)
            answer = views.text(_view(change))
            item = _item(change, keys.changes(day, keys.shard(order_id, config.shards)), day.isoformat())
        record = ticket.record(wish.status, answer, order_id)
        store.announce_shards(day, config.shards)
        outcome = store.change(change, item, record, int(now.timestamp()))
        if outcome is Outcome.WRITTEN:
            return Answer(wish.status, answer, order_id, replayed=False)
        if outcome in {Outcome.KEY_CONTENDED, Outcome.CONTENDED}:
            logic.wait(attempt, pause)
    raise logic.gave_up(outcome)


def _view(change: Change) -> dict[str, Any]:
    """Return the answer: the change, and what the order has become."""
    currency = change.order["currency"]
    refunded = change.order.get("refunded", money.ZERO) + (0 if change.cancels else change.amount)
    return {
        "order_id": change.order["order_id"],
        "status": "CANCELLED" if change.cancels else change.order["status"],
        "currency": currency,
        "amount": money.as_text(change.amount, currency),
        "total": money.as_text(change.order["total"], currency),
        "refunded": money.as_text(refunded, currency),
        "version": change.version,
        "created_at": days.timestamp(change.at),
    }


def _item(change: Change, partition: str, day: str) -> dict[str, Any]:
    """Return the item that keeps the change, under its order and under the day on which it was made."""
    order, at = change.order, days.timestamp(change.at)
    return {
        "pk": keys.order(order["order_id"]),
        "sk": keys.change(change.version),
        "gsi1pk": partition,
        "gsi1sk": f"{at}#{order['order_id']}#{change.version:06d}",
        "order_id": order["order_id"],
        "status": change.kind,
        "currency": order["currency"],
        "total": change.amount,
        "reason": change.reason,
        "business_day": day,
        "order_day": order["business_day"],
        "created_at": at,
        "version": change.version,
    }
