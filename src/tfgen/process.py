"""Starting other programs: the only place that imports `subprocess`."""

from __future__ import annotations

import os
import signal
import subprocess
import threading
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from tfgen.errors import TfgenError


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


def run(
    argv: Sequence[str],
    *,
    cwd: Path,
    env: Mapping[str, str],
    timeout: float | None = None,
    on_line: Callable[[str], None] | None = None,
    on_start: Callable[[int], None] | None = None,
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
        on_start: Called with the process id once the program runs.

    Returns:
        Exit status and output.

    Raises:
        TfgenError: The program cannot be started, or the time is over.
    """
    child = _start(argv, cwd=cwd, env=env)
    if on_start is not None:
        on_start(child.pid)
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
    return Completed(tuple(argv), returncode, "".join(lines), "".join(errors))


def run_attached(argv: Sequence[str], *, cwd: Path, env: Mapping[str, str]) -> int:
    """Run a program that talks to the user's terminal itself; returns its exit status.

    Raises:
        TfgenError: The program cannot be started.
    """
    try:
        return subprocess.run(list(argv), cwd=cwd, env=dict(env), check=False).returncode  # noqa: S603
    except OSError as error:
        raise _cannot_start(argv, error) from None


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
