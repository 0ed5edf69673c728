"""Planned values as text: short, escaped, and never a sensitive one."""

from __future__ import annotations

import difflib
import json
from collections.abc import Callable, Iterator
from typing import Any

from tfgen.changes import AttributeChange

Paint = Callable[[str, str], str]
"""Colours a text: text and colour → text."""

KNOWN_AFTER = "(known after apply)"
SENSITIVE = "(sensitive)"
_SHORT = 70
_MAX_LINES = 16
_REASONS = {
    "replace_because_tainted": "it is tainted",
    "replace_because_cannot_update": "it cannot be changed in place",
    "replace_by_request": "asked for by -replace",
    "replace_by_triggers": "triggered by replace_triggered_by",
    "delete_because_no_resource_config": "not in the configuration any more",
    "delete_because_no_module": "its module is not in the configuration any more",
    "delete_because_wrong_repetition": "count or for_each came or went",
    "delete_because_count_index": "its index is beyond count",
    "delete_because_each_key": "its key is not in for_each any more",
    "delete_because_no_move_target": "moved to an address that is not in the configuration",
}


def plain(text: str, _colour: str) -> str:
    """Leave a text as it is."""
    return text


def printable(text: str) -> str:
    """Escape everything that would steer a terminal, line ends included."""
    return "".join(
        character if character.isprintable() else character.encode("unicode_escape").decode() for character in text
    )


def reason_text(reason: str) -> str:
    """Say in words why terraform does something; empty if it gave no reason that is known."""
    return _REASONS.get(reason, "")


def attribute_lines(attribute: AttributeChange, *, new: bool = False) -> list[str]:
    """Describe one change of a value, without indentation.

    Args:
        attribute: The change.
        new: Only the planned value counts: the resource does not exist yet.
    """
    path = printable(attribute.path)
    forces = "  forces replacement" if attribute.forces_replacement else ""
    if attribute.sensitive:
        return [f"{path}: {SENSITIVE}{forces}"]
    before, after = attribute.before, attribute.after
    if not new and not attribute.unknown and (lines := _difference(before, after)):
        return [f"{path}:{forces}", *(f"  {line}" for line in lines)]
    planned = KNOWN_AFTER if attribute.unknown else short(after)
    return [f"{path}: {planned}{forces}" if new else f"{path}: {short(before)} → {planned}{forces}"]


def short(value: Any) -> str:
    """Print a value on one line, cut where it grows long."""
    text = printable(json.dumps(value, ensure_ascii=False, sort_keys=True))
    return text if len(text) <= _SHORT else f"{text[: _SHORT - 1]}…"


def _difference(before: Any, after: Any) -> list[str]:
    """Compare two long values line by line; nothing if both are short or one is missing."""
    if before is None or after is None:
        return []
    if max(len(json.dumps(value, ensure_ascii=False)) for value in (before, after)) <= _SHORT:
        return []
    found = list(_changed_lines(_laid_out(before), _laid_out(after)))
    if len(found) > _MAX_LINES:
        found = [*found[:_MAX_LINES], f"… and {len(found) - _MAX_LINES} more lines"]
    return found


def _changed_lines(before: list[str], after: list[str]) -> Iterator[str]:
    for line in difflib.unified_diff(before, after, lineterm="", n=0):
        if not line.startswith(("---", "+++", "@@")):
            text = printable(line)
            yield text if len(text) <= 2 * _SHORT else f"{text[: 2 * _SHORT - 1]}…"


def _laid_out(value: Any) -> list[str]:
    if isinstance(value, str):
        try:
            document = json.loads(value)
        except ValueError:
            return value.splitlines()
        if not isinstance(document, dict | list):
            return value.splitlines()
        value = document
    return json.dumps(value, indent=2, ensure_ascii=False, sort_keys=True).splitlines()
