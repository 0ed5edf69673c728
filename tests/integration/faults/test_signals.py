"""Signals at tfgen and at terraform, and what goes on after them."""

from __future__ import annotations

import os
import pty
import select
import signal
import sys
import time

import pytest

from tests.support.faulty import Faulty, is_state, kill_group
from tests.support.proxy import Answer

LATE = Answer(delay=4, pass_on=True)


@pytest.mark.parametrize(
    ("number", "module"),
    [
        (signal.SIGINT, "01-middle"),
        pytest.param(signal.SIGTERM, "00-base", marks=pytest.mark.slow),
        pytest.param(signal.SIGHUP, "02-top", marks=pytest.mark.slow),
    ],
)
def test_a_signal_ends_gently_and_resume_goes_on(faulty: Faulty, number: signal.Signals, module: str) -> None:
    faulty.shut(module)
    process = faulty.start("apply", "--auto-approve")
    faulty.wait_for(module, process)
    kill_group(process, number)
    faulty.open(module)
    _, err = process.communicate(timeout=60)
    assert process.returncode == 130, err
    assert "interrupted: waiting for terraform" in err
    assert "tfgen apply --resume" in err
    assert faulty.locks() == ()
    assert faulty.lock_items() == [], "the lease is released"
    assert faulty.entries("end")[0]["status"] == "cancelled"
    shown = faulty.tfgen("runs", faulty.runs()[-1].name).stdout
    assert f"{module:<24}cancelled" in shown
    faulty.assert_resumes()
    assert "resumes" in faulty.entries("begin")[0]


def test_a_second_ctrl_c_says_what_is_waited_for_and_kills_nothing(faulty: Faulty) -> None:
    # Terraform writes its state before it ends; that takes long.
    faulty.proxy.rules.append(lambda call: LATE if is_state(call, "00-base") else None)
    faulty.shut("00-base")
    process = faulty.start("apply", "--auto-approve")
    faulty.wait_for("00-base", process)
    pid = faulty.pid_of("00-base")
    kill_group(process, signal.SIGINT)
    time.sleep(0.5)
    kill_group(process, signal.SIGINT)
    time.sleep(1)
    os.kill(pid, 0)
    faulty.open("00-base")
    _, err = process.communicate(timeout=60)
    assert process.returncode == 130, err
    assert f"still waiting for 00-base: terraform apply (process {pid}" in err
    assert f"kill -KILL {pid}, then tfgen unlock 00-base" in err
    log = next(faulty.runs()[-1].glob("00-base-apply.log")).read_text()
    assert log.count("Interrupt received") == 1
    assert faulty.locks() == ()


def test_terraform_outlives_a_killed_tfgen_and_is_waited_for(faulty: Faulty) -> None:
    faulty.shut("01-middle")
    process = faulty.start("apply", "--auto-approve")
    faulty.wait_for("01-middle", process)
    pid = faulty.pid_of("01-middle")
    kill_group(process, signal.SIGKILL)
    process.communicate()
    os.kill(pid, 0)
    assert "killed" in faulty.tfgen("runs").stdout
    killed = faulty.runs()[-1]

    resumed = faulty.start("apply", "--resume")
    faulty.wait_until(lambda: faulty.runs()[-1] != killed, resumed)
    time.sleep(1.5)
    assert resumed.poll() is None, "it waits"
    faulty.open("01-middle")
    _, err = resumed.communicate(timeout=120)
    assert resumed.returncode == 0, err
    assert f"waiting for terraform that run {killed.name} left at work: 01-middle-apply" in err
    begun = {entry["module"] for entry in faulty.entries("module-begin")}
    assert begun == {"02-top"}, "what the orphan finished is not repeated"
    faulty.assert_whole()


@pytest.mark.slow
def test_a_terminal_that_is_closed_ends_the_run_as_gently(faulty: Faulty) -> None:
    faulty.shut("00-base")
    pid, terminal = pty.fork()
    if pid == 0:
        os.chdir(faulty.root)
        os.environ.pop("CI", None)
        words = ["apply", "--auto-approve"]
        os.execv(sys.executable, [sys.executable, "-c", "from tfgen.cli import main; main()", *words])
    begun = faulty.gates / "00-base.begun"
    deadline = time.monotonic() + 90
    while not begun.exists() and time.monotonic() < deadline:
        if select.select([terminal], [], [], 0.1)[0]:
            os.read(terminal, 65536)
    assert begun.exists()
    os.close(terminal)
    faulty.open("00-base")
    assert os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) == 130
    assert faulty.entries("end")[0]["status"] == "cancelled"
    assert faulty.locks() == ()
    assert faulty.lock_items() == []
    faulty.assert_resumes()
