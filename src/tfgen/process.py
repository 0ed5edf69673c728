"""Starting other programs: the only place that imports `subprocess`."""

from __future__ import annotations

import os
import signal
import subprocess
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from types import FrameType

from tfgen.errors import Interrupted, TfgenError

OnLine = Callable[[str], None]


@dataclass(frozen=True)
class Completed:
    """How a program ended.

    Attributes:
        argv: The command line, program first.
        returncode: Exit status; negative for a signal, as in `subprocess`.
        stdout: Everything it printed, decoded as UTF-8 with replacement.
        stderr: The same for the error stream.
    """

    argv: tuple[str, ...]
    returncode: int
    stdout: str
    stderr: str


class Children:
    """The programs that run right now, and whether the user asked to stop.

    A signal is passed on to every child exactly once: terraform ends gently on the first
    interrupt and drops everything on the second.
    """

    def __init__(self) -> None:
        # Reentrant: a signal handler may run in the thread that holds it.
        self._lock = threading.RLock()
        self._running: set[int] = set()
        self._told: set[int] = set()
        self._stopping = False
        self._asking = False

    @property
    def stopping(self) -> bool:
        """True once an interruption was asked for; nothing new is started then."""
        return self._stopping

    def add(self, group: int) -> None:
        """Register a running process group; told to stop at once if that was asked for already."""
        with self._lock:
            self._running.add(group)
            if self._stopping:
                self._tell(group)

    def discard(self, group: int) -> None:
        """Forget a process group that has ended."""
        with self._lock:
            self._running.discard(group)
            self._told.discard(group)

    def interrupt(self) -> None:
        """Ask every running child to end, once."""
        with self._lock:
            self._stopping = True
            for group in tuple(self._running):
                self._tell(group)

    @contextmanager
    def question(self) -> Iterator[None]:
        """While the user is asked something, an interruption ends the question."""
        self._asking = True
        try:
            yield
        finally:
            self._asking = False

    @contextmanager
    def forwarding(self) -> Iterator[None]:
        """Pass Ctrl-C and SIGTERM on to the children instead of dying of them.

        Outside the main thread signals cannot be handled; then this does nothing.
        """
        if threading.current_thread() is not threading.main_thread():
            yield
            return
        before = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)}
        for number in before:
            signal.signal(number, self._on_signal)
        try:
            yield
        finally:
            for number, handler in before.items():
                signal.signal(number, handler)

    def _on_signal(self, _number: int, _frame: FrameType | None) -> None:
        self.interrupt()
        if self._asking:
            raise Interrupted

    def _tell(self, group: int) -> None:
        if group not in self._told:
            self._told.add(group)
            with suppress(ProcessLookupError, PermissionError):
                os.killpg(group, signal.SIGINT)


def run(
    argv: Sequence[str],
    *,
    cwd: Path,
    env: Mapping[str, str],
    timeout: float | None = None,
    on_line: OnLine | None = None,
    children: Children | None = None,
) -> Completed:
    """Run a program to its end, in a process group of its own.

    A group of its own keeps the terminal's Ctrl-C away from the child, so that the caller
    decides how often it is forwarded.

    Args:
        argv: Command line, program first.
        cwd: Working directory.
        env: The whole environment; nothing is inherited.
        timeout: Seconds after which the program is asked to end (SIGTERM).
        on_line: Called with each line of standard output as it arrives, without its newline.
        children: Where the program is registered while it runs, so that an interruption reaches it.

    Returns:
        Exit status and output.

    Raises:
        TfgenError: The program cannot be started, or the time is over.
        Interrupted: The user asked to stop before it was started.
    """
    if children is not None and children.stopping:
        raise Interrupted
    child = _start(argv, cwd=cwd, env=env)
    if children is not None:
        children.add(child.pid)
    try:
        return _follow(child, tuple(argv), cwd, timeout, on_line)
    finally:
        if children is not None:
            children.discard(child.pid)


def _follow(
    child: subprocess.Popen[str],
    argv: tuple[str, ...],
    cwd: Path,
    timeout: float | None,
    on_line: OnLine | None,
) -> Completed:
    errors: list[str] = []
    reader = threading.Thread(target=_drain, args=(child, errors), daemon=True)
    reader.start()
    expired = threading.Event()
    timer = threading.Timer(timeout, _expire, (child, expired)) if timeout else None
    if timer:
        timer.start()
    lines: list[str] = []
    assert child.stdout is not None  # noqa: S101 - opened as a pipe below
    for line in child.stdout:
        lines.append(line)
        if on_line is not None:
            on_line(line.rstrip("\n"))
    returncode = child.wait()
    reader.join()
    if timer:
        timer.cancel()
    if expired.is_set():
        raise TfgenError(f"{argv[0]} did not end within {timeout:g} seconds", where=str(cwd))
    return Completed(argv, returncode, "".join(lines), "".join(errors))


def run_attached(argv: Sequence[str], *, cwd: Path, env: Mapping[str, str]) -> int:
    """Run a program that talks to the user's terminal itself; returns its exit status.

    Ctrl-C reaches it through the terminal; this process stays and waits for it.

    Raises:
        TfgenError: The program cannot be started.
    """
    try:
        child = subprocess.Popen(list(argv), cwd=cwd, env=dict(env))  # noqa: S603
    except OSError as error:
        raise _cannot_start(argv, error) from None
    while True:
        try:
            return child.wait()
        except KeyboardInterrupt:
            continue


def start_detached(argv: Sequence[str], *, cwd: Path, env: Mapping[str, str], log: Path) -> int:
    """Start a program that outlives this one; its output goes to `log` (mode 0600).

    Returns:
        The process id, which is also the id of the program's process group.

    Raises:
        TfgenError: The program cannot be started.
    """
    descriptor = os.open(log, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
    try:
        child = subprocess.Popen(  # noqa: S603
            list(argv),
            cwd=cwd,
            env=dict(env),
            stdin=subprocess.DEVNULL,
            stdout=descriptor,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
    except OSError as error:
        raise _cannot_start(argv, error) from None
    finally:
        os.close(descriptor)
    return child.pid


def _start(argv: Sequence[str], *, cwd: Path, env: Mapping[str, str]) -> subprocess.Popen[str]:
    try:
        return subprocess.Popen(  # noqa: S603
            list(argv),
            cwd=cwd,
            env=dict(env),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            encoding="utf-8",
            errors="replace",
            start_new_session=True,
        )
    except OSError as error:
        raise _cannot_start(argv, error) from None


def _cannot_start(argv: Sequence[str], error: OSError) -> TfgenError:
    return TfgenError(f"cannot start {argv[0]}: {error.strerror}", hint="tfgen doctor")


def _drain(child: subprocess.Popen[str], lines: list[str]) -> None:
    assert child.stderr is not None  # noqa: S101 - opened as a pipe above
    lines.extend(child.stderr)


def _expire(child: subprocess.Popen[str], expired: threading.Event) -> None:
    expired.set()
    with suppress(ProcessLookupError):
        os.killpg(child.pid, signal.SIGTERM)
