"""Ctrl-C and SIGTERM of the whole program: terraform is told once, waited for, and its lock is gone."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path

import pytest

from tests.support.fixture_project import body, make_module
from tfgen import deployment, state
from tfgen.deployment import Choices

pytestmark = [pytest.mark.terraform, pytest.mark.emulator]

PROGRAM = """
import os, sys
from pathlib import Path
from tests.support import fixture_project
from tfgen import deployment
from tfgen.deployment import Caller, Choices
from tfgen.errors import Interrupted

root, bucket, endpoint, script = sys.argv[1:]
environment = fixture_project.make_environment("local", bucket, endpoint=endpoint)
modules = {"00-slow": (), "01-after": ("00-slow",)}
bodies = {"00-slow": fixture_project.body(fixture_project.make_module("00-slow"), script=script)}
project = fixture_project.make_project(Path(root), environment, modules, bodies=bodies)
try:
    choices = Choices(auto_approve=True, parallelism=2)
    deployment.apply(project, environment, Caller(variables=dict(os.environ)), choices)
except Interrupted as error:
    print(error.hint)
    sys.exit(130)
"""


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_it_ends_gently_and_goes_on_later(make_project, environment, bucket, caller, clients, tmp_path, number):
    root = tmp_path / "project"
    root.mkdir()
    begun = tmp_path / "begun"
    arguments = [str(root), bucket, environment.endpoint, f"touch {begun}; sleep 3"]
    process = subprocess.Popen(
        [sys.executable, "-c", PROGRAM, *arguments],
        cwd=Path.cwd(),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )
    deadline = time.monotonic() + 60
    while not begun.exists() and time.monotonic() < deadline and process.poll() is None:
        time.sleep(0.05)
    assert begun.exists(), process.communicate()
    # As a terminal does it: the whole foreground group gets the signal. Terraform is in a group of its own.
    os.killpg(process.pid, number)
    output, errors = process.communicate(timeout=60)
    assert process.returncode == 130, (output, errors)
    assert "go on with tfgen apply --resume" in output
    assert "Traceback" not in errors

    assert state.list_locks(clients, bucket, environment.lock_table) == ()
    log = next((root / ".tfgen" / "runs").glob("*/00-slow-apply.log")).read_text()
    assert log.count("Interrupt received") == 1
    assert "Two interrupts received" not in log

    modules = {"00-slow": (), "01-after": ("00-slow",)}
    project = make_project(modules, bodies={"00-slow": body(make_module("00-slow"))})
    assert deployment.apply(replace(project), environment, caller, Choices(auto_approve=True)).ok
