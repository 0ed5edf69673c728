"""Making a report: which day, which version, in which order, and what a second run does."""

from __future__ import annotations

import csv
import gc
import hashlib
import io
import json
from collections.abc import Callable
from contextlib import nullcontext
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from types import SimpleNamespace
from typing import Any
from zoneinfo import ZoneInfo

import logic
import pytest
from common import days, keys
from fakes import FakeDynamoDB, FakeS3, client_error
from logic import Request, RequestError
from publication import OvertakenError

BERLIN = ZoneInfo("Europe/Berlin")
CONFIG = logic.Settings(BERLIN, 4, "orders", "reports")
DAY = date(2026, 11, 23)
NOW = datetime(2026, 11, 24, 3, 15, tzinfo=UTC)
FOLDER = "reports/dt=2026-11-23/"
FILES = ("report.json", "orders.csv", "summary.csv", "report.html", "mail.html", "manifest.json")


def stored(
    dynamodb: FakeDynamoDB, number: int, *, shards: int = 4, currency: str = "EUR", day: date = DAY, **changes: Any
) -> None:
    order_id = f"01ORDER{number:06}"
    created_at = days.timestamp(datetime(day.year, day.month, day.day, 6, 0, tzinfo=UTC) + timedelta(minutes=number))
    amount = Decimal(number + 1)
    dynamodb.add(
        "orders",
        {
            "pk": keys.order(order_id),
            "sk": keys.META,
            "gsi1pk": keys.day(day, keys.shard(order_id, shards)),
            "gsi1sk": f"{created_at}#{order_id}",
            "order_id": order_id,
            "status": "PLACED",
            "currency": currency,
            "customer_id": f"c-{number}",
            "customer_kind": "new",
            "created_at": created_at,
            "updated_at": created_at,
            "business_day": day.isoformat(),
            "lines": [{"sku": "mug", "category": "kitchen", "quantity": 1, "amount": amount}],
            "subtotal": amount,
            "discount": Decimal(0),
            "shipping": Decimal(0),
            "tax": Decimal(0),
            "total": amount,
            "version": 1,
            **changes,
        },
    )


@pytest.fixture
def dynamodb() -> FakeDynamoDB:
    return FakeDynamoDB()


@pytest.fixture
def s3() -> FakeS3:
    return FakeS3()


def run(dynamodb: FakeDynamoDB, s3: FakeS3, *, force: bool = False, now: datetime = NOW) -> logic.Result:
    return logic.run(Request(DAY, force), CONFIG, dynamodb, s3, now)


@pytest.mark.parametrize("fails", [False, True])
def test_pythons_collector_rests_for_the_reading_only(dynamodb: FakeDynamoDB, s3: FakeS3, fails: bool) -> None:
    stored(dynamodb, 1, **({"subtotal": "no number"} if fails else {}))
    with pytest.raises(KeyError) if fails else nullcontext():
        run(dynamodb, s3)
    assert gc.isenabled()


def test_a_report_is_written_with_its_manifest_last(dynamodb: FakeDynamoDB, s3: FakeS3) -> None:
    for number in range(10):
        stored(dynamodb, number)
    result = run(dynamodb, s3)
    at = FOLDER + "v0001/"
    assert s3.keys == [at + name for name in FILES]
    assert result == logic.Result("2026-11-23", "created", 1, result.checksum, 10, at + "manifest.json")
    manifest = json.loads(s3.objects[result.manifest_key])
    for file in manifest.pop("files"):
        body = s3.objects[file["key"]]
        assert (file["size"], file["sha256"]) == (len(body), hashlib.sha256(body).hexdigest())
    assert manifest == {
        "schema_version": 1,
        "report_date": "2026-11-23",
        "time_zone": "Europe/Berlin",
        "version": 1,
        "as_of": "2026-11-24T03:15:00.000Z",
        "checksum": result.checksum,
        "input_count": 10,
        "currencies": {
            "EUR": {
                "orders": 10,
                "units": 10,
                "gross": "55.00",
                "discounts": "0.00",
                "net": "55.00",
                "shipping": "0.00",
                "tax": "0.00",
                "total": "55.00",
                "average_order_value": "5.50",
                "kept": "55.00",
            }
        },
    }
    report = json.loads(s3.objects[at + "report.json"])
    assert report["currencies"]["EUR"]["total"] == "55.00"
    assert report["data_quality"].pop("seconds") >= 0
    assert report["data_quality"] == {
        "shards_read": 4,
        "pages_read": 4,
        "outside_window": 0,
        "changed_after_the_day": 0,
    }


