"""Killed at a certain call, cut off, slowed down, without disk: one command goes on, as if nothing had been."""

from __future__ import annotations

import os
import signal
import subprocess
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.support.emulator import start_emulator
from tests.support.faulty import MODULES, Faulty, is_state
from tests.support.proxy import Answer, Call
from tfgen import state

Concerns = Callable[[Call], bool]
SLOW = pytest.mark.slow


def is_lock(call: Call, verb: str, module: str) -> bool:
    """True for the call that takes (PutItem) or releases (DeleteItem) the table's lock of a module."""
    key = f'{module}/terraform.tfstate"'.encode()
    return call.target.endswith(f".{verb}") and key in call.body


def is_lease(call: Call) -> bool:
    return call.target.endswith(".PutItem") and b"tfgen-lease" in call.body


def is_lockfile(call: Call, module: str) -> bool:
    return call.method == "PUT" and call.path.partition("?")[0].endswith(f"/{module}/terraform.tfstate.tflock")


def reads(call: Call, module: str) -> bool:
    return call.method == "GET" and call.path.partition("?")[0].endswith(f"/{module}/terraform.tfstate")


def kill_at(faulty: Faulty, concerns: Concerns, *words: str, number: signal.Signals = signal.SIGKILL) -> None:
    """Start tfgen and send it a signal while a certain call is on its way; the call goes through a little later."""
    started: list[subprocess.Popen[str]] = []
    hit: list[Call] = []

    def rule(call: Call) -> Answer | None:
        if hit or not started or not concerns(call):
            return None
        hit.append(call)
        os.killpg(started[0].pid, number)
        return Answer(delay=0.3, pass_on=True)

    faulty.proxy.rules.append(rule)
    started.append(faulty.start(*words))
    _, err = started[0].communicate(timeout=600)
    faulty.proxy.rules.clear()
    assert hit, f"it never came to that call: {err}"
    expected = 130 if number != signal.SIGKILL else -signal.SIGKILL
    assert started[0].returncode == expected, err


@pytest.mark.parametrize(
    "concerns",
    [
        pytest.param(lambda call: reads(call, "01-middle"), id="while states are read", marks=SLOW),
        pytest.param(is_lease, id="while the lease is taken"),
        pytest.param(lambda call: is_lockfile(call, "00-base"), id="while the first lock is taken", marks=SLOW),
        pytest.param(lambda call: is_lock(call, "PutItem", "01-middle"), id="while a lock is taken", marks=SLOW),
        pytest.param(lambda call: is_state(call, "01-middle"), id="while a state is written"),
        pytest.param(lambda call: is_lock(call, "DeleteItem", "01-middle"), id="while a lock is released", marks=SLOW),
        pytest.param(lambda call: is_state(call, "02-top"), id="while the last state is written", marks=SLOW),
    ],
)
def test_a_killed_apply_goes_on(faulty: Faulty, concerns: Concerns) -> None:
    kill_at(faulty, concerns, "apply", "--auto-approve")
    assert "killed" in faulty.tfgen("runs").stdout
    faulty.assert_resumes()


@pytest.mark.slow
@pytest.mark.parametrize(
    "concerns",
    [
        pytest.param(lambda call: call.target.endswith(".CreateTable"), id="while the table is made"),
        pytest.param(lambda call: is_state(call, "backend-config"), id="while its state moves"),
        pytest.param(lambda call: is_lock(call, "PutItem", "00-base"), id="just after"),
    ],
)
def test_a_killed_bootstrap_goes_on(bootstrapping: Faulty, concerns: Concerns) -> None:
    kill_at(bootstrapping, concerns, "apply", "--auto-approve")
    bootstrapping.assert_resumes()


