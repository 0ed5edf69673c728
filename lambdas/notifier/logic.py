"""Telling people about a new version of a report: at most one mail, then a message to the topic."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

import mail
from botocore.exceptions import ClientError
from common import days, settings
from common.clients import error_code
from marks import Marks, State

SCHEMA_VERSION = 1
MAX_RECIPIENTS = 50
"""What SES takes in one message."""
_KEY = re.compile(r"(reports/dt=([0-9]{4}-[0-9]{2}-[0-9]{2})/v([0-9]{4,})/)manifest\.json")
# answers after which the mail may nevertheless be on its way
_UNDECIDED = {"InternalFailure", "InternalServerError", "InternalServiceError", "RequestTimeout", "ServiceUnavailable"}


class EventError(ValueError):
    """The event is not about a manifest of the reports bucket."""


class ManifestError(RuntimeError):
    """The files of a report contradict one another."""


class MailUndecidedError(RuntimeError):
    """An earlier attempt ended without an answer: the mail may or may not have gone out."""


@dataclass(frozen=True)
class Settings:
    """What the environment decides."""

    bucket: str
    table: str
    sender: str
    recipients: tuple[str, ...]
    configuration_set: str
    topic: str

    @classmethod
    def load(cls, environment: Mapping[str, str]) -> Settings:
        """Read the function's environment variables."""
        return cls(
            bucket=settings.text(environment, "REPORTS_BUCKET_NAME"),
            table=settings.text(environment, "ORDERS_TABLE_NAME"),
            sender=settings.text(environment, "SENDER"),
            recipients=settings.addresses(environment, "RECIPIENTS", MAX_RECIPIENTS),
            configuration_set=settings.text(environment, "CONFIGURATION_SET_NAME"),
            topic=settings.text(environment, "REPORTS_TOPIC_ARN"),
        )


@dataclass(frozen=True)
class Clients:
    """The services that the notifier calls."""

    s3: Any
    dynamodb: Any
    sesv2: Any
    sns: Any


@dataclass(frozen=True)
class Manifest:
    """Where a manifest lies, and which report it describes."""

    key: str
    prefix: str
    day: date
    version: int


@dataclass(frozen=True)
class Result:
    """What a run came to: whether it mailed, and whether it announced."""

    report_date: str
    version: int
    mailed: bool
    announced: bool


def manifest_of(event: Mapping[str, Any], bucket: str) -> Manifest:
    """Read an `Object Created` event.

    Raises:
        EventError: The event is about something else.
    """
    detail = event.get("detail")
    detail = detail if isinstance(detail, Mapping) else {}
    if detail.get("bucket", {}).get("name") != bucket:
        raise EventError("the event is not about the reports bucket")
    match = _KEY.fullmatch(str(detail.get("object", {}).get("key", "")))
    if match is None:
        raise EventError("the event is not about a manifest")
    try:
        return Manifest(match[0], match[1], date.fromisoformat(match[2]), int(match[3]))
    except ValueError as error:
        raise EventError("the manifest's key holds no day") from error


def run(manifest: Manifest, config: Settings, clients: Clients, now: datetime) -> Result:
    """Mail and announce a version of a report, each only if that has not been done.

    Raises:
        ManifestError: The report's files contradict one another.
        MailUndecidedError: An earlier attempt ended without an answer, and only a person can tell.
    """
    content = _read_manifest(manifest, config, clients)
    marks = Marks(clients.dynamodb, config.table)
    page = _read_page(manifest, content, config, clients)
    state = marks.claim(manifest.day, manifest.version, days.timestamp(now))
    if state is State.SENDING:
        raise MailUndecidedError(f"version {manifest.version} of {manifest.day} was begun and never confirmed")
    if state is State.CLAIMED:
        message_id = _send(manifest, content, page, config, clients, marks)
        marks.sent(manifest.day, manifest.version, days.timestamp(now), message_id)
    if state is not State.ANNOUNCED:
        _announce(manifest, content, config, clients)
        marks.announced(manifest.day, manifest.version)
    return Result(manifest.day.isoformat(), manifest.version, state is State.CLAIMED, state is not State.ANNOUNCED)


def _read_manifest(manifest: Manifest, config: Settings, clients: Clients) -> dict[str, Any]:
    body = clients.s3.get_object(Bucket=config.bucket, Key=manifest.key)["Body"].read()
    content = json.loads(body)
    if not isinstance(content, dict) or content.get("schema_version") != SCHEMA_VERSION:
        raise ManifestError(f"{manifest.key} is not a manifest of schema version {SCHEMA_VERSION}")
    if (content["report_date"], content["version"]) != (manifest.day.isoformat(), manifest.version):
        raise ManifestError(f"{manifest.key} describes another report")
    return content


def _read_page(manifest: Manifest, content: Mapping[str, Any], config: Settings, clients: Clients) -> str:
    key = manifest.prefix + "mail.html"
    expected = {file["key"]: file["sha256"] for file in content["files"]}
    body: bytes = clients.s3.get_object(Bucket=config.bucket, Key=key)["Body"].read()
    if expected.get(key) != hashlib.sha256(body).hexdigest():
        raise ManifestError(f"{key} is not the file that the manifest describes")
    return body.decode()


def _send(
    manifest: Manifest,
    content: Mapping[str, Any],
    page: str,
    config: Settings,
    clients: Clients,
    marks: Marks,
) -> str:
    message = mail.message(content, page, config.bucket, config.sender, config.recipients)
    try:
        answer = clients.sesv2.send_email(
            FromEmailAddress=config.sender,
            Destination={"ToAddresses": list(config.recipients)},
            Content={"Raw": {"Data": message.as_bytes()}},
            ConfigurationSetName=config.configuration_set,
        )
    except ClientError as error:
        if error_code(error) not in _UNDECIDED:
            marks.refused(manifest.day, manifest.version)
        raise
    return str(answer["MessageId"])


def _announce(manifest: Manifest, content: Mapping[str, Any], config: Settings, clients: Clients) -> None:
    message = {
        "report_date": manifest.day.isoformat(),
        "version": manifest.version,
        "input_count": content["input_count"],
        "manifest": f"s3://{config.bucket}/{manifest.key}",
        "totals": {code: figures["total"] for code, figures in content["currencies"].items()},
    }
    clients.sns.publish(
        TopicArn=config.topic,
        Subject=mail.subject(content),
        Message=json.dumps(message, indent=2),
        MessageAttributes={"report_date": {"DataType": "String", "StringValue": manifest.day.isoformat()}},
    )
