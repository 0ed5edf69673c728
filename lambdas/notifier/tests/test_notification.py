"""Telling people about a report: at most one mail per version."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable
from datetime import UTC, date, datetime
from email import message_from_bytes, policy
from email.message import EmailMessage
from types import SimpleNamespace
from typing import Any

import logic
import pytest
from botocore.exceptions import ReadTimeoutError
from fakes import FakeDynamoDB, FakeS3, FakeSender, client_error

NOW = datetime(2026, 11, 24, 3, 20, tzinfo=UTC)
FOLDER = "reports/dt=2026-11-23/v0001/"
KEY = FOLDER + "manifest.json"
TOPIC = "arn:aws:sns:eu-central-1:123456789012:reports"
CONFIG = logic.Settings(
    "reports", "orders", "reports@example.com", ("ann@example.com", "bob@example.com"), "set", TOPIC
)
PAGE = "<!DOCTYPE html><p>Orders of 2026-11-23: 19.90 €</p>"


def event(key: str = KEY, bucket: str = "reports") -> dict[str, Any]:
    return {
        "id": "event-1",
        "source": "aws.s3",
        "detail-type": "Object Created",
        "detail": {"bucket": {"name": bucket}, "object": {"key": key, "size": 1}},
    }


def manifest(**changes: Any) -> bytes:
    names = ("orders", "units", "gross", "discounts", "net", "shipping", "tax", "total", "average_order_value", "kept")
    content = {
        "schema_version": 1,
        "report_date": "2026-11-23",
        "time_zone": "Europe/Berlin",
        "version": 1,
        "as_of": "2026-11-24T03:15:00.000Z",
        "checksum": "0" * 64,
        "input_count": 7,
        "currencies": {"EUR": {**dict.fromkeys(names, "0.00"), "orders": 7, "total": "19.90"}},
        "files": [{"key": FOLDER + "mail.html", "sha256": hashlib.sha256(PAGE.encode()).hexdigest()}],
    }
    return json.dumps({**content, **changes}).encode()


@pytest.fixture
def clients() -> logic.Clients:
    s3 = FakeS3()
    s3.objects = {KEY: manifest(), FOLDER + "mail.html": PAGE.encode()}
    return logic.Clients(s3, FakeDynamoDB(), FakeSender(), FakeSender())


def run(clients: logic.Clients) -> logic.Result:
    return logic.run(logic.manifest_of(event(), "reports"), CONFIG, clients, NOW)


def mark(clients: logic.Clients) -> dict[str, Any]:
    (item,) = clients.dynamodb.items("orders")
    return dict(item)


def test_a_report_is_mailed_and_announced(clients: logic.Clients) -> None:
    assert run(clients) == logic.Result("2026-11-23", 1, mailed=True, announced=True)
    (call,) = clients.sesv2.sent
    assert call["FromEmailAddress"] == "reports@example.com"
    assert call["Destination"] == {"ToAddresses": ["ann@example.com", "bob@example.com"]}
    assert call["ConfigurationSetName"] == "set"
    mail = message_from_bytes(call["Content"]["Raw"]["Data"], policy=policy.default)
    assert isinstance(mail, EmailMessage)
    assert mail["Subject"] == "Orders of 2026-11-23"
    assert (mail["From"], mail["To"]) == ("reports@example.com", "ann@example.com, bob@example.com")
    html, text = mail.get_body(("html",)), mail.get_body(("plain",))
    assert html is not None
    assert text is not None
    assert html.get_content().strip() == PAGE
    assert "19.90" in text.get_content()
    assert "s3://reports" in text.get_content()
    (notice,) = clients.sns.sent
    assert notice["TopicArn"] == TOPIC
    assert json.loads(notice["Message"]) == {
        "report_date": "2026-11-23",
        "version": 1,
        "input_count": 7,
        "manifest": f"s3://reports/{KEY}",
        "totals": {"EUR": "19.90"},
    }
    assert {name: mark(clients)[name] for name in ("pk", "sk", "state", "message_id")} == {
        "pk": "REPORT#2026-11-23#1",
        "sk": "SENT",
        "state": "ANNOUNCED",
        "message_id": "message-1",
    }


def test_a_repeated_event_does_nothing(clients: logic.Clients) -> None:
    run(clients)
    assert run(clients) == logic.Result("2026-11-23", 1, mailed=False, announced=False)
    assert len(clients.sesv2.sent) == len(clients.sns.sent) == 1


def test_a_refused_mail_is_tried_again(clients: logic.Clients) -> None:
    clients.sesv2.failures = [client_error("MessageRejected")]
    with pytest.raises(Exception, match="MessageRejected"):
        run(clients)
    assert mark(clients)["state"] == "REFUSED"
    assert run(clients).mailed
    assert len(clients.sesv2.sent) == 1


@pytest.mark.parametrize(
    "error", [ReadTimeoutError(endpoint_url="https://email"), client_error("InternalServiceErrorException"[:20])]
)
def test_a_lost_answer_never_leads_to_a_second_mail(clients: logic.Clients, error: Exception) -> None:
    clients.sesv2.failures = [error]
    for expected in (type(error), logic.MailUndecidedError, logic.MailUndecidedError):
        with pytest.raises(expected):
            run(clients)
    assert clients.sesv2.sent == clients.sns.sent == []
    assert mark(clients)["state"] == "SENDING"


def test_a_failed_announcement_is_repeated_without_a_second_mail(clients: logic.Clients) -> None:
    clients.sns.failures = [client_error("InternalError")]
    with pytest.raises(Exception, match="InternalError"):
        run(clients)
    assert run(clients) == logic.Result("2026-11-23", 1, mailed=False, announced=True)
    assert len(clients.sesv2.sent) == len(clients.sns.sent) == 1


def test_a_second_version_is_a_second_mail(clients: logic.Clients) -> None:
    run(clients)
    folder = FOLDER.replace("v0001", "v0002")
    files = [{"key": folder + "mail.html", "sha256": hashlib.sha256(PAGE.encode()).hexdigest()}]
    clients.s3.objects |= {
        folder + "manifest.json": manifest(version=2, files=files),
        folder + "mail.html": PAGE.encode(),
    }
    logic.run(logic.manifest_of(event(folder + "manifest.json"), "reports"), CONFIG, clients, NOW)
    mail = message_from_bytes(clients.sesv2.sent[1]["Content"]["Raw"]["Data"])
    assert mail["Subject"] == "Orders of 2026-11-23 (version 2)"


@pytest.mark.parametrize("changes", [{"schema_version": 2}, {"version": 2}, {"report_date": "2026-11-22"}])
def test_a_manifest_must_fit_its_place(clients: logic.Clients, changes: dict[str, Any]) -> None:
    clients.s3.objects[KEY] = manifest(**changes)
    with pytest.raises(logic.ManifestError):
        run(clients)
    assert clients.sesv2.sent == []


def test_a_page_that_was_changed_is_not_mailed(clients: logic.Clients) -> None:
    clients.s3.objects[FOLDER + "mail.html"] = b"<p>other</p>"
    with pytest.raises(logic.ManifestError):
        run(clients)
    assert clients.dynamodb.items("orders") == []


def test_a_missing_page_fails_before_the_claim(clients: logic.Clients) -> None:
    del clients.s3.objects[FOLDER + "mail.html"]
    with pytest.raises(Exception, match="NoSuchKey"):
        run(clients)
    assert clients.dynamodb.items("orders") == []


def test_a_day_without_orders_is_mailed(clients: logic.Clients) -> None:
    clients.s3.objects[KEY] = manifest(currencies={}, input_count=0)
    run(clients)
    assert b"There were no orders" in clients.sesv2.sent[0]["Content"]["Raw"]["Data"]


def test_a_hostile_manifest_cannot_add_headers(clients: logic.Clients) -> None:
    clients.s3.objects[KEY] = manifest(time_zone="x\r\nBcc: evil@example.com")
    run(clients)
    mail = message_from_bytes(clients.sesv2.sent[0]["Content"]["Raw"]["Data"])
    assert mail["Bcc"] is None


@pytest.mark.parametrize(
    "other",
    [
        {},
        {"detail": None},
        event(bucket="somewhere-else"),
        event(FOLDER + "report.json"),
        event("reports/dt=2026-13-41/v0001/manifest.json"),
        event("x/" + KEY),
    ],
)
def test_other_events_are_refused(other: dict[str, Any]) -> None:
    with pytest.raises(logic.EventError):
        logic.manifest_of(other, "reports")


def test_keys_tell_day_and_version() -> None:
    found = logic.manifest_of(event("reports/dt=2026-11-23/v12345/manifest.json"), "reports")
    assert (found.day, found.version) == (date(2026, 11, 23), 12345)


def test_the_function_counts_mails_and_raises(
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    load_handler: Callable[[str], Any],
    clients: logic.Clients,
) -> None:
    loaded = load_handler("notifier")
    module = loaded.module
    monkeypatch.setattr(module, "services", clients)
    context = SimpleNamespace(function_name="f", memory_limit_in_mb=256, invoked_function_arn="arn", aws_request_id="r")
    assert module.handler(event(), context)["mailed"] is True
    output = capsys.readouterr().out
    metric = json.loads(output)
    (entry,) = loaded.log()
    assert (metric["ReportMailed"], metric["service"]) == ([1.0], "notifier")
    assert (entry["message"], entry["correlation_id"]) == ("report notified", "event-1")
    assert "@" not in output + loaded.stream.getvalue()
    module.handler(event(), context)
    assert "ReportMailed" not in capsys.readouterr().out
    with pytest.raises(module.logic.EventError):
        module.handler({}, context)


def test_a_mail_has_no_more_recipients_than_ses_takes(monkeypatch: pytest.MonkeyPatch) -> None:
    names = ("REPORTS_BUCKET_NAME", "ORDERS_TABLE_NAME", "SENDER", "CONFIGURATION_SET_NAME", "REPORTS_TOPIC_ARN")
    environment = dict.fromkeys(names, "x")
    many = [f"a{number}@example.com" for number in range(51)]
    assert len(logic.Settings.load({**environment, "RECIPIENTS": ",".join(many[:50])}).recipients) == 50
    with pytest.raises(RuntimeError, match="51 addresses, at most 50"):
        logic.Settings.load({**environment, "RECIPIENTS": ",".join(many)})


@pytest.mark.parametrize("code", ["TooManyRequestsException", "LimitExceededException", "SendingPausedException"])
def test_a_quota_that_is_used_up_sends_later_and_once(clients: logic.Clients, code: str) -> None:
    """The sandbox takes one mail a second and 200 a day: what exceeds it waits for the retry, or in the queue."""
    clients.sesv2.failures = [client_error(code)] * 2
    for _ in range(2):
        with pytest.raises(Exception, match=code):
            run(clients)
    assert run(clients).mailed
    assert len(clients.sesv2.sent) == len(clients.sns.sent) == 1


def test_a_manifest_of_an_older_release_is_mailed(clients: logic.Clients) -> None:
    content = json.loads(manifest())
    del content["currencies"]["EUR"]["kept"]
    clients.s3.objects[KEY] = json.dumps(content).encode()
    assert run(clients).mailed
