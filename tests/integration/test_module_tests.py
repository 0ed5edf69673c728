"""`tfgen test` with the real terraform: modules are planned offline, and a failure is told where it is."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from tests.golden.test_golden import GOLDEN
from tests.support.project import TestProject, make_test_project
from tfgen import workflow

pytestmark = pytest.mark.terraform

WRONG = """\
run "wrong" {
  command = plan

  assert {
    condition     = aws_kms_key.main.deletion_window_in_days == 7
    error_message = "A week is enough."
  }
}
"""


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> TestProject:
    """The reference project; what its commands inherit would lead a plan to an account."""
    stray = {"AWS_PROFILE": "company", "AWS_ENDPOINT_URL": "http://192.0.2.1", "TF_VAR_environment": "production"}
    made = make_test_project(tmp_path_factory.mktemp("tests") / "project", stray)
    made.tfgen("render")
    return made


def test_modules_and_their_functions_pass_without_an_emulator(project: TestProject) -> None:
    suites = project.json("test", "--module", "02,05")["test"]["suites"]
    assert [(suite["name"], suite["status"], suite["failures"]) for suite in suites] == [
        ("02-storage", "passed", []),
        ("05-notification", "passed", []),
        ("lambdas/notifier", "passed", []),
    ]
    assert min(suite["passed"] for suite in suites) >= 3
    assert not (project.root / ".tfgen" / "local").exists(), "no emulator was started"
    assert not list((project.root / "terraform").rglob(".terraform"))


def test_a_failing_assertion_names_its_line(project: TestProject) -> None:
    folder = project.root / "terraform" / "00-foundation" / "tests"
    mocks = (folder / "plan.tftest.hcl").read_text().split("run ")[0]
    own = folder / "own.tftest.hcl"
    own.write_text(mocks + WRONG)
    try:
        told = project.tfgen("test", "--module", "foundation", code=1)
    finally:
        own.unlink()
    line = mocks.count("\n") + 5
    place = f"terraform/00-foundation/tests/own.tftest.hcl:{line}:21"
    assert f"error: {place}: wrong: Test assertion failed: A week is enough." in told.stderr
    assert told.stdout.split()[:2] == ["00-foundation", "failed"]


@pytest.mark.slow
def test_every_module_of_the_reference_project_passes(project: TestProject) -> None:
    document = project.json("test")["test"]
    assert [suite["failures"] for suite in document["suites"] if suite["failures"]] == []
    assert {suite["status"] for suite in document["suites"]} == {"passed"}
    modules = {module.name for module in workflow.load_project(project.root).project.modules}
    functions = {f"lambdas/{name}" for name in ("common", *_functions(project))}
    assert {suite["name"] for suite in document["suites"]} == modules | functions


@pytest.mark.slow
def test_every_blueprint_that_a_project_grows_by_passes(tmp_path: Path) -> None:
    case = GOLDEN / "catalogue"
    made = make_test_project(tmp_path / "project")
    for name in ("config", "templates"):
        if (case / name).is_dir():
            shutil.copytree(case / name, made.root / name, dirs_exist_ok=True)
    for name in _functions(made):
        folder = made.root / "lambdas" / name
        if not folder.exists():
            folder.mkdir()
            (folder / "handler.py").write_text("def handler(event, context):\n    return {}\n")
    made.tfgen("render")
    document = made.json("test")["test"]
    assert [(suite["name"], suite["failures"]) for suite in document["suites"] if suite["failures"]] == []


def _functions(made: TestProject) -> set[str]:
    return {item.name for module in workflow.load_project(made.root).project.modules for item in module.functions}
