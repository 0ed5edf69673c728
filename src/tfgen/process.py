"""Starting other programs: the only place that imports `subprocess`."""

from __future__ import annotations

import fcntl
import os
import queue
import signal
import subprocess
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from types import FrameType

from tfgen import disk
from tfgen.errors import Interrupted, TfgenError

OnLine = Callable[[str], None]
_LOOK_SECONDS = 0.05
_SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


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


@dataclass(frozen=True)
class Child:
    """A program that runs.

    Attributes:
        pid: Its process id, which is also the id of its group.
        label: What it does, for people: `02-storage: apply`.
        since: When it was started, on the monotonic clock.
    """

    pid: int
    label: str
    since: float


class Children:
    """The programs that run right now, and whether the user asked to stop.

    A signal is passed on to every child exactly once: terraform ends gently on the first
    interrupt and drops everything on the second.
    """

    def __init__(self) -> None:
        # Reentrant: a signal handler may run in the thread that holds it.
        self._lock = threading.RLock()
        self._running: dict[int, Child] = {}
        self._told: set[int] = set()
        self._stopping = False
        self._asking = False
        # The one thing that a signal handler may put something into without a risk.
        self._signals: queue.SimpleQueue[bool] = queue.SimpleQueue()
        self._telling = False

    @property
    def stopping(self) -> bool:
        """True once an interruption was asked for; nothing new is started then."""
        return self._stopping

    @property
    def telling(self) -> bool:
        """True while somebody else says that an interruption was understood."""
        return self._telling

    @property
    def running(self) -> tuple[Child, ...]:
        """The programs that run now."""
        with self._lock:
            return tuple(self._running.values())

    def add(self, group: int, label: str = "") -> None:
        """Register a running process group; told to stop at once if that was asked for already."""
        with self._lock:
            self._running[group] = Child(group, label, time.monotonic())
            if self._stopping:
                self._tell(group)

    def discard(self, group: int) -> None:
        """Forget a process group that has ended."""
        with self._lock:
            self._running.pop(group, None)
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
    def forwarding(self, tell: Callable[[int], None] | None = None) -> Iterator[None]:
        """Pass Ctrl-C, SIGTERM and the end of the terminal on to the children instead of dying of them.

        Outside the main thread signals cannot be handled; then this does nothing.

        Args:
            tell: Called, in a thread of its own, with 1 for the first signal, 2 for the second, and so on.
        """
        if threading.current_thread() is not threading.main_thread():
            yield
            return
        before = {number: signal.getsignal(number) for number in _SIGNALS}
        for number in before:
            signal.signal(number, self._on_signal)
        teller = self._start_telling(tell)
        try:
            yield
        finally:
            for number, handler in before.items():
                signal.signal(number, handler)
            if teller is not None:
                self._signals.put(False)
                teller.join()
                self._telling = False

    def _start_telling(self, tell: Callable[[int], None] | None) -> threading.Thread | None:
        if tell is None or self._telling:
            return None

        def follow() -> None:
            count = 0
            while self._signals.get():
                count += 1
                # The terminal that would show it may be what has gone.
                with suppress(OSError, ValueError):
                    tell(count)

        self._telling = True
        thread = threading.Thread(target=follow, name="signals", daemon=True)
        thread.start()
        return thread

    def _on_signal(self, _number: int, _frame: FrameType | None) -> None:
        self.interrupt()
        if self._telling:
            self._signals.put(True)
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
    label: str = "",
    output: Path | None = None,
    room: int = 0,
    on_start: Callable[[int], None] | None = None,
    umask: int = -1,
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
        label: What it does, for people.
        output: A file (mode 0600) to print into instead of a pipe, gone afterwards. A pipe breaks when this process is
            killed, and the child dies of its next word; with a file it goes on to its end. While the child lives, the
            file is held (`is_held`).
        room: Bytes of the disk that are set aside for that file: its last words may be all that is known of what it
            made, and a full disk is what they are about.
        on_start: Called with the process id.
        umask: Permissions that the files it makes must not have; by default those that this process must not give.

    Returns:
        Exit status and output.

    Raises:
        TfgenError: The program cannot be started, or the time is over.
        Interrupted: The user asked to stop before it was started.
    """
    if children is not None and children.stopping:
        raise Interrupted
    if output is None:
        child = _start(argv, cwd=cwd, env=env, umask=umask)
    else:
        child = _start_into(argv, output, room, cwd=cwd, env=env, umask=umask)
    if children is not None:
        children.add(child.pid, label)
    try:
        if on_start is not None:
            on_start(child.pid)
        if output is None:
            return _follow(child, tuple(argv), cwd, timeout, on_line)
        return _follow_file(child, tuple(argv), output, on_line)
    except BaseException:
        _end_gently(child)
        raise
    finally:
        if children is not None:
            children.discard(child.pid)
        if output is not None:
            for path in (output, _errors_of(output)):
                path.unlink(missing_ok=True)


def is_held(path: Path) -> bool:
    """Tell whether somebody holds a file: the program that prints into it, or the tfgen that keeps it."""
    try:
        with path.open("rb") as stream:
            fcntl.flock(stream, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    except OSError:
        return False
    return False


def working_in(folder: Path, program: str) -> tuple[int, ...]:
    """Return the ids of processes of a program that work in a folder; none where the system has no /proc."""
    found = []
    for entry in Path("/proc").glob("[0-9]*"):
        with suppress(OSError):
            if (entry / "comm").read_text().strip() == program and (entry / "cwd").readlink() == folder.resolve():
                found.append(int(entry.name))
    return tuple(sorted(found))


def _end_gently(child: subprocess.Popen[str]) -> None:
    """After a failure of our own: never leave a program behind that nobody watches."""
    if child.poll() is None:
        with suppress(ProcessLookupError, PermissionError):
            os.killpg(child.pid, signal.SIGINT)
        child.wait()


def _follow_file(
    child: subprocess.Popen[str], argv: tuple[str, ...], output: Path, on_line: OnLine | None
) -> Completed:
    ended = threading.Event()

    def wait() -> None:
        child.wait()
        ended.set()

    threading.Thread(target=wait, daemon=True).start()
    lines: list[str] = []
    rest = b""
    with output.open("rb") as stream:
        over = False
        while not over:
            # Looked at before reading: what was printed up to the end is read afterwards.
            over = ended.wait(_LOOK_SECONDS)
            *whole, rest = (rest + stream.read()).split(b"\n")
            if over and rest:
                whole.append(rest)
            for raw in whole:
                line = raw.decode("utf-8", "replace")
                lines.append(f"{line}\n")
                if on_line is not None:
                    on_line(line)
    errors = _errors_of(output).read_text(encoding="utf-8", errors="replace")
    return Completed(argv, child.returncode, "".join(lines), errors)


def _errors_of(output: Path) -> Path:
    return output.with_name(f"{output.name}.err")


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


def _start(argv: Sequence[str], *, cwd: Path, env: Mapping[str, str], umask: int) -> subprocess.Popen[str]:
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
            umask=umask,
        )
    except OSError as error:
        raise _cannot_start(argv, error) from None


def _start_into(
    argv: Sequence[str], output: Path, room: int, *, cwd: Path, env: Mapping[str, str], umask: int
) -> subprocess.Popen[str]:
    flags = os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_APPEND
    descriptors: list[int] = []
    try:
        try:
            descriptors = [os.open(path, flags, 0o600) for path in (output, _errors_of(output))]
            disk.set_aside(descriptors[0], room)
        except OSError as error:
            raise TfgenError(f"cannot write {output}: {error.strerror}", hint="free some space") from None
        # The child shares the open file and with it this lock, however this process ends.
        fcntl.flock(descriptors[0], fcntl.LOCK_EX)
        return subprocess.Popen(  # noqa: S603
            list(argv),
            cwd=cwd,
            env=dict(env),
            stdin=subprocess.DEVNULL,
            stdout=descriptors[0],
            stderr=descriptors[1],
            encoding="utf-8",
            errors="replace",
            start_new_session=True,
            umask=umask,
        )
    except OSError as error:
        raise _cannot_start(argv, error) from None
    finally:
        for descriptor in descriptors:
            os.close(descriptor)


def _cannot_start(argv: Sequence[str], error: OSError) -> TfgenError:
    return TfgenError(f"cannot start {argv[0]}: {error.strerror}", hint="tfgen doctor")


def _drain(child: subprocess.Popen[str], lines: list[str]) -> None:
    assert child.stderr is not None  # noqa: S101 - opened as a pipe above
    lines.extend(child.stderr)


def _expire(child: subprocess.Popen[str], expired: threading.Event) -> None:
    expired.set()
    with suppress(ProcessLookupError):
        os.killpg(child.pid, signal.SIGTERM)
