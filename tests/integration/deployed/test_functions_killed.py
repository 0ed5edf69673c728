"""A function that is killed between two calls: the caller is told, repeats, and nothing is done twice or by halves.

The process that runs the function gets SIGKILL, as if its host lost power, while one of its calls to AWS is on the way:
either the call still takes effect, or it does not.
"""

from __future__ import annotations

import json
import shutil
import time
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import date, timedelta
from itertools import product
from pathlib import Path
from typing import Any

import pytest

from tests.support.documented import REDRIVE, blocks, type_commands
from tests.support.functions import another_version, kill_workers
from tests.support.order_api import OrderApi, Reply
from tests.support.project import TestProject
from tests.support.proxy import Answer, Call, Proxy, Rule

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(not Path("/proc").is_dir(), reason="processes are found by their environment, in /proc"),
]

PREFIX = "ecommerce-analytics-local"
ORDER_PROCESSOR, REPORT_GENERATOR = f"{PREFIX}-order-processor", f"{PREFIX}-report-generator"
NOTIFIER = f"{PREFIX}-notifier"
REPORTS = f"{PREFIX}-reports-000000000000"
ITEM = {"sku": "BOOK-1", "name": "Atlas", "category": "books", "quantity": 2, "unit_price": "12.50"}
PATIENCE = 30.0
DAYS = iter(date(1998, 1, 1) + timedelta(days=10 * number) for number in range(100))  # a report looks a week back


def _killing(variable: str, wanted: Callable[[Call], bool], taken: bool) -> Rule:
    """Kill the function at a call, once; the call takes effect or does not."""
    left = [True]

    def kill(call: Call) -> Answer | None:
        if not (left[0] and wanted(call)):
            return None
        left[0] = False
        assert kill_workers(variable) == 1
        return Answer(lose=taken)

    return kill


def _send(api: OrderApi, kind: str, key: str, order_id: str) -> Reply:
    if kind == "refund":
        return api.post(f"/orders/{order_id}/refunds", {"amount": "1.00", "reason": "late"}, key)
    return api.post("/orders", {"customer_id": key, "currency": "USD", "items": [ITEM]}, key)


@pytest.mark.parametrize("kind", ["order", "refund"])
def test_a_request_is_done_once_wherever_its_function_is_killed(deployed: TestProject, kind: str) -> None:
    api, run, seen = OrderApi.of(deployed), f"killed-{time.time_ns()}", []

    def note(call: Call) -> None:
        seen.append(call.operation)

    with (
        Proxy(deployed.endpoint) as proxy,
        another_version(deployed, ORDER_PROCESSOR, AWS_ENDPOINT_URL_DYNAMODB=proxy.endpoint),
    ):
        refunded = _send(api, "order", run, "").document["order_id"]
        proxy.rules.append(note)
        assert _send(api, kind, f"{run}-calls", refunded).status == 201
        calls = len(seen)
        assert calls >= 1
        for number, taken in product(range(calls), (False, True)):
            key, at = f"{run}-{number}-{taken}", iter(range(calls))
            order_id = _send(api, "order", f"{key}-first", "").document["order_id"]
            kill = _killing(
                f"AWS_ENDPOINT_URL_DYNAMODB={proxy.endpoint}", lambda _, at=at, number=number: next(at) == number, taken
            )
            proxy.rules[:] = [kill]
            first = _send(api, kind, key, order_id)
            proxy.rules.clear()
            again = _send(api, kind, key, order_id)
            assert (first.status, again.status) == (502, 201), (number, taken, first, again)
            if kind == "refund":
                found = api.get(f"/orders/{order_id}").document
                assert (found["refunded"], found["version"]) == ("1.00", 2), (number, taken)
            else:
                orders = api.get("/orders", customer_id=key).document["orders"]
                assert [order["order_id"] for order in orders] == [again.document["order_id"]], (number, taken)


MOMENTS: dict[str, Callable[[Call], bool]] = {
    "begins": lambda call: call.operation == "PutItem",
    "writes the first file": lambda call: call.method == "PUT" and call.path.endswith("/report.json"),
    "writes the manifest": lambda call: call.method == "PUT" and call.path.endswith("/manifest.json"),
    "notes that it is published": lambda call: call.operation == "UpdateItem",
}


def _report(project: TestProject, day: date) -> tuple[bool, Any]:
    payload = json.dumps({"report_date": day.isoformat()}).encode()
    answer = project.client("lambda").invoke(FunctionName=REPORT_GENERATOR, Qualifier="live", Payload=payload)
    return "FunctionError" in answer, json.loads(answer["Payload"].read())


def _mails(project: TestProject, day: date) -> int:
    with urllib.request.urlopen(f"{project.endpoint}/_ministack/ses/messages", timeout=10) as answer:
        messages = json.load(answer)["messages"].values()
    return sum(day.isoformat() in mail["Subject"] for account in messages for mail in account)


