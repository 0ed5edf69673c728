"""Earlier days: restated when their orders change, caught up when a run was missed, compared with."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any
from zoneinfo import ZoneInfo

import capacity
import followups
import logic
import pytest
import trends
from capacity import DayTooLargeError
from common import days, keys
from fakes import FakeDynamoDB, FakeS3, client_error
from hypothesis import given
from hypothesis import strategies as st
from logic import Request, UnfinishedError

BERLIN = ZoneInfo("Europe/Berlin")
CONFIG = logic.Settings(BERLIN, 4, "orders", "reports")
DAY = date(2026, 11, 23)


class Clock:
    """Seconds that a run has left: each look takes some."""

    def __init__(self, left: float, step: float = 0) -> None:
        self.left, self.step = left, step

    def __call__(self) -> float:
        self.left -= self.step
        return self.left


@pytest.fixture
def dynamodb() -> FakeDynamoDB:
    return FakeDynamoDB()


@pytest.fixture
def s3() -> FakeS3:
    return FakeS3()


def ago(count: int) -> date:
    return DAY - timedelta(days=count)


def night_after(day: date) -> datetime:
    return datetime(day.year, day.month, day.day, 3, 15, tzinfo=UTC) + timedelta(days=1)


def order(dynamodb: FakeDynamoDB, day: date, number: int = 0, amount: str = "10", **changes: Any) -> None:
    order_id = f"01ORDER{day:%Y%m%d}{number:03}"
    created_at = days.timestamp(datetime(day.year, day.month, day.day, 9, number % 60, tzinfo=UTC))
    value = Decimal(amount)
    item = {
        "pk": keys.order(order_id),
        "sk": keys.META,
        "gsi1pk": keys.day(day, keys.shard(order_id, 4)),
        "gsi1sk": f"{created_at}#{order_id}",
        "order_id": order_id,
        "status": "PLACED",
        "currency": "EUR",
        "customer_id": "c",
        "customer_kind": "new",
        "created_at": created_at,
        "updated_at": created_at,
        "business_day": day.isoformat(),
        "lines": [{"sku": "mug", "category": "kitchen", "quantity": 1, "amount": value}],
        **dict.fromkeys(("discount", "shipping", "tax"), Decimal(0)),
        "subtotal": value,
        "total": value,
        "version": 1,
    }
    dynamodb.add("orders", {**item, **changes})
    dynamodb.add("orders", {"pk": keys.shards(day), "sk": keys.META, "shards": 4})


def refund(dynamodb: FakeDynamoDB, day: date, made: datetime, amount: str = "4") -> None:
    """Refund the first order of a day, as the order processor does it."""
    order(dynamodb, day, refunded=Decimal(amount), refund_count=1, version=2, updated_at=days.timestamp(made))
    order_id, on = f"01ORDER{day:%Y%m%d}000", days.business_day(made, BERLIN)
    change = {
        "pk": keys.order(order_id),
        "sk": keys.change(2),
        "gsi1pk": keys.changes(on, 0),
        "gsi1sk": f"{days.timestamp(made)}#{order_id}",
        "order_id": order_id,
        "status": "REFUNDED",
        "currency": "EUR",
        "total": Decimal(amount),
        "business_day": on.isoformat(),
        "order_day": day.isoformat(),
        "created_at": days.timestamp(made),
    }
    dynamodb.add("orders", change)


def nightly(dynamodb: FakeDynamoDB, s3: FakeS3, day: date, clock: Callable[[], float] | None = None) -> dict[str, str]:
    """Run as the schedule does; return what became of each day."""
    request, now = Request(day, follow=True), night_after(day)
    results = logic.run_all(request, CONFIG, dynamodb, s3, now, clock or Clock(900))
    return {result.report_date: f"{result.status} {result.version}" for result in results}


def report(s3: FakeS3, day: date, version: int = 1) -> dict[str, Any]:
    content: dict[str, Any] = json.loads(s3.objects[keys.report_folder(day, version) + "report.json"])
    return content


def test_a_refund_restates_the_orders_day_and_shows_on_its_own(dynamodb: FakeDynamoDB, s3: FakeS3) -> None:
    order(dynamodb, ago(1))
    assert nightly(dynamodb, s3, ago(1)) == {"2026-11-22": "created 1"}
    refund(dynamodb, ago(1), datetime(2026, 11, 23, 12, 0, tzinfo=UTC))
    assert nightly(dynamodb, s3, DAY) == {"2026-11-23": "created 1", "2026-11-22": "created 2"}
    assert report(s3, DAY)["changes"] == {
        "EUR": {"refunds": {"count": 1, "total": "4.00"}, "cancellations": {"count": 0, "total": "0.00"}}
    }
    assert report(s3, DAY)["currencies"] == {}
    restated = report(s3, ago(1), 2)["currencies"]["EUR"]
    assert (restated["total"], restated["refunds"]["total"], restated["kept"]) == ("10.00", "4.00", "6.00")
    assert nightly(dynamodb, s3, DAY) == {"2026-11-23": "unchanged 1"}


def test_a_refund_reaches_days_before_the_window(dynamodb: FakeDynamoDB, s3: FakeS3) -> None:
    order(dynamodb, ago(60))
    nightly(dynamodb, s3, ago(60))
    refund(dynamodb, ago(60), datetime(2026, 11, 23, 12, 0, tzinfo=UTC))
    assert nightly(dynamodb, s3, DAY)[ago(60).isoformat()] == "created 2"


def test_a_change_that_a_forced_report_holds_is_confirmed_once(dynamodb: FakeDynamoDB, s3: FakeS3) -> None:
    order(dynamodb, ago(1))
    refund(dynamodb, ago(1), datetime(2026, 11, 23, 12, 0, tzinfo=UTC))
    request = Request(ago(1))
    logic.run(request, CONFIG, dynamodb, s3, datetime(2026, 11, 23, 11, 59, tzinfo=UTC))
    assert nightly(dynamodb, s3, DAY)["2026-11-22"] == "unchanged 1"
    assert nightly(dynamodb, s3, DAY) == {"2026-11-23": "unchanged 1"}


def test_missed_days_are_caught_up(dynamodb: FakeDynamoDB, s3: FakeS3) -> None:
    nightly(dynamodb, s3, ago(5))
    order(dynamodb, ago(3))
    assert nightly(dynamodb, s3, DAY) == {
        DAY.isoformat(): "created 1",
        **{ago(count).isoformat(): "created 1" for count in (4, 3, 2, 1)},
    }


def test_days_before_the_shop_opened_are_not_reported(dynamodb: FakeDynamoDB, s3: FakeS3) -> None:
    assert nightly(dynamodb, s3, DAY) == {"2026-11-23": "created 1"}


def test_days_that_do_not_fit_into_the_time_are_due_the_next_night(dynamodb: FakeDynamoDB, s3: FakeS3) -> None:
    for count in range(6):
        order(dynamodb, ago(count))
    first = nightly(dynamodb, s3, DAY, Clock(900, 200))
    assert 1 <= len(first) < 6
    second = nightly(dynamodb, s3, DAY)
    assert first.keys() | second.keys() == {ago(count).isoformat() for count in range(6)}


def test_a_day_that_fails_does_not_keep_the_others(dynamodb: FakeDynamoDB, s3: FakeS3) -> None:
    for count in range(3):
        order(dynamodb, ago(count))
    request = Request(ago(2), until=DAY)
    s3.failures = [client_error("SlowDown")]
    with pytest.raises(Exception, match="SlowDown"):
        logic.run_all(request, CONFIG, dynamodb, s3, night_after(DAY), Clock(900))
    assert {key.split("/")[1] for key in s3.keys} == {"dt=2026-11-22", "dt=2026-11-23"}
    results = logic.run_all(request, CONFIG, dynamodb, s3, night_after(DAY), Clock(900))
    assert [result.status for result in results] == ["created", "unchanged", "unchanged"]


def test_a_range_that_is_not_finished_says_so(dynamodb: FakeDynamoDB, s3: FakeS3) -> None:
    with pytest.raises(UnfinishedError, match="2026-11-2"):
        logic.run_all(Request(ago(5), until=DAY), CONFIG, dynamodb, s3, night_after(DAY), Clock(900, 200))


def test_a_report_stands_beside_earlier_days(dynamodb: FakeDynamoDB, s3: FakeS3) -> None:
    for count in range(7, 0, -1):
        order(dynamodb, ago(count), amount="20" if count == 1 else "10")
        nightly(dynamodb, s3, ago(count))
    order(dynamodb, DAY, amount="40")
    nightly(dynamodb, s3, DAY)
    trend = report(s3, DAY)["trends"]["EUR"]
    assert trend["previous_day"]["total"] == {"value": "20.00", "change": "1.0000"}
    assert trend["same_weekday"]["orders"] == {"value": "1.0", "change": "0.0000"}
    assert trend["seven_day_average"]["total"] == {"value": "11.43", "change": "2.5000"}
    assert trend["days_known"] == 7
    assert trend["anomalies"] == [{"figure": "total", "change": "2.5000"}]


def test_without_earlier_reports_there_is_nothing_beside(dynamodb: FakeDynamoDB, s3: FakeS3) -> None:
    order(dynamodb, DAY)
    nightly(dynamodb, s3, DAY)
    trend = report(s3, DAY)["trends"]["EUR"]
    assert (trend["previous_day"], trend["anomalies"]) == ({"orders": None, "total": None}, [])


@given(st.lists(st.integers(0, 10**6), min_size=7, max_size=7))
def test_the_average_is_that_of_the_days_known(totals: list[int]) -> None:
    before = {back + 1: {"EUR": {"orders": total, "total": str(total)}} for back, total in enumerate(totals) if total}
    trend = trends.compare({"EUR": {"orders": 1, "total": "1.00"}}, before)["EUR"]
    known = [total for total in totals if total]
    shown = trend["seven_day_average"]["total"]
    assert trend["days_known"] == len(known)
    assert (shown is None) == (not known)
    if known:
        assert abs(Decimal(shown["value"]) - Decimal(sum(known)) / len(known)) <= Decimal("0.005")


class Crowded:
    """A table of so many orders a day, evenly spread over its shards and hours, that counts without holding them."""

    def __init__(self, orders: int, shards: int) -> None:
        self.per_second = orders / shards / 86_400
        self.queries = 0

    def query(self, **arguments: Any) -> dict[str, Any]:
        self.queries += 1
        values = {name: value["S"] for name, value in arguments["ExpressionAttributeValues"].items()}
        if "Limit" in arguments:
            return {"Count": min(arguments["Limit"], int(self.per_second * 86_400))}
        span = days.instant(values[":last"]) - days.instant(values[":first"])
        return {"Count": round(self.per_second * span.total_seconds())}


@pytest.mark.parametrize(("orders", "fits"), [(9_000, True), (1_000_000, True), (4_000_000, True), (6_000_000, False)])
def test_a_day_that_cannot_fit_is_refused_before_it_starts(
    orders: int, fits: bool, monkeypatch: pytest.MonkeyPatch, tmp_path: Any
) -> None:
    monkeypatch.setattr(capacity.Room, "orders", lambda self: int((self.seconds - 60) * capacity.ORDERS_PER_SECOND))
    table, room = Crowded(orders, 10), capacity.Room(900, tmp_path)
    if fits:
        capacity.check(table, "orders", DAY, BERLIN, 10, room)
    else:
        with pytest.raises(DayTooLargeError, match=r"about 5,9\d\d,\d+ orders.*07-data-transformation.*Athena"):
            capacity.check(table, "orders", DAY, BERLIN, 10, room)
    assert table.queries <= 97


def test_the_refusal_leaves_nothing(dynamodb: FakeDynamoDB, s3: FakeS3, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(capacity, "_SAMPLE", timedelta(minutes=15))  # the whole of each quarter
    for number in range(60):
        order(dynamodb, DAY, number)
    before = dynamodb.items("orders")
    with pytest.raises(DayTooLargeError):
        logic.run(Request(DAY), CONFIG, dynamodb, s3, night_after(DAY), lambda: 60.0)
    assert (dynamodb.items("orders"), s3.keys) == (before, [])


def test_room_is_what_time_and_disk_leave(monkeypatch: pytest.MonkeyPatch, tmp_path: Any) -> None:
    assert capacity.Room(60, tmp_path).orders() == 0
    monkeypatch.setattr(capacity.shutil, "disk_usage", lambda _: type("Usage", (), {"free": 512_000}))
    assert capacity.Room(900, tmp_path).orders() == 2000


def test_totals_keep_kinds_and_currencies_apart() -> None:
    changes = [
        {"currency": "EUR", "status": "REFUNDED", "total": Decimal("1.5")},
        {"currency": "JPY", "status": "CANCELLED", "total": Decimal(100)},
        {"currency": "EUR", "status": "REFUNDED", "total": Decimal("2")},
    ]
    assert followups.totals(changes) == {
        "EUR": {"refunds": {"count": 2, "total": "3.50"}, "cancellations": {"count": 0, "total": "0.00"}},
        "JPY": {"refunds": {"count": 0, "total": "0"}, "cancellations": {"count": 1, "total": "100"}},
    }
