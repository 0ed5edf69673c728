"""Every way to start a function, and every target of a rule: an event in, an effect out, each with its own role."""

from __future__ import annotations

import json
import urllib.error
import urllib.request
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials

from tests.support.grown import PREFIX, Grown, Module, new_mark


def _function(name: str, **settings: Any) -> Module:
    noting = {"write_tables": ["ledger.table_arn"], "environment_variables_from": {"LEDGER": "ledger.table_name"}}
    return Module(name, "lambda", {**noting, **settings})


def _rule(name: str, source: str, target: str, target_arn: str) -> Module:
    settings = {"event_pattern": {"source": [source]}, "target": target, "target_arn": target_arn}
    return Module(name, "event-rule", settings)


# What the functions write to, and read from; there already if the tests beside this file ran.
SHARED = [
    Module("07-ledger", "table", {"range_key": "sk", "stream": "new_and_old_images"}),
    Module("08-uploads", "bucket", {"lifecycle_rules": False}),
]
MODULES = [
    Module("20-invoices", "queue", {}),
    Module("21-shipments", "queue", {"alarm_topic": ""}),
    _function("30-nightly", trigger="schedule", schedule_time_zone="Europe/Berlin"),
    _function("31-importer", trigger="s3", bucket="uploads.bucket_name", key_prefix="incoming/"),
    _function("32-order-audit", trigger="dynamodb-stream", stream_filter={"eventName": ["INSERT"]}),
    _function("33-thumbnails", trigger="sqs"),
    _function("34-billing", trigger="sqs", queue="invoices.queue_arn"),
    _function("35-listener", trigger="eventbridge", event_pattern={"source": ["shop.listener"]}),
    _function("36-desk", trigger="api", routes=["POST /things/{id}"]),
    _rule("40-to-queue", "shop.to-queue", "queue", "shipments.queue_arn"),
    _rule("41-to-function", "shop.to-function", "function", "listener.function_alias_arn"),
]


@pytest.fixture(scope="module")
def busy(grown: Grown) -> Grown:
    """The project with a function for each trigger and a rule for each target."""
    missing = [module for module in SHARED if not (grown.project.root / "terraform" / module.name).is_dir()]
    for module in [*missing, *MODULES]:
        grown.add(module)
    assert grown.apply() == [module.name for module in [*missing, *MODULES]]
    return grown


def _put_event(grown: Grown, source: str, mark: str) -> None:
    entry = {"Source": source, "DetailType": "Something", "Detail": json.dumps({"mark": mark})}
    answer = grown.client("events").put_events(Entries=[entry])
    assert answer["FailedEntryCount"] == 0


def test_a_schedule_starts_a_function(busy: Grown) -> None:
    mark, scheduler = new_mark(), busy.client("scheduler")
    group = name = f"{PREFIX}-nightly"
    target = scheduler.get_schedule(GroupName=group, Name=name)["Target"]
    assert json.loads(target["Input"]) == {"scheduled_time": "<aws.scheduler.scheduled-time>"}
    scheduler.create_schedule(
        GroupName=group,
        Name="once",
        ScheduleExpression=f"at({datetime.now(UTC) + timedelta(seconds=2):%Y-%m-%dT%H:%M:%S})",
        FlexibleTimeWindow={"Mode": "OFF"},
        ActionAfterCompletion="DELETE",
        Target={"Arn": target["Arn"], "RoleArn": target["RoleArn"], "Input": json.dumps({"mark": mark})},
    )
    assert busy.noted(mark, "nightly")


def test_an_object_starts_a_function_if_its_key_counts(busy: Grown) -> None:
    mark, s3, bucket = new_mark(), busy.client("s3"), f"{PREFIX}-uploads-000000000000"
    other = new_mark()
    s3.put_object(Bucket=bucket, Key=f"elsewhere/{other}", Body=b"{}")
    s3.put_object(Bucket=bucket, Key=f"incoming/{mark}", Body=b"{}")
    [event] = busy.noted(mark, "importer")
    assert event["detail"]["object"]["key"] == f"incoming/{mark}"
    assert other not in busy.log("importer")


