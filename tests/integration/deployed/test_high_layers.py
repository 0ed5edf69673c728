"""What the upper layers do on the deployed project: refuse, start by schedule and event, and name runbooks."""

from __future__ import annotations

import json
import time
import urllib.request
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any, TypeVar

import pytest

from tests.support.api import ORDER, open_shop, place
from tests.support.project import TestProject

PREFIX = "ecommerce-analytics-local"
REPORTS = f"{PREFIX}-reports-000000000000"
# Days without orders, so that no other test finds what is left here.
SCHEDULED_DAY = "1999-01-03"
REQUESTED_DAY = "1999-01-04"
PATIENCE = 30.0

T = TypeVar("T")


def _wait_for(look: Callable[[], T]) -> T:
    """Look until something is there."""
    deadline = time.monotonic() + PATIENCE
    while not (found := look()) and time.monotonic() < deadline:
        time.sleep(0.2)
    return found


def _manifest(project: TestProject, day: str) -> list[str]:
    listed = project.client("s3").list_objects_v2(Bucket=REPORTS, Prefix=f"reports/dt={day}/")
    return [item["Key"] for item in listed.get("Contents", ()) if item["Key"].endswith("/manifest.json")]


def _mails(project: TestProject, day: str) -> list[dict[str, Any]]:
    with urllib.request.urlopen(f"{project.endpoint}/_ministack/ses/messages", timeout=10) as answer:
        messages = json.load(answer)["messages"].values()
    return [mail for account in messages for mail in account if day in mail["Subject"]]


@pytest.mark.parametrize(
    ("key", "order", "signed", "status"),
    [
        ("high-unsigned", ORDER, False, 403),
        ("", ORDER, True, 400),
        ("high-unknown-property", {**ORDER, "gift": True}, True, 400),
        ("high-number-as-money", {**ORDER, "tax": 1.5}, True, 400),
        ("high-no-items", {**ORDER, "items": []}, True, 400),
        ("high-lower-case-currency", {**ORDER, "currency": "usd"}, True, 400),
    ],
)
def test_the_gateway_itself_refuses_what_is_malformed(
    deployed: TestProject, key: str, order: Any, signed: bool, status: int
) -> None:
    answer = place(open_shop(deployed), key, order, signed=signed)
    assert answer.status == status
    # The function's problems carry a code, the gateway's do not: the function was never called.
    assert set(answer.document) == {"type", "title", "status", "detail", "correlation_id"}
    assert answer.document["status"] == status


def test_the_schedules_target_starts_the_report_whose_manifest_starts_the_mail(deployed: TestProject) -> None:
    scheduler = deployed.client("scheduler")
    group = f"{PREFIX}-reports"
    daily = scheduler.get_schedule(GroupName=group, Name=f"{PREFIX}-daily-report")
    assert json.loads(daily["Target"]["Input"]) == {"scheduled_time": "<aws.scheduler.scheduled-time>"}
    scheduler.create_schedule(
        GroupName=group,
        Name="once",
        ScheduleExpression=f"at({datetime.now(UTC) + timedelta(seconds=2):%Y-%m-%dT%H:%M:%S})",
        FlexibleTimeWindow={"Mode": "OFF"},
        ActionAfterCompletion="DELETE",
        Target={
            "Arn": daily["Target"]["Arn"],
            "RoleArn": daily["Target"]["RoleArn"],
            "Input": json.dumps({"report_date": SCHEDULED_DAY}),
        },
    )
    assert _wait_for(lambda: _manifest(deployed, SCHEDULED_DAY))
    mails = _wait_for(lambda: _mails(deployed, SCHEDULED_DAY))
    assert [mail["Source"] for mail in mails] == ["reports@example.com"]


def test_a_report_can_be_asked_for_and_the_diary_keeps_it(deployed: TestProject) -> None:
    entry = {
        "Source": "analytics.orders",
        "DetailType": "ReportRequested",
        "Detail": json.dumps({"report_date": REQUESTED_DAY}),
    }
    deployed.client("events").put_events(Entries=[entry])
    assert _wait_for(lambda: _manifest(deployed, REQUESTED_DAY))

    def diary() -> set[str]:
        lines = deployed.client("logs").filter_log_events(logGroupName=f"/aws/events/{PREFIX}")["events"]
        events = [json.loads(line["message"]) for line in lines if REQUESTED_DAY in line["message"]]
        kinds = {event["detail-type"] for event in events}
        return kinds if len(kinds) == 2 else set()

    assert _wait_for(diary) == {"ReportRequested", "Object Created"}


def test_every_alarm_names_a_runbook_that_the_readme_holds(deployed: TestProject) -> None:
    alarms = deployed.client("cloudwatch").get_paginator("describe_alarms").paginate(AlarmNamePrefix=PREFIX)
    found = [alarm for page in alarms for alarm in page["MetricAlarms"]]
    assert len(found) >= 40
    for alarm in found:
        place_, _, anchor = alarm["AlarmDescription"].partition("Runbook: ")[2].partition("#")
        assert place_ in ("terraform/06-monitoring/README.md", "terraform/07-data-transformation/README.md")
        assert alarm["AlarmName"].endswith(f"-{anchor}")
        assert f'<a id="{anchor}"></a>' in (deployed.root / place_).read_text(encoding="utf-8")
        assert alarm["AlarmActions"] == alarm["OKActions"]
        assert alarm["AlarmActions"][0].endswith(f":{PREFIX}-alerts")


def test_every_alarm_watches_something_that_is_there(deployed: TestProject) -> None:
    """A dimension with a typing error makes an alarm that never fires."""
    functions = {one["FunctionName"] for one in deployed.client("lambda").list_functions()["Functions"]}
    queues = {url.rsplit("/", 1)[-1] for url in deployed.client("sqs").list_queues()["QueueUrls"]}
    tables = set(deployed.client("dynamodb").list_tables()["TableNames"])
    rules = {rule["Name"] for rule in deployed.client("events").list_rules()["Rules"]}
    groups = {group["Name"] for group in deployed.client("scheduler").list_schedule_groups()["ScheduleGroups"]}
    table = deployed.client("dynamodb").describe_table(TableName=f"{PREFIX}-orders")["Table"]
    known = {
        "FunctionName": functions,
        "QueueName": queues,
        "TableName": tables,
        "RuleName": rules,
        "ScheduleGroup": groups,
        "GlobalSecondaryIndexName": {index["IndexName"] for index in table["GlobalSecondaryIndexes"]},
        "ApiName": {api["name"] for api in deployed.client("apigateway").get_rest_apis()["items"]},
        "Stage": {"live"},
        "Operation": {"GetItem", "Query", "TransactWriteItems"},
        "service": {"order-processor", "report-generator", "notifier", f"{PREFIX}-data-transformation"},
        "DeliveryStreamName": set(deployed.client("firehose").list_delivery_streams()["DeliveryStreamNames"]),
    }
    pages = deployed.client("cloudwatch").get_paginator("describe_alarms").paginate(AlarmNamePrefix=PREFIX)
    watched = [
        (dimension["Name"], dimension["Value"])
        for page in pages
        for alarm in page["MetricAlarms"]
        for dimension in alarm.get("Dimensions", ())
    ]
    assert {name for name, _ in watched} <= set(known)
    assert [pair for pair in watched if pair[1] not in known[pair[0]]] == []
