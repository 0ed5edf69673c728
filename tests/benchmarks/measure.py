"""Whole processes, measured: wall time and peak memory, as medians of runs that take turns."""

from __future__ import annotations

import json
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

_SPAWN = Path(__file__).with_name("spawn.py")


@dataclass(frozen=True)
class Subject:
    """One command to measure.

    Attributes:
        name: How it is called in the table.
        argv: The command.
        cwd: Where it runs.
        env: Its whole environment.
        before: Done before each run, unmeasured.
    """

    name: str
    argv: Sequence[str]
    cwd: Path
    env: Mapping[str, str]
    before: Callable[[], None] = field(default=lambda: None)


@dataclass(frozen=True)
class Measured:
    """Medians of several runs of one command.

    Attributes:
        milliseconds: Wall time.
        mebibytes: Peak resident memory.
    """

    milliseconds: float
    mebibytes: float


def measure(subjects: Sequence[Subject], runs: int = 11) -> dict[str, Measured]:
    """Run commands in turns, so that a machine that becomes slower does so for all of them.

    One run of each warms the caches and does not count.

    Raises:
        SystemExit: A command fails; a benchmark of a failure is worth nothing.
    """
    times: dict[str, list[float]] = {subject.name: [] for subject in subjects}
    peaks: dict[str, list[float]] = {subject.name: [] for subject in subjects}
    for number in range(runs + 1):
        for subject in subjects:
            subject.before()
            result = _run(subject)
            if number:
                times[subject.name].append(result["seconds"] * 1000)
                peaks[subject.name].append(result["kibibytes"] / 1024)
    return {name: Measured(statistics.median(times[name]), statistics.median(peaks[name])) for name in times}


def _run(subject: Subject) -> Mapping[str, float]:
    with tempfile.NamedTemporaryFile() as errors:
        argv = [sys.executable, "-S", "-E", str(_SPAWN), errors.name, *subject.argv]
        done = subprocess.run(argv, cwd=subject.cwd, env=dict(subject.env), check=True, capture_output=True)
        result: Mapping[str, float] = json.loads(done.stdout)
        if result["code"]:
            raise SystemExit(f"{' '.join(subject.argv)} failed:\n{Path(errors.name).read_text()}")
    return result
