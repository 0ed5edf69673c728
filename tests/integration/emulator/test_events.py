"""What the pipeline leans on and the emulator does by itself: S3's events and the patterns that pick them."""

from __future__ import annotations

import json
import uuid

import pytest

from tests.support.emulator import RunningEmulator

pytestmark = pytest.mark.emulator


@pytest.mark.parametrize("key", [{"suffix": "/manifest.json"}, {"wildcard": "reports/dt=*/v*/manifest.json"}])
def test_a_rule_picks_objects_by_their_key(mended: RunningEmulator, key: dict[str, str]) -> None:
    name = f"reports-{uuid.uuid4().hex[:10]}"
    s3, sqs, events = (mended.client(service) for service in ("s3", "sqs", "events"))
    s3.create_bucket(Bucket=name)
    s3.put_bucket_notification_configuration(Bucket=name, NotificationConfiguration={"EventBridgeConfiguration": {}})
    pattern = {
        "source": ["aws.s3"],
        "detail-type": ["Object Created"],
        "detail": {"bucket": {"name": [name]}, "object": {"key": [key]}},
    }
    rule = events.put_rule(Name=name, EventPattern=json.dumps(pattern))["RuleArn"]
    url, arn = sqs.create_queue(QueueName=name)["QueueUrl"], f"arn:aws:sqs:us-east-1:000000000000:{name}"
    statement = {
        "Effect": "Allow", "Principal": {"Service": "events.amazonaws.com"}, "Action": "sqs:SendMessage",
        "Resource": arn, "Condition": {"ArnEquals": {"aws:SourceArn": rule}},
    }  # fmt: skip
    document = json.dumps({"Version": "2012-10-17", "Statement": [statement]})
    sqs.set_queue_attributes(QueueUrl=url, Attributes={"Policy": document})
    events.put_targets(Rule=name, Targets=[{"Id": "queue", "Arn": arn}])
    for each in ("report.json", "manifest.json", "manifest.json.tmp"):
        s3.put_object(Bucket=name, Key=f"reports/dt=2026-11-23/v0001/{each}", Body=b"{}")
    messages = sqs.receive_message(QueueUrl=url, WaitTimeSeconds=3, MaxNumberOfMessages=10)["Messages"]
    found = [json.loads(message["Body"]) for message in messages]
    assert [event["detail"]["object"]["key"] for event in found] == ["reports/dt=2026-11-23/v0001/manifest.json"]
    assert found[0]["detail"]["bucket"]["name"] == name
