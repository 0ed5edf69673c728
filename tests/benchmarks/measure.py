"""Whole processes, measured: wall time and peak memory, as medians."""

from __future__ import annotations

import os
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Measured:
    """Medians of several runs of one command.

    Attributes:
        milliseconds: Wall time.
        mebibytes: Peak resident memory.
    """

    milliseconds: float
    mebibytes: float


def measure(
    argv: Sequence[str],
    *,
    cwd: Path,
    env: Mapping[str, str],
    before: Callable[[], None] | None = None,
    runs: int = 9,
) -> Measured:
    """Run a command several times, after one run that warms the caches.

    Raises:
        SystemExit: The command fails; a benchmark of a failure is worth nothing.
    """
    times, peaks = [], []
    for number in range(runs + 1):
        if before is not None:
            before()
        started = time.perf_counter()
        child = subprocess.Popen(argv, cwd=cwd, env=dict(env), stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)
        _, errors = child.stderr, child.stderr.read() if child.stderr else b""
        _, status, usage = os.wait4(child.pid, 0)
        elapsed = time.perf_counter() - started
        if os.waitstatus_to_exitcode(status):
            raise SystemExit(f"{' '.join(argv)} failed:\n{errors.decode()}")
        if number:
            times.append(elapsed * 1000)
            peaks.append(usage.ru_maxrss / (1 if sys.platform == "linux" else 1024) / 1024)
    return Measured(statistics.median(times), statistics.median(peaks))
