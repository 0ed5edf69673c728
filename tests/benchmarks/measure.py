"""Whole processes, measured: wall time, processor time and peak memory, as medians of runs that take turns."""

from __future__ import annotations

import json
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Callable, Collection, Mapping, Sequence
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
        good: The exit statuses that are no failure.
    """

    name: str
    argv: Sequence[str]
    cwd: Path
    env: Mapping[str, str]
    before: Callable[[], None] = field(default=lambda: None)
    good: tuple[int, ...] = (0,)


@dataclass(frozen=True)
class Measured:
    """Medians of several runs of one command.

    Attributes:
        milliseconds: Wall time.
        cpu_milliseconds: Processor time of the command and of what it started and waited for.
        mebibytes: Peak resident memory of the largest process.
    """

    milliseconds: float
    cpu_milliseconds: float
    mebibytes: float


@dataclass(frozen=True)
class Budget:
    """How much one command may cost beside another.

    Attributes:
        subject: The command.
        against: What it is compared with.
        ratio: The largest ratio that is kept.
        with_cpu: Whether the processor time must keep it, too.
    """

    subject: str
    against: str
    ratio: float
    with_cpu: bool = False


def measure(subjects: Sequence[Subject], runs: int = 11, *, warm_up: bool = True) -> dict[str, Measured]:
    """Run commands in turns, so that a machine that becomes slower does so for all of them.

    Args:
        subjects: The commands.
        runs: How often each is run and counted.
        warm_up: Run each once more before, uncounted, to fill the caches.

    Raises:
        SystemExit: A command fails; a benchmark of a failure is worth nothing.
    """
    results: dict[str, list[Mapping[str, float]]] = {subject.name: [] for subject in subjects}
    for number in range(-1 if warm_up else 0, runs):
        for subject in subjects:
            subject.before()
            result = _run(subject)
            if number >= 0:
                results[subject.name].append(result)
    return {name: _medians(found) for name, found in results.items()}


def add_up(parts: Collection[Measured]) -> Measured:
    """Return what several commands take one after the other."""
    return Measured(
        sum(part.milliseconds for part in parts),
        sum(part.cpu_milliseconds for part in parts),
        max(part.mebibytes for part in parts),
    )


def show(table: Mapping[str, Measured], budgets: Sequence[Budget], memory: Mapping[str, float] | None = None) -> None:
    """Print a table and, below it, each budget with the wall and the processor time's ratio.

    Args:
        table: What was measured.
        budgets: What is to be kept; the wall time decides, unless a budget is about both.
        memory: Subject → the most mebibytes that its largest process may take.
    """
    for name, measured in table.items():
        print(
            f"  {name:<40}{measured.milliseconds:>8.0f} ms {measured.cpu_milliseconds:>8.0f} ms CPU"
            f" {measured.mebibytes:>6.0f} MiB",
            flush=True,
        )
    for budget in budgets:
        one, other = table[budget.subject], table[budget.against]
        wall, cpu = one.milliseconds / other.milliseconds, one.cpu_milliseconds / other.cpu_milliseconds
        worst = max(wall, cpu) if budget.with_cpu else wall
        verdict(f"{budget.subject} / {budget.against}", f"{wall:.2f} ({cpu:.2f} CPU)", budget.ratio, worst)
    for name, most in (memory or {}).items():
        verdict(name, f"{table[name].mebibytes:.0f} MiB", most, table[name].mebibytes)


def verdict(what: str, found: str, budget: float, value: float) -> None:
    """Print whether a budget is kept."""
    print(f"  {what}: {found}, budget {budget:g}: {'kept' if value <= budget else 'MISSED'}", flush=True)


def _medians(results: Sequence[Mapping[str, float]]) -> Measured:
    wall, cpu, memory = (
        statistics.median(result[name] for result in results) for name in ("seconds", "cpu_seconds", "kibibytes")
    )
    return Measured(wall * 1000, cpu * 1000, memory / 1024)


def _run(subject: Subject) -> Mapping[str, float]:
    with tempfile.NamedTemporaryFile() as errors:
        argv = [sys.executable, "-S", "-E", str(_SPAWN), errors.name, *subject.argv]
        done = subprocess.run(argv, cwd=subject.cwd, env=dict(subject.env), check=True, capture_output=True)
        result: Mapping[str, float] = json.loads(done.stdout)
        if result["code"] not in subject.good:
            raise SystemExit(f"{' '.join(subject.argv)} failed:\n{Path(errors.name).read_text()}")
    return result
