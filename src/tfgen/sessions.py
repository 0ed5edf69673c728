"""A run from its first to its last word: lease, journal, what earlier runs left behind, and the reports at the end."""

from __future__ import annotations

import os
import socket
import time
from collections.abc import Callable, Collection, Iterator
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import asdict, replace
from importlib import metadata
from pathlib import Path
from typing import Any

from tfgen import history, journal, leases, planning, recovery, unsplit
from tfgen.errors import Interrupted, TfgenError
from tfgen.events import Event
from tfgen.history import RunRecord
from tfgen.journal import Journal
from tfgen.model import Environment, Project
from tfgen.places import Caller, Choices, Place, module_graph, new_run_id, open_place
from tfgen.process import Children, is_held
from tfgen.report import run as reports
from tfgen.runner import CANCELLED, FAILED, SKIPPED, Result
from tfgen.select import describe_place

_LOOK_SECONDS = 0.5


@contextmanager
def session(
    project: Project,
    environment: Environment,
    caller: Caller,
    choices: Choices,
    *,
    verb: str,
    modules: Collection[str],
    mode: str = "",
    resumes: RunRecord | None = None,
    recovers: str = "",
) -> Iterator[Place]:
    """Open an environment for a run that changes something.

    The run has the project lease, its journal is open, and terraform that an earlier tfgen left alive has ended.

    Args:
        project: The project.
        environment: Where.
        caller: Who calls, and how.
        choices: What was asked for; noted, so that it can be gone on with.
        verb: apply, destroy, …
        modules: What it may change.
        mode: `composed` or `per-module`; noted as well.
        resumes: The run that it goes on with.
        recovers: The run whose composed state it is there for.

    Raises:
        TfgenError: Another run is in the way, the environment cannot be opened, or an earlier run left something.
        Interrupted: The user stopped it.
    """
    run = new_run_id()
    claim = leases.make_claim(run, verb, sorted(modules), sorted(_read_beside(project, modules)))
    timeout = leases.to_seconds(choices.lock_timeout)
    children = caller.children
    with ExitStack() as stack:
        stack.enter_context(children.forwarding(_teller(caller)))
        stopping = lambda: children.stopping  # noqa: E731 - a name would say no more
        stack.enter_context(leases.hold_here(project.work, environment.name, claim, timeout=timeout, stopping=stopping))
        place = open_place(project, environment, caller, changes=True, lock_timeout=choices.lock_timeout, run=run)
        place = stack.enter_context(_recorded(place, choices, verb, mode, resumes))
        _wait_for_survivors(place)
        stack.enter_context(
            leases.hold_in_table(
                place.clients,
                environment.lock_table,
                claim,
                work=project.work,
                timeout=timeout,
                stopping=stopping,
                on_event=caller.on_event,
            )
        )
        recovery.settle(place.bench, place.clients, modules, resumes)
        unsplit.settle(place.bench, place.clients, modules, goes_on=resumes is not None, only=recovers)
        yield place


def note_result(place: Place, result: Result) -> None:
    """Write down how a module ended; where that is not possible the run goes on, and says so."""
    lock = planning.parse_lock(result.reason)
    try:
        place.bench.journal.write(
            journal.MODULE_END,
            module=result.module,
            status=result.status,
            reason=result.reason,
            hint=result.hint,
            cause=result.cause,
            code=result.code,
            counts=asdict(result.counts),
            outputs=dict(result.plan.outputs) if result.plan and result.status == "done" else {},
            log=result.log.name if result.log else "",
            lock=lock.id if lock else "",
        )
    except TfgenError as error:
        place.bench.on_event(Event("warning", f"{error.message}: {error.where}"))


@contextmanager
def _recorded(place: Place, choices: Choices, verb: str, mode: str, resumes: RunRecord | None) -> Iterator[Place]:
    bench = place.bench
    book = Journal(bench.run_dir)
    status = history.DONE
    error: TfgenError | None = None
    try:
        book.write(journal.BEGIN, **_first_entry(place, choices, verb, mode, resumes))
        yield replace(place, bench=replace(bench, journal=book))
    except Interrupted as stopped:
        status, error = history.CANCELLED, stopped
        raise
    except TfgenError as failure:
        status, error = history.FAILED, failure
        raise
    except BaseException:
        status = history.FAILED
        raise
    finally:
        _finish(place, book, status, error)


