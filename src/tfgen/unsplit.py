"""Composed states that were not split yet: found by every command, split by a resume or a recovery, never lost."""

from __future__ import annotations

import time
import uuid
from collections.abc import Callable, Collection, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tfgen import composed_object, composed_state, history, journal, state, state_writing
from tfgen.aws import Aws
from tfgen.composed_object import Note
from tfgen.composed_state import Content
from tfgen.errors import TfgenError, UsageError
from tfgen.events import Event
from tfgen.execution import Bench
from tfgen.model import Environment, Project
from tfgen.process import is_held
from tfgen.scratch import Scratch, apply_home
from tfgen.state_writing import Holder, StateLocks

ERRORED = "errored.tfstate"
"""Where terraform puts a state that it could not write; in the folder that it runs in."""

_BY_HAND = "import what its run had made, then move the composed state beside it away"
_WORKERS = 8


@dataclass(frozen=True)
class Unsplit:
    """A composed state that holds what no module's state knows yet.

    Attributes:
        note: What it was made from, and by whom.
        file: The file in the run's folder; None on another machine.
        copied: True if there is a copy in the bucket.
        alive: True if its run is still at work.
        document: The newest of what is there.
    """

    note: Note
    file: Path | None
    copied: bool
    alive: bool
    document: Mapping[str, Any]

    def __str__(self) -> str:
        note = self.note
        count = f"{len(note.modules)} module{'s' if len(note.modules) != 1 else ''}"
        return f"run {note.run} ({note.verb} of {count} as one by {note.owner}, {note.since})"


def find(project: Project, environment: Environment, clients: Aws) -> tuple[Unsplit, ...]:
    """Return the composed states of an environment that were not split yet.

    Raises:
        TfgenError: One of them cannot be read.
    """
    copies = {
        copy.note.run: copy
        for copy in composed_object.list_copies(clients, environment.state_bucket, key_prefix(project))
    }
    found = {run: _from_copy(project, copy) for run, copy in copies.items()}
    for folder in history.other_runs(project.work, ""):
        file = folder / composed_object.FILE
        note = _note_of(folder, copies.get(folder.name)) if file.exists() else None
        if note is not None and (note.project, note.environment) == (project.name, environment.name):
            copy = copies.get(note.run)
            document = newest(project, environment, note, file, copy.document if copy else None)
            alive = is_held(folder / journal.FILE)
            found[note.run] = Unsplit(note, file, copy is not None, alive, document)
    return tuple(found[run] for run in sorted(found))


def way_out(note: Note) -> str:
    """Return what to do about a composed state of this machine."""
    return (
        f"tfgen {note.verb} --env {note.environment} --resume {note.run} writes them and goes on; "
        f"{_recovers(note)} only"
    )


def warn(project: Project, environment: Environment, clients: Aws, on_event: Callable[[Event], None]) -> None:
    """Warn of composed states that were not split: what is shown lacks what they hold."""
    try:
        left = find(project, environment, clients)
    except TfgenError as error:
        # To look somebody need not be allowed to list the bucket.
        if error.code == "composed-state":
            on_event(Event("warning", f"{error.where}: {error.message}"))
        return
    for item in left:
        text = "is at work: what is shown may change" if item.alive else f"{_LEFT}: {_way_out(item)}"
        on_event(Event("warning", f"{item} {text}"))


def refuse(project: Project, environment: Environment, clients: Aws) -> None:
    """Refuse to change anything while a composed state was not split, whether its run is gone or at work.

    Raises:
        TfgenError: There is one.
    """
    for item in find(project, environment, clients):
        raise _busy(item) if item.alive else _left(item)


