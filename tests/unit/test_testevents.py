"""What terraform and pytest report, as values."""

from __future__ import annotations

import json
from typing import Any

from tfgen.testevents import Failure, read_junit, read_terraform


def events(*items: dict[str, Any]) -> str:
    return "".join(json.dumps(item) + "\n" for item in items)


def run(name: str, status: str, progress: str = "complete") -> dict[str, Any]:
    told = {"path": "tests/a.tftest.hcl", "run": name, "progress": progress, "status": status}
    return {"type": "test_run", "test_run": told}


def diagnostic(summary: str, line: int | None = 12, severity: str = "error") -> dict[str, Any]:
    place = {"filename": "tests/a.tftest.hcl", "start": {"line": line, "column": 5}} if line else None
    found = {"severity": severity, "summary": summary, "detail": "because", **({"range": place} if place else {})}
    return {"type": "diagnostic", "diagnostic": found, "@testfile": "tests/a.tftest.hcl", "@testrun": "second"}


def test_runs_are_counted_and_failures_placed() -> None:
    text = events(run("first", "", "starting"), run("first", "pass"), run("second", "fail"), diagnostic("Wrong"))
    outcome = read_terraform(text, 1, "")
    assert outcome.passed == 1
    assert outcome.failures == (Failure("tests/a.tftest.hcl:12:5", "second", "Wrong: because"),)


def test_a_failure_is_told_once_and_warnings_are_none() -> None:
    text = events(diagnostic("Wrong"), diagnostic("Wrong"), diagnostic("Old", severity="warning"))
    assert len(read_terraform(text, 1, "").failures) == 1


def test_what_has_no_place_names_the_file() -> None:
    [failure] = read_terraform(events(diagnostic("Wrong", None)), 1, "").failures
    assert failure.where == "tests/a.tftest.hcl"


def test_a_call_that_went_nowhere_is_explained() -> None:
    text = events(diagnostic('Post "http://127.0.0.1:9/": connection refused'))
    [failure] = read_terraform(text, 1, "").failures
    assert "tests run offline" in failure.hint


def test_a_terraform_that_says_nothing_useful_fails_all_the_same() -> None:
    [failure] = read_terraform("not JSON\n", 1, "it broke\n").failures
    assert failure.message == "it broke"
    assert read_terraform("", 0, "").failures == ()


JUNIT = b"""<?xml version="1.0"?>
<testsuites><testsuite>
  <testcase classname="x" name="test_good" file="lambdas/x/tests/test_x.py" line="3"/>
  <testcase classname="x" name="test_left_out" file="lambdas/x/tests/test_x.py" line="4"><skipped/></testcase>
  <testcase classname="x" name="test_bad" file="lambdas/x/tests/test_x.py" line="8">
    <failure message="assert 1 == 2">def test_bad():
&gt;       assert 1 == 2
E       assert 1 == 2

lambdas/x/tests/test_x.py:11: AssertionError</failure>
  </testcase>
  <testcase classname="x" name="test_worse" file="lambdas/x/tests/test_x.py" line="19">
    <error message="no place">boom</error>
  </testcase>
</testsuite></testsuites>
"""


def test_pytest_failures_have_their_line() -> None:
    outcome = read_junit(JUNIT, 1, "", "lambdas/x/tests")
    assert outcome.passed == 1
    assert outcome.failures == (
        Failure("lambdas/x/tests/test_x.py:11", "test_bad", "assert 1 == 2"),
        Failure("lambdas/x/tests/test_x.py:20", "test_worse", "boom"),
    )


def test_no_tests_are_no_failure_and_a_broken_pytest_is_one() -> None:
    assert read_junit(b"<testsuites/>", 5, "", "lambdas/x/tests").failures == ()
    [failure] = read_junit(
        b"", 4, "ModuleNotFoundError: No module named 'aws_lambda_powertools'", "lambdas/x/tests"
    ).failures
    assert failure.where == "lambdas/x/tests"
    assert failure.hint == "aws_lambda_powertools is not installed: pip install -r lambdas/requirements.txt"
