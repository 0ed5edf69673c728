"""Many chained modules of built-in resources: how long the composed plan of the whole takes.

`python -m tests.benchmarks.composed [MODULES]` prints seconds; the emulator it needs is its own.
"""

from __future__ import annotations

import os
import sys
import tempfile
import time
from pathlib import Path

from tests.support import fixture_project
from tests.support.emulator import start_emulator
from tfgen import deployment
from tfgen.compose import compose_plan
from tfgen.deployment import Caller
from tfgen.model import Project

RESOURCES = 10


def chain(root: Path, endpoint: str, count: int) -> Project:
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


def measure(count: int) -> tuple[float, float]:
    """Return the seconds of the first composed plan, and of one that finds everything initialised."""
    kept = {name: os.environ[name] for name in ("PATH", "HOME") if name in os.environ}
    with tempfile.TemporaryDirectory() as folder, start_emulator(Path(folder) / "emulator") as emulator:
        project = chain(Path(folder) / "project", emulator.endpoint, count)
        environment = project.environments["local"]
        seconds = []
        for _ in range(2):
            begun = time.monotonic()
            place = deployment.open_place(project, environment, Caller(kept), changes=False)
            plan = compose_plan(place.bench, place.clients)
            seconds.append(time.monotonic() - begun)
            created = sum(module.add for module in plan.modules.values())
            if plan.errors or created != count * RESOURCES:
                raise SystemExit(f"{created} resources planned, {plan.errors[:1]}")
    return seconds[0], seconds[1]


if __name__ == "__main__":
    wanted = int(sys.argv[1]) if len(sys.argv) > 1 else 100
    first, again = measure(wanted)
    print(f"{wanted} modules, {wanted * RESOURCES} resources: first {first:.1f} s, again {again:.1f} s")
