"""What the run engine costs over the terraform processes that it starts, and beside the commands typed one by one.

*Overhead* is (tfgen's wall time - what the bare processes it starts need) / what the bare processes need. Both are
taken from one and the same apply, one module at a time: then no work of tfgen's can hide behind a terraform that runs
beside it, and what the processes need with the same parallelism is the sum of what each took, from the call that
starts it to the end of the call that waits for it.
The processor time of tfgen's own process is printed beside.

`python -m tests.benchmarks.engine MODULES` measures another number of modules; with 0 the reference project alone.
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from tests.benchmarks.measure import verdict
from tests.benchmarks.stage import Stage
from tests.support import fixture_project
from tests.support.emulator import start_emulator
from tests.support.project import TestProject, make_test_project
from tfgen import workflow
from tfgen.aws import Aws
from tfgen.isolation import isolate
from tfgen.model import Environment, Project

MODULES = 200
_OVERHEAD, _REFERENCE_OVERHEAD, _MEMORY_MB, _AGAINST_TYPED = 0.10, 0.05, 120, 1.0
_WIDTH = 10
_LOOK_SECONDS = 0.1

# Goes before tfgen in its own process: a wrapper around terraform would cost more than what is measured.
_CLOCK = """
import subprocess, sys, time

class Timed(subprocess.Popen):
    def __init__(self, argv, *others, **options):
        self.began = time.monotonic()
        super().__init__(argv, *others, **options)

    def wait(self, timeout=None):
        status = super().wait(timeout)
        if self.args[0].endswith("terraform"):
            with open(SECONDS, "a") as stream:
                print(self.args[1], time.monotonic() - self.began, file=stream)
        return status

subprocess.Popen = Timed
"""
_WIDE = """
import os
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
_COMMAND = "from tfgen.cli import main; main()"


@dataclass(frozen=True)
class Applied:
    """One apply of everything.

    Attributes:
        wall: Seconds from its start to its end.
        bare: Verb → seconds of each of its terraform processes.
        cpu: Seconds of processor time of tfgen's own process.
        memory: Most memory of that process, in MB.
    """

    wall: float
    bare: Mapping[str, Sequence[float]]
    cpu: float
    memory: float

    @property
    def processes(self) -> float:
        """Seconds of all its terraform processes, added up."""
        return sum(map(sum, self.bare.values()))

    @property
    def overhead(self) -> float:
        """What tfgen adds to its processes, as a share of them; means something only one at a time."""
        return self.wall / self.processes - 1


def show_engine(_stage: Stage) -> None:
    """Measure the number of modules that has a budget, and the reference project."""
    _show_wide(MODULES)
    _show_reference()


def make_wide(root: Path, endpoint: str, bucket: str, count: int) -> tuple[Project, Environment]:
    """Write modules of built-in resources in rows: each reads one of the row before."""
    environment = fixture_project.make_environment("local", bucket, endpoint=endpoint)
    names = [f"{number:03}-m{number}" for number in range(count)]
    reads = {name: [names[index - _WIDTH]] if index >= _WIDTH else [] for index, name in enumerate(names)}
    root.mkdir(parents=True, exist_ok=True)
    return fixture_project.make_project(root, environment, reads), environment


def apply_all(folder: Path, endpoint: str, count: int, parallelism: int) -> Applied:
    """Apply a new project of many modules with tfgen."""
    folder.mkdir(parents=True)
    bucket = _make_bucket(folder, endpoint)
    words = [str(folder / "project"), endpoint, bucket, str(count), str(parallelism)]
    return _watch(_WIDE, words, _env(), Path(__file__).parents[2], folder)


def type_all(folder: Path, endpoint: str, count: int) -> float:
    """Run the original document's commands in each folder, one after the other; returns the seconds."""
    folder.mkdir(parents=True)
    bucket = _make_bucket(folder, endpoint)
    project, environment = make_wide(folder / "project", endpoint, bucket, count)
    env = {**_env(), **isolate({}, environment, work=folder / "work").env, "PATH": os.environ["PATH"]}
    del env["GOGC"]  # tfgen's own
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


def apply_reference(folder: Path, *options: str) -> Applied:
    """Apply the reference project with tfgen to an emulator of its own, from nothing."""
    project = _make_reference(folder)
    words = ["apply", "--env", "local", "--auto-approve", *options]
    try:
        return _watch(_COMMAND, words, project.environment, project.root, folder.parent)
    finally:
        project.tfgen("local", "down")


def type_reference(folder: Path) -> float:
    """Type the original document's commands for the reference project, from nothing; returns the seconds."""
    project = _make_reference(folder)
    names = [module.name for module in workflow.load_project(project.root).project.modules]
    begun = time.monotonic()
    try:
        for name in names:
            apply = f"terraform apply -input=false -auto-approve {project.typed_values(name)}"
            project.typed(f"terraform init -input=false && {apply}", project.root / "terraform" / name)
        return time.monotonic() - begun
    finally:
        project.tfgen("local", "down")


