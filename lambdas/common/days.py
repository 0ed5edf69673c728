"""Business days and instants: a day belongs to one IANA zone and lasts 23, 24 or 25 hours."""

from __future__ import annotations

from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

HOUR = timedelta(hours=1)


def timestamp(instant: datetime) -> str:
    """Write an instant in UTC with milliseconds; such texts sort by time."""
    return instant.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def instant(text: str) -> datetime:
    """Read an RFC 3339 instant.

    Raises:
        ValueError: The text is no instant, or has no offset.
    """
    value = datetime.fromisoformat(text)
    if value.tzinfo is None:
        raise ValueError(f"an instant needs an offset: {text}")
    return value.astimezone(UTC)


def business_day(moment: datetime, zone: ZoneInfo) -> date:
    """Return the day that the clock on the wall of the business shows."""
    return moment.astimezone(zone).date()


def hours(day: date, zone: ZoneInfo) -> list[datetime]:
    """Return the start of each hour of the day, in UTC: 23, 24 or 25 of them.

    The first is local midnight. Counting in UTC is what keeps the repeated hour apart from the first.
    """
    start = _midnight(day, zone)
    end = _midnight(day + timedelta(days=1), zone)
    count = -((start - end) // HOUR)  # rounded up: some zones shift by half an hour
    return [start + HOUR * index for index in range(count)]


def _midnight(day: date, zone: ZoneInfo) -> datetime:
    return datetime.combine(day, time(), tzinfo=zone).astimezone(UTC)
