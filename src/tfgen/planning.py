"""What terraform says while it works: its event stream read into counts, changes and errors."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

PROTECTED_TYPES = frozenset({"aws_dynamodb_table", "aws_s3_bucket", "aws_kms_key"})
"""Resources whose loss is the loss of data."""

_BOX = re.compile(r"^[╷│╵]\s?", re.MULTILINE)
_COLOUR = re.compile(r"\x1b\[[0-9;]*m")
_QUIET_ACTIONS = frozenset({"noop", "no-op", "read"})


@dataclass(frozen=True)
class Counts:
    """How many resources a plan or an apply touches; a replacement counts as add and destroy."""

    add: int = 0
    change: int = 0
    destroy: int = 0
    imported: int = 0

    def __add__(self, other: Counts) -> Counts:
        return Counts(
            self.add + other.add,
            self.change + other.change,
            self.destroy + other.destroy,
            self.imported + other.imported,
        )

    def __str__(self) -> str:
        return f"{self.add} to add, {self.change} to change, {self.destroy} to destroy"

    def past(self) -> str:
        """Say the same of what has been done."""
        return f"{self.add} added, {self.change} changed, {self.destroy} destroyed"


@dataclass(frozen=True)
class ResourceChange:
    """One planned action on one resource.

    Attributes:
        address: The resource's address in its module.
        type: Its resource type.
        action: create, update, delete, replace, move, import or forget.
        reason: Why terraform replaces or deletes it, if it says so.
    """

    address: str
    type: str
    action: str
    reason: str = ""

    @property
    def loses(self) -> bool:
        """True if the resource that exists now is gone afterwards."""
        return self.action in ("delete", "replace")


@dataclass(frozen=True)
class Plan:
    """What a plan would do.

    Attributes:
        counts: Totals as terraform gives them.
        changes: One for each resource that is not left as it is.
        outputs: Output name → create, update or delete; unchanged ones are left out.
        changed: Terraform's own answer (`-detailed-exitcode`): False means nothing to do.
    """

    counts: Counts = Counts()
    changes: tuple[ResourceChange, ...] = ()
    outputs: Mapping[str, str] = field(default_factory=dict)
    changed: bool = False

    @property
    def protected_losses(self) -> tuple[ResourceChange, ...]:
        """Tables, buckets and keys that the plan deletes or replaces."""
        return tuple(change for change in self.changes if change.loses and change.type in PROTECTED_TYPES)


@dataclass(frozen=True)
class LockInfo:
    """Who holds a state lock, as terraform reports it."""

    id: str
    path: str
    operation: str
    who: str
    created: str


class EventReader:
    """Collects the events of one `-json` run, line by line.

    Lines that are no events (a crash, an argument error) are kept as they are.
    """

    def __init__(self) -> None:
        self._changes: list[ResourceChange] = []
        self._outputs: dict[str, str] = {}
        self._errors: list[str] = []
        self._stray: list[str] = []
        self._counts = Counts()
        self.diagnostics: list[Mapping[str, Any]] = []

    def feed(self, line: str) -> str:
        """Take one line of output; returns it as a person would read it, or nothing."""
        try:
            event = json.loads(line)
        except ValueError:
            event = None
        if not isinstance(event, dict):
            self._stray.append(line)
            return line
        kind = event.get("type")
        if kind == "diagnostic":
            return self._diagnostic(event["diagnostic"])
        if kind == "planned_change":
            self._planned(event["change"])
        elif kind == "change_summary":
            totals = event["changes"]
            self._counts = Counts(
                totals.get("add", 0),
                totals.get("change", 0),
                totals.get("remove", 0),
                totals.get("import", 0),
            )
        elif kind == "outputs":
            self._outputs_event(event["outputs"])
        return str(event.get("@message", ""))

    def plan(self, *, changed: bool) -> Plan:
        """Return what was planned."""
        return Plan(self._counts, tuple(self._changes), dict(self._outputs), changed)

    @property
    def counts(self) -> Counts:
        """Totals of the last summary."""
        return self._counts

    @property
    def error(self) -> str:
        """All errors, whole, as terraform would have printed them."""
        parts = self._errors or ["\n".join(self._stray).strip()]
        return "\n\n".join(part for part in parts if part)

    def _diagnostic(self, diagnostic: Mapping[str, Any]) -> str:
        text = format_diagnostic(diagnostic)
        self.diagnostics.append(diagnostic)
        if diagnostic.get("severity") == "error":
            self._errors.append(text)
        return text

    def _planned(self, change: Mapping[str, Any]) -> None:
        if change["action"] in _QUIET_ACTIONS:
            return
        resource = change["resource"]
        self._changes.append(
            ResourceChange(resource["addr"], resource["resource_type"], change["action"], change.get("reason", ""))
        )

    def _outputs_event(self, outputs: Mapping[str, Mapping[str, Any]]) -> None:
        for name, output in outputs.items():
            if output.get("action", "noop") not in _QUIET_ACTIONS:
                self._outputs[name] = output["action"]


def format_diagnostic(diagnostic: Mapping[str, Any]) -> str:
    """Print one diagnostic as terraform does on a terminal, without box and colour."""
    lines = [f"{str(diagnostic.get('severity', 'error')).capitalize()}: {diagnostic.get('summary', '')}"]
    if address := diagnostic.get("address"):
        lines += ["", f"  with {address},"]
    if place := diagnostic.get("range"):
        lines += [] if address else [""]
        lines += _source(place, diagnostic.get("snippet") or {})
    if detail := diagnostic.get("detail"):
        lines += ["", str(detail)]
    return "\n".join(lines)


def plain_text(output: str) -> str:
    """Take colours and the box of terraform's messages away."""
    return _BOX.sub("", _COLOUR.sub("", output)).strip()


def parse_lock(error: str) -> LockInfo | None:
    """Read who holds the state lock out of terraform's error; None if it is another error."""
    if "Error acquiring the state lock" not in error and "Lock Info:" not in error:
        return None
    found = dict(re.findall(r"^\s*(ID|Path|Operation|Who|Created):\s*(.*?)\s*$", error, re.MULTILINE))
    if not found.get("ID"):
        return None
    return LockInfo(*(found.get(name, "") for name in ("ID", "Path", "Operation", "Who", "Created")))


def _source(place: Mapping[str, Any], snippet: Mapping[str, Any]) -> list[str]:
    context = f", in {snippet['context']}" if snippet.get("context") else ""
    start = place.get("start", {}).get("line", 0)
    lines = [f"  on {place.get('filename', '')} line {start}{context}:"]
    first = snippet.get("start_line", start)
    for offset, code in enumerate(str(snippet.get("code", "")).splitlines()):
        lines.append(f"  {first + offset:>4}: {code}")
    values = snippet.get("values") or ()
    lines += [f"    ├ {value['traversal']} {value['statement']}" for value in values]
    return lines
