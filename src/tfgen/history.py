"""Past runs, read from their journals: what was asked, what became of each module, and whether it can go on."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any

from tfgen import approval, journal
from tfgen.approval import Approval
from tfgen.errors import TfgenError, UsageError
from tfgen.process import is_held

RUNNING, DONE, FAILED, CANCELLED, KILLED = "running", "done", "failed", "cancelled", "killed"
CHANGING = ("apply", "destroy", "import", "recover")
RESUMABLE = ("apply", "destroy")
KEPT = 50
COMPOSED_FILE = "composed.tfstate"
"""The state of the modules as one, in the folder of the run that applies it."""
OUTPUT_SUFFIX = ".out"
"""Of the files that running programs print into."""

_FINISHED = ("done", "unchanged")


@dataclass(frozen=True)
class StepRecord:
    """One program that ran for a module.

    Attributes:
        name: init, plan, apply, …
        argv: Its command line, without secret values.
        began: When it was started.
        ended: When it ended; None if nobody saw that.
        status: Its exit status; None if nobody saw it.
        pid: Its process id; 0 if it was not started.
        log: Its log, relative to the run's folder.
    """

    name: str
    argv: tuple[str, ...]
    began: datetime
    ended: datetime | None = None
    status: int | None = None
    pid: int = 0
    log: str = ""


@dataclass(frozen=True)
class ModuleRecord:
    """What became of one module.

    Attributes:
        name: Its full name.
        status: A result's status; `interrupted` if it was begun and nothing more is known; `waiting` if it was not.
        began: When its work began.
        ended: When it ended.
        result: What the journal says of its end: reason, hint, cause, code, counts, outputs, log, lock.
        steps: The programs that ran.
        retries: What was tried again: step, pattern, attempt, delay, error.
    """

    name: str
    status: str
    began: datetime | None = None
    ended: datetime | None = None
    result: Mapping[str, Any] = field(default_factory=dict)
    steps: tuple[StepRecord, ...] = ()
    retries: tuple[Mapping[str, Any], ...] = ()

    @property
    def seconds(self) -> float:
        """How long its work took, as far as it is known."""
        last = self.ended or max((step.ended or step.began for step in self.steps), default=self.began)
        return (last - self.began).total_seconds() if self.began and last else 0.0


@dataclass(frozen=True)
class RunRecord:
    """One run, as its journal has it.

    Attributes:
        id: Also the name of its folder.
        folder: Its folder.
        status: running, done, failed, cancelled or killed.
        first: The journal's first entry: verb, project, environment, place, host, user, choices, graph, versions.
        began: When it began.
        ended: When it ended; None if nobody saw that.
        modules: Every module of the run, in order of their numbers.
        approvals: What was approved, in order.
        error: Why it ended before or beside its modules.
        notes: What else was noted.
    """

    id: str
    folder: Path
    status: str
    first: Mapping[str, Any]
    began: datetime
    ended: datetime | None
    modules: tuple[ModuleRecord, ...]
    approvals: tuple[Approval, ...] = ()
    error: Mapping[str, Any] = field(default_factory=dict)
    notes: tuple[str, ...] = ()

    @property
    def verb(self) -> str:
        """What it did: apply, destroy, …."""
        return str(self.first.get("verb", ""))

    @property
    def environment(self) -> str:
        """Name of the environment."""
        return str(self.first.get("environment", ""))

    @property
    def choices(self) -> Mapping[str, Any]:
        """What was asked for."""
        found = self.first.get("choices")
        return found if isinstance(found, dict) else {}

    @property
    def finished(self) -> frozenset[str]:
        """The modules that need not be looked at again."""
        return frozenset(module.name for module in self.modules if module.status in _FINISHED)

    @property
    def resumable(self) -> bool:
        """True if there is something to go on with."""
        return self.verb in RESUMABLE and self.status in (FAILED, CANCELLED, KILLED)

    @property
    def seconds(self) -> float:
        """How long it took, as far as it is known."""
        ends = [module.ended for module in self.modules if module.ended]
        last = self.ended or max(ends, default=self.began)
        return (last - self.began).total_seconds()


def read_run(folder: Path) -> RunRecord:
    """Read one run.

    Raises:
        TfgenError: Its journal is missing, damaged or of another version.
    """
    path = folder / journal.FILE
    entries = journal.read_entries(path)
    first = entries[0]
    ends = [entry for entry in entries if entry["event"] == journal.END]
    status = str(ends[-1].get("status", FAILED)) if ends else RUNNING if is_held(path) else KILLED
    names = [str(name) for name in first.get("graph") or {}]
    named = [str(entry["module"]) for entry in entries if entry.get("module")]
    order = [*names, *dict.fromkeys(name for name in named if name not in names)]
    try:
        approvals = tuple(
            approval.from_document(_text(entry["approval"]), where=str(path))
            for entry in entries
            if entry["event"] == journal.APPROVED
        )
        modules = tuple(_read_module(name, entries, over=bool(ends)) for name in order)
    except (KeyError, TypeError, ValueError) as error:
        raise TfgenError(f"the journal is damaged: {error}", where=str(path), code="journal") from None
    return RunRecord(
        id=folder.name,
        folder=folder,
        status=status,
        first=first,
        began=_time(first),
        ended=_time(ends[-1]) if ends else None,
        modules=modules,
        approvals=approvals,
        error=(ends[-1].get("error") or {}) if ends else {},
        notes=tuple(str(entry.get("text", "")) for entry in entries if entry["event"] == journal.NOTE),
    )


def list_runs(work: Path) -> tuple[RunRecord | TfgenError, ...]:
    """Return all runs, the newest first; in place of one whose journal cannot be read, why."""
    return tuple(_each_run(work))


def find_run(work: Path, text: str) -> RunRecord:
    """Return the run with this id, or the one whose id begins so.

    Raises:
        UsageError: There is none, or there are several.
        TfgenError: Its journal cannot be read.
    """
    known = [folder for folder in _folders(work) if folder.name.startswith(text)] if text else []
    exact = [folder for folder in known if folder.name == text]
    if len(exact or known) != 1:
        what = f"there are {len(known)} runs that begin with '{text}'" if known else f"there is no run '{text}'"
        raise UsageError(
            what,
            hint="tfgen runs lists them; runs stay on the machine that they ran on: elsewhere a plain apply goes on",
        )
    return read_run((exact or known)[0])


def find_resumable(work: Path, environment: str, verb: str, text: str = "") -> RunRecord:
    """Return the run to go on with: the named one, or the last one of its kind in an environment.

    Raises:
        UsageError: There is none, or it cannot be gone on with.
        TfgenError: Its journal cannot be read.
    """
    found = find_run(work, text) if text else _last(work, environment, verb)
    if found.environment != environment:
        raise UsageError(
            f"run {found.id} was in environment {found.environment}, not in {environment}",
            hint=f"add --env {found.environment}",
        )
    if found.verb != verb:
        raise UsageError(f"run {found.id} was a {found.verb}", hint=f"tfgen {found.verb} --resume {found.id}")
    if found.status == RUNNING:
        raise TfgenError(
            f"run {found.id} is still at work (process {found.first.get('pid')})",
            hint="wait for it to end",
            code="busy",
        )
    if not found.resumable:
        raise UsageError(f"run {found.id} is done: there is nothing to go on with", hint=f"tfgen {verb}")
    return found


def prune_runs(work: Path, *, keep: int = KEPT) -> int:
    """Remove the oldest runs, those that change something and those that only look counted apart; returns how many.

    A run that lives, or whose terraform does, or whose composed state was not split yet, stays.
    """
    removed = 0
    kinds: dict[bool, list[Path]] = {True: [], False: []}
    for folder in _folders(work):
        kinds[_changes(folder)].append(folder)
    for folders in kinds.values():
        for folder in folders[:-keep] if keep else folders:
            if not (is_held(folder / journal.FILE) or living_outputs(folder) or (folder / COMPOSED_FILE).exists()):
                shutil.rmtree(folder, ignore_errors=True)
                removed += 1
    return removed


def living_outputs(folder: Path) -> tuple[Path, ...]:
    """Return the output files of a run whose program still runs."""
    return tuple(path for path in sorted(folder.glob(f"*{OUTPUT_SUFFIX}")) if is_held(path))


def other_runs(work: Path, own: str) -> tuple[Path, ...]:
    """Return the folders of all runs but one."""
    return tuple(folder for folder in _folders(work) if folder.name != own)


def _each_run(work: Path) -> Iterator[RunRecord | TfgenError]:
    for folder in reversed(_folders(work)):
        if (folder / journal.FILE).exists():
            try:
                yield read_run(folder)
            except TfgenError as error:
                yield error


def _last(work: Path, environment: str, verb: str) -> RunRecord:
    for found in _each_run(work):
        if isinstance(found, TfgenError):
            if found.code == journal.EMPTY:
                continue
            # It may be the one that is meant; an older one would be taken for it.
            raise found
        if (found.environment, found.verb) == (environment, verb):
            return found
    raise UsageError(
        f"no {verb} in environment {environment} has been run on this machine",
        hint=f"a plain tfgen {verb} goes on wherever another machine stopped: finished modules have nothing to do",
    )


def _read_module(name: str, entries: Sequence[Mapping[str, Any]], *, over: bool) -> ModuleRecord:
    own = [entry for entry in entries if entry.get("module") == name]
    begins = [entry for entry in own if entry["event"] == journal.MODULE_BEGIN]
    ends = [entry for entry in own if entry["event"] == journal.MODULE_END]
    status = str(ends[-1]["status"]) if ends else "interrupted" if begins else "waiting"
    if status == "waiting" and over:
        # The plan of the whole did not touch it.
        status = "unchanged" if _ended_well(entries) else "skipped"
    return ModuleRecord(
        name=name,
        status=status,
        began=_time(begins[0]) if begins else None,
        ended=_time(ends[-1]) if ends else None,
        result=ends[-1] if ends else {},
        steps=_steps(own),
        retries=tuple(entry for entry in own if entry["event"] == journal.RETRY),
    )


def _ended_well(entries: Sequence[Mapping[str, Any]]) -> bool:
    return any(entry["event"] == journal.END and entry.get("status") == DONE for entry in entries)


def _steps(entries: Sequence[Mapping[str, Any]]) -> tuple[StepRecord, ...]:
    found: dict[int, dict[str, Any]] = {}
    for entry in entries:
        number = entry.get("step_id")
        if entry["event"] == journal.STEP_BEGIN:
            found[int(entry["step_id"])] = {
                "name": str(entry["step"]),
                "argv": tuple(str(word) for word in entry.get("argv", ())),
                "began": _time(entry),
                "log": str(entry.get("log", "")),
            }
        elif number in found and entry["event"] == journal.PROCESS:
            found[number]["pid"] = int(entry["pid"])
        elif number in found and entry["event"] == journal.STEP_END:
            found[number] |= {"ended": _time(entry), "status": entry.get("status")}
    return tuple(StepRecord(**fields) for fields in found.values())


def _changes(folder: Path) -> bool:
    """Tell it from the first line: a journal may be long, and there are many."""
    try:
        with (folder / journal.FILE).open("rb") as lines:
            return str(json.loads(lines.readline()).get("verb")) in CHANGING
    except (OSError, ValueError, AttributeError):
        return False


def _folders(work: Path) -> list[Path]:
    try:
        return sorted(folder for folder in (work / "runs").iterdir() if folder.is_dir())
    except OSError:
        return []


def _time(entry: Mapping[str, Any]) -> datetime:
    return datetime.fromisoformat(str(entry["at"]))


def _text(document: Any) -> bytes:
    return json.dumps(document).encode()
