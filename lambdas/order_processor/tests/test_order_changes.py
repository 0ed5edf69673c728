"""Cancelling and refunding: the rules of the state machine, once per key, whatever happens in between."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any
from zoneinfo import ZoneInfo

import changes
import logic
import pytest
from fakes import FakeDynamoDB, client_error
from idempotency import Answer, Submission
from problems import Problem
from store import Store

NOW = datetime(2026, 11, 23, 12, 0, tzinfo=UTC)
LATER = NOW + timedelta(days=1)
CONFIG = logic.Settings(ZoneInfo("Europe/Berlin"), 4, timedelta(hours=24))
ORDER = {
    "customer_id": "c-1",
    "currency": "EUR",
    "items": [{"sku": "mug", "category": "kitchen", "quantity": 2, "unit_price": "10.00"}],
    "shipping": "5.00",
}

Verb = Callable[..., Answer]


@pytest.fixture
def dynamodb() -> FakeDynamoDB:
    return FakeDynamoDB()


@pytest.fixture
def store(dynamodb: FakeDynamoDB) -> Store:
    return Store(dynamodb, "orders", "idempotency")


@pytest.fixture
def order_id(store: Store) -> str:
    return logic.place_order(_request(ORDER, "placing"), store, CONFIG, NOW).order_id


def _request(body: Any, key: str = "k-1") -> Submission:
    return Submission(json.dumps(body), "application/json", key, "me")


def change(verb: Verb, order_id: str, body: Any, store: Store, key: str = "k-1", now: datetime = LATER) -> Answer:
    return verb(order_id, _request(body, key), store, CONFIG, now, pause=lambda _: None)


def refund(order_id: str, amount: str, store: Store, key: str = "k-1") -> Answer:
    return change(changes.refund, order_id, {"amount": amount, "reason": "broken"}, store, key)


def cancel(order_id: str, store: Store, key: str = "k-1") -> Answer:
    return change(changes.cancel, order_id, {"reason": "changed my mind"}, store, key)


def item(dynamodb: FakeDynamoDB, order_id: str) -> dict[str, Any]:
    (found,) = (one for one in dynamodb.items("orders") if (one["pk"], one["sk"]) == (f"ORDER#{order_id}", "META"))
    return found


def kept(dynamodb: FakeDynamoDB) -> list[dict[str, Any]]:
    return [one for one in dynamodb.items("orders") if one["sk"].startswith("CHANGE#")]


def set_status(dynamodb: FakeDynamoDB, order_id: str, status: str) -> None:
    dynamodb.add("orders", {**item(dynamodb, order_id), "status": status})


def refused(act: Callable[[], object]) -> tuple[int, str]:
    with pytest.raises(Problem) as caught:
        act()
    return caught.value.status, caught.value.code


def test_a_cancelled_order_voids_what_was_not_refunded(store: Store, dynamodb: FakeDynamoDB, order_id: str) -> None:
    refund(order_id, "10.00", store, "first")
    answer = cancel(order_id, store, "second")
    assert (answer.status, answer.replayed) == (200, False)
    assert json.loads(answer.body) == {
        "order_id": order_id,
        "status": "CANCELLED",
        "currency": "EUR",
        "amount": "15.00",
        "total": "25.00",
        "refunded": "10.00",
        "version": 3,
        "created_at": "2026-11-24T12:00:00.000Z",
    }
    stored = item(dynamodb, order_id)
    assert (stored["status"], stored["version"], stored["refunded"]) == ("CANCELLED", 3, 10)
    assert stored["cancelled_at"] == stored["updated_at"] == "2026-11-24T12:00:00.000Z"


def test_a_change_is_kept_under_the_day_it_was_made_on(store: Store, dynamodb: FakeDynamoDB, order_id: str) -> None:
    refund(order_id, "4.50", store)
    (one,) = kept(dynamodb)
    assert one["gsi1pk"].startswith("CHANGES#2026-11-24#")
    assert (one["sk"], one["status"], one["total"], one["reason"]) == (
        "CHANGE#000002",
        "REFUNDED",
        Decimal("4.5"),
        "broken",
    )
    assert any(found["pk"] == "SHARDS#2026-11-24" for found in dynamodb.items("orders"))


def test_refunds_add_up_to_the_total_and_not_further(store: Store, dynamodb: FakeDynamoDB, order_id: str) -> None:
    for key in ("a", "b"):
        assert refund(order_id, "12.50", store, key).status == 201
    assert refused(lambda: refund(order_id, "0.01", store, "c")) == (422, "unacceptable_refund")
    stored = item(dynamodb, order_id)
    assert (stored["refunded"], stored["refund_count"], stored["status"]) == (25, 2, "PLACED")
    assert json.loads(logic.find_order(order_id, store))["refunded"] == "25.00"


@pytest.mark.parametrize("verb", [changes.cancel, changes.refund])
def test_a_replay_answers_the_same_and_changes_nothing(
    store: Store, dynamodb: FakeDynamoDB, order_id: str, verb: Verb
) -> None:
    body = {"reason": "r"} if verb is changes.cancel else {"amount": "20.00", "reason": "r"}
    first = change(verb, order_id, body, store)
    before = dynamodb.items("orders")
    again = change(verb, order_id, body, store, now=LATER + timedelta(hours=23))
    assert again == Answer(first.status, first.body, order_id, replayed=True)
    assert dynamodb.items("orders") == before
    assert refused(lambda: change(verb, order_id, {**body, "reason": "another"}, store)) == (
        422,
        "idempotency_key_reused",
    )


@pytest.mark.parametrize(("status", "allowed"), [("PAID", True), ("SHIPPED", False), ("DELIVERED", False)])
def test_an_order_is_cancelled_before_it_is_shipped(
    store: Store, dynamodb: FakeDynamoDB, order_id: str, status: str, allowed: bool
) -> None:
    set_status(dynamodb, order_id, status)
    if allowed:
        assert cancel(order_id, store).status == 200
    else:
        assert refused(lambda: cancel(order_id, store)) == (409, "illegal_transition")
        assert kept(dynamodb) == []


def test_a_cancelled_order_ends(store: Store, order_id: str) -> None:
    cancel(order_id, store, "a")
    assert refused(lambda: cancel(order_id, store, "b")) == (409, "illegal_transition")
    assert refused(lambda: refund(order_id, "1", store, "c")) == (409, "illegal_transition")


def test_the_conditions_hold_when_the_order_moves_on_after_it_was_read(
    store: Store, dynamodb: FakeDynamoDB, order_id: str
) -> None:
    def ship() -> None:
        dynamodb.add("orders", {**item(dynamodb, order_id), "status": "SHIPPED", "version": 2})

    dynamodb.before["transact_write_items"] = [ship]
    assert refused(lambda: cancel(order_id, store)) == (409, "illegal_transition")
    assert item(dynamodb, order_id)["status"] == "SHIPPED"


def test_refunds_at_the_same_time_do_not_exceed_the_total(store: Store, dynamodb: FakeDynamoDB, order_id: str) -> None:
    dynamodb.before["transact_write_items"] = [lambda: refund(order_id, "20.00", store, "other")]
    assert refused(lambda: refund(order_id, "20.00", store, "mine")) == (422, "unacceptable_refund")
    assert item(dynamodb, order_id)["refunded"] == 20
    assert len(kept(dynamodb)) == 1


def test_a_race_of_the_same_request_is_a_replay(store: Store, dynamodb: FakeDynamoDB, order_id: str) -> None:
    dynamodb.before["transact_write_items"] = [lambda: refund(order_id, "20.00", store)]
    assert refund(order_id, "20.00", store).replayed
    assert item(dynamodb, order_id)["refunded"] == 20


def test_an_order_from_before_there_were_refunds_can_be_refunded(
    store: Store, dynamodb: FakeDynamoDB, order_id: str
) -> None:
    old = {name: value for name, value in item(dynamodb, order_id).items() if not name.startswith("refund")}
    del dynamodb.tables["orders"][(f"ORDER#{order_id}", "META")]
    dynamodb.add("orders", old)
    refund(order_id, "25", store)
    assert item(dynamodb, order_id)["refunded"] == 25


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        ({"amount": "1.00"}, (400, "invalid_refund")),
        ({"amount": 1.5, "reason": "r"}, (400, "invalid_refund")),
        ({"amount": "-1", "reason": "r"}, (400, "invalid_refund")),
        ({"amount": "1", "reason": "r", "to": "me"}, (400, "invalid_refund")),
        ({"amount": "1", "reason": "\n"}, (400, "invalid_refund")),
        ({"amount": "0", "reason": "r"}, (422, "unacceptable_refund")),
        ({"amount": "0.001", "reason": "r"}, (422, "unacceptable_refund")),
        ({"amount": "25.01", "reason": "r"}, (422, "unacceptable_refund")),
        ([], (400, "malformed_json")),
    ],
)
def test_bad_refunds_are_refused_and_leave_nothing(
    store: Store, dynamodb: FakeDynamoDB, order_id: str, body: Any, expected: tuple[int, str]
) -> None:
    before = dynamodb.items("orders"), dynamodb.items("idempotency")
    for _ in range(2):
        assert refused(lambda: change(changes.refund, order_id, body, store)) == expected
    assert (dynamodb.items("orders"), dynamodb.items("idempotency")) == before


@pytest.mark.parametrize("body", [{}, {"reason": ""}, {"reason": 5}, {"reason": "r", "amount": "1"}])
def test_bad_cancellations_are_refused(store: Store, order_id: str, body: Any) -> None:
    assert refused(lambda: change(changes.cancel, order_id, body, store)) == (400, "invalid_cancellation")


@pytest.mark.parametrize("order_id", ["01ARZ3NDEKTSV4RRFFQ69G5FAV", "nonsense"])
def test_an_unknown_order_is_not_found_and_leaves_nothing(store: Store, dynamodb: FakeDynamoDB, order_id: str) -> None:
    assert refused(lambda: cancel(order_id, store)) == (404, "order_not_found")
    assert dynamodb.items("orders") == dynamodb.items("idempotency") == []


def test_endless_contention_ends(store: Store, dynamodb: FakeDynamoDB, order_id: str) -> None:
    reasons = [{"Code": code} for code in ("None", "TransactionConflict", "None")]
    error = client_error("TransactionCanceledException", CancellationReasons=reasons)
    dynamodb.failures["transact_write_items"] = [error] * 99
    assert refused(lambda: cancel(order_id, store)) == (409, "request_in_progress")
