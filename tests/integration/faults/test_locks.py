"""State locks that stay behind, and runs that are in each other's way."""

from __future__ import annotations

import json
import os
import signal
import time

import pytest

from tests.support.faulty import Faulty


def test_the_lock_of_a_killed_terraform_is_named_listed_and_removed(faulty: Faulty) -> None:
    faulty.shut("01-middle")
    process = faulty.start("apply", "--auto-approve")
    faulty.wait_for("01-middle", process)
    refused = faulty.tfgen("unlock", "01-middle", code=1)
    assert "another tfgen works on 01-middle" in refused.stderr, "its owner is alive"
    os.kill(faulty.pid_of("01-middle"), signal.SIGKILL)
    faulty.open("01-middle")
    out, err = process.communicate(timeout=60)
    assert process.returncode == 1, (out, err)
    assert "01-middle: terraform was ended by signal 9" in err
    assert "02-top                  skipped   01-middle failed" in out

    held = json.loads(faulty.tfgen("locks", "--json").stdout)["locks"]
    [lock] = held
    assert (lock["module"], lock["kinds"], lock["gone"]) == ("01-middle", ["dynamodb", "lockfile"], True)
    listed = faulty.tfgen("locks").stdout
    assert f"01-middle               OperationTypeApply    {lock['who']}  for " in listed
    assert f"table and lockfile  {lock['id']}  (its process is gone: tfgen unlock)" in listed

    blocked = faulty.tfgen("apply", "--resume", code=1)
    assert lock["id"] in blocked.stderr
    assert f"tfgen unlock 01-middle --id {lock['id']}" in blocked.stderr
    strange = faulty.tfgen("unlock", "middle", "--id", "no-such-id", code=1)
    assert "01-middle is locked, but not by no-such-id" in strange.stderr
    unasked = faulty.tfgen("unlock", "middle", code=1)
    assert f"→ tfgen unlock 01-middle --id {lock['id']}" in unasked.stderr
    assert len(faulty.locks()) == 2
    done = faulty.tfgen("unlock", "middle", "--id", lock["id"])
    assert "01-middle is unlocked: OperationTypeApply by" in done.stdout
    assert faulty.locks() == ()
    assert faulty.tfgen("unlock", "middle").stdout == "01-middle is not locked\n"
    # What the killed terraform had made by then is in no state.
    faulty.assert_resumes("--auto-approve")


def test_the_owner_of_a_typed_terraform_is_not_robbed_while_it_lives(faulty: Faulty) -> None:
    faulty.apply("--module", "00-base")
    (faulty.gates / "00-base.begun").unlink()
    faulty.shut("00-base")
    typed = faulty.start("exec", "00-base", "--", "terraform", "apply", "-auto-approve", "-replace=terraform_data.gate")
    faulty.wait_for("00-base", typed)
    refused = faulty.tfgen("unlock", "00-base", code=1)
    assert "terraform still works on 00-base on this machine: process " in refused.stderr
    faulty.open("00-base")
    typed.communicate(timeout=60)
    assert faulty.locks() == ()


def test_modules_go_side_by_side_and_overlaps_wait_or_name_the_holder(faulty: Faulty) -> None:
    faulty.apply()
    spec = faulty.root / "config" / "project.yaml"
    spec.write_text(spec.read_text() + "  03-aside: {blueprint: base}\n")
    faulty.tfgen("render")
    (faulty.gates / "01-middle.begun").unlink()
    faulty.shut("01-middle")
    first = faulty.start("apply", "--auto-approve", "--module", "01", "--", "-replace=terraform_data.gate")
    faulty.wait_for("01-middle", first)

    beside = faulty.apply("--module", "03")
    assert "03-aside                done" in beside.stdout
    for words in ([], ["--module", "02"], ["--module", "00"], ["--module", "01"]):
        refused = faulty.apply(*words, code=1)
        assert "another tfgen works on" in refused.stderr
        assert "apply by" in refused.stderr
        assert "--lock-timeout" in refused.stderr
    waiting = faulty.start("apply", "--auto-approve", "--lock-timeout", "2m")
    time.sleep(2)
    assert waiting.poll() is None
    faulty.open("01-middle")
    out, err = first.communicate(timeout=60)
    assert first.returncode == 0, err
    out, err = waiting.communicate(timeout=120)
    assert waiting.returncode == 0, err
    assert "02-top                  unchanged" in out
    assert faulty.lock_items() == []


@pytest.mark.parametrize("text", ["soon", "5"])
def test_a_patience_that_is_no_duration_is_refused_before_anything(faulty: Faulty, text: str) -> None:
    refused = faulty.apply("--lock-timeout", text, code=1)
    assert f"--lock-timeout {text} is no duration" in refused.stderr
    assert not (faulty.root / ".tfgen" / "runs").exists()
