"""What an order must look like, and what its sums are."""

from __future__ import annotations

import json
from base64 import b64encode
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import pytest
import validation
from common import money
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from problems import Problem

NOW = datetime(2026, 11, 23, 12, 0, tzinfo=UTC)
ITEM = {"sku": "mug", "category": "kitchen", "quantity": 1, "unit_price": "10"}
ORDER: dict[str, Any] = {"customer_id": "c", "currency": "EUR", "items": [ITEM]}


def refused(order: dict[str, Any]) -> tuple[int, dict[str, str]]:
    with pytest.raises(Problem) as caught:
        validation.check(order, NOW)
    return caught.value.status, {issue.pointer: issue.detail for issue in caught.value.issues}


def test_all_problems_are_listed_with_their_places() -> None:
    status, issues = refused(
        {
            "customer_id": "",
            "currency": "eur",
            "items": [
                {"sku": 5, "category": "k", "quantity": 0, "unit_price": 9.5},
                {**ITEM, "quantity": True, "colour": "red"},
                "mug",
            ],
            "discount": "-1",
            "tax": "1.23456",
            "placed_at": "yesterday",
            "a/b~c d": 1,
        }
    )
    assert status == 400
    assert set(issues) == {
        "#/customer_id",
        "#/currency",
        "#/items/0/sku",
        "#/items/0/quantity",
        "#/items/0/unit_price",
        "#/items/1/quantity",
        "#/items/1/colour",
        "#/items/2",
        "#/discount",
        "#/tax",
        "#/placed_at",
        "#/a~1b~0c%20d",
    }


def test_everything_required_is_named() -> None:
    status, issues = refused({"items": [{}]})
    assert status == 400
    missing = {"#/customer_id", "#/currency"} | {f"#/items/0/{name}" for name in ITEM}
    assert issues == dict.fromkeys(missing, "is required")


@pytest.mark.parametrize("items", [None, [], {}, "x", [ITEM] * 101])
def test_items_are_one_to_a_hundred(items: object) -> None:
    assert set(refused({**ORDER, "items": items})[1]) == {"#/items"}
    validation.check({**ORDER, "items": [ITEM] * 100}, NOW)


@pytest.mark.parametrize("quantity", [0, -1, 10_001, 1.0, "1", True, None, Decimal("1.0")])
def test_quantities_are_integers(quantity: object) -> None:
    assert set(refused({**ORDER, "items": [{**ITEM, "quantity": quantity}]})[1]) == {"#/items/0/quantity"}


@pytest.mark.parametrize("price", ["", "1,5", "1e3", "+1", " 1", "1.", ".5", "1.00000", "1" * 13, 1, "\uff11", "NaN"])
def test_prices_are_decimal_strings(price: object) -> None:
    assert set(refused({**ORDER, "items": [{**ITEM, "unit_price": price}]})[1]) == {"#/items/0/unit_price"}


@pytest.mark.parametrize("text", ["", "x" * 129, "a\nb", "\ud800", "   ", 5, None, ["x"]])
def test_texts_are_printable(text: object) -> None:
    assert set(refused({**ORDER, "customer_id": text})[1]) == {"#/customer_id"}


@pytest.mark.parametrize(
    ("changes", "pointer"),
    [
        ({"currency": "XXX"}, "#/currency"),
        ({"currency": "JPY", "shipping": "1.5"}, "#/shipping"),
        ({"tax": "0.005"}, "#/tax"),
        ({"discount": "10.01"}, "#/discount"),
        ({"total": "10.01"}, "#/total"),
        ({"placed_at": "2026-11-23T12:05:01Z"}, "#/placed_at"),
    ],
)
def test_what_makes_no_sense_is_unprocessable(changes: dict[str, Any], pointer: str) -> None:
    status, issues = refused({**ORDER, **changes})
    assert (status, set(issues)) == (422, {pointer})


def test_semantic_problems_are_listed_together() -> None:
    status, issues = refused({**ORDER, "discount": "20.001", "total": "1", "placed_at": "2027-01-01T00:00:00Z"})
    assert (status, set(issues)) == (422, {"#/discount", "#/total", "#/placed_at"})


@pytest.mark.parametrize("total", ["10", "10.0", "10.00", "0010"])
def test_a_total_that_agrees_is_accepted(total: str) -> None:
    assert validation.check({**ORDER, "total": total}, NOW).total == 10


