"""State locks of an environment: who holds which since when, and removing one whose owner is gone."""

from __future__ import annotations

import re
import socket
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from tfgen import history, journal, leases, process, state, state_writing, unsplit
from tfgen.aws import Aws
from tfgen.errors import TfgenError, UsageError
from tfgen.leases import Claim
from tfgen.model import BACKEND_CONFIG, Environment, Module, Project
from tfgen.places import Caller, Place, connect, new_run_id
from tfgen.planning import parse_lock
from tfgen.process import is_held
from tfgen.state import Lock

Confirm = Callable[["HeldLock"], bool]


@dataclass(frozen=True)
class HeldLock:
    """A held state lock; the table's item and the lockfile of one terraform are one lock.

    Attributes:
        module: Full name of the module, or the key of a state that belongs to none.
        id: Its id.
        kinds: `dynamodb`, `lockfile`, or both.
        operation: What terraform is doing.
        who: `user@host`.
        created: Since when; None if terraform did not say.
        parts: Where it stands.
        run: The run of tfgen that took it for several modules at once; empty if it was terraform itself.
        gone: True if its owner was on this machine and is not any more.
    """

    module: str
    id: str
    kinds: tuple[str, ...]
    operation: str
    who: str
    created: datetime | None
    parts: tuple[Lock, ...]
    run: str = ""
    gone: bool = False

    @property
    def age(self) -> float | None:
        """Seconds since it was taken."""
        return (datetime.now(UTC) - self.created).total_seconds() if self.created else None


def list_locks(
    project: Project, environment: Environment, caller: Caller
) -> tuple[tuple[HeldLock, ...], tuple[Claim, ...]]:
    """Return the state locks of an environment, and the runs that work in it.

    Raises:
        TfgenError: The environment cannot be opened or read.
    """
    _, clients = connect(project, environment, caller, changes=False)
    claims = {claim.run: claim for claim in leases.read_table(clients, environment.lock_table)}
    claims |= {claim.run: claim for claim in leases.list_claims(project.work, environment.name)}
    alive = tuple(claim for claim in claims.values() if not leases.is_dead(project.work, claim))
    return find_locks(project, environment, clients), alive


def find_locks(project: Project, environment: Environment, clients: Aws) -> tuple[HeldLock, ...]:
    """Return the state locks of an environment, in the order of the modules."""
    found: dict[tuple[str, str], list[Lock]] = {}
    for lock in state.list_locks(clients, environment.state_bucket, environment.lock_table):
        if lock.path.startswith(f"{environment.state_bucket}/"):
            found.setdefault((lock.key, lock.id), []).append(lock)
    names = {module.state_key: module.name for module in project.modules}
    order = [module.state_key for module in project.modules]
    keys = sorted(found, key=lambda item: (order.index(item[0]) if item[0] in order else len(order), item))
    return tuple(_held(project, environment, names.get(key, key), found[key, lock]) for key, lock in keys)


def unlock(
    project: Project,
    environment: Environment,
    caller: Caller,
    module: Module,
    lock_id: str,
    confirm: Confirm | None,
) -> tuple[HeldLock, ...]:
    """Remove a module's state lock, the table's item and the lockfile alike.

    Args:
        project: The project.
        environment: Where.
        caller: Who calls, and how.
        module: The module.
        lock_id: The id of the lock that is meant; empty for whichever is held.
        confirm: Shows a lock and asks; None where nobody can be asked: then the id must be given.

    Returns:
        What was removed; nothing if the module was not locked.

    Raises:
        TfgenError: Its owner is alive, the id does not match, or the lock cannot be removed.
    """
    _, clients = connect(project, environment, caller, changes=True)
    claim = leases.make_claim(new_run_id(), "unlock", [module.name], [])
    with leases.hold_here(project.work, environment.name, claim, timeout=0, stopping=lambda: caller.children.stopping):
        _refuse_living(project, environment, clients, module, claim)
        unsplit.refuse(project, environment, clients)
        held = [lock for lock in find_locks(project, environment, clients) if lock.module == module.name]
        if lock_id and held and not any(lock.id == lock_id for lock in held):
            raise UsageError(
                f"{module.name} is locked, but not by {lock_id}", hint=f"its lock: {', '.join(map(_describe, held))}"
            )
        chosen = [lock for lock in held if not lock_id or lock.id == lock_id]
        if confirm is None and not lock_id and chosen:
            raise UsageError(
                f"{module.name} is locked: {', '.join(map(_describe, chosen))}; without a terminal nobody can be asked",
                hint=f"tfgen unlock {module.name} --id {chosen[0].id}",
            )
        removed = []
        for lock in chosen:
            if confirm is not None and not confirm(lock):
                continue
            _remove(clients, environment, lock)
            removed.append(lock)
        return tuple(removed)