def _finish(place: Place, book: Journal, status: str, error: TfgenError | None) -> None:
    """Close the journal and write the reports; neither may hide how the run ended."""
    folder = place.bench.run_dir
    told = {"message": error.message, "hint": error.hint, "where": error.where, "code": error.code} if error else None
    try:
        if status == history.DONE:
            status = _status_of_modules(history.read_run(folder))
        book.write(journal.END, status=status, error=told)
    except TfgenError as failure:
        place.bench.on_event(Event("warning", f"{failure.message}: {failure.where}"))
    book.close()
    try:
        reports.write_reports(history.read_run(folder))
        history.prune_runs(place.bench.project.work)
    except (TfgenError, OSError) as failure:
        place.bench.on_event(Event("warning", f"no report of the run: {failure}"))


def _status_of_modules(record: RunRecord) -> str:
    found = {module.status for module in record.modules}
    if found & {FAILED, SKIPPED}:
        return history.FAILED
    return history.CANCELLED if CANCELLED in found else history.DONE


def _first_entry(place: Place, choices: Choices, verb: str, mode: str, resumes: RunRecord | None) -> dict[str, Any]:
    bench = place.bench
    project, environment = bench.project, bench.environment
    asked = asdict(choices) | {"extra": journal.hide_values(choices.extra), "mode": mode}
    return {
        "journal": journal.VERSION,
        "verb": verb,
        "project": project.name,
        "environment": environment.name,
        "account": environment.account,
        "place": describe_place(environment),
        "host": socket.gethostname(),
        "user": leases.user_name(),
        "pid": os.getpid(),
        "tfgen": metadata.version("tfgen-cli"),
        "terraform": bench.version,
        "choices": asked,
        "graph": {name: list(needs) for name, needs in module_graph(project).items()},
        "resumes": resumes.id if resumes else "",
    }


def _read_beside(project: Project, modules: Collection[str]) -> frozenset[str]:
    edges = module_graph(project)
    return frozenset(need for name in modules for need in edges[name]) - frozenset(modules)


def _wait_for_survivors(place: Place) -> None:
    """Wait for terraform whose tfgen was killed: it goes on by itself, holds a state lock, and ends it gently."""
    bench = place.bench
    for folder in history.other_runs(bench.project.work, bench.run_dir.name):
        if is_held(folder / journal.FILE):
            continue
        told = False
        while alive := history.living_outputs(folder):
            if not told:
                what = ", ".join(path.name.removesuffix(history.OUTPUT_SUFFIX) for path in alive)
                bench.on_event(Event("note", f"waiting for terraform that run {folder.name} left at work: {what}"))
                told = True
            if bench.children.stopping:
                raise Interrupted
            time.sleep(_LOOK_SECONDS)
        _clear(folder)


def _clear(folder: Path) -> None:
    """Remove what a killed run could not: plans, and what its programs printed."""
    for pattern in (
        "*.tfplan",
        "*.reserve",
        f".{history.COMPOSED_FILE}.*",
        f"*{history.OUTPUT_SUFFIX}",
        f"*{history.OUTPUT_SUFFIX}.err",
    ):
        for path in folder.glob(pattern):
            with suppress(OSError):
                path.unlink()


def _teller(caller: Caller) -> Callable[[int], None]:
    def tell(count: int) -> None:
        for line in _words(count, caller.children):
            caller.on_event(Event("note", line))

    return tell


def _words(count: int, children: Children) -> list[str]:
    running = children.running
    if count == 1:
        return ["interrupted: waiting for terraform to end gently and to release its locks"]
    if not running:
        return ["still waiting: nothing runs any more, the run is being closed"]
    now = time.monotonic()
    waiting = "; ".join(f"{child.label} (process {child.pid}, since {now - child.since:.0f} s)" for child in running)
    pids = " ".join(str(child.pid) for child in running)
    names = sorted({child.label.partition(":")[0] for child in running if child.label})
    return [
        f"still waiting for {waiting}",
        f"tfgen kills nothing: a killed terraform leaves its state lock behind. If it must be: kill -KILL {pids}, "
        f"then {' and '.join(f'tfgen unlock {name}' for name in names) or 'tfgen locks'}, "
        "then tfgen apply --resume",
    ]