@pytest.mark.slow
@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM])
def test_a_destroy_that_was_stopped_goes_on(faulty: Faulty, number: signal.Signals) -> None:
    faulty.apply()
    kill_at(faulty, lambda call: is_state(call, "02-top"), "destroy", "--auto-approve", number=number)
    assert "was a destroy" in faulty.tfgen("apply", "--resume", faulty.runs()[-1].name, code=1).stderr
    faulty.tfgen("destroy", "--resume")
    for module in MODULES:
        found = state.read_state(faulty.clients(), faulty.bucket, f"{module}/terraform.tfstate")
        assert found is not None
        assert not found.applied
    assert faulty.locks() == ()
    assert faulty.lock_items() == []


@pytest.mark.slow
def test_an_interruption_while_everything_is_planned_goes_on(faulty: Faulty) -> None:
    kill_at(faulty, lambda call: reads(call, "00-base"), "apply", "--auto-approve", number=signal.SIGINT)
    faulty.assert_resumes()


@pytest.mark.slow
def test_an_emulator_that_goes_away_in_the_middle_and_comes_back(faulty: Faulty, tmp_path: Path) -> None:
    home = tmp_path / "emulator"
    first = start_emulator(home, persist=True)
    faulty.proxy.move(first.endpoint)
    clients = faulty.clients()
    clients.client("s3").create_bucket(Bucket=faulty.bucket)
    clients.client("dynamodb").create_table(
        TableName=faulty.table,
        BillingMode="PAY_PER_REQUEST",
        KeySchema=[{"AttributeName": "LockID", "KeyType": "HASH"}],
        AttributeDefinitions=[{"AttributeName": "LockID", "AttributeType": "S"}],
    )
    faulty.shut("01-middle")
    process = faulty.start("apply", "--auto-approve")
    faulty.wait_for("01-middle", process)
    first.stop()
    faulty.open("01-middle")
    time.sleep(3)
    with start_emulator(home, persist=True) as second:
        faulty.proxy.move(second.endpoint)
        process.communicate(timeout=600)
        if process.returncode:
            for lock in {lock.id: lock for lock in faulty.locks()}.values():
                faulty.tfgen("unlock", lock.key.partition("/")[0], "--id", lock.id)
            faulty.assert_resumes("--auto-approve")
        else:
            faulty.assert_whole()


@pytest.mark.slow
def test_a_slow_line_only_takes_longer(faulty: Faulty) -> None:
    faulty.proxy.rules.append(lambda _call: Answer(delay=0.3, pass_on=True))
    faulty.apply()
    assert faulty.entries("retry") == []
    faulty.proxy.rules.clear()
    faulty.assert_whole()


@pytest.fixture
def small_disk(faulty: Faulty) -> Iterator[Path]:
    """A file system of 80 MB below the project's `.tfgen`."""
    work = faulty.root / ".tfgen"
    work.mkdir(exist_ok=True)
    command = ["mount", "-t", "tmpfs", "-o", "size=80m", "tmpfs", str(work)]
    if os.geteuid() != 0 or subprocess.run(command, capture_output=True, check=False).returncode:
        pytest.skip("only root may make a small disk")
    yield work
    subprocess.run(["umount", "-l", str(work)], check=True)


@pytest.mark.slow
def test_a_full_disk_is_told_and_nothing_is_lost(faulty: Faulty, small_disk: Path) -> None:
    faulty.shut("01-middle")
    process = faulty.start("apply", "--auto-approve")
    faulty.wait_for("01-middle", process)
    filler = small_disk / "filler"
    with filler.open("wb", buffering=0) as stream:
        try:
            while True:
                stream.write(b"x" * 4096)
        except OSError:
            pass
    faulty.open("01-middle")
    out, err = process.communicate(timeout=100)
    assert process.returncode == 1, (out, err)
    assert "No space left on device" in err
    assert "Traceback" not in err
    refused = faulty.apply(code=1)
    assert "No space left" in refused.stderr or "MB are free" in refused.stderr
    assert "Traceback" not in refused.stderr
    filler.unlink()
    faulty.assert_resumes("--auto-approve")