def test_all_pages_of_all_shards_are_read_in_the_order_of_time(dynamodb: FakeDynamoDB, s3: FakeS3) -> None:
    dynamodb.page_size = 3
    dynamodb.add("orders", {"pk": keys.shards(DAY), "sk": keys.META, "shards": 7})
    for number in range(60):
        stored(dynamodb, number, shards=7)
    result = run(dynamodb, s3)
    assert result.input_count == 60
    table = csv.DictReader(io.StringIO(s3.objects[FOLDER + "v0001/orders.csv"].decode()))
    assert [row["order_id"] for row in table] == [f"01ORDER{number:06}" for number in range(60)]


def test_an_empty_day_has_a_report(dynamodb: FakeDynamoDB, s3: FakeS3) -> None:
    result = run(dynamodb, s3)
    report = json.loads(s3.objects[FOLDER + "v0001/report.json"])
    assert (result.input_count, report["currencies"]) == (0, {})
    assert s3.objects[FOLDER + "v0001/orders.csv"].count(b"\r\n") == 1


def test_an_unchanged_report_is_not_written_again(dynamodb: FakeDynamoDB, s3: FakeS3) -> None:
    stored(dynamodb, 1)
    first = run(dynamodb, s3)
    again = run(dynamodb, s3, now=NOW + timedelta(hours=1))
    assert (again.status, again.version, again.checksum) == ("unchanged", 1, first.checksum)
    assert again.manifest_key == first.manifest_key
    assert len(s3.keys) == len(FILES)


def test_force_makes_a_new_version(dynamodb: FakeDynamoDB, s3: FakeS3) -> None:
    first = run(dynamodb, s3)
    again = run(dynamodb, s3, force=True)
    assert (again.status, again.version, again.checksum) == ("created", 2, first.checksum)


def test_a_late_order_restates_the_day(dynamodb: FakeDynamoDB, s3: FakeS3) -> None:
    first = run(dynamodb, s3)
    stored(dynamodb, 1)
    again = run(dynamodb, s3)
    assert (again.status, again.version) == ("created", 2)
    assert again.checksum != first.checksum
    assert s3.keys[-1] == FOLDER + "v0002/manifest.json"


def test_a_change_that_moves_no_figure_is_a_change(dynamodb: FakeDynamoDB, s3: FakeS3) -> None:
    stored(dynamodb, 1)
    run(dynamodb, s3)
    for item in dynamodb.items("orders"):
        if item["pk"].startswith("ORDER#"):
            dynamodb.add("orders", {**item, "status": "SHIPPED"})
    assert run(dynamodb, s3).version == 2


@pytest.mark.parametrize("force", [False, True])
def test_a_run_that_died_is_completed_under_its_version(dynamodb: FakeDynamoDB, s3: FakeS3, force: bool) -> None:
    stored(dynamodb, 1)
    s3.failures = [client_error("SlowDown")]
    with pytest.raises(Exception, match="SlowDown"):
        run(dynamodb, s3, force=force)
    assert s3.keys == []
    result = run(dynamodb, s3, force=force, now=NOW + timedelta(minutes=5))
    assert (result.status, result.version) == ("created", 1)
    assert json.loads(s3.objects[result.manifest_key])["as_of"] == days.timestamp(NOW)
    assert run(dynamodb, s3).status == "unchanged"


def test_two_runs_do_not_share_a_version(dynamodb: FakeDynamoDB, s3: FakeS3) -> None:
    dynamodb.before["put_item"] = [lambda: run(dynamodb, FakeS3())]
    with pytest.raises(OvertakenError):
        run(dynamodb, s3)
    assert s3.keys == []


