"""Links to the newest report of a day."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import date
from typing import Any

import views
from common import keys
from problems import Problem
from store import Store

LIFETIME = 900
_DAY = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")


def find_report(text: str, store: Store, bucket: str, s3: Callable[[], Any]) -> str:
    """Return what the newest published version of a day's report is, with links to its files, as JSON.

    Args:
        text: The day, as it came.
        store: The tables.
        bucket: The reports bucket.
        s3: Makes the client that signs the links; most execution environments never need one.

    Raises:
        Problem: There is no such day, or no report of it yet.
        store.Unavailable: The table asks for patience.
    """
    day = _day(text)
    report = store.report(day)
    version = None if report is None else report.get("published_version")
    if report is None or version is None:
        raise Problem(404, "report_not_ready", "There is no report of this day yet.")
    folder = keys.report_folder(day, int(version))
    client = s3()
    links = {
        name: client.generate_presigned_url(
            "get_object", Params={"Bucket": bucket, "Key": folder + name}, ExpiresIn=LIFETIME
        )
        for name in keys.REPORT_FILES
    }
    document = {"report_date": day.isoformat(), "version": int(version), "expires_in": LIFETIME, "files": links}
    return views.text(document)


def _day(text: str) -> date:
    try:
        if _DAY.fullmatch(text):
            return date.fromisoformat(text)
    except ValueError:
        pass
    raise Problem(400, "invalid_date", "A report is named by its day, YYYY-MM-DD.")
