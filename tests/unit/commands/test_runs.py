from __future__ import annotations

import json
from dataclasses import replace

import pytest

from tests.support.fixture_project import make_environment
from tfgen.commands import _runs, apply
from tfgen.deployment import Run
from tfgen.errors import UsageError
from tfgen.planning import Counts, Plan, ResourceChange
from tfgen.runner import Result
from tfgen.settings import read_settings


@pytest.fixture
def settings(tmp_path):
    return read_settings({"directory": str(tmp_path)}, {})


@pytest.fixture
def run(tmp_path):
    environment = make_environment("local", "b", endpoint="http://127.0.0.1:4566")
    plan = Plan(Counts(1), (ResourceChange("aws_s3_bucket.b", "aws_s3_bucket", "create"),), {"name": "create"}, True)
    results = (
        Result("00-base", "done", counts=Counts(1), plan=plan, seconds=1.23456),
        Result(
            "01-left", "failed", reason="Error: no\n\nwhy", hint="do this", log=tmp_path / "x.log", code="terraform"
        ),
        Result("02-top", "skipped", reason="01-left failed", cause="01-left"),
        Result("03-alone", "unchanged"),
    )
    return Run("r1", "apply", environment, results, tmp_path)


def test_a_run_as_json(run):
    document = _runs.run_document(run)
    assert json.loads(json.dumps(document)) == document
    assert document["place"] == "local: emulator on 127.0.0.1:4566, nothing in AWS"
    assert document["summary"] == {"add": 1, "change": 0, "destroy": 0}
    assert document["error"] == {
        "code": "terraform",
        "message": "Error: no\n\nwhy",
        "where": "01-left",
        "hint": "do this",
    }
    assert document["modules"]["00-base"] == {
        "status": "done",
        "add": 1,
        "change": 0,
        "destroy": 0,
        "seconds": 1.235,
        "resources": [{"address": "aws_s3_bucket.b", "type": "aws_s3_bucket", "action": "create"}],
        "outputs": {"name": "create"},
    }
    assert document["modules"]["02-top"]["cause"] == "01-left"


def test_a_failure_is_shown_once_and_whole_before_the_summary(run, settings, capsys):
    with pytest.raises(SystemExit) as ended:
        _runs.finish(settings, run)
    assert ended.value.code == 1
    captured = capsys.readouterr()
    assert "error: 01-left: Error: no\n\nwhy\n  → do this\n  log: " in captured.err
    assert captured.err.count("error:") == 1
    assert captured.out.splitlines() == [
        "00-base                 done      1 added, 0 changed, 0 destroyed",
        "01-left                 failed    Error: no",
        "02-top                  skipped   01-left failed",
        "03-alone                unchanged no changes",
    ]


def test_a_destroy_that_finds_nothing_says_so(run, settings, capsys):
    _runs.finish(settings, replace(run, verb="destroy", results=()))
    assert capsys.readouterr().out == "nothing to destroy: none of this is applied\n"


def test_a_bug_in_a_module_is_a_bug_of_the_run(run, settings):
    broken = replace(run, results=(*run.results, Result("04-x", "failed", reason="this is a bug", code="bug")))
    with pytest.raises(SystemExit) as ended:
        _runs.finish(settings, broken)
    assert ended.value.code == 3


def test_the_command_for_aws_names_an_environment_that_exists():
    aws, local = make_environment("dev", "b", endpoint=None), make_environment("local", "b", endpoint="http://x")
    assert apply._next_place({"dev": aws, "production": aws, "staging": aws}).endswith("--env production")
    assert apply._next_place({"dev": aws, "local": local}).endswith("--env dev")
    assert apply._next_place({"local": local}) == ""


def test_a_module_without_its_flag_is_recognised():
    assert _runs.check_extra(("-replace=x", "y")) == ("-replace=x", "y")
    with pytest.raises(UsageError) as error:
        _runs.check_extra(("03",))
    assert error.value.hint == "did you mean --module 03?"