def test_a_change_of_the_orders_table_starts_a_function(busy: Grown) -> None:
    mark = new_mark()
    item = {"pk": {"S": mark}, "sk": {"S": "META"}, "expires_at": {"N": "0"}}
    busy.client("dynamodb").put_item(TableName=f"{PREFIX}-orders", Item=item)
    [change] = busy.noted(mark, "order-audit")
    assert change["eventName"] == "INSERT"


@pytest.mark.parametrize(("queue", "function"), [("thumbnails", "thumbnails"), ("invoices", "billing")])
def test_a_message_starts_a_function(busy: Grown, queue: str, function: str) -> None:
    mark, sqs = new_mark(), busy.client("sqs")
    url = sqs.get_queue_url(QueueName=f"{PREFIX}-{queue}")["QueueUrl"]
    sqs.send_message(QueueUrl=url, MessageBody=json.dumps({"mark": mark}))
    assert busy.noted(mark, function)


def test_an_event_starts_a_function(busy: Grown) -> None:
    mark = new_mark()
    _put_event(busy, "shop.listener", mark)
    [event] = busy.noted(mark, "listener")
    assert event["source"] == "shop.listener"


def _call(busy: Grown, mark: str, *, signed: bool, path: str = "/things/7") -> tuple[int, Any]:
    [api] = [one for one in busy.client("apigatewayv2").get_apis()["Items"] if one["Name"] == f"{PREFIX}-desk-api"]
    url = f"{busy.project.endpoint}/_aws/execute-api/{api['ApiId']}/$default{path}"
    body = json.dumps({"mark": mark}).encode()
    request = AWSRequest("POST", url, data=body, headers={"Content-Type": "application/json"})
    if signed:
        SigV4Auth(Credentials("test", "test"), "execute-api", "us-east-1").add_auth(request)
    sent = urllib.request.Request(url, data=body, headers=dict(request.headers), method="POST")
    try:
        with urllib.request.urlopen(sent, timeout=30) as answer:
            return answer.status, json.load(answer)
    except urllib.error.HTTPError as error:
        return error.code, json.loads(error.read() or b"{}")


def test_a_signed_request_is_answered_and_no_other(busy: Grown) -> None:
    mark = new_mark()
    assert _call(busy, mark, signed=False)[0] == 403
    assert _call(busy, mark, signed=True, path="/elsewhere")[0] == 404
    assert _call(busy, mark, signed=True) == (200, {"mark": mark})
    assert busy.noted(mark, "desk")[:2] == ["POST", "/things/7"]


def test_a_rule_fills_a_queue(busy: Grown) -> None:
    mark = new_mark()
    url = busy.client("sqs").get_queue_url(QueueName=f"{PREFIX}-shipments")["QueueUrl"]
    _put_event(busy, "shop.to-queue", mark)
    assert json.loads(busy.heard(url, mark))["detail"] == {"mark": mark}


def test_a_rule_starts_a_function_of_another_module(busy: Grown) -> None:
    mark = new_mark()
    _put_event(busy, "shop.to-function", mark)
    [event] = busy.noted(mark, "listener")
    assert event["source"] == "shop.to-function"


def test_a_second_plan_of_all_of_it_is_empty(busy: Grown) -> None:
    assert busy.project.tfgen("plan", "--env", "local", "--detailed-exitcode").returncode == 0


def test_no_function_waits_with_a_failure(busy: Grown) -> None:
    """What the other tests caused was handled, not given up."""
    sqs = busy.client("sqs")
    urls = [url for url in sqs.list_queues(QueueNamePrefix=PREFIX)["QueueUrls"] if url.endswith("-dlq")]
    assert len(urls) >= len(MODULES)
    waiting = {
        url.rsplit("/", 1)[-1]: sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["All"])["Attributes"]
        for url in urls
    }
    assert [name for name, attributes in waiting.items() if attributes["ApproximateNumberOfMessages"] != "0"] == []
