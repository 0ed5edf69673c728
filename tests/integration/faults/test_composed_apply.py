"""The composed plan applied: from nothing, after a kill, with a lock in the way; each state where it belongs."""

from __future__ import annotations

import os
import signal

import pytest

from tests.support.faulty import MODULES, Faulty, kill_group
from tfgen import state


def assert_nothing_left(faulty: Faulty) -> None:
    """No composed state, neither here nor in the bucket, and no plan."""
    patterns = ("composed.tfstate", "*.tfplan", "*.reserve", "errored.tfstate")
    assert [path.name for pattern in patterns for path in faulty.root.rglob(pattern)] == []
    listed = faulty.clients().client("s3").list_objects_v2(Bucket=faulty.bucket, Prefix="composed/")
    assert listed.get("Contents", []) == []


def state_bytes(faulty: Faulty) -> dict[str, bytes | None]:
    return {
        module: state.read_bytes(faulty.clients(), faulty.bucket, f"{module}/terraform.tfstate") for module in MODULES
    }


def phases(faulty: Faulty) -> list[str]:
    return [entry["phase"] for entry in faulty.entries("composed")]


def test_from_nothing_to_nothing_each_module_has_its_own_state(faulty: Faulty) -> None:
    done = faulty.apply("--composed")
    assert "all modules as one" in done.stderr
    assert "02-top                  done      3 added, 0 changed, 0 destroyed" in done.stdout
    assert phases(faulty) == ["locked", "planned", "applying", "applied", "split", "split", "split", "released"]
    faulty.assert_whole()
    assert_nothing_left(faulty)
    before = state_bytes(faulty)
    assert set(faulty.statuses("apply", "--auto-approve", "--per-module").values()) == {"unchanged"}
    changed = faulty.root / "templates" / "top" / "main.tf.j2"
    changed.write_text(changed.read_text().replace('input = "top"', 'input = "other"'))
    faulty.tfgen("render")
    faulty.tfgen("plan", "--save", "approved.json")
    assert faulty.statuses("apply", "--composed", "--approved", "approved.json")["02-top"] == "done"
    after = state_bytes(faulty)
    assert [module for module in MODULES if before[module] != after[module]] == ["02-top"], (
        "the others stay as they are"
    )
    faulty.assert_whole()

    narrowed = faulty.tfgen("destroy", "--composed", "--auto-approve", "--module", "01", "--with-dependents")
    assert "00-base" not in narrowed.stdout
    assert state_bytes(faulty)["00-base"] == after["00-base"]
    assert faulty.statuses("apply", "--auto-approve", "--composed", "--module", "01")["01-middle"] == "done"
    gone = faulty.tfgen("destroy", "--composed", "--auto-approve")
    assert "00-base                 done      0 added, 0 changed, 3 destroyed" in gone.stdout
    for module in MODULES:
        found = state.read_state(faulty.clients(), faulty.bucket, f"{module}/terraform.tfstate")
        assert found is not None
        assert not found.applied
    assert faulty.locks() == ()
    assert_nothing_left(faulty)


def test_while_it_runs_everybody_else_is_refused_and_told_who(faulty: Faulty) -> None:
    faulty.shut("01-middle")
    process = faulty.start("apply", "--composed", "--auto-approve")
    faulty.wait_for("01-middle", process)
    run = faulty.runs()[-1].name
    assert {lock.info["Info"] for lock in faulty.locks()} == {f"tfgen run {run}"}
    assert len(faulty.locks()) == 2 * len(MODULES)
    typed = faulty.tfgen("exec", "02-top", "--", "terraform", "plan", "-no-color", code=1)
    assert "Error acquiring the state lock" in typed.stdout + typed.stderr
    assert f"tfgen run {run}" in typed.stdout + typed.stderr
    assert "another tfgen works on" in faulty.apply(code=1).stderr
    assert f"run {run}" in faulty.tfgen("locks").stdout
    assert "is at work: what is shown may change" in faulty.tfgen("plan").stderr
    faulty.open("01-middle")
    out, err = process.communicate(timeout=60)
    assert process.returncode == 0, (out, err)
    faulty.assert_whole()
    assert_nothing_left(faulty)


@pytest.mark.parametrize("way", [pytest.param("resume", marks=pytest.mark.slow), "recover"])
def test_what_a_killed_run_made_is_written_before_anything_else(faulty: Faulty, way: str) -> None:
    faulty.shut("01-middle")
    process = faulty.start("apply", "--composed", "--auto-approve")
    faulty.wait_for("01-middle", process)
    run = faulty.runs()[-1].name
    terraform = faulty.pid_of("")
    os.killpg(process.pid, signal.SIGKILL)
    process.communicate(timeout=60)
    os.kill(terraform, signal.SIGKILL)
    faulty.open("01-middle")
    assert all(data is None for data in state_bytes(faulty).values())
    for words in (["apply", "--auto-approve"], ["unlock", "00", "--id", "x"], ["destroy", "--auto-approve"]):
        refused = faulty.tfgen(*words, code=1)
        assert f"run {run}" in refused.stderr
        assert f"tfgen state recover {run}" in refused.stderr
    assert f"tfgen state recover {run}" in faulty.tfgen("plan").stderr
    if way == "recover":
        faulty.tfgen("state", "recover", run)
        assert faulty.locks() == ()
        assert_nothing_left(faulty)
        base = state.read_state(faulty.clients(), faulty.bucket, "00-base/terraform.tfstate")
        assert base is not None
        assert len(base.resources) == 3
        assert base.outputs == {}, "terraform gives outputs at its end only"
        faulty.apply("--composed")
        faulty.assert_whole()
    else:
        faulty.assert_resumes()
    assert_nothing_left(faulty)


def test_ctrl_c_and_a_failure_are_split_like_a_success(faulty: Faulty) -> None:
    faulty.shut("01-middle")
    process = faulty.start("apply", "--composed", "--auto-approve")
    faulty.wait_for("01-middle", process)
    kill_group(process, signal.SIGINT)
    out, err = process.communicate(timeout=60)
    assert process.returncode == 130, (out, err)
    assert "done: 00-base; go on with tfgen apply --resume" in err
    assert faulty.locks() == ()
    assert_nothing_left(faulty)
    faulty.open("01-middle")

    template = faulty.root / "templates" / "middle" / "main.tf.j2"
    whole = template.read_text()
    template.write_text(whole.replace('command = "', 'command = "exit 7; '))
    faulty.tfgen("render")
    failed = faulty.apply("--composed", code=1)
    assert "01-middle               failed" in failed.stdout
    assert "02-top                  skipped   01-middle failed" in failed.stdout
    assert "exit status 7" in failed.stderr
    assert faulty.locks() == ()
    assert_nothing_left(faulty)
    template.write_text(whole)
    faulty.tfgen("render")
    faulty.assert_resumes()
    assert_nothing_left(faulty)
