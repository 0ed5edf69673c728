from __future__ import annotations

import json

import pytest

from tests.support.journals import begin_run, write_run
from tfgen import history, journal
from tfgen.errors import TfgenError, UsageError


def test_a_run_is_read_from_its_journal(tmp_path):
    folder = write_run(tmp_path, "1", {"00-base": "done", "01-top": "failed"})
    found = history.read_run(folder)
    assert (found.id, found.verb, found.environment, found.status) == ("1", "apply", "local", "failed")
    assert [(module.name, module.status) for module in found.modules] == [("00-base", "done"), ("01-top", "failed")]
    base, top = found.modules
    assert base.result["counts"] == {"add": 1, "change": 0, "destroy": 0}
    assert [step.name for step in base.steps] == ["plan", "apply"]
    assert base.steps[0].pid == 42
    assert base.steps[0].status == 0
    assert base.seconds >= 0
    assert top.result["reason"] == "it broke"
    assert found.finished == {"00-base"}
    assert found.resumable


def test_what_a_killed_run_was_at_is_known(tmp_path):
    book = begin_run(tmp_path, "1", graph={"00-base": [], "01-top": ["00-base"]})
    book.write(journal.MODULE_BEGIN, module="00-base")
    book.write(journal.STEP_BEGIN, module="00-base", step="apply", step_id=0, argv=["terraform"], log="x.log")
    folder = tmp_path / "runs" / "1"
    assert history.read_run(folder).status == "running"
    book.close()
    found = history.read_run(folder)
    assert found.status == "killed"
    assert [module.status for module in found.modules] == ["interrupted", "waiting"]
    assert found.modules[0].steps[0].ended is None
    assert found.resumable


def test_modules_that_nothing_was_to_be_done_for_are_unchanged(tmp_path):
    folder = write_run(tmp_path, "1", {"00-base": "done"}, graph={"00-base": [], "01-top": ["00-base"]})
    assert [module.status for module in history.read_run(folder).modules] == ["done", "unchanged"]


def test_runs_are_listed_newest_first_and_a_damaged_one_hides_no_other(tmp_path):
    write_run(tmp_path, "1", {"00-base": "done"})
    write_run(tmp_path, "2", {"00-base": "done"})
    damaged = write_run(tmp_path, "3", {"00-base": "done"})
    path = damaged / journal.FILE
    path.write_text("nonsense\n" + path.read_text())
    (tmp_path / "runs" / "4-without-journal").mkdir()
    listed = history.list_runs(tmp_path)
    assert isinstance(listed[0], TfgenError)
    assert [item.id for item in listed[1:]] == ["2", "1"]
    assert history.list_runs(tmp_path / "nowhere") == ()


def test_a_run_is_found_by_the_beginning_of_its_id(tmp_path):
    write_run(tmp_path, "2026-ab", {})
    write_run(tmp_path, "2026-cd", {})
    assert history.find_run(tmp_path, "2026-a").id == "2026-ab"
    with pytest.raises(UsageError, match="there are 2 runs that begin with '2026'"):
        history.find_run(tmp_path, "2026")
    with pytest.raises(UsageError, match="there is no run 'x'") as caught:
        history.find_run(tmp_path, "x")
    assert "a plain apply goes on" in caught.value.hint


def test_only_what_did_not_end_well_can_be_gone_on_with(tmp_path):
    write_run(tmp_path, "1", {"00-base": "failed"})
    write_run(tmp_path, "2", {"00-base": "failed"}, environment="dev")
    write_run(tmp_path, "3", {"00-base": "failed"}, verb="destroy")
    assert history.find_resumable(tmp_path, "local", "apply").id == "1"
    assert history.find_resumable(tmp_path, "local", "destroy").id == "3"
    with pytest.raises(UsageError, match="was in environment dev") as caught:
        history.find_resumable(tmp_path, "local", "apply", "2")
    assert caught.value.hint == "add --env dev"
    with pytest.raises(UsageError, match="was a destroy") as caught:
        history.find_resumable(tmp_path, "local", "apply", "3")
    assert caught.value.hint == "tfgen destroy --resume 3"
    write_run(tmp_path, "4", {"00-base": "done"})
    with pytest.raises(UsageError, match="run 4 is done"):
        history.find_resumable(tmp_path, "local", "apply")
    with pytest.raises(UsageError, match="no apply in environment staging"):
        history.find_resumable(tmp_path, "staging", "apply")
    (tmp_path / "runs" / "5-nothing").mkdir()
    (tmp_path / "runs" / "5-nothing" / journal.FILE).touch()
    with pytest.raises(UsageError, match="run 4 is done"):
        history.find_resumable(tmp_path, "local", "apply")
    book = begin_run(tmp_path, "5")
    with pytest.raises(TfgenError, match="run 5 is still at work"):
        history.find_resumable(tmp_path, "local", "apply")
    book.close()


def test_a_damaged_approval_is_no_bug(tmp_path):
    folder = write_run(tmp_path, "1", {"00-base": "failed"}, end=False)
    path = folder / journal.FILE
    entry = {"at": "2026-01-01T00:00:00+00:00", "event": journal.APPROVED, "approval": {"kind": "something"}}
    path.write_text(path.read_text() + json.dumps(entry) + "\n")
    with pytest.raises(TfgenError, match="not what"):
        history.read_run(folder)


def test_old_runs_are_removed_and_looking_does_not_push_changes_out(tmp_path):
    for number in range(4):
        write_run(tmp_path, f"a{number}", {"00-base": "done"})
    for number in range(5):
        (tmp_path / "runs" / f"b{number}").mkdir()
    living = begin_run(tmp_path, "a-first")
    (tmp_path / "runs" / "a0" / history.COMPOSED_FILE).touch()
    assert history.prune_runs(tmp_path, keep=2) == 4
    (tmp_path / "runs" / "a0" / history.COMPOSED_FILE).unlink()
    assert history.prune_runs(tmp_path, keep=2) == 1, "only a run whose composed state was split"
    assert sorted(folder.name for folder in (tmp_path / "runs").iterdir()) == ["a-first", "a2", "a3", "b3", "b4"]
    living.close()
    assert history.prune_runs(tmp_path, keep=2) == 1
