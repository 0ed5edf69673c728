"""The reference project applied as one and struck at ten moments, the first of them before anything is there."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest

from tests.support.inventory import count_known, count_there
from tests.support.project import TFGEN, TestProject, make_test_project
from tests.support.same import canonical

SECONDS = 300
FIRST: tuple[tuple[str, Callable[[Path], bool]], ...] = (
    ("both", lambda run: has_come(run, "planned")),
    ("tfgen", lambda run: bool(making(run))),
    ("both", lambda run: has_come(run, "split")),
)
"""Terraform is killed where it makes nothing: what it was just making would be there without a state."""

LATER = (
    ("tfgen", "begin"),
    ("tfgen", "locked"),
    ("both", "planned"),
    ("tfgen", "applying"),
    ("both", "applied"),
    ("tfgen", "split"),
    ("both", "released"),
)

Ready = Callable[[Path], bool]


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Iterator[TestProject]:
    made = make_test_project(tmp_path_factory.mktemp("struck") / "project")
    made.tfgen("render")
    made.tfgen("local", "up")
    yield made
    made.tfgen("local", "down")


@pytest.mark.slow
def test_a_first_deploy_that_is_struck_three_times(project: TestProject) -> None:
    words = ["--composed"]
    for kind, ready in FIRST:
        assert strike(project, kind, ready, *words), f"it was over before {kind} was struck"
        words = ["--resume"]
    project.tfgen("apply", "--env", "local", "--auto-approve", "--resume")
    assert_whole(project)


@pytest.mark.slow
@pytest.mark.parametrize(("kind", "phase"), LATER)
def test_a_change_that_is_struck(project: TestProject, kind: str, phase: str) -> None:
    spec = project.root / "config" / "project.yaml"
    before = canonical(project.states())
    shards = 11 + LATER.index((kind, phase))
    spec.write_text(
        "\n".join(
            f"      day_shards: {shards}" if "day_shards" in line else line for line in spec.read_text().splitlines()
        )
    )
    project.tfgen("render")
    assert strike(project, kind, lambda run: has_come(run, phase), "--composed")
    project.tfgen("apply", "--env", "local", "--auto-approve", "--resume")
    assert_whole(project)
    assert canonical(project.states()).keys() == before.keys()


def strike(project: TestProject, kind: str, ready: Ready, *words: str) -> bool:
    """Apply and kill when the moment has come; False if the apply was over before."""
    before = set(runs(project))
    process = subprocess.Popen(
        [TFGEN, "apply", "--env", "local", "--auto-approve", *words],
        cwd=project.root,
        env=project.environment,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        start_new_session=True,
    )
    deadline = time.monotonic() + SECONDS
    while process.poll() is None and time.monotonic() < deadline:
        run = next(iter(set(runs(project)) - before), None)
        if run is not None and ready(run):
            if kind in ("tfgen", "both"):
                process.kill()
            if kind in ("terraform", "both"):
                pids = [entry["pid"] for entry in entries(run) if entry["event"] == "process"]
                for pid in pids[-1:]:
                    with suppress(ProcessLookupError):
                        os.kill(pid, signal.SIGKILL)
            break
        time.sleep(0.01)
    _, err = process.communicate(timeout=SECONDS)
    assert b"Traceback" not in err, err.decode()
    return process.returncode != 0


def assert_whole(project: TestProject) -> None:
    """Everything is there once and in a state; nothing is locked, left behind, or left to do."""
    assert count_known(project) == count_there(project)
    assert project.json("locks")["locks"] == []
    project.tfgen("plan", "--env", "local", "--per-module", "--detailed-exitcode")
    left = ("*.tfplan", "composed.tfstate", "errored.tfstate", "*.out", "*.reserve")
    assert [path for pattern in left for path in (project.root / ".tfgen").rglob(pattern)] == []


def runs(project: TestProject) -> list[Path]:
    return [path.parent for path in (project.root / ".tfgen" / "runs").glob("*/journal.jsonl")]


def entries(run: Path) -> list[Mapping[str, Any]]:
    lines = (run / "journal.jsonl").read_text().splitlines(keepends=True)
    return [json.loads(line) for line in lines if line.endswith("\n")]


def has_come(run: Path, phase: str) -> bool:
    return any(phase in (entry.get("phase"), entry["event"]) for entry in entries(run))


def making(run: Path) -> set[str]:
    """Types of what terraform is making right now, by its own events; empty before it begins and after the last."""
    found: dict[str, str] = {}
    with suppress(OSError):
        for line in (run / "composed-apply.out").read_text().splitlines(keepends=True):
            event = json.loads(line) if line.endswith("\n") else {}
            resource = event.get("hook", {}).get("resource", {})
            if event.get("type") == "apply_start":
                found[resource["addr"]] = resource["resource_type"]
            elif event.get("type") in ("apply_complete", "apply_errored"):
                found.pop(resource["addr"], None)
    return set(found.values())
