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
from tests.support.functions import another_version
from tests.support.project import TestProject

PREFIX = "ecommerce-analytics-local"
REPORTS = f"{PREFIX}-reports-000000000000"
# Days without orders, so that no other test finds what is left here.
SCHEDULED_DAY = "1999-01-03"
REQUESTED_DAY = "1999-01-04"
BOUNCING_DAY = "1999-01-05"
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


def test_a_mail_that_comes_back_or_annoys_raises_an_alert(deployed: TestProject) -> None:
    """To SES's mailbox simulator; in an account SES makes these events of real bounces and complaints."""
    sns, sqs = deployed.client("sns"), deployed.client("sqs")
    [topic] = [one["TopicArn"] for one in sns.list_topics()["Topics"] if one["TopicArn"].endswith(f":{PREFIX}-alerts")]
    url = sqs.create_queue(QueueName="bounces")["QueueUrl"]
    queue = f"{topic.rpartition(':')[0].replace(':sns:', ':sqs:')}:bounces"
    grant = {"Effect": "Allow", "Principal": {"Service": "sns.amazonaws.com"}, "Action": "sqs:SendMessage"}
    policy = json.dumps({"Version": "2012-10-17", "Statement": [{**grant, "Resource": queue}]})
    sqs.set_queue_attributes(QueueUrl=url, Attributes={"Policy": policy})
    subscription = sns.subscribe(
        TopicArn=topic, Protocol="sqs", Endpoint=queue, Attributes={"RawMessageDelivery": "true"}
    )["SubscriptionArn"]
    recipients = "bounce@simulator.amazonses.com,complaint@simulator.amazonses.com"
    events: list[dict[str, Any]] = []

    def told() -> bool:
        for message in sqs.receive_message(QueueUrl=url, MaxNumberOfMessages=10).get("Messages", ()):
            sqs.delete_message(QueueUrl=url, ReceiptHandle=message["ReceiptHandle"])
            events.append(json.loads(message["Body"]))
        return len([event for event in events if "eventType" in event]) == 2

    try:
        with another_version(deployed, f"{PREFIX}-notifier", RECIPIENTS=recipients):
            payload = json.dumps({"report_date": BOUNCING_DAY}).encode()
            deployed.client("lambda").invoke(
                FunctionName=f"{PREFIX}-report-generator", Qualifier="live", Payload=payload
            )
            assert _wait_for(told)
    finally:
        sns.unsubscribe(SubscriptionArn=subscription)
        sqs.delete_queue(QueueUrl=url)
    failures = {event["eventType"]: event for event in events if "eventType" in event}
    bounced, complained = failures["Bounce"], failures["Complaint"]
    assert bounced["bounce"]["bouncedRecipients"][0]["emailAddress"] == "bounce@simulator.amazonses.com"
    assert complained["complaint"]["complainedRecipients"] == [{"emailAddress": "complaint@simulator.amazonses.com"}]
    assert bounced["mail"]["tags"]["ses:configuration-set"] == [f"{PREFIX}-reports"]


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
