"""Making the report of a business day."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any
from zoneinfo import ZoneInfo

import page
from common import days, settings
from figures import Aggregation, summary
from orders import read_day
from publication import Bucket, Document, Version, Versions, manifest, prefix
from table import OrdersTable

SCHEMA_VERSION = 1
REQUEST_SOURCE = "analytics.orders"
REQUEST_TYPE = "ReportRequested"
_DAY = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")


class RequestError(ValueError):
    """The event does not say which report is wanted; no retry will help."""


@dataclass(frozen=True)
class Settings:
    """What the environment decides."""

    zone: ZoneInfo
    shards: int
    table: str
    bucket: str

    @classmethod
    def load(cls, environment: Mapping[str, str]) -> Settings:
        """Read the function's environment variables."""
        return cls(
            zone=settings.zone(environment, "BUSINESS_TIME_ZONE"),
            shards=settings.positive(environment, "DAY_SHARDS", 1000),
            table=settings.text(environment, "ORDERS_TABLE_NAME"),
            bucket=settings.text(environment, "REPORTS_BUCKET_NAME"),
        )


@dataclass(frozen=True)
class Request:
    """Which report is wanted; `force` makes a new version even of an unchanged one."""

    day: date
    force: bool = False


@dataclass(frozen=True)
class Result:
    """What a run came to; `status` is `created` or `unchanged`."""

    report_date: str
    status: str
    version: int
    checksum: str
    input_count: int
    manifest_key: str


def wanted(event: Mapping[str, Any], zone: ZoneInfo, now: datetime) -> Request:
    """Read an event: the schedule's, a direct call's, or a `ReportRequested`.

    Raises:
        RequestError: The event is none of these.
    """
    if "detail-type" in event:
        if (event["detail-type"], event.get("source")) != (REQUEST_TYPE, REQUEST_SOURCE):
            raise RequestError(f"only {REQUEST_TYPE} events from {REQUEST_SOURCE} are served")
        event = event.get("detail") or {}
    elif "scheduled_time" in event:
        try:
            scheduled = days.instant(str(event["scheduled_time"]))
        except ValueError as error:
            raise RequestError("scheduled_time must be an RFC 3339 instant") from error
        return Request(days.business_day(scheduled, zone) - timedelta(days=1))
    return _named(event, days.business_day(now, zone))


def _named(event: Mapping[str, Any], today: date) -> Request:
    text, force = event.get("report_date"), event.get("force", False)
    if not isinstance(text, str) or not _DAY.fullmatch(text):
        raise RequestError("report_date must be a day, YYYY-MM-DD")
    if not isinstance(force, bool):
        raise RequestError("force must be true or false")
    try:
        day = date.fromisoformat(text)
    except ValueError as error:
        raise RequestError("report_date must be a day, YYYY-MM-DD") from error
    if day > today:
        raise RequestError(f"report_date lies in the future: {text}")
    return Request(day, force)


def run(request: Request, config: Settings, dynamodb: Any, s3: Any, now: datetime) -> Result:
    """Make the report of a day, unless its newest version says the same.

    A run that was killed halfway is completed by the next one under the same version number.

    Raises:
        publication.OvertakenError: Another run is at work on the same day.
    """
    versions = Versions(dynamodb, config.table)
    with TemporaryDirectory() as name:
        folder = Path(name)
        content, quality = _collect(request.day, config, dynamodb, folder / "orders.csv")
        newest = versions.newest(request.day)
        same = newest is not None and newest.checksum == content["checksum"]
        if newest is not None and same and newest.published and not request.force:
            return _result(request.day, "unchanged", newest)
        if newest is not None and same and not newest.published:
            version = newest
        else:
            number = 1 if newest is None else newest.number + 1
            version = Version(number, content["checksum"], days.timestamp(now), content["input_count"])
            versions.begin(request.day, version, newest)
        report = {**content, "version": version.number, "as_of": version.as_of, "data_quality": quality}
        at = prefix(request.day, version.number)
        Bucket(s3, config.bucket).upload(at, _documents(report, folder, at))
    versions.finish(request.day, version, days.timestamp(now))
    return _result(request.day, "created", version)


def _collect(day: date, config: Settings, dynamodb: Any, csv_path: Path) -> tuple[dict[str, Any], dict[str, Any]]:
    """Read the day; return what the checksum covers, and how it was read."""
    aggregation = Aggregation(day, config.zone)
    with read_day(dynamodb, config.table, day, config.shards) as reading, OrdersTable(csv_path) as table:
        for order in reading.orders:
            aggregation.add(order)
            table.add(order)
    content: dict[str, Any] = {
        "schema_version": SCHEMA_VERSION,
        "report_date": day.isoformat(),
        "time_zone": config.zone.key,
        "window": aggregation.window(),
        "input_count": aggregation.orders,
        "currencies": aggregation.currencies(),
    }
    rows = Document("orders.csv", "text/csv", csv_path).describe("")["sha256"]
    covered = json.dumps({**content, "orders_csv": rows}, sort_keys=True, separators=(",", ":"))
    quality = {
        "shards_read": reading.shards,
        "pages_read": reading.pages,
        "outside_window": aggregation.outside_window,
    }
    return {**content, "checksum": hashlib.sha256(covered.encode()).hexdigest()}, quality


def _documents(report: Mapping[str, Any], folder: Path, at: str) -> list[Document]:
    """Write the report's files; the manifest comes last."""
    documents = [
        _written(folder, "report.json", "application/json", _json(report)),
        Document("orders.csv", "text/csv; charset=utf-8; header=present", folder / "orders.csv"),
        _written(folder, "report.html", "text/html; charset=utf-8", page.page(report)),
    ]
    files = [document.describe(at) for document in documents]
    content = manifest(report, files, summary(report["currencies"]))
    return [*documents, _written(folder, "manifest.json", "application/json", _json(content))]


def _written(folder: Path, name: str, content_type: str, text: str) -> Document:
    path = folder / name
    path.write_text(text, encoding="utf-8", newline="")
    return Document(name, content_type, path)


def _json(document: Mapping[str, Any]) -> str:
    return json.dumps(document, ensure_ascii=False, indent=2) + "\n"


def _result(day: date, status: str, version: Version) -> Result:
    key = prefix(day, version.number) + "manifest.json"
    return Result(day.isoformat(), status, version.number, version.checksum, version.input_count, key)
