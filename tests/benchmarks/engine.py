"""What the run engine costs over the terraform processes that it starts, and beside the commands typed one by one.

`python -m tests.benchmarks.engine MODULES` measures another number of modules; the emulator it needs is its own.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
import threading
import time
from dataclasses import dataclass
from pathlib import Path

from tests.benchmarks.measure import verdict
from tests.benchmarks.stage import Stage
from tests.support import fixture_project
from tests.support.emulator import start_emulator
from tfgen.aws import Aws
from tfgen.isolation import isolate
from tfgen.model import Environment, Project

MODULES = 200
_OVERHEAD, _MEMORY_MB, _AGAINST_TYPED = 0.10, 120, 1.0
_WIDTH = 10

# Every terraform that tfgen starts passes through here and leaves how long it took.
_WRAPPER = """\
#!/bin/sh
begun=$(date +%s%N)
{binary} "$@"
status=$?
echo $(( $(date +%s%N) - begun )) >> {log}
exit $status
"""
_PROGRAM = """
import os, sys
from pathlib import Path
from tests.benchmarks.engine import make_wide
from tfgen import composition
from tfgen.places import Caller, Choices

root, endpoint, bucket, count, parallelism = sys.argv[1:]
project, environment = make_wide(Path(root), endpoint, bucket, int(count))
choices = Choices(auto_approve=True, parallelism=int(parallelism))
run = composition.apply(project, environment, Caller(dict(os.environ)), choices, composition.Wishes(lambda _: True))
sys.exit(0 if run.ok else 1)
"""


@dataclass(frozen=True)
class Applied:
    """One apply of everything.

    Attributes:
        wall: Seconds from its start to its end.
        bare: Seconds of the terraform processes, added up.
        memory: Most memory of tfgen itself, in MB.
    """

    wall: float
    bare: float
    memory: float


def show_engine(_stage: Stage) -> None:
    """Measure the number of modules that has a budget."""
    _show(MODULES)


def make_wide(root: Path, endpoint: str, bucket: str, count: int) -> tuple[Project, Environment]:
    """Write modules of built-in resources in rows: each reads one of the row before."""
    environment = fixture_project.make_environment("local", bucket, endpoint=endpoint)
    names = [f"{number:03}-m{number}" for number in range(count)]
    reads = {name: [names[index - _WIDTH]] if index >= _WIDTH else [] for index, name in enumerate(names)}
    root.mkdir(parents=True, exist_ok=True)
    return fixture_project.make_project(root, environment, reads), environment


def apply_all(folder: Path, endpoint: str, count: int, parallelism: int) -> Applied:
    """Apply a new project with tfgen."""
    folder.mkdir(parents=True)
    bucket = _make_bucket(folder, endpoint)
    binary, log = folder / "terraform", folder / "seconds"
    binary.write_text(_WRAPPER.format(binary=shutil.which("terraform"), log=log))
    binary.chmod(0o755)
    env = {**_env(), "TFGEN_TERRAFORM": str(binary)}
    words = [str(folder / "project"), endpoint, bucket, str(count), str(parallelism)]
    begun = time.monotonic()
    process = subprocess.Popen([sys.executable, "-c", _PROGRAM, *words], env=env, cwd=Path(__file__).parents[2])
    memory = _Memory(process.pid)
    status = process.wait()
    wall = time.monotonic() - begun
    if status:
        raise SystemExit(f"the apply ended with {status}: see {folder}")
    bare = sum(int(line) for line in log.read_text().split()) / 1e9
    return Applied(wall, bare, memory.most)


def type_all(folder: Path, endpoint: str, count: int) -> float:
    """Run the original document's commands in each folder, one after the other; returns the seconds."""
    folder.mkdir(parents=True)
    bucket = _make_bucket(folder, endpoint)
    project, environment = make_wide(folder / "project", endpoint, bucket, count)
    env = {**_env(), **isolate({}, environment, work=folder / "work").env, "PATH": os.environ["PATH"]}
    files = project.tree / "environments"
    begun = time.monotonic()
    for module in project.modules:
        cwd = project.tree / module.name
        for words in (
            ["init", "-input=false", f"-backend-config={files / 'local.s3.tfbackend'}"],
            ["apply", "-input=false", "-auto-approve", f"-var-file={files / 'local.tfvars'}"],
        ):
            subprocess.run(["terraform", *words], cwd=cwd, env=env, check=True, capture_output=True)
    return time.monotonic() - begun


class _Memory:
    """Looks at a process until it is gone; the kernel keeps the high-water mark."""

    def __init__(self, pid: int) -> None:
        self.most = 0.0
        self._status = Path(f"/proc/{pid}/status")
        threading.Thread(target=self._follow, daemon=True).start()

    def _follow(self) -> None:
        while True:
            try:
                text = self._status.read_text()
            except OSError:
                return
            mark = next((line for line in text.splitlines() if line.startswith("VmHWM")), "")
            if not mark:
                return
            self.most = max(self.most, int(mark.split()[1]) / 1024)
            time.sleep(0.1)


def _make_bucket(folder: Path, endpoint: str) -> str:
    bucket = f"bench-{folder.name}"
    environment = fixture_project.make_environment("local", bucket, endpoint=endpoint)
    clients = Aws(isolate({}, environment, work=folder / "clients").env)
    clients.client("s3").create_bucket(Bucket=bucket)
    clients.client("dynamodb").create_table(
        TableName=environment.lock_table,
        BillingMode="PAY_PER_REQUEST",
        KeySchema=[{"AttributeName": "LockID", "KeyType": "HASH"}],
        AttributeDefinitions=[{"AttributeName": "LockID", "AttributeType": "S"}],
    )
    return bucket


def _env() -> dict[str, str]:
    return {name: os.environ[name] for name in ("PATH", "HOME") if name in os.environ}


def _show(count: int) -> None:
    with tempfile.TemporaryDirectory() as name, start_emulator(Path(name) / "emulator") as emulator:
        folder = Path(name)
        one = apply_all(folder / "one", emulator.endpoint, count, 1)
        typed = type_all(folder / "typed", emulator.endpoint, count)
        two = apply_all(folder / "two", emulator.endpoint, count, 2)
    overhead = one.wall / one.bare - 1
    print(f"\nan apply of {count} modules of built-in resources")
    print(f"  {'one at a time':<40}{one.wall:>8.1f} s, its terraform processes {one.bare:.1f} s")
    print(f"  {'two at a time':<40}{two.wall:>8.1f} s")
    print(f"  {'typed one after the other':<40}{typed:>8.1f} s")
    verdict("overhead over bare terraform", f"{overhead:.1%}", _OVERHEAD, overhead)
    verdict("memory of tfgen itself, MB", f"{max(one.memory, two.memory):.0f}", _MEMORY_MB, max(one.memory, two.memory))
    verdict("two at a time against typed", f"{two.wall / typed:.2f}", _AGAINST_TYPED, two.wall / typed)


if __name__ == "__main__":
    _show(int(sys.argv[1]) if len(sys.argv) > 1 else MODULES)
