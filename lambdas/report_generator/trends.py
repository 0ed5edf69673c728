"""A day beside the days before it: taken from their published reports, whose manifests repeat the main figures."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from datetime import date, timedelta
from decimal import ROUND_HALF_UP, Decimal
from typing import Any

from botocore.exceptions import ClientError
from common import keys, money
from common.clients import error_code
from publication import Versions

FIGURES = ("orders", "total")
WEEK = 7
_ENOUGH = 4
"""Days that an average must stand on before a day can be called unusual."""

Earlier = Mapping[int, Mapping[str, Mapping[str, Any]]]


def earlier(day: date, versions: Versions, s3: Any, bucket: str) -> Earlier:
    """Return the main figures of the seven days before, by days back; those without a report are left out."""
    found = {}
    for back in range(1, WEEK + 1):
        before = day - timedelta(days=back)
        newest = versions.newest(before)
        if newest is None or not newest.latest_published:
            continue
        try:
            key = keys.report_folder(before, newest.latest_published) + "manifest.json"
            found[back] = json.loads(s3.get_object(Bucket=bucket, Key=key)["Body"].read())["currencies"]
        except ClientError as error:
            # whoever may not list a bucket is told AccessDenied of what is not in it
            if error_code(error) not in {"NoSuchKey", "AccessDenied"}:
                raise
    return found


def compare(currencies: Mapping[str, Mapping[str, Any]], before: Earlier) -> dict[str, Any]:
    """Set each currency's orders and total beside yesterday, the same weekday and the average of seven days.

    Args:
        currencies: The figures of the day.
        before: The main figures of earlier days, by days back.
    """
    with money.exact():
        return {code: _of(code, figures, before) for code, figures in currencies.items()}


def _of(code: str, figures: Mapping[str, Any], before: Earlier) -> dict[str, Any]:
    def value(back: int, name: str) -> Decimal | None:
        if back not in before:
            return None
        return Decimal(str(before[back].get(code, {}).get(name, 0)))

    def average(name: str) -> Decimal | None:
        known = [one for back in range(1, WEEK + 1) if (one := value(back, name)) is not None]
        return sum(known, Decimal(0)) / len(known) if known else None

    sides: dict[str, Callable[[str], Decimal | None]] = {
        "previous_day": lambda name: value(1, name),
        "same_weekday": lambda name: value(WEEK, name),
        "seven_day_average": average,
    }
    shown: dict[str, Any] = {
        side: {name: _beside(Decimal(str(figures[name])), read(name), name, code) for name in FIGURES}
        for side, read in sides.items()
    }
    days = len(before)
    return {**shown, "days_known": days, "anomalies": _anomalies(shown["seven_day_average"]) if days >= _ENOUGH else []}


def _beside(now: Decimal, then: Decimal | None, name: str, code: str) -> dict[str, str] | None:
    if then is None:
        return None
    shown = money.as_text(then, code) if name == "total" else f"{then.quantize(Decimal('0.1'), ROUND_HALF_UP):f}"
    change = {} if not then else {"change": f"{(now / then - 1).quantize(Decimal('0.0001'), ROUND_HALF_UP):f}"}
    return {"value": shown, **change}


def _anomalies(average: Mapping[str, Mapping[str, str] | None]) -> list[dict[str, str]]:
    """Name the figures that are less than half, or more than double, of the average of seven days."""
    found = []
    for name in FIGURES:
        change = (average[name] or {}).get("change")
        if change is not None and not Decimal("-0.5") <= Decimal(change) <= 1:
            found.append({"figure": name, "change": change})
    return found
