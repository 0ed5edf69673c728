"""Walking the graph: a ready queue over modules, several at once, every outcome a value."""

from __future__ import annotations

import os
import queue
import threading
import time
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass, field, replace
from pathlib import Path

from tfgen.errors import BUG, Interrupted, TfgenError, explain_unexpected
from tfgen.events import Event, OnEvent
from tfgen.graph import Graph, ReadyQueue, descendants
from tfgen.planning import Counts, Plan
from tfgen.process import Children

DONE, UNCHANGED, PLANNED = "done", "unchanged", "planned"
WAITING = "waiting"
FAILED, SKIPPED, CANCELLED = "failed", "skipped", "cancelled"
_LOOK_SECONDS = 0.2
_MODULE_MEMORY = 700 * 1024**2


@dataclass(frozen=True)
class Result:
    """How one module ended.

    Attributes:
        module: Its full name.
        status: done, unchanged, planned, waiting (for an apply of what it reads), failed, skipped or cancelled.
        reason: Why, in terraform's words for a failure.
        hint: The command that mends it.
        cause: The module whose failure made this one be skipped.
        counts: Resources added, changed, destroyed.
        plan: What was planned, where there was a plan.
        text: The plan as terraform prints it, where it was asked for.
        log: The log of the step that ended it.
        seconds: How long it took.
        code: The error's identifier for machines.
    """

    module: str
    status: str
    reason: str = ""
    hint: str = ""
    cause: str = ""
    counts: Counts = field(default_factory=Counts)
    plan: Plan | None = None
    text: str = ""
    log: Path | None = None
    seconds: float = 0.0
    code: str = ""

    @property
    def ok(self) -> bool:
        """True if nothing needs to be done about it."""
        return self.status in (DONE, UNCHANGED, PLANNED, WAITING)


@dataclass(frozen=True)
class Question:
    """Something only the user may decide: may this plan be applied?"""

    module: str
    verb: str
    text: str
    plan: Plan


Ask = Callable[[Question], bool]
Work = Callable[[str, Ask], Result]


@dataclass
class _Pending:
    question: Question
    answered: threading.Event
    answer: bool = False


@dataclass(frozen=True)
class _Finished:
    result: Result


class StepFailed(TfgenError):  # noqa: N818 - it names an outcome
    """A step of a module failed; carries the step's log.

    Args:
        message: Terraform's error, whole.
        hint: The command that mends it.
        where: The module.
        log: The step's log.
        code: Identifier for machines.
    """

    def __init__(
        self,
        message: str,
        *,
        hint: str = "",
        where: str = "",
        log: Path | None = None,
        code: str = "terraform",
    ) -> None:
        super().__init__(message, hint=hint, where=where, code=code)
        self.log = log
        self.tried_again = False
        """True if it was tried as often as it may be."""


