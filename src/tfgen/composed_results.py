"""How each module fared in a composed apply, told from terraform's events and errors by their addresses."""

from __future__ import annotations

import json
from collections.abc import Collection, Mapping
from typing import TYPE_CHECKING

from tfgen import planning
from tfgen.changes import CREATE, DELETE, ERROR, REPLACE, UPDATE, ComposedPlan, Diagnostic, ModuleChanges, split_address
from tfgen.events import Event, OnEvent
from tfgen.planning import Counts, Plan
from tfgen.runner import CANCELLED, DONE, FAILED, SKIPPED, Result

if TYPE_CHECKING:
    from tfgen.compose import Applied

_STEPS = {CREATE: 1, UPDATE: 1, DELETE: 1, REPLACE: 2}
"""How many things terraform does for an action; it reports each."""


class Tracker:
    """Follows an apply by terraform's events, as "Machine-Readable UI" in its documentation describes them.

    Args:
        names: The modules: identifier → full name.
        on_event: Told what terraform says, by module.
    """

    def __init__(self, names: Mapping[str, str], on_event: OnEvent) -> None:
        self._names = names
        self._on_event = on_event
        self._done: dict[str, list[str]] = {}
        self.failed: set[str] = set()
        """Modules with a resource whose change failed."""

    def feed(self, line: str) -> None:
        """Take one line of output."""
        try:
            event = json.loads(line)
            resource = event["hook"]["resource"]
        except (ValueError, KeyError, TypeError):
            return
        identifier, address = split_address(str(resource.get("addr", "")))
        name = self._names.get(identifier)
        if name is None:
            return
        if event["type"] == "apply_complete":
            self._done.setdefault(name, []).append(str(event["hook"].get("action", "")))
        elif event["type"] == "apply_errored":
            self.failed.add(name)
        text = str(event.get("@message", "")).replace(f"module.{identifier}.{address}", address)
        self._on_event(Event("line", text, module=name, step="apply"))

    def counts(self, name: str) -> Counts:
        """Return what was done in a module."""
        done = self._done.get(name, ())
        return Counts(*(sum(action == wanted for action in done) for wanted in (CREATE, UPDATE, DELETE)))


def to_results(
    shown: ComposedPlan,
    tracker: Tracker,
    applied: Applied,
    written: Collection[str],
    *,
    interrupted: bool,
    seconds: float,
) -> dict[str, Result]:
    """Return a result for every module of the plan.

    Args:
        shown: The plan that was applied.
        tracker: What terraform reported.
        applied: How it ended.
        written: The modules whose state was written.
        interrupted: True if the user stopped it.
        seconds: How long it took.
    """
    errors: dict[str, list[Diagnostic]] = {name: [] for name in shown.modules}
    for problem in applied.problems:
        if problem.severity == ERROR and problem.module in errors:
            errors[problem.module].append(problem)
    whole = {
        name: not errors[name]
        and name not in tracker.failed
        and (applied.status == 0 or _is_whole(changes, tracker.counts(name), name in written))
        for name, changes in shown.modules.items()
    }
    causes = [name for name in shown.modules if errors[name] or name in tracker.failed]
    if applied.status and not causes:
        # Terraform fell without a word about any of them.
        causes = [name for name in shown.modules if not whole[name]][:1] or list(shown.modules)[-1:]
        whole |= dict.fromkeys(causes, False)
    found = {}
    for name, changes in shown.modules.items():
        status, reason, hint, cause = DONE, "", "", ""
        if not whole[name] and name in causes and not interrupted:
            status, (reason, hint) = FAILED, _told(errors[name], applied)
        elif not whole[name] and interrupted:
            status, reason = CANCELLED, "interrupted"
        elif not whole[name]:
            status, reason, cause = SKIPPED, f"{causes[0]} failed", causes[0]
        found[name] = Result(
            name,
            status,
            reason=reason,
            hint=hint,
            cause=cause,
            counts=tracker.counts(name),
            plan=_as_plan(changes),
            log=applied.log,
            seconds=seconds,
            code="terraform" if status == FAILED else "",
        )
    return found


def _is_whole(changes: ModuleChanges, done: Counts, written: bool) -> bool:
    wanted = sum(_STEPS.get(item.action, 0) for item in changes.resources)
    return done.add + done.change + done.destroy >= wanted if wanted else written


def _told(errors: Collection[Diagnostic], applied: Applied) -> tuple[str, str]:
    if not errors:
        return applied.error, ""
    texts = [f"{item.address}: {item.message}" if item.address else item.message for item in errors]
    return "\n\n".join(texts), next((item.hint for item in errors if item.hint), "")


def _as_plan(changes: ModuleChanges) -> Plan:
    """Return the changes as a module's own plan has them, for documents."""
    counts = Counts(changes.add + changes.replace, changes.change, changes.destroy + changes.replace)
    items = tuple(
        planning.ResourceChange(item.address, item.type, item.action, item.reason) for item in changes.resources
    )
    outputs = {item.name: item.action for item in changes.changed_outputs}
    return Plan(counts, items, outputs, changed=changes.changed)
