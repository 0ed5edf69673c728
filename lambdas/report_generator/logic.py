"""Making the report of a business day."""

from __future__ import annotations

import hashlib
import json
import re
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any
from zoneinfo import ZoneInfo

import capacity
import followups
import page
import trends
from common import days, keys, settings
from figures import Aggregation, summary
from orders import read_day, shards_of
from publication import Bucket, Document, Version, Versions, manifest
from table import OrdersTable, write_summary

SCHEMA_VERSION = 1
REQUEST_SOURCE = "analytics.orders"
REQUEST_TYPE = "ReportRequested"
MAX_DAYS = 31
_DAY = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")
_SECONDS_FOR_ANOTHER_DAY = 120


class RequestError(ValueError):
    """The event does not say which report is wanted; no retry will help."""


class UnfinishedError(RuntimeError):
    """Not all days of a range could be done in time; running again goes on with the rest."""


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
    """Which reports are wanted.

    Attributes:
        day: The day, or the first of several.
        force: Make a new version even of an unchanged report.
        until: The last of several days.
        follow: Also mend earlier days that lack a report or were changed since theirs.
    """

    day: date
    force: bool = False
    until: date | None = None
    follow: bool = False

    def days(self) -> list[date]:
        """Return the days, in order."""
        last = self.until or self.day
        return [self.day + timedelta(days=count) for count in range((last - self.day).days + 1)]


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
        return Request(days.business_day(scheduled, zone) - timedelta(days=1), follow=True)
    return _named(event, days.business_day(now, zone))


def _named(event: Mapping[str, Any], today: date) -> Request:
    force = event.get("force", False)
    if not isinstance(force, bool):
        raise RequestError("force must be true or false")
    first = _day(event, "report_date", today)
    until = _day(event, "until", today) if "until" in event else None
    if until is not None and not 0 <= (until - first).days < MAX_DAYS:
        raise RequestError(f"until must be 0 to {MAX_DAYS - 1} days after report_date")
    return Request(first, force, until)


def _day(event: Mapping[str, Any], name: str, today: date) -> date:
    text = event.get(name)
    try:
        day = date.fromisoformat(text) if isinstance(text, str) and _DAY.fullmatch(text) else None
    except ValueError:
        day = None
    if day is None:
        raise RequestError(f"{name} must be a day, YYYY-MM-DD")
    if day > today:
        raise RequestError(f"{name} lies in the future: {text}")
    return day


def run_all(
    request: Request, config: Settings, dynamodb: Any, s3: Any, now: datetime, seconds_left: Callable[[], float]
) -> list[Result]:
    """Make the reports that are wanted, and those of earlier days that have become due.

    A day that fails does not keep the others from being done. Days that are due and do not fit into the time are due
    again in the next daily run.

    Args:
        request: Which reports are wanted.
        config: The function's settings.
        dynamodb: DynamoDB client.
        s3: S3 client.
        now: The instant that the reports are made at.
        seconds_left: How long the function may still run.

    Raises:
        UnfinishedError: The time did not suffice for the days that were asked for.
        Exception: What the only failing day raised.
        ExceptionGroup: Several days failed.
    """
    results: list[Result] = []
    failures: list[Exception] = []
    waiting = request.days()
    followed = not request.follow
    while waiting:
        if (results or failures) and seconds_left() < _SECONDS_FOR_ANOTHER_DAY:
            if not request.follow:
                failures.append(UnfinishedError(f"no time was left for {waiting[0]} and {len(waiting) - 1} more days"))
            break
        day = waiting.pop(0)
        try:
            one = Request(day, request.force)
            results.append(run(one, config, dynamodb, s3, now, seconds_left))
            if not followed:
                followed = True
                waiting = followups.Days(dynamodb, config.table, config.shards).due(day)
        except Exception as error:  # raised below, after the other days
            failures.append(error)
    if len(failures) > 1:
        raise ExceptionGroup("several days failed", failures)
    if failures:
        raise failures[0]
    return results


def run(
    request: Request,
    config: Settings,
    dynamodb: Any,
    s3: Any,
    now: datetime,
    seconds_left: Callable[[], float] = lambda: 900.0,
) -> Result:
    """Make the report of a day, unless its newest version says the same.

    A run that was killed halfway is completed by the next one under the same version number.

    Raises:
        capacity.DayTooLargeError: The day does not fit into one run; nothing was begun.
        publication.OvertakenError: Another run is at work on the same day.
    """
    began, day = time.monotonic(), request.day
    versions = Versions(dynamodb, config.table)
    with TemporaryDirectory() as name:
        folder = Path(name)
        shards = shards_of(dynamodb, config.table, day, config.shards)
        capacity.check(dynamodb, config.table, day, config.zone, shards, capacity.Room(seconds_left(), folder))
        content, quality = _collect(day, config, dynamodb, folder / "orders.csv")
        newest = versions.newest(day)
        same = newest is not None and newest.checksum == content["checksum"]
        if newest is not None and same and newest.published and not request.force:
            versions.confirm(day, newest, days.timestamp(now))
            return _result(day, "unchanged", newest)
        if newest is not None and same and not newest.published:
            version = newest
        else:
            number = 1 if newest is None else newest.number + 1
            version = Version(number, content["checksum"], days.timestamp(now), content["input_count"])
            versions.begin(day, version, newest)
        report = {
            **content,
            "version": version.number,
            "as_of": version.as_of,
            "trends": trends.compare(content["currencies"], trends.earlier(day, versions, s3, config.bucket)),
            "data_quality": {**quality, "seconds": round(time.monotonic() - began, 1)},
        }
        at = keys.report_folder(day, version.number)
        Bucket(s3, config.bucket).upload(at, _documents(report, folder, at))
    versions.finish(day, version, days.timestamp(now))
    return _result(day, "created", version)


def _collect(day: date, config: Settings, dynamodb: Any, csv_path: Path) -> tuple[dict[str, Any], dict[str, Any]]:
    """Read the day; return what the checksum covers, and how it was read."""
    aggregation = Aggregation(day, config.zone)
    with read_day(dynamodb, config.table, day, config.shards) as reading, OrdersTable(csv_path, day) as table:
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
        "changes": followups.totals(followups.Days(dynamodb, config.table, config.shards).changes(day)),
    }
    rows = Document("orders.csv", "text/csv", csv_path).describe("")["sha256"]
    covered = json.dumps({**content, "orders_csv": rows}, sort_keys=True, separators=(",", ":"))
    quality = {
        "shards_read": reading.shards,
        "pages_read": reading.pages,
        "outside_window": aggregation.outside_window,
        "changed_after_the_day": aggregation.changed_later,
    }
    return {**content, "checksum": hashlib.sha256(covered.encode()).hexdigest()}, quality


def _documents(report: Mapping[str, Any], folder: Path, at: str) -> list[Document]:
    """Write the report's files; the manifest comes last."""
    write_summary(folder / "summary.csv", report["currencies"])
    csv = "text/csv; charset=utf-8; header=present"
    documents = [
        _written(folder, "report.json", "application/json", _json(report)),
        Document("orders.csv", csv, folder / "orders.csv"),
        Document("summary.csv", csv, folder / "summary.csv"),
        _written(folder, "report.html", "text/html; charset=utf-8", page.page(report)),
        _written(folder, "mail.html", "text/html; charset=utf-8", page.page(report, mail=True)),
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
    key = keys.report_folder(day, version.number) + "manifest.json"
    return Result(day.isoformat(), status, version.number, version.checksum, version.input_count, key)
