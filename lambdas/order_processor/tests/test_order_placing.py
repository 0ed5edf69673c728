"""Placing orders: once per key, whatever happens in between."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any
from zoneinfo import ZoneInfo

import logic
import pytest
from botocore.exceptions import EndpointConnectionError, ReadTimeoutError
from common import keys, ulid
from fakes import FakeDynamoDB, client_error
from idempotency import Answer, Submission, principal
from problems import Problem
from store import Store, Unavailable

NOW = datetime(2026, 11, 23, 22, 30, tzinfo=UTC)
CONFIG = logic.Settings(ZoneInfo("Europe/Berlin"), 4, timedelta(hours=24))


def body(**changes: Any) -> dict[str, Any]:
    order = {
        "customer_id": "c-1",
        "currency": "EUR",
        "items": [
            {"sku": "mug", "category": "kitchen", "quantity": 2, "unit_price": "9.95", "name": "Mug"},
            {"sku": "pen", "category": "office", "quantity": 3, "unit_price": "0.1250"},
        ],
        "discount": "1.00",
        "shipping": "4.90",
        "tax": "3.10",
    }
    return {name: value for name, value in {**order, **changes}.items() if value is not None}


def submission(order: dict[str, Any] | None = None, key: str | None = "k-1", caller: str = "me") -> Submission:
    return Submission(json.dumps(order or body()), "application/json", key, caller)


@pytest.fixture
def dynamodb() -> FakeDynamoDB:
    return FakeDynamoDB()


@pytest.fixture
def store(dynamodb: FakeDynamoDB) -> Store:
    return Store(dynamodb, "orders", "idempotency")


def place(store: Store, request: Submission | None = None, now: datetime = NOW) -> Answer:
    return logic.place_order(request or submission(), store, CONFIG, now, pause=lambda _: None)


def orders(dynamodb: FakeDynamoDB) -> list[dict[str, Any]]:
    return [item for item in dynamodb.items("orders") if item["pk"].startswith("ORDER#")]


def test_the_answer_holds_the_servers_sums(store: Store) -> None:
    placed = place(store)
    assert placed.status == 201
    assert not placed.replayed
    answer = json.loads(placed.body)
    order_id = answer.pop("order_id")
    assert order_id == placed.order_id
    assert ulid.is_valid(order_id)
    assert answer == {
        "status": "PLACED",
        "currency": "EUR",
        "subtotal": "20.28",  # 19.90 + 0.375 rounded half up
        "discount": "1.00",
        "shipping": "4.90",
        "tax": "3.10",
        "total": "27.28",
        "business_day": "2026-11-23",
        "created_at": "2026-11-23T22:30:00.000Z",
    }


def test_the_item_can_be_found_by_day_and_customer(store: Store, dynamodb: FakeDynamoDB) -> None:
    placed = place(store)
    (item,) = orders(dynamodb)
    shard = keys.shard(placed.order_id, 4)
    assert item["gsi1pk"] == f"DAY#2026-11-23#{shard}"
    assert item["gsi1sk"] == f"2026-11-23T22:30:00.000Z#{placed.order_id}"
    assert item["gsi2pk"] == "CUSTOMER#c-1"
    assert item["lines"][1] == {
        "sku": "pen",
        "category": "office",
        "quantity": 3,
        "amount": Decimal("0.38"),
    }
    assert item["version"] == 1


def test_the_day_is_that_of_the_business(store: Store) -> None:
    late = datetime(2026, 11, 23, 23, 0, tzinfo=UTC)
    assert json.loads(place(store, now=late).body)["business_day"] == "2026-11-24"


def test_a_replay_answers_the_same_and_stores_nothing(store: Store, dynamodb: FakeDynamoDB) -> None:
    first = place(store)
    again = place(store, now=NOW + timedelta(hours=3))
    assert again == Answer(first.status, first.body, first.order_id, replayed=True)
    assert len(orders(dynamodb)) == 1


def test_the_order_of_properties_does_not_matter_for_a_replay(store: Store) -> None:
    place(store)
    assert place(store, submission(dict(reversed(body().items())))).replayed


def test_a_key_with_another_body_is_refused(store: Store, dynamodb: FakeDynamoDB) -> None:
    place(store)
    with pytest.raises(Problem) as caught:
        place(store, submission(body(shipping="5.90")))
    assert (caught.value.status, caught.value.code) == (422, "idempotency_key_reused")
    assert len(orders(dynamodb)) == 1


def test_callers_do_not_share_keys(store: Store, dynamodb: FakeDynamoDB) -> None:
    place(store)
    assert not place(store, submission(caller="you")).replayed
    assert len(orders(dynamodb)) == 2


def test_an_expired_key_is_free_though_ttl_has_not_deleted_it(store: Store, dynamodb: FakeDynamoDB) -> None:
    place(store)
    assert not place(store, submission(body(shipping="1")), NOW + timedelta(hours=24)).replayed
    assert len(orders(dynamodb)) == 2


def test_a_customer_is_new_once(store: Store, dynamodb: FakeDynamoDB) -> None:
    for key in ("a", "b", "c"):
        place(store, submission(key=key))
    kinds = sorted(item["customer_kind"] for item in orders(dynamodb))
    assert kinds == ["new", "returning", "returning"]
    customer = next(item for item in dynamodb.items("orders") if item["pk"] == "CUSTOMER#c-1")
    assert customer["orders"] == 3


def test_a_customer_who_vanishes_is_new_again(store: Store, dynamodb: FakeDynamoDB) -> None:
    place(store, submission(key="a"))
    dynamodb.before["transact_write_items"] = [
        lambda: None,
        lambda: dynamodb.tables["orders"].pop(("CUSTOMER#c-1", "META")),
    ]
    place(store, submission(key="b"))
    assert [item["customer_kind"] for item in orders(dynamodb)] == ["new", "new"]


def test_a_race_of_the_same_request_is_a_replay(store: Store, dynamodb: FakeDynamoDB) -> None:
    winner: list[Answer] = []
    dynamodb.before["transact_write_items"] = [lambda: winner.append(place(store))]
    loser = place(store)
    assert loser.replayed
    assert loser.body == winner[0].body
    assert len(orders(dynamodb)) == 1


def test_a_key_deleted_between_condition_and_read_is_tried_again(store: Store, dynamodb: FakeDynamoDB) -> None:
    place(store)
    dynamodb.before["get_item"] = [dynamodb.tables["idempotency"].clear]
    assert not place(store).replayed


def test_a_taken_id_is_replaced(store: Store, dynamodb: FakeDynamoDB) -> None:
    dynamodb.add("orders", {"pk": "ORDER#x", "sk": "META"})
    ids = iter(["x", "y"])
    placed = logic.place_order(submission(), store, CONFIG, NOW, new_id=lambda _: next(ids))
    assert placed.order_id == "y"


def cancelled(*codes: str) -> Exception:
    reasons = [{"Code": code} for code in codes]
    return client_error("TransactionCanceledException", CancellationReasons=reasons)


def test_contention_is_waited_for(store: Store, dynamodb: FakeDynamoDB) -> None:
    dynamodb.failures["transact_write_items"] = [cancelled("None", "None", "TransactionConflict")] * 3
    assert place(store).status == 201


def test_a_request_still_in_progress_is_a_conflict(store: Store, dynamodb: FakeDynamoDB) -> None:
    dynamodb.failures["transact_write_items"] = [cancelled("None", "TransactionConflict", "None")] * 99
    with pytest.raises(Problem) as caught:
        place(store)
    assert (caught.value.status, caught.value.code) == (409, "request_in_progress")
    assert caught.value.headers() == {"Retry-After": "1"}


def test_endless_contention_is_busy(store: Store, dynamodb: FakeDynamoDB) -> None:
    dynamodb.failures["transact_write_items"] = [cancelled("None", "None", "TransactionConflict")] * 99
    with pytest.raises(Problem) as caught:
        place(store)
    assert (caught.value.status, caught.value.headers()) == (503, {"Retry-After": "2"})


@pytest.mark.parametrize(
    "error",
    [
        cancelled("ThrottlingError", "None", "None"),
        cancelled("None", "ProvisionedThroughputExceeded", "None"),
        client_error("ProvisionedThroughputExceededException"),
        client_error("ThrottlingException"),
        ReadTimeoutError(endpoint_url="https://dynamodb"),
        EndpointConnectionError(endpoint_url="https://dynamodb"),
    ],
)
def test_throttling_asks_for_patience(store: Store, dynamodb: FakeDynamoDB, error: Exception) -> None:
    dynamodb.failures["transact_write_items"] = [error]
    with pytest.raises(Unavailable):
        place(store)


def test_a_denied_call_is_not_hidden(store: Store, dynamodb: FakeDynamoDB) -> None:
    dynamodb.failures["transact_write_items"] = [client_error("AccessDeniedException")]
    with pytest.raises(Exception, match="AccessDenied"):
        place(store)


def test_shards_of_a_day_are_announced_once_and_only_grow(store: Store, dynamodb: FakeDynamoDB) -> None:
    place(store, submission(key="a"))
    place(store, submission(key="b"))
    assert [name for name, _ in dynamodb.calls].count("update_item") == 1
    day = datetime(2026, 11, 23, tzinfo=UTC).date()
    Store(dynamodb, "orders", "idempotency").announce_shards(day, 2)
    shards = next(item for item in dynamodb.items("orders") if item["pk"] == "SHARDS#2026-11-23")
    assert shards["shards"] == 4
    Store(dynamodb, "orders", "idempotency").announce_shards(day, 8)
    assert next(item for item in dynamodb.items("orders") if item["pk"] == "SHARDS#2026-11-23")["shards"] == 8


@pytest.mark.parametrize(
    ("key", "code"),
    [
        (None, "idempotency_key_required"),
        ("  ", "idempotency_key_required"),
        ("x" * 256, "invalid_idempotency_key"),
        ("a\x07b", "invalid_idempotency_key"),
    ],
)
def test_a_key_is_required(store: Store, key: str | None, code: str) -> None:
    with pytest.raises(Problem) as caught:
        place(store, submission(key=key))
    assert (caught.value.status, caught.value.code) == (400, code)


def test_the_longest_key_is_accepted(store: Store) -> None:
    assert place(store, submission(key="x" * 255)).status == 201


def test_an_order_can_be_read_again(store: Store) -> None:
    placed = place(store, submission(body(placed_at="2026-11-23T23:00:00+01:00")))
    detail = json.loads(logic.find_order(placed.order_id, store))
    summary = json.loads(placed.body)
    assert {name: detail[name] for name in summary} == summary
    assert detail["customer_id"] == "c-1"
    assert detail["customer_kind"] == "new"
    assert detail["placed_at"] == "2026-11-23T22:00:00.000Z"
    assert detail["version"] == 1
    assert detail["refunded"] == "0.00"
    assert detail["items"] == [
        {
            "sku": "mug",
            "category": "kitchen",
            "quantity": 2,
            "unit_price": "9.95",
            "amount": "19.90",
            "name": "Mug",
        },
        {"sku": "pen", "category": "office", "quantity": 3, "unit_price": "0.125", "amount": "0.38"},
    ]


@pytest.mark.parametrize("order_id", ["01ARZ3NDEKTSV4RRFFQ69G5FAV", "nonsense", "", "ü" * 26])
def test_an_unknown_order_is_not_found(store: Store, order_id: str) -> None:
    with pytest.raises(Problem) as caught:
        logic.find_order(order_id, store)
    assert caught.value.status == 404


def test_reads_are_consistent(store: Store, dynamodb: FakeDynamoDB) -> None:
    logic.find_order(place(store).order_id, store)
    assert dynamodb.calls[-1][0] == "get_item"
    assert dynamodb.calls[-1][1]["ConsistentRead"] is True


@pytest.mark.parametrize(
    ("identity", "name"),
    [
        ({"userArn": "arn:aws:iam::1:user/ann"}, "arn:aws:iam::1:user/ann"),
        ({"userArn": "arn:aws:sts::1:assumed-role/shop/session-7"}, "arn:aws:sts::1:assumed-role/shop"),
        ({"userArn": None, "caller": "AIDA"}, "AIDA"),
        ({}, "anonymous"),
    ],
)
def test_sessions_of_a_role_are_one_caller(identity: dict[str, Any], name: str) -> None:
    assert principal(identity) == name