class _Watch:
    """Looks at a process until it is gone: its own processor time and its high-water mark of memory."""

    def __init__(self, pid: int) -> None:
        self.memory = self.cpu = 0.0
        self._folder = Path(f"/proc/{pid}")
        threading.Thread(target=self._follow, daemon=True).start()

    def _follow(self) -> None:
        ticks = os.sysconf("SC_CLK_TCK")
        while True:
            try:
                status = (self._folder / "status").read_text()
                times = (self._folder / "stat").read_text().rpartition(")")[2].split()
            except OSError:
                return
            mark = next((line for line in status.splitlines() if line.startswith("VmHWM")), "")
            if not mark:
                return
            self.memory = max(self.memory, int(mark.split()[1]) / 1024)
            self.cpu = (int(times[11]) + int(times[12])) / ticks
            time.sleep(_LOOK_SECONDS)


def _watch(program: str, words: Sequence[str], env: Mapping[str, str], cwd: Path, folder: Path) -> Applied:
    """Run a program with a clock in it that notes how long each terraform took."""
    seconds, said = folder / "seconds", folder / "said"
    argv = [sys.executable, "-c", f"SECONDS = {str(seconds)!r}\n{_CLOCK}\n{program}", *words]
    with said.open("wb") as stream:
        begun = time.monotonic()
        process = subprocess.Popen(argv, env=dict(env), cwd=cwd, stdout=stream, stderr=subprocess.STDOUT)
        watch = _Watch(process.pid)
        status = process.wait()
        wall = time.monotonic() - begun
    if status:
        raise SystemExit(f"the apply ended with {status}:\n{said.read_text()}")
    bare: dict[str, list[float]] = {}
    for line in seconds.read_text().splitlines():
        verb, taken = line.split()
        bare.setdefault(verb, []).append(float(taken))
    return Applied(wall, bare, watch.cpu, watch.memory)


def _make_reference(folder: Path) -> TestProject:
    """Return the reference project, rendered, checked and packaged, with its emulator up."""
    folder.parent.mkdir(parents=True)
    project = make_test_project(folder)
    for words in (("render",), ("package",), ("check",), ("local", "up")):
        project.tfgen(*words)
    return project


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


def _show_wide(count: int) -> None:
    with tempfile.TemporaryDirectory() as name, start_emulator(Path(name) / "emulator") as emulator:
        folder = Path(name)
        one = apply_all(folder / "one", emulator.endpoint, count, 1)
        typed = type_all(folder / "typed", emulator.endpoint, count)
        two = apply_all(folder / "two", emulator.endpoint, count, 2)
    print(f"\nan apply of {count} modules of built-in resources")
    _show(one, two, typed)
    verdict("overhead over bare terraform", f"{one.overhead:.1%}", _OVERHEAD, one.overhead)
    verdict("memory of tfgen itself, MB", f"{max(one.memory, two.memory):.0f}", _MEMORY_MB, max(one.memory, two.memory))


def _show_reference() -> None:
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        two = apply_reference(folder / "two" / "project")
        typed = type_reference(folder / "typed" / "project")
        one = apply_reference(folder / "one" / "project", "--parallelism", "1")
    print("\nan apply of the reference project from nothing, each module compared with what was approved")
    _show(one, two, typed)
    verdict("overhead over bare terraform", f"{one.overhead:.1%}", _REFERENCE_OVERHEAD, one.overhead)
    verdict("memory of tfgen itself, MB", f"{max(one.memory, two.memory):.0f}", _MEMORY_MB, max(one.memory, two.memory))
    verdict("tfgen against typed", f"{two.wall / typed:.2f}", _AGAINST_TYPED, two.wall / typed)


def _show(one: Applied, two: Applied, typed: float) -> None:
    print(f"  {'one at a time':<40}{one.wall:>8.1f} s, of it tfgen itself {one.cpu:.1f} s CPU")
    print(f"  {'its terraform processes':<40}{one.processes:>8.1f} s")
    for verb, seconds in one.bare.items():
        print(f"    {f'{len(seconds)} x {verb}':<38}{sum(seconds):>8.1f} s")
    print(f"  {'several at a time':<40}{two.wall:>8.1f} s")
    print(f"  {'typed one after the other':<40}{typed:>8.1f} s, {two.wall / typed:.2f} of it")


def main() -> None:
    """Measure a number of modules; with 0 the reference project."""
    count = int(sys.argv[1]) if len(sys.argv) > 1 else MODULES
    if count:
        _show_wide(count)
    else:
        _show_reference()


if __name__ == "__main__":
    main()
