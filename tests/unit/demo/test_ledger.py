"""The demonstration's own books: what they count, and that they notice a wrong report."""

from __future__ import annotations

import copy
import json
from decimal import Decimal
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from demo.catalogue import Call, make_orders
from demo.ledger import Books, compare, enter, load_books, save_books
from demo.shop import Answer

ORDER = {
    "currency": "EUR",
    "items": [
        {"category": "books", "quantity": 2, "unit_price": "10.50"},
        {"category": "toys", "quantity": 1, "unit_price": "5.00"},
    ],
    "discount": "1.00",
    "shipping": "4.90",
    "tax": "3.10",
}
REPORT: dict[str, Any] = {
    "currencies": {
        "EUR": {
            "orders": 1,
            "units": 3,
            "gross": "26.00",
            "discounts": "1.00",
            "shipping": "4.90",
            "tax": "3.10",
            "total": "33.00",
            "by_category": [{"category": "books", "gross": "21.00"}, {"category": "toys", "gross": "5.00"}],
        }
    }
}


def answer(moment: str, *, kind: str = "order", status: int = 201) -> Answer:
    call = Call(kind, "key", json.dumps(ORDER).encode(), signed=True, expected=201)
    return Answer(call, status, kind == "replay", {"created_at": moment})


def booked(*answers: Answer, zone: str = "UTC") -> Books:
    books: Books = {}
    enter(books, answers, ZoneInfo(zone))
    return books


def test_a_right_report_agrees() -> None:
    books = booked(answer("2026-11-23T10:00:00Z"))
    assert compare("2026-11-23", books["2026-11-23"], REPORT) == []


@pytest.mark.parametrize("figure", ["orders", "units", "gross", "discounts", "shipping", "tax", "total"])
def test_every_wrong_figure_is_a_difference(figure: str) -> None:
    books = booked(answer("2026-11-23T10:00:00Z"))
    report = copy.deepcopy(REPORT)
    report["currencies"]["EUR"][figure] = str(Decimal(report["currencies"]["EUR"][figure]) + 1)
    [told] = compare("2026-11-23", books["2026-11-23"], report)
    assert told.startswith(f"2026-11-23 EUR {figure}: sent ")


@pytest.mark.parametrize("kind", ["missing currency", "extra currency", "missing category"])
def test_what_is_missing_or_too_much_is_a_difference(kind: str) -> None:
    books = booked(answer("2026-11-23T10:00:00Z"))
    report = copy.deepcopy(REPORT)
    if kind == "missing currency":
        report["currencies"] = {}
    elif kind == "extra currency":
        report["currencies"]["USD"] = REPORT["currencies"]["EUR"]
    else:
        report["currencies"]["EUR"]["by_category"].pop()
    assert compare("2026-11-23", books["2026-11-23"], report)


def test_only_orders_that_were_taken_count() -> None:
    moment = "2026-11-23T10:00:00Z"
    books = booked(answer(moment), answer(moment, kind="replay"), answer(moment, status=500))
    assert books["2026-11-23"]["EUR"]["orders"] == 1


def test_a_run_over_midnight_enters_two_days_of_the_business_zone() -> None:
    books: Books = {}
    answers = [answer("2026-11-23T22:59:59Z"), answer("2026-11-23T23:00:01Z")]
    assert enter(books, answers, ZoneInfo("Europe/Berlin")) == {"2026-11-23", "2026-11-24"}
    assert [books[day]["EUR"]["orders"] for day in sorted(books)] == [1, 1]


def test_books_are_kept_for_one_deployment_only(tmp_path: Path) -> None:
    books = booked(answer("2026-11-23T10:00:00Z"))
    save_books(tmp_path / "kept" / "books.json", "api-1", books)
    assert load_books(tmp_path / "kept" / "books.json", "api-1") == books
    assert load_books(tmp_path / "kept" / "books.json", "api-2") == {}
    assert load_books(tmp_path / "none.json", "api-1") == {}


def test_the_same_seed_gives_the_same_orders_in_three_currencies() -> None:
    orders = make_orders(200, "seed")
    assert orders == make_orders(200, "seed")
    assert {json.loads(order.body)["currency"] for order in orders} == {"USD", "EUR", "JPY"}
    assert len({order.key for order in orders}) == 200