def settle(bench: Bench, clients: Aws, modules: Collection[str], *, goes_on: bool, only: str = "") -> None:
    """Split what earlier runs left if a run is gone on with; otherwise stop before anything is changed.

    Args:
        bench: Where, and where it is noted.
        clients: For bucket and table.
        modules: What the run may change.
        goes_on: True if it resumes another one.
        only: The run, or the beginning of its id, whose composed state is to be split and nothing else done.

    Raises:
        TfgenError: There is something and the run does not go on, or it is of other modules, or it cannot be split.
    """
    left = find(bench.project, bench.environment, clients)
    chosen = [item for item in left if only and item.note.run.startswith(only)]
    for item in chosen if only else left:
        known = set(item.note.modules)
        if item.alive and known & set(modules):
            raise _busy(item)
        # What is to be split and nothing else may be of modules that have left the spec meanwhile.
        if not (item.alive or only or (goes_on and known <= set(modules))):
            raise _left(item)
        if not item.alive:
            recover(bench, clients, item)
    freed = _free_locks(bench, clients) if goes_on or only else 0
    if only and not (chosen or freed):
        runs = ", ".join(item.note.run for item in left)
        hint = f"these did: {runs}" if runs else "no run did: there is nothing to recover"
        raise UsageError(f"no run '{only}' left a composed state in {bench.environment.name}", hint=hint)


def recover(bench: Bench, clients: Aws, item: Unsplit) -> None:
    """Write what a composed state holds into the modules' states, then remove it.

    Raises:
        TfgenError: A module's state has gone on since, or a state cannot be written; the composed state stays.
    """
    bench.on_event(Event("note", f"writing the states that {item} left"))
    note = item.note
    locks = StateLocks(clients, note.backend, Holder(note.run, note.owner, operation(note.verb), bench.version))
    locks.take([module.key for module in note.modules.values()], timeout=0, stopping=lambda: False)
    split(bench, clients, note, item.document)
    locks.release()
    bench.journal.write(journal.COMPOSED, phase="released", run=note.run)
    remove(bench, clients, note, item.file)


def split(bench: Bench, clients: Aws, note: Note, document: Mapping[str, Any]) -> tuple[str, ...]:
    """Write the share of each module that the plan changes where its state says something else; may be repeated.

    The others were only looked at again, which every plan does.

    Args:
        bench: For the journal.
        clients: For bucket and table.
        note: What the composed state was made from.
        document: The composed state.

    Returns:
        The modules that were written.

    Raises:
        TfgenError: A state has gone on since the plan was made, or cannot be written; the others are.
    """
    shares = composed_state.split_state(document, [module.identifier for module in note.modules.values()])
    keys = [module.key for module in note.modules.values()]
    there = state_writing.read_all(clients, note.backend.bucket, keys)

    def work(name: str) -> tuple[str, bool, TfgenError | None]:
        module = note.modules[name]
        share = shares[module.identifier]
        try:
            written = _write(clients, note, name, share, there[module.key], str(document["terraform_version"]))
        except TfgenError as error:
            return name, False, error
        bench.journal.write(journal.COMPOSED, phase="split", run=note.run, module=name, written=written)
        return name, written, None

    clients.client("s3"), clients.client("dynamodb")
    with ThreadPoolExecutor(_WORKERS) as pool:
        answers = list(pool.map(work, [name for name, module in note.modules.items() if module.changes]))
    for _, _, error in answers:
        if error is not None:
            raise error
    return tuple(name for name, written, _ in answers if written)


def remove(bench: Bench, clients: Aws, note: Note, file: Path | None) -> None:
    """Remove a composed state whose modules have all they need: the copy first, the file last."""
    composed_object.remove_copy(clients, note)
    _errored(bench.project, bench.environment).unlink(missing_ok=True)
    if file is not None:
        composed_object.reserve_of(file).unlink(missing_ok=True)
        file.unlink(missing_ok=True)


def newest(
    project: Project, environment: Environment, note: Note, file: Path, *seen: Mapping[str, Any] | None
) -> Mapping[str, Any]:
    """Return the newest composed state of a run: its file, what terraform could not write there, or what was seen.

    Args:
        project: The project.
        environment: Where.
        note: What the run began with.
        file: Its file.
        seen: What else is known; of the same age as the file, the first one counts.

    Raises:
        TfgenError: None of them can be read.
    """
    errored, there = (composed_object.read_document(path) for path in (_errored(project, environment), file))
    mine = [item for item in (errored, *seen, there) if item is not None and item.get("lineage") == note.lineage]
    if not mine:
        raise TfgenError(
            "this composed state is damaged, and there is no other copy",
            where=str(file),
            hint=_BY_HAND,
            code="composed-state",
        )
    return max(mine, key=lambda item: int(item.get("serial", 0)))


