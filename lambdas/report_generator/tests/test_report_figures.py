"""The figures of a day: exact, complete, and right on the days when clocks change."""

from __future__ import annotations

from datetime import date, timedelta
from decimal import Decimal
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from common import days, money
from figures import Aggregation
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

BERLIN = ZoneInfo("Europe/Berlin")
DAY = date(2026, 11, 23)


def order(**changes: Any) -> dict[str, Any]:
    lines = changes.get("lines") or [{"sku": "mug", "category": "kitchen", "quantity": 2, "amount": Decimal("19.90")}]
    subtotal = sum((line["amount"] for line in lines), Decimal(0))
    item = {
        "order_id": "o-1",
        "status": "PLACED",
        "currency": "EUR",
        "customer_id": "c-1",
        "customer_kind": "new",
        "created_at": "2026-11-23T08:15:00.000Z",
        "business_day": "2026-11-23",
        "lines": lines,
        "subtotal": subtotal,
        "discount": Decimal(0),
        "shipping": Decimal(0),
        "tax": Decimal(0),
        **changes,
    }
    total = item["subtotal"] - item["discount"] + item["shipping"] + item["tax"]
    return {"total": total, **item}


def figures(*orders: dict[str, Any], day: date = DAY, zone: ZoneInfo = BERLIN) -> dict[str, Any]:
    aggregation = Aggregation(day, zone)
    for item in orders:
        aggregation.add(item)
    return aggregation.currencies()


def test_the_figures_of_two_orders() -> None:
    second = order(
        order_id="o-2",
        customer_kind="returning",
        created_at="2026-11-23T22:59:59.999Z",
        lines=[
            {"sku": "pen", "category": "office", "quantity": 10, "amount": Decimal("5.00")},
            {"sku": "mug", "category": "kitchen", "quantity": 1, "amount": Decimal("9.95")},
        ],
        discount=Decimal("1.00"),
        shipping=Decimal("4.90"),
        tax=Decimal("3.00"),
    )
    found = figures(order(), second)["EUR"]
    hours = {entry["start"]: entry for entry in found.pop("by_hour") if entry["orders"]}
    assert found == {
        "orders": 2,
        "units": 13,
        "gross": "34.85",
        "discounts": "1.00",
        "net": "33.85",
        "shipping": "4.90",
        "tax": "3.00",
        "total": "41.75",
        "average_order_value": "20.88",
        "units_per_order": "6.50",
        "refunds": {"orders": 0, "count": 0, "total": "0.00", "rate": "0.0000"},
        "cancellations": {"orders": 0, "total": "0.00", "rate": "0.0000"},
        "kept": "41.75",
        "customers": {"new": {"orders": 1, "total": "19.90"}, "returning": {"orders": 1, "total": "21.85"}},
        "by_category": [
            {"category": "kitchen", "units": 3, "gross": "29.85"},
            {"category": "office", "units": 10, "gross": "5.00"},
        ],
        "top_products": {
            "by_revenue": [
                {"sku": "mug", "units": 3, "revenue": "29.85"},
                {"sku": "pen", "units": 10, "revenue": "5.00"},
            ],
            "by_units": [
                {"sku": "pen", "units": 10, "revenue": "5.00"},
                {"sku": "mug", "units": 3, "revenue": "29.85"},
            ],
        },
    }
    assert hours == {
        "2026-11-23T09:00+01:00": {
            "start": "2026-11-23T09:00+01:00",
            "orders": 1,
            "units": 2,
            "gross": "19.90",
            "total": "19.90",
        },
        "2026-11-23T23:00+01:00": {
            "start": "2026-11-23T23:00+01:00",
            "orders": 1,
            "units": 11,
            "gross": "14.95",
            "total": "21.85",
        },
    }


def test_what_orders_have_become() -> None:
    orders = [
        order(),
        order(status="DELIVERED", refunded=Decimal("5.00"), refund_count=Decimal(2)),
        order(status="CANCELLED", refunded=Decimal("4.90"), refund_count=Decimal(1)),
        order(status="CANCELLED", refunded=Decimal(0), refund_count=Decimal(0)),
    ]
    found = figures(*orders)["EUR"]
    assert (found["orders"], found["total"]) == (4, "79.60")
    assert found["refunds"] == {"orders": 2, "count": 3, "total": "9.90", "rate": "0.1244"}
    assert found["cancellations"] == {"orders": 2, "total": "34.90", "rate": "0.5000"}
    assert found["kept"] == "34.80"


def test_orders_changed_after_their_day_are_told() -> None:
    aggregation = Aggregation(DAY, BERLIN)
    for updated_at in ("2026-11-23T22:59:59.999Z", "2026-11-23T23:00:00.000Z", "2026-12-01T00:00:00.000Z"):
        aggregation.add(order(updated_at=updated_at))
    assert aggregation.changed_later == 2


def test_currencies_are_never_added() -> None:
    yen = order(currency="JPY", lines=[{"sku": "x", "category": "y", "quantity": 1, "amount": Decimal(1250)}])
    found = figures(order(), yen)
    assert {code: entry["total"] for code, entry in found.items()} == {"EUR": "19.90", "JPY": "1250"}


def test_only_ten_products_are_named() -> None:
    lines = [
        {"sku": f"s{number:02}", "category": "c", "quantity": 1, "amount": Decimal(number)} for number in range(30)
    ]
    top = figures(order(lines=lines))["EUR"]["top_products"]
    assert [entry["sku"] for entry in top["by_revenue"]] == [f"s{number}" for number in range(29, 19, -1)]
    assert len(top["by_units"]) == 10