def remove_lost(place: Place, module: Module, error: str, since: datetime) -> bool:
    """Remove a lock that our own terraform took without hearing of it: the answer was lost, and it asked again.

    It was taken on this machine after our step had begun, no terraform works on the module any more, and no other tfgen
    may: it can be nobody else's.

    Args:
        place: Where.
        module: The module whose step failed.
        error: What terraform said.
        since: When the step began.

    Returns:
        True if it was one and is gone.

    Raises:
        TfgenError: It cannot be removed.
    """
    bench = place.bench
    lock = parse_lock(error)
    created = _time(re.sub(r" \+0000 UTC$", "+00:00", lock.created)) if lock else None
    if lock is None or created is None or created < since or lock.who.rpartition("@")[2] != socket.gethostname():
        return False
    if _living(bench.project, bench.environment, module.name):
        return False
    found = [
        held
        for held in find_locks(bench.project, bench.environment, place.clients)
        if (held.module, held.id) == (module.name, lock.id)
    ]
    for held in found:
        _remove(place.clients, bench.environment, held)
    return bool(found)


def describe_lock(lock: HeldLock) -> str:
    """Say in a sentence who holds a lock."""
    return _describe(lock)


def _remove(clients: Aws, environment: Environment, lock: HeldLock) -> None:
    # The lockfile last: terraform takes it first, so nobody can slip in between the two.
    for part in sorted(lock.parts, key=lambda part: part.kind):
        if not state.remove_lock(clients, environment.lock_table, part):
            raise TfgenError(
                f"the lock of {lock.module} is another one by now; it was left alone", hint="tfgen locks", code="lock"
            )


def _held(project: Project, environment: Environment, name: str, parts: Sequence[Lock]) -> HeldLock:
    info = parts[0].info
    who = info.get("Who", "")
    held = HeldLock(
        module=name,
        id=parts[0].id,
        kinds=tuple(sorted(part.kind for part in parts)),
        operation=info.get("Operation", ""),
        who=who,
        created=_time(info.get("Created", "")),
        parts=tuple(parts),
        run=state_writing.run_of(parts[0]),
    )
    if who.rpartition("@")[2] != socket.gethostname() or _living(project, environment, name):
        return held
    if held.run and is_held(project.work / "runs" / held.run / journal.FILE):
        return held
    return HeldLock(**{**vars(held), "gone": True})


def _refuse_living(project: Project, environment: Environment, clients: Aws, module: Module, own: Claim) -> None:
    if alive := _living(project, environment, module.name):
        raise TfgenError(
            f"terraform still works on {module.name} on this machine: {alive}",
            hint="wait for it to end; it takes its lock with it",
            code="busy",
        )
    for claim in leases.read_table(clients, environment.lock_table):
        if claim.run != own.run and module.name in claim.writes and not leases.is_dead(project.work, claim):
            raise TfgenError(
                f"another tfgen works on {module.name}: {claim}",
                hint=f"wait for it to end; if that machine is gone, its lease ends {leases.LIFETIME:.0f} s after its "
                "last sign of life",
                code="busy",
            )


def _living(project: Project, environment: Environment, name: str) -> str:
    """Return what works on a module on this machine, in words; empty if nothing does."""
    for folder in history.other_runs(project.work, ""):
        for path in history.living_outputs(folder):
            if path.name.startswith(f"{name}-") and _is_of(folder, environment):
                return f"run {folder.name}, {path.stem}"
    folder = project.tree / name
    if name == BACKEND_CONFIG:
        folder = project.work / "env" / environment.name / name
    pids = process.working_in(folder, "terraform")
    return f"process {', '.join(map(str, pids))}" if pids else ""


def _is_of(folder: Path, environment: Environment) -> bool:
    try:
        return history.read_run(folder).environment == environment.name
    except TfgenError:
        return True


def _describe(lock: HeldLock) -> str:
    since = f" since {lock.created:%Y-%m-%d %H:%M:%S} UTC" if lock.created else ""
    gone = ", which is gone" if lock.gone else ""
    run = f", run {lock.run}" if lock.run else ""
    return (
        f"{lock.operation or 'an unknown operation'} by {lock.who or 'nobody known'}{run}{since}{gone} (id {lock.id})"
    )


def _time(text: str) -> datetime | None:
    try:
        return datetime.fromisoformat(text)
    except ValueError:
        return None