def key_prefix(project: Project) -> str:
    """Return what stands before every state key of a project."""
    module = project.modules[0]
    return module.state_key.removesuffix(f"{module.name}/terraform.tfstate")


def operation(verb: str) -> str:
    """Return what terraform calls a run of ours in a lock: a destroy is an apply of a destroy plan."""
    return "OperationTypeApply" if verb in ("apply", "destroy") else verb


_LEFT = "did not get to writing the modules' states: what it made is known to its composed state only"


def _left(item: Unsplit) -> TfgenError:
    return TfgenError(f"{item} {_LEFT}", hint=_way_out(item), code="unsplit")


def _busy(item: Unsplit) -> TfgenError:
    return TfgenError(f"{item} is at work", hint=_patience(item), code="busy")


def _way_out(item: Unsplit) -> str:
    return f"{_recovers(item.note)}, once that machine is gone" if item.file is None else way_out(item.note)


def _recovers(note: Note) -> str:
    return f"tfgen state recover {note.run} --env {note.environment} writes them"


def _patience(item: Unsplit) -> str:
    if item.file is not None:
        return "wait for it to end"
    left = max(0.0, item.note.expires - time.time())
    return f"wait for it to end; if its machine is gone, it counts as dead in {left:.0f} s"


def _write(clients: Aws, note: Note, name: str, share: Content, data: bytes | None, version: str) -> bool:
    """Write one module's state; False if it says that already."""
    module, where = note.modules[name], f"s3://{note.backend.bucket}/{note.modules[name].key}"
    there = None if data is None else state.parse_state(data, where=where)
    if data is None or there is None:
        if share.empty:
            return False
    elif composed_state.content_of(there) == share:
        # Whoever was killed between the state and its digest left a digest that does not fit.
        state_writing.remember_digest(clients, note.backend, module.key, data)
        return False
    seen = ("", 0) if there is None else (there.lineage, there.serial)
    own = str(uuid.uuid5(uuid.UUID(note.lineage), name))
    # An earlier attempt may have written a new state already, from an older copy.
    if seen not in ((module.lineage, module.serial), (own, 1)):
        raise TfgenError(
            f"the state of {name} is no longer what the run began with (serial {module.serial or 'none'}, "
            f"now {seen[1] or 'none'}): somebody has gone on since",
            where=where,
            hint="compare it with the composed state, import what it lacks, then move the composed state away",
            code="composed-state",
        )
    document = composed_state.to_document(
        share, terraform_version=version, serial=seen[1] + 1, lineage=module.lineage or own
    )
    state_writing.write_state(clients, note.backend, module.key, composed_state.to_bytes(document))
    return True


def _free_locks(bench: Bench, clients: Aws) -> int:
    """Release what runs of this machine hold that were killed before they had made anything."""
    gone = [
        folder.name
        for folder in history.other_runs(bench.project.work, bench.run_dir.name)
        if (folder / journal.FILE).exists() and not is_held(folder / journal.FILE)
    ]
    backend = state_writing.Backend(bench.environment.state_bucket, bench.environment.lock_table, bench.project.locking)
    return StateLocks(clients, backend, Holder("", "", "", "")).release_of(gone)


def _from_copy(project: Project, copy: composed_object.Copy) -> Unsplit:
    own = project.work / "runs" / copy.note.run / journal.FILE
    alive = is_held(own) if own.exists() else copy.note.expires > time.time()
    return Unsplit(copy.note, None, True, alive, copy.document)


def _note_of(folder: Path, copy: composed_object.Copy | None) -> Note | None:
    """Return what a run's composed state was made from: its copy knows, else its journal; None if it never began."""
    if copy is not None:
        return copy.note
    path = folder / journal.FILE
    try:
        notes = [entry["note"] for entry in journal.read_entries(path) if entry.get("note")]
        return Note.from_document(notes[-1]) if notes else None
    except (TfgenError, KeyError, TypeError, ValueError):
        message = "a composed state is here, but the journal that says whose it is cannot be read"
        raise TfgenError(message, where=str(path), hint=_BY_HAND, code="composed-state") from None


def _errored(project: Project, environment: Environment) -> Path:
    return Scratch(project, apply_home(project, environment.name)).root / ERRORED
