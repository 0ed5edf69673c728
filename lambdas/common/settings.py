"""Reading a function's environment variables, with errors that name the variable."""

from __future__ import annotations

from collections.abc import Mapping
from zoneinfo import ZoneInfo


class SettingError(RuntimeError):
    """An environment variable is missing or makes no sense."""


def text(environment: Mapping[str, str], name: str) -> str:
    """Return a variable that must be set."""
    value = environment.get(name, "").strip()
    if not value:
        raise SettingError(f"environment variable {name} is not set")
    return value


def positive(environment: Mapping[str, str], name: str, maximum: int) -> int:
    """Return a variable that holds an integer from 1 to `maximum`."""
    value = text(environment, name)
    if not (value.isascii() and value.isdigit() and 1 <= int(value) <= maximum):
        raise SettingError(f"environment variable {name} must be an integer from 1 to {maximum}")
    return int(value)


def zone(environment: Mapping[str, str], name: str) -> ZoneInfo:
    """Return a variable that holds the name of an IANA time zone."""
    value = text(environment, name)
    try:
        return ZoneInfo(value)
    except (KeyError, ValueError, OSError) as error:
        raise SettingError(f"environment variable {name} holds no IANA time zone: {value}") from error


def addresses(environment: Mapping[str, str], name: str, maximum: int) -> tuple[str, ...]:
    """Return a variable that holds a comma separated list with one to `maximum` entries."""
    values = tuple(part.strip() for part in text(environment, name).split(",") if part.strip())
    if not values:
        raise SettingError(f"environment variable {name} holds no address")
    if len(values) > maximum:
        raise SettingError(f"environment variable {name} holds {len(values)} addresses, at most {maximum} are possible")
    return values