def test_a_failed_query_fails_the_run(dynamodb: FakeDynamoDB, s3: FakeS3) -> None:
    dynamodb.failures["query"] = [client_error("ProvisionedThroughputExceededException")]
    with pytest.raises(Exception, match="ProvisionedThroughput"):
        run(dynamodb, s3)
    assert s3.keys == []


@pytest.mark.parametrize(
    ("event", "request_"),
    [
        ({"scheduled_time": "2026-11-24T03:15:00Z"}, Request(DAY, follow=True)),
        ({"scheduled_time": "2026-11-23T23:30:00Z"}, Request(DAY, follow=True)),
        ({"scheduled_time": "2026-11-23T22:30:00Z"}, Request(date(2026, 11, 22), follow=True)),
        ({"report_date": "2026-11-23"}, Request(DAY)),
        ({"report_date": "2026-11-23", "force": True}, Request(DAY, force=True)),
        ({"report_date": "2026-11-20", "until": "2026-11-23"}, Request(date(2026, 11, 20), until=DAY)),
        (
            {
                "source": "analytics.orders",
                "detail-type": "ReportRequested",
                "detail": {"report_date": "2026-11-24", "force": False},
            },
            Request(date(2026, 11, 24)),
        ),
    ],
)
def test_events_name_a_day(event: dict[str, Any], request_: Request) -> None:
    assert logic.wanted(event, BERLIN, NOW) == request_


@pytest.mark.parametrize(
    "event",
    [
        {},
        {"report_date": "23.11.2026"},
        {"report_date": "20261123"},
        {"report_date": "2026-02-30"},
        {"report_date": "2026-11-25"},
        {"report_date": 20261123},
        {"report_date": "2026-11-23", "until": "2026-11-22"},
        {"report_date": "2026-11-01", "until": "2026-12-02"},
        {"report_date": "2026-10-01", "until": "2026-11-01"},
        {"report_date": "2026-11-23", "until": None},
        {"until": "2026-11-23"},
        {"report_date": "2026-11-23", "force": "yes"},
        {"scheduled_time": "<aws.scheduler.scheduled-time>"},
        {"scheduled_time": "2026-11-23T04:15:00"},
        {"source": "somebody", "detail-type": "ReportRequested", "detail": {"report_date": "2026-11-23"}},
        {"source": "analytics.orders", "detail-type": "OrderPlaced", "detail": {"report_date": "2026-11-23"}},
        {"source": "analytics.orders", "detail-type": "ReportRequested"},
    ],
)
def test_other_events_are_refused(event: dict[str, Any]) -> None:
    with pytest.raises(RequestError):
        logic.wanted(event, BERLIN, NOW)


def test_the_function_reports_counts_and_raises(
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    load_handler: Callable[[str], Any],
    dynamodb: FakeDynamoDB,
    s3: FakeS3,
) -> None:
    loaded = load_handler("report-generator")
    module = loaded.module
    monkeypatch.setattr(module, "dynamodb", dynamodb)
    monkeypatch.setattr(module, "s3", s3)
    context = SimpleNamespace(
        function_name="f",
        memory_limit_in_mb=1769,
        invoked_function_arn="arn",
        aws_request_id="r",
        get_remaining_time_in_millis=lambda: 900_000,
    )
    answer = module.handler({"report_date": "2020-01-01"}, context)
    assert answer["manifest_key"] == "reports/dt=2020-01-01/v0001/manifest.json"
    metric = json.loads(capsys.readouterr().out)
    (entry,) = loaded.log()
    assert (metric["ReportGenerated"], metric["service"]) == ([1.0], "report-generator")
    assert (entry["message"], entry["status"], entry["report_date"]) == ("report ready", "created", "2020-01-01")
    with pytest.raises(module.logic.RequestError):
        module.handler({}, context)
    assert capsys.readouterr().out == ""
    assert loaded.log()[-1]["level"] == "ERROR"