def _wait(look: Callable[[], Any]) -> Any:
    deadline = time.monotonic() + PATIENCE
    while not (found := look()):
        assert time.monotonic() < deadline, "nothing came"
        time.sleep(0.2)
    return found


def test_a_report_is_published_once_wherever_its_function_is_killed(deployed: TestProject) -> None:
    done = []
    with (
        Proxy(deployed.endpoint) as proxy,
        another_version(
            deployed,
            REPORT_GENERATOR,
            AWS_ENDPOINT_URL_DYNAMODB=proxy.endpoint,
            AWS_ENDPOINT_URL_S3=proxy.endpoint,
        ),
    ):
        for (moment, wanted), taken in product(MOMENTS.items(), (False, True)):
            day = next(DAYS)
            proxy.rules[:] = [_killing(f"AWS_ENDPOINT_URL_S3={proxy.endpoint}", wanted, taken)]
            failed, _ = _report(deployed, day)
            proxy.rules.clear()
            assert failed, (moment, taken)
            failed, result = _report(deployed, day)
            assert not failed, result
            assert result["version"] == 1, (moment, taken)
            listed = deployed.client("s3").list_objects_v2(Bucket=REPORTS, Prefix=f"reports/dt={day}/")["Contents"]
            assert {item["Key"].split("/")[2] for item in listed} == {"v0001"}, (moment, taken)
            assert len(listed) == 6, (moment, taken)
            done.append(day)
    for day in done:
        _wait(lambda day=day: _mails(deployed, day))
    time.sleep(2)  # a second manifest would have brought a second mail by now
    assert {day: _mails(deployed, day) for day in done} == dict.fromkeys(done, 1)


@contextmanager
def _impatient(project: TestProject) -> Iterator[None]:
    """Let a failed event of the notifier go to its queue at once."""
    client = project.client("lambda")
    config = client.get_function_event_invoke_config(FunctionName=NOTIFIER, Qualifier="live")
    names = ("MaximumRetryAttempts", "MaximumEventAgeInSeconds", "DestinationConfig")
    rendered = {"FunctionName": NOTIFIER, "Qualifier": "live", **{name: config[name] for name in names}}
    client.put_function_event_invoke_config(**{**rendered, "MaximumRetryAttempts": 0})
    try:
        yield
    finally:
        client.put_function_event_invoke_config(**rendered)


@pytest.mark.skipif(shutil.which("aws") is None, reason="the documented commands are those of the AWS CLI")
@pytest.mark.parametrize("left", [False, True], ids=["the mail did not leave", "the mail left"])
def test_a_notifier_killed_while_it_mails_waits_for_a_person(deployed: TestProject, tmp_path: Path, left: bool) -> None:
    """The person types what docs/how-to/redrive.md says."""
    day, sqs = next(DAYS), deployed.client("sqs")
    url = sqs.get_queue_url(QueueName=f"{NOTIFIER}-dlq")["QueueUrl"]
    sqs.purge_queue(QueueUrl=url)
    with (
        Proxy(deployed.endpoint) as proxy,
        _impatient(deployed),
        another_version(deployed, NOTIFIER, AWS_ENDPOINT_URL_SESV2=proxy.endpoint),
    ):
        variable = f"AWS_ENDPOINT_URL_SESV2={proxy.endpoint}"
        proxy.rules.append(_killing(variable, lambda call: call.path.endswith("/outbound-emails"), left))
        assert not _report(deployed, day)[0]
        _wait(lambda: _waiting(sqs, url))
    if left:  # the call is on the way while the function dies
        _wait(lambda: _mails(deployed, day))
    assert _mails(deployed, day) == left

    look, ask, hand_over, take_away, forget, *_ = blocks(REDRIVE)

    def type_(commands: str) -> str:
        return type_commands(deployed, tmp_path, commands.replace("2026-11-23", day.isoformat()))

    queue = look.splitlines()[0] + "\n"
    assert day.isoformat() in type_(look)
    type_(ask)
    assert json.loads((tmp_path / "answer.json").read_text())["status"] == "unchanged"
    if not left:
        type_(forget)
    time.sleep(10)  # as long as looking hides the message
    type_(queue + hand_over)
    # AWS gives the error's class beside its words; the emulator has a type of its own.
    assert ("was begun and never confirmed" in (tmp_path / "answer.json").read_text()) == left
    assert _mails(deployed, day) == 1
    type_(queue + take_away)
    assert not _waiting(sqs, url)


def _waiting(sqs: Any, url: str) -> bool:
    names = ["ApproximateNumberOfMessages", "ApproximateNumberOfMessagesNotVisible"]
    return any(
        int(value) for value in sqs.get_queue_attributes(QueueUrl=url, AttributeNames=names)["Attributes"].values()
    )
