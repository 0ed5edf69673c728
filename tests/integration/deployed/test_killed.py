"""`tfgen plan` is killed while terraform plans; the next command that runs terraform leaves nothing of it."""

from __future__ import annotations

import os
import signal
import subprocess
import time
from contextlib import suppress
from pathlib import Path

import pytest

from tests.support.processes import PROVIDER, look
from tests.support.project import TFGEN, TestProject

SECONDS = 60


@pytest.mark.parametrize(
    ("terraform", "command"),
    [
        ("left to itself", ("plan", "--env", "local")),
        ("killed too", ("plan", "--env", "local", "--module", "01-iam")),
        ("killed too", ("check",)),
    ],
)
def test_the_next_command_removes_what_a_killed_plan_left(
    deployed: TestProject, terraform: str, command: tuple[str, ...]
) -> None:
    states, locks = deployed.states(), locks_of(deployed)
    group = kill_while_planning(deployed)
    try:
        assert "terraform.tfstate" in secrets(deployed), "a killed process removes nothing"
        if terraform == "left to itself":
            wait_for_end(group)
    finally:
        # A provider outlives a terraform that was killed, or that died because nobody listens any more.
        with suppress(ProcessLookupError):
            os.killpg(group, signal.SIGKILL)

    deployed.tfgen(*command)
    assert secrets(deployed) == []
    assert deployed.states() == states
    assert locks_of(deployed) == locks == []


def kill_while_planning(project: TestProject) -> int:
    """Kill tfgen, and nothing else, while the provider is at work; returns terraform, which leads a process group."""
    process = subprocess.Popen(
        [TFGEN, "plan", "--env", "local"],
        cwd=project.root,
        env=project.environment,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    )
    deadline = time.monotonic() + SECONDS
    while process.poll() is None and time.monotonic() < deadline:
        running = look(process.pid)
        if running.count(PROVIDER) and "terraform.tfstate" in secrets(project):
            process.send_signal(signal.SIGKILL)
            process.wait()
            return next(item.pid for item in running.processes if item.program == "terraform")
        time.sleep(0.02)
    raise AssertionError(f"tfgen did not plan within {SECONDS} seconds, or ended before it: {process.poll()}")


def wait_for_end(pid: int) -> None:
    deadline = time.monotonic() + SECONDS
    while look(pid).processes:
        assert time.monotonic() < deadline, f"process {pid} goes on"
        time.sleep(0.05)


def secrets(project: TestProject) -> list[str]:
    """Return the files below tfgen's own folder that hold a state, a plan, or the values of variables."""
    work = project.root / ".tfgen"
    found = [path for name in ("composed", "runs") for path in (work / name).rglob("*") if _holds_state(path)]
    return sorted(path.name for path in found)


def _holds_state(path: Path) -> bool:
    if path.is_symlink() or not path.is_file() or path.parent.name == "data":
        return False
    content = path.read_bytes()
    # A saved plan is a zip archive; a state names its lineage, as a journal does, and terraform's version.
    written = path.parent.name == ".root" and path.name == "main.tf"
    by_content = (b'"lineage"' in content and b'"terraform_version"' in content) or content[:2] == b"PK"
    return written or by_content or path.name.endswith((".tfplan", ".tfstate", ".backup"))


def locks_of(project: TestProject) -> list[str]:
    """Return the state locks that somebody holds, in the table and in the bucket."""
    items = project.client("dynamodb").scan(TableName="ecommerce-analytics-local-tflock")["Items"]
    held = [item["LockID"]["S"] for item in items if "Info" in item]
    bucket = "ecommerce-analytics-local-tfstate-000000000000"
    keys = [item["Key"] for item in project.client("s3").list_objects_v2(Bucket=bucket).get("Contents", ())]
    return held + [key for key in keys if key.endswith(".tflock")]
