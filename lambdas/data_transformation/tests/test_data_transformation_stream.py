"""From the table's stream into the delivery stream: nothing forgotten, nothing else taken along."""

from __future__ import annotations

import importlib
import json
from typing import Any

import forwarding
import pytest
from forwarding import Change


class FakeFirehose:
    """Takes records, but refuses those it is told to, as often as it is told to."""

    def __init__(self, **refusals: int) -> None:
        self.refusals = {name.encode(): times for name, times in refusals.items()}
        self.taken: list[bytes] = []
        self.calls: list[int] = []

    def put_record_batch(self, **arguments: Any) -> dict[str, Any]:
        assert arguments["DeliveryStreamName"] == "orders"
        data = [each["Data"] for each in arguments["Records"]]
        assert len(data) <= 500
        assert sum(map(len, data)) <= 4 * 1024 * 1024
        self.calls.append(len(data))
        return {"RequestResponses": [self._take(each) for each in data]}

    def _take(self, data: bytes) -> dict[str, str]:
        if self.refusals.get(data, 0):
            self.refusals[data] -= 1
            return {"ErrorCode": "ServiceUnavailableException"}
        self.taken.append(data)
        return {"RecordId": "1"}


def change(name: str) -> Change:
    return Change(f"number-{name}", name.encode())


def stream_record(pk: str, sk: str = "META", *, event: str = "INSERT", number: str = "1") -> dict[str, Any]:
    item = {"pk": {"S": pk}, "sk": {"S": sk}}
    image = {} if event == "REMOVE" else {"NewImage": {**item, "version": {"N": "1"}}}
    return {"eventName": event, "dynamodb": {"Keys": item, "SequenceNumber": number, **image}}


def forward(found: list[Change], client: FakeFirehose) -> str | None:
    return forwarding.forward(found, client, "orders", pause=lambda _seconds: None)


def test_only_new_versions_of_orders_are_taken() -> None:
    records = [
        stream_record("ORDER#1", number="7"),
        stream_record("CUSTOMER#1"),
        stream_record("REPORT#2026-11-23"),
        stream_record("ORDER#2", "NOTE"),
        stream_record("ORDER#3", event="REMOVE"),
    ]
    [found] = forwarding.changes(records)
    assert found.sequence_number == "7"
    assert json.loads(found.data) == {"pk": {"S": "ORDER#1"}, "sk": {"S": "META"}, "version": {"N": "1"}}


def test_all_is_put_in_the_streams_order_and_no_call_exceeds_the_limits() -> None:
    firehose = FakeFirehose()
    found = [change(f"order-{number:04d}") for number in range(1201)]
    assert forward(found, firehose) is None
    assert firehose.taken == [each.data for each in found]
    assert firehose.calls == [500, 500, 201]


def test_large_orders_are_spread_over_calls() -> None:
    firehose = FakeFirehose()
    large = [Change(str(number), bytes([number]) * 1_500_000) for number in range(5)]
    assert forward(large, firehose) is None
    assert firehose.calls == [2, 2, 1]


def test_refused_records_are_put_again_alone() -> None:
    firehose = FakeFirehose(b=2)
    assert forward([change("a"), change("b"), change("c")], firehose) is None
    assert firehose.calls == [3, 1, 1]
    assert sorted(firehose.taken) == [b"a", b"b", b"c"]


def test_the_first_record_that_stays_refused_is_named() -> None:
    firehose = FakeFirehose(b=99, c=99)
    assert forward([change("a"), change("b"), change("c"), change("d")], firehose) == "number-b"
    assert firehose.calls == [4, 2, 2, 2]


def test_nothing_to_hand_on_is_no_call() -> None:
    firehose = FakeFirehose()
    assert forward([], firehose) is None
    assert firehose.calls == []


@pytest.mark.parametrize(("refusals", "wanted"), [({}, []), ({"x": 99}, [{"itemIdentifier": "9"}])])
def test_the_handler_answers_where_lambda_is_to_begin_again(
    monkeypatch: pytest.MonkeyPatch, refusals: dict[str, int], wanted: list[dict[str, str]]
) -> None:
    monkeypatch.setenv("DELIVERY_STREAM_NAME", "orders")
    monkeypatch.setenv("POWERTOOLS_SERVICE_NAME", "stream")
    monkeypatch.setattr(forwarding, "_PAUSE", 0)
    stream = importlib.reload(importlib.import_module("stream"))
    record = stream_record("ORDER#1", number="9")
    data = json.dumps(record["dynamodb"]["NewImage"], separators=(",", ":")).encode()
    firehose = FakeFirehose()
    firehose.refusals = dict.fromkeys([data] if refusals else [], 99)
    monkeypatch.setattr(stream, "firehose", firehose)
    assert stream.handler({"Records": [record]}, Context()) == {"batchItemFailures": wanted}


class Context:
    function_name = "data-transformation-stream"
    memory_limit_in_mb = 512
    invoked_function_arn = "arn:aws:lambda:eu-central-1:123456789012:function:data-transformation-stream"
    aws_request_id = "request-1"
