"""Lists of orders with their cursors, and links to reports."""

from __future__ import annotations

import json
from base64 import urlsafe_b64encode
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import parse_qs, urlsplit
from zoneinfo import ZoneInfo

import listing
import logic
import pytest
import reports
from common import clients
from fakes import FakeDynamoDB, client_error
from hypothesis import given
from hypothesis import strategies as st
from idempotency import Submission
from listing import Signer
from problems import Problem
from store import Store

NOW = datetime(2026, 11, 23, 12, 0, tzinfo=UTC)
CONFIG = logic.Settings(ZoneInfo("UTC"), 4, timedelta(hours=24))


@pytest.fixture
def dynamodb() -> FakeDynamoDB:
    return FakeDynamoDB()


@pytest.fixture
def store(dynamodb: FakeDynamoDB) -> Store:
    store = Store(dynamodb, "orders", "idempotency")
    for number in range(5):
        place(store, "c-1", number)
    place(store, "c-2", 9)
    return store


@pytest.fixture
def signer(store: Store) -> Signer:
    return Signer(store)


def place(store: Store, customer_id: str, number: int) -> None:
    order = {
        "customer_id": customer_id,
        "currency": "EUR",
        "items": [{"sku": "mug", "category": "kitchen", "quantity": 1, "unit_price": str(number + 1)}],
    }
    request = Submission(json.dumps(order), None, f"{customer_id}-{number}", "me")
    logic.place_order(request, store, CONFIG, NOW + timedelta(minutes=number))


def fetch(store: Store, signer: Signer, **query: str) -> dict[str, Any]:
    values = {name: [value] for name, value in query.items()}
    page: dict[str, Any] = json.loads(listing.list_orders(values, store, signer))
    return page


def refused(act: Callable[[], object]) -> tuple[int, str]:
    with pytest.raises(Problem) as caught:
        act()
    return caught.value.status, caught.value.code


@pytest.mark.parametrize("limit", ["1", "2", "3", "5", "100"])
def test_pages_hold_every_order_once_newest_first(store: Store, signer: Signer, limit: str) -> None:
    totals, query = [], {"customer_id": "c-1", "limit": limit}
    while True:
        page = fetch(store, signer, **query)
        assert 1 <= len(page["orders"]) <= int(limit)
        totals += [order["total"] for order in page["orders"]]
        if "next_cursor" not in page:
            break
        query["cursor"] = page["next_cursor"]
    assert totals == ["5.00", "4.00", "3.00", "2.00", "1.00"]


def test_an_unknown_customer_has_no_orders(store: Store, signer: Signer) -> None:
    assert fetch(store, signer, customer_id="nobody") == {"orders": []}


def test_a_cursor_serves_another_execution_environment(store: Store, signer: Signer) -> None:
    cursor = fetch(store, signer, customer_id="c-1", limit="2")["next_cursor"]
    assert len(fetch(store, Signer(store), customer_id="c-1", cursor=cursor)["orders"]) == 3


def test_two_environments_agree_on_the_secret(store: Store, dynamodb: FakeDynamoDB) -> None:
    first, second = Signer(store), Signer(store)
    dynamodb.before["put_item"] = [lambda: first.seal("c-1", "x")]
    assert second.seal("c-1", "x") == first.seal("c-1", "x")


def test_a_cursor_opens_nothing_of_another_customer(store: Store, signer: Signer) -> None:
    cursor = fetch(store, signer, customer_id="c-1", limit="2")["next_cursor"]
    assert refused(lambda: fetch(store, signer, customer_id="c-2", cursor=cursor)) == (400, "invalid_cursor")


@given(st.text(st.characters(codec="ascii", categories=["L", "N", "P"]), min_size=1, max_size=200))
def test_forged_cursors_are_refused(text: str) -> None:
    store = Store(FakeDynamoDB(), "orders", "idempotency")
    assert refused(lambda: Signer(store).open("c-1", text)) == (400, "invalid_cursor")


def test_no_bit_of_a_cursor_can_be_changed(store: Store, signer: Signer) -> None:
    cursor = fetch(store, signer, customer_id="c-1", limit="2")["next_cursor"]
    for position, letter in enumerate(cursor):
        other = "A" if letter != "A" else "B"
        changed = cursor[:position] + other + cursor[position + 1 :]
        assert refused(lambda text=changed: signer.open("c-1", text)) == (400, "invalid_cursor")
    unsigned = urlsafe_b64encode(b"\0" * 32 + b"2026-11-23T12:00:00.000Z#x").decode()
    for text in (cursor + "=", cursor[:-1], "", "ü", unsigned):
        assert refused(lambda text=text: signer.open("c-1", text)) == (400, "invalid_cursor")


@pytest.mark.parametrize(
    "query",
    [
        {},
        {"customer_id": [""]},
        {"customer_id": ["x" * 129]},
        {"customer_id": ["a\nb"]},
        {"customer_id": ["c-1", "c-2"]},
        {"customer_id": ["c-1"], "limit": ["0"]},
        {"customer_id": ["c-1"], "limit": ["101"]},
        {"customer_id": ["c-1"], "limit": ["ten"]},
        {"customer_id": ["c-1"], "limit": ["1.0"]},
        {"customer_id": ["c-1"], "cursor": ["x" * 513]},
        {"customer_id": ["c-1"], "page": ["2"]},
    ],
)
def test_bad_queries_are_refused(store: Store, signer: Signer, query: dict[str, list[str]]) -> None:
    assert refused(lambda: listing.list_orders(query, store, signer)) == (400, "invalid_query")


def s3() -> Any:
    return clients.client("s3")


def report(store: Store, day: str) -> dict[str, Any]:
    document: dict[str, Any] = json.loads(reports.find_report(day, store, "reports", s3))
    return document


def test_a_report_is_handed_out_by_links_that_expire(store: Store, dynamodb: FakeDynamoDB) -> None:
    dynamodb.add("orders", {"pk": "REPORT#2026-11-22", "sk": "META", "version": 3, "published_version": 2})
    document = report(store, "2026-11-22")
    assert (document["report_date"], document["version"], document["expires_in"]) == ("2026-11-22", 2, 900)
    assert set(document["files"]) == {"report.html", "report.json", "orders.csv", "summary.csv"}
    url = urlsplit(document["files"]["report.html"])
    query = parse_qs(url.query)
    assert url.path.endswith("reports/dt%3D2026-11-22/v0002/report.html")
    assert (query["X-Amz-Expires"], query["X-Amz-Algorithm"]) == (["900"], ["AWS4-HMAC-SHA256"])


def test_a_report_that_is_not_there_is_not_found(store: Store, dynamodb: FakeDynamoDB) -> None:
    dynamodb.add("orders", {"pk": "REPORT#2026-11-22", "sk": "META", "version": 1})
    for day in ("2026-11-22", "2999-01-01"):
        assert refused(lambda day=day: report(store, day)) == (404, "report_not_ready")


@pytest.mark.parametrize("day", ["yesterday", "2026-02-30", "20261122", "2026-11-22T00:00:00Z", "2026-W47-1"])
def test_a_day_has_one_form(store: Store, day: str) -> None:
    assert refused(lambda: report(store, day)) == (400, "invalid_date")


def test_a_failing_secret_is_told(store: Store, dynamodb: FakeDynamoDB) -> None:
    dynamodb.failures["put_item"] = [client_error("AccessDeniedException")]
    with pytest.raises(Exception, match="AccessDenied"):
        Signer(store).seal("c-1", "x")