def default_parallelism() -> int:
    """Return how many modules run at once: min(4, cores, free memory / 700 MB), at least one."""
    return max(1, min(4, os.cpu_count() or 1, _free_memory() // _MODULE_MEMORY))


def walk(
    graph: Graph,
    work: Work,
    *,
    parallelism: int,
    children: Children,
    on_event: OnEvent,
    ask: Ask,
    on_result: Callable[[Result], None] = lambda _result: None,
) -> dict[str, Result]:
    """Do the work for every name as soon as everything it needs is done.

    Questions of the workers are asked one at a time, in this thread. After an interruption nothing
    new is started, what runs is waited for, and the rest is cancelled.

    Args:
        graph: Name → names it needs.
        work: Does one name's work; a `TfgenError` it raises becomes a failed result.
        parallelism: How many at once.
        children: The running programs.
        on_event: Told about starts and ends.
        ask: Asks the user; called in this thread only.
        on_result: Told each result, skipped and cancelled ones too.

    Returns:
        A result for every name, in the graph's order.
    """
    ready = ReadyQueue(graph)
    results: dict[str, Result] = {}

    def keep(result: Result) -> None:
        results[result.module] = result
        on_result(result)
        on_event(_ended(result))

    mail: queue.Queue[_Pending | _Finished] = queue.Queue()
    asker = _asker(mail)
    told = threading.Event()
    with ThreadPoolExecutor(parallelism, thread_name_prefix="module") as pool:
        while True:
            if not children.stopping:
                for name in ready.ready()[: parallelism - len(ready.running)]:
                    ready.start(name)
                    on_event(Event("start", module=name))
                    pool.submit(_deliver, mail, name, work, asker)
            if not ready.running:
                break
            message = _receive(mail, children, on_event, told)
            if isinstance(message, _Pending):
                _answer(message, ask, children)
                continue
            result = message.result
            keep(result)
            ready.finish(result.module)
            if not result.ok:
                for skipped in _skip(graph, ready, result):
                    keep(skipped)
    for name in ready.waiting:
        keep(Result(name, CANCELLED, reason="interrupted before it began"))
    return {name: results[name] for name in graph}


def _receive(
    mail: queue.Queue[_Pending | _Finished], children: Children, on_event: OnEvent, told: threading.Event
) -> _Pending | _Finished:
    """Wait for the next message; say once that an interruption was understood.

    A signal handler may neither print nor take a lock, so the flag it sets is looked at here.
    """
    while True:
        if children.stopping and not told.is_set() and not children.telling:
            told.set()
            on_event(Event("note", "interrupted: waiting for terraform to end gently and to release its locks"))
        with suppress(queue.Empty):
            return mail.get(timeout=_LOOK_SECONDS)


def _deliver(mail: queue.Queue[_Pending | _Finished], name: str, work: Work, ask: Ask) -> None:
    mail.put(_Finished(_guarded(name, work, ask)))


def _asker(mail: queue.Queue[_Pending | _Finished]) -> Ask:
    def ask(question: Question) -> bool:
        pending = _Pending(question, threading.Event())
        mail.put(pending)
        pending.answered.wait()
        return pending.answer

    return ask


def _answer(pending: _Pending, ask: Ask, children: Children) -> None:
    try:
        if not children.stopping:
            with children.question():
                pending.answer = ask(pending.question)
    except (Interrupted, KeyboardInterrupt):
        children.interrupt()
    finally:
        pending.answered.set()


def _guarded(name: str, work: Work, ask: Ask) -> Result:
    begun = time.monotonic()
    try:
        result = work(name, ask)
    except Interrupted:
        result = Result(name, CANCELLED, reason="interrupted")
    except TfgenError as error:
        log = error.log if isinstance(error, StepFailed) else None
        result = Result(name, FAILED, reason=error.message, hint=error.hint, log=log, code=error.code)
    except BaseException as error:
        found = explain_unexpected(error)
        log = Path(found.where) if found.code == BUG else None
        result = Result(name, FAILED, reason=found.message, hint=found.hint, log=log, code=found.code)
    return replace(result, seconds=time.monotonic() - begun)


def _skip(graph: Graph, ready: ReadyQueue, result: Result) -> list[Result]:
    skipped = []
    doomed = descendants(graph, [result.module])
    for name in ready.waiting:
        if name in doomed:
            ready.drop(name)
            reason = f"{result.module} {'failed' if result.status == FAILED else 'was not finished'}"
            status = SKIPPED if result.status != CANCELLED else CANCELLED
            skipped.append(Result(name, status, reason=reason, cause=result.module))
    return skipped


def _ended(result: Result) -> Event:
    return Event("end", text=_line(result), module=result.module, status=result.status)


def _line(result: Result) -> str:
    if result.status == PLANNED:
        return str(result.counts)
    if result.status == DONE:
        return result.counts.past()
    return result.reason.partition("\n")[0]


def _free_memory() -> int:
    try:
        with open("/proc/meminfo", encoding="ascii") as lines:  # noqa: PTH123 - not a file of ours
            values: Mapping[str, str] = dict(line.split(":", 1) for line in lines)
        return int(values["MemAvailable"].split()[0]) * 1024
    except (OSError, KeyError, ValueError):
        # No such page outside Linux: count on half of what is built in.
        return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") // 2