def test_a_day_without_orders_has_no_currencies() -> None:
    assert figures() == {}


@pytest.mark.parametrize(
    ("day", "zone", "count", "start"),
    [
        ("2026-11-23", "Europe/Berlin", 24, "2026-11-23T00:00+01:00"),
        ("2026-03-29", "Europe/Berlin", 23, "2026-03-29T00:00+01:00"),
        ("2026-10-25", "Europe/Berlin", 25, "2026-10-25T00:00+02:00"),
        ("2026-11-23", "UTC", 24, "2026-11-23T00:00+00:00"),
        ("2026-10-04", "Australia/Lord_Howe", 24, "2026-10-04T00:00+10:30"),
        ("2026-04-05", "Australia/Lord_Howe", 25, "2026-04-05T00:00+11:00"),
        ("2018-11-04", "America/Sao_Paulo", 23, "2018-11-04T01:00-02:00"),
    ],
)
def test_days_have_23_to_25_hours(day: str, zone: str, count: int, start: str) -> None:
    window = Aggregation(date.fromisoformat(day), ZoneInfo(zone)).window()
    assert window == {"start": start, "hours": count}


def test_the_repeated_hour_has_two_buckets() -> None:
    day = date(2026, 10, 25)
    first, second = "2026-10-25T00:30:00.000Z", "2026-10-25T01:30:00.000Z"
    found = figures(order(created_at=first), order(created_at=second), day=day)["EUR"]
    starts = [entry["start"] for entry in found["by_hour"] if entry["orders"]]
    assert starts == ["2026-10-25T02:00+02:00", "2026-10-25T02:00+01:00"]


def test_orders_outside_the_window_are_counted_and_told() -> None:
    aggregation = Aggregation(DAY, BERLIN)
    aggregation.add(order(created_at="2026-11-22T22:59:59.999Z"))
    aggregation.add(order(created_at="2026-11-23T23:00:00.000Z"))
    aggregation.add(order())
    hours = aggregation.currencies()["EUR"]["by_hour"]
    assert aggregation.outside_window == 2
    assert (hours[0]["orders"], hours[-1]["orders"]) == (1, 1)


def amounts(currency: str) -> st.SearchStrategy[Decimal]:
    return st.integers(0, 10**18).map(lambda number: Decimal(number).scaleb(-money.EXPONENTS[currency]))


@st.composite
def days_of_orders(draw: st.DrawFn) -> tuple[date, list[dict[str, Any]]]:
    day = draw(st.dates(date(2020, 1, 1), date(2030, 12, 31)))
    hours = days.hours(day, BERLIN)
    seconds = (hours[-1] - hours[0] + days.HOUR).total_seconds()
    orders = []
    for _ in range(draw(st.integers(0, 20))):
        currency = draw(st.sampled_from(["JPY", "EUR", "KWD"]))
        amount = amounts(currency)
        line = st.fixed_dictionaries(
            {
                "sku": st.text(min_size=1, max_size=3),
                "category": st.sampled_from("abc"),
                "quantity": st.integers(1, 10_000),
                "amount": amount,
            }
        )
        created = hours[0] + timedelta(seconds=draw(st.integers(0, int(seconds) - 1)))
        drawn = order(
            currency=currency,
            customer_kind=draw(st.sampled_from(["new", "returning"])),
            created_at=days.timestamp(created),
            lines=draw(st.lists(line, min_size=1, max_size=4)),
            shipping=draw(amount),
            tax=draw(amount),
        )
        refunds = draw(st.integers(0, 3))
        share = Decimal(draw(st.integers(0, 100))) / 100 if refunds else Decimal(0)
        with money.exact():
            drawn["refunded"] = money.rounded(drawn["total"] * share, currency)
        drawn["refund_count"] = Decimal(refunds)
        drawn["status"] = draw(st.sampled_from(["PLACED", "SHIPPED", "CANCELLED"]))
        orders.append(drawn)
    return day, orders


@settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(days_of_orders())
def test_every_breakdown_adds_up(drawn: tuple[date, list[dict[str, Any]]]) -> None:
    day, orders = drawn
    found = figures(*orders, day=day)
    assert set(found) == {item["currency"] for item in orders}
    for code, entry in found.items():
        mine = [item for item in orders if item["currency"] == code]
        with money.exact():
            gross, total = Decimal(entry["gross"]), Decimal(entry["total"])
            assert gross == sum(item["subtotal"] for item in mine)
            assert total == sum(item["total"] for item in mine)
            assert Decimal(entry["net"]) + Decimal(entry["shipping"]) + Decimal(entry["tax"]) == total
            became = [Decimal(entry["kept"])] + [Decimal(entry[name]["total"]) for name in ("refunds", "cancellations")]
            assert sum(became) == total
            assert became[1] == sum(item["refunded"] for item in mine)
            for parts in (entry["by_category"], entry["by_hour"]):
                assert sum(Decimal(part["gross"]) for part in parts) == gross
                assert sum(part["units"] for part in parts) == entry["units"]
            for parts in (entry["by_hour"], list(entry["customers"].values())):
                assert sum(Decimal(part["total"]) for part in parts) == total
                assert sum(part["orders"] for part in parts) == entry["orders"] == len(mine)
