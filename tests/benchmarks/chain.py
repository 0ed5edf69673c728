"""Many chained modules of built-in resources: how long the composed plan of the whole takes.

`python -m tests.benchmarks.chain MODULES` measures another number of them; the emulator it needs is its own.
"""

from __future__ import annotations

import os
import sys
import tempfile
import time
from pathlib import Path
from resource import RUSAGE_CHILDREN, RUSAGE_SELF, getrusage
from statistics import median

from tests.benchmarks.measure import verdict
from tests.benchmarks.stage import Stage
from tests.support import fixture_project
from tests.support.emulator import start_emulator
from tfgen import deployment
from tfgen.compose import compose_plan
from tfgen.deployment import Caller
from tfgen.model import Project

MODULES, RESOURCES = 100, 10
_BUDGET_SECONDS = 6
_RUNS = 4


def show_chain(_stage: Stage) -> None:
    """Measure the chain that has a budget."""
    _show(MODULES)


def make_chain(root: Path, endpoint: str, count: int) -> Project:
    """Write modules that each read the one before."""
    environment = fixture_project.make_environment("local", "bench-states", endpoint=endpoint)
    names = [f"{number:03}-m{number}" for number in range(count)]
    reads = {name: [names[index - 1]] if index else [] for index, name in enumerate(names)}
    bodies = {}
    for name in names:
        more = "".join(
            f'resource "terraform_data" "r{number}" {{\n  input = terraform_data.this.output\n}}\n'
            for number in range(RESOURCES - 1)
        )
        bodies[name] = fixture_project.body(fixture_project.make_module(name, reads[name])) + more
    return fixture_project.make_project(root, environment, reads, bodies=bodies)


def measure_chain(count: int) -> list[tuple[float, float]]:
    """Return wall and processor seconds of the first composed plan, which initialises, and of later ones."""
    kept = {name: os.environ[name] for name in ("PATH", "HOME") if name in os.environ}
    with tempfile.TemporaryDirectory() as folder, start_emulator(Path(folder) / "emulator") as emulator:
        project = make_chain(Path(folder) / "project", emulator.endpoint, count)
        environment = project.environments["local"]
        seconds = []
        for _ in range(_RUNS):
            begun, worked = time.monotonic(), _cpu_seconds()
            place = deployment.open_place(project, environment, Caller(kept), changes=False)
            plan = compose_plan(place.bench, place.clients)
            seconds.append((time.monotonic() - begun, _cpu_seconds() - worked))
            created = sum(module.add for module in plan.modules.values())
            if plan.errors or created != count * RESOURCES:
                raise SystemExit(f"{created} resources planned, {plan.errors[:1]}")
    return seconds


def _cpu_seconds() -> float:
    """Return the processor time of this process and of the programs that it started and that have ended."""
    used = (getrusage(RUSAGE_SELF), getrusage(RUSAGE_CHILDREN))
    return sum(usage.ru_utime + usage.ru_stime for usage in used)


def _show(count: int) -> None:
    first, *later = measure_chain(count)
    wall, cpu = (median(values) for values in zip(*later, strict=True))
    print(f"\ncomposed plan of {count} chained modules, {count * RESOURCES} resources")
    print(f"  {'first, with init':<40}{first[0]:>8.1f} s {first[1]:>8.1f} s CPU")
    for seconds in later:
        print(f"  {'again':<40}{seconds[0]:>8.1f} s {seconds[1]:>8.1f} s CPU")
    verdict("composed plan, seconds", f"{wall:.1f} ({cpu:.1f} CPU)", _BUDGET_SECONDS, wall)


if __name__ == "__main__":
    _show(int(sys.argv[1]) if len(sys.argv) > 1 else MODULES)