@pytest.mark.parametrize(
    "instant", ["2026-11-23T12:05:00Z", "2026-11-23t13:04:59.5+01:00", "1999-01-01T00:00:00-08:00"]
)
def test_instants_of_the_past_are_accepted(instant: str) -> None:
    assert validation.check({**ORDER, "placed_at": instant}, NOW).placed_at is not None


@pytest.mark.parametrize(
    "instant", ["2026-11-23", "2026-11-23T12:00:00", "2026-13-01T00:00:00Z", "20261123T120000Z", 5]
)
def test_instants_need_a_form(instant: object) -> None:
    assert set(refused({**ORDER, "placed_at": instant})[1]) == {"#/placed_at"}


@pytest.mark.parametrize("currency", ["JPY", "EUR", "KWD"])
def test_amounts_follow_the_currency(currency: str) -> None:
    item = {**ITEM, "quantity": 3, "unit_price": "1.2345"}  # 3.7035
    draft = validation.check({**ORDER, "currency": currency, "items": [item]}, NOW)
    assert money.as_text(draft.total, currency) == {"JPY": "4", "EUR": "3.70", "KWD": "3.704"}[currency]


@pytest.mark.parametrize(
    "text",
    ["", "{", "[]", "null", '"x"', '{"a":NaN}', '{"a":1,"a":2}', "[" * 100_000, '{"a":' + "1" * 5000 + "}"],
)
def test_malformed_bodies_are_refused(text: str) -> None:
    with pytest.raises(Problem) as caught:
        validation.parse(text, "application/json")
    assert (caught.value.status, caught.value.code) == (400, "malformed_json")


def test_large_bodies_are_refused() -> None:
    with pytest.raises(Problem) as caught:
        validation.parse('{"a":"' + "ü" * 140_000 + '"}', None)
    assert caught.value.status == 413


@pytest.mark.parametrize("content_type", ["text/plain", "application/x-www-form-urlencoded", "multipart/form-data"])
def test_other_media_types_are_refused(content_type: str) -> None:
    with pytest.raises(Problem) as caught:
        validation.parse("{}", content_type)
    assert caught.value.status == 415


def test_encoded_bodies_are_read() -> None:
    assert validation.parse(b64encode(b'{"a":1}').decode(), "application/vnd.x+json; charset=utf-8", base64=True) == {
        "a": 1
    }
    for text in (b64encode(b"\xff").decode(), "???x"):
        with pytest.raises(Problem):
            validation.parse(text, None, base64=True)


def amounts(digits: int, maximum: int) -> st.SearchStrategy[str]:
    return st.integers(0, maximum).map(lambda number: f"{Decimal(number).scaleb(-digits):f}")


@st.composite
def drafts(draw: st.DrawFn) -> dict[str, Any]:
    currency = draw(st.sampled_from(["JPY", "EUR", "KWD"]))
    digits = money.EXPONENTS[currency]
    items = draw(
        st.lists(
            st.fixed_dictionaries(
                {
                    "sku": st.sampled_from("abc"),
                    "category": st.sampled_from("xy"),
                    "quantity": st.integers(1, 10_000),
                    "unit_price": amounts(4, 10**16 - 1),
                }
            ),
            min_size=1,
            max_size=100,
        )
    )
    order = {"customer_id": "c", "currency": currency, "items": items}
    for name in ("shipping", "tax"):
        order[name] = draw(amounts(digits, 10**12 - 1))
    return order


@settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(drafts())
def test_sums_are_exact_whatever_the_amounts(order: dict[str, Any]) -> None:
    draft = validation.check(json.loads(json.dumps(order)), NOW)
    scale = 10 ** money.EXPONENTS[draft.currency]
    cents = [int(line.amount * scale) for line in draft.lines]
    assert sum(cents) == int(draft.subtotal * scale)
    assert int(draft.total * scale) == sum(cents) + int(draft.shipping * scale) + int(draft.tax * scale)
    for line in draft.lines:
        assert abs(Decimal(line.quantity) * line.unit_price - line.amount) * scale * 2 <= 1
    again = {**order, "total": money.as_text(draft.total, draft.currency)}
    if len(again["total"].partition(".")[0]) <= 12:
        assert validation.check(again, NOW).total == draft.total
