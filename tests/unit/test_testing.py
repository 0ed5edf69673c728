"""`tfgen test` with a terraform that only writes down how it was called."""

from __future__ import annotations

import json
import os
import sys
from importlib import machinery
from pathlib import Path

import pytest

from tests.support.cli import Cli
from tests.support.projects import ProjectFolder
from tfgen import testing

FAKE = """\
#!{python}
import json, os, sys
if sys.argv[1] == "version":
    print(json.dumps({{"terraform_version": "1.11.4"}}))
    sys.exit()
with open({log!r}, "a") as log:
    log.write(json.dumps({{"argv": sys.argv[1:], "cwd": os.getcwd(), "env": dict(os.environ)}}) + "\\n")
if sys.argv[1] == "test":
    broken = "02-store" in os.getcwd()
    status = "fail" if broken else "pass"
    print(json.dumps({{"type": "test_run", "test_run": {{"run": "plan", "progress": "complete", "status": status}}}}))
    if broken:
        place = {{"filename": "tests/plan.tftest.hcl", "start": {{"line": 1, "column": 2}}}}
        found = {{"severity": "error", "summary": "Wrong", "detail": "", "range": place}}
        print(json.dumps({{"type": "diagnostic", "@testrun": "plan", "diagnostic": found}}))
    sys.exit(broken)
"""


@pytest.fixture
def calls(project: ProjectFolder, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Render, and put a terraform that keeps a log in the real one's place."""
    project.render()
    log, binary = tmp_path / "calls.jsonl", tmp_path / "bin" / "terraform"
    binary.parent.mkdir()
    binary.write_text(FAKE.format(python=sys.executable, log=str(log)))
    binary.chmod(0o755)
    monkeypatch.setenv("TFGEN_TERRAFORM", str(binary))
    monkeypatch.setenv("TFGEN_PROVIDER_MIRROR", str(_mirror(tmp_path)))
    return log


def _mirror(folder: Path) -> Path:
    (folder / "mirror" / "registry.terraform.io" / "hashicorp" / "aws").mkdir(parents=True)
    return folder / "mirror"


def read(log: Path) -> list[dict[str, object]]:
    return [json.loads(line) for line in log.read_text().splitlines()]


def test_modules_are_tested_apart_from_everything_else(
    cli: Cli, project: ProjectFolder, calls: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AWS_PROFILE", "company")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "secret")
    told = cli("test", "--module", "00,03", cwd=project.root)
    assert told.code == 0, told
    assert [line.split()[:2] for line in told.out.splitlines()] == [
        ["00-network", "passed"],
        ["03-front-desk", "passed"],
    ]
    found = read(calls)
    assert [call["argv"][0] for call in found if "00-network" in str(call["cwd"])] == ["init", "test"]  # type: ignore[index]
    for call in found:
        env = call["env"]
        assert isinstance(env, dict)
        assert "-backend=false" in call["argv"] or call["argv"] == ["test", "-json"]  # type: ignore[operator]
        assert env["TF_DATA_DIR"].startswith(str(project.root / ".tfgen" / "test"))
        assert env["AWS_ENDPOINT_URL"] == "http://127.0.0.1:9"
        assert env["AWS_SECRET_ACCESS_KEY"] == "test"
        assert "AWS_PROFILE" not in env
        assert not os.path.exists(f"{call['cwd']}/.terraform")  # noqa: PTH110


def test_a_failure_is_told_with_file_and_template(cli: Cli, project: ProjectFolder, calls: Path) -> None:
    told = cli("test", "--module", "02", "--module", "03", cwd=project.root)
    assert told.code == 1
    place = "terraform/02-store/tests/plan.tftest.hcl:1:2"
    assert f"error: {place}: plan: Wrong (from templates/_shared/plan.tftest.hcl.j2)" in told.err
    assert [line.split()[1] for line in told.out.splitlines()] == ["failed", "passed"]
    document = cli("test", "--module", "02", "--json", cwd=project.root).document["test"]
    assert document["passed"] is False
    [suite] = document["suites"]
    assert (suite["name"], suite["kind"], suite["failures"][0]["where"]) == ("02-store", "terraform", place)


def with_function(project: ProjectFolder, test: str) -> None:
    project.change("templates/front-desk/blueprint.yaml", "reads: [store]", "reads: [store]\nfunctions: [desk]")
    project.write("lambdas/desk/handler.py", "def handler(event, context):\n    return 1\n")
    project.write("lambdas/desk/tests/test_desk.py", test)
    project.write("lambdas/requirements.txt", "")


def test_the_tests_of_the_functions_are_run_too(cli: Cli, project: ProjectFolder, calls: Path) -> None:
    with_function(
        project, "import os\n\n\ndef test_desk():\n    assert os.environ['AWS_ENDPOINT_URL'] == 'http://127.0.0.1:9'\n"
    )
    assert cli("render", cwd=project.root).code == 0
    told = cli("test", "--module", "03")
    assert told.code == 0, told
    assert [line.split()[:4] for line in told.out.splitlines()][1] == ["lambdas/desk", "passed", "1", "passed,"]
    project.write("lambdas/desk/tests/test_desk.py", "\n\ndef test_desk():\n    assert 1 == 2\n")
    told = cli("test", "--module", "03")
    assert told.code == 1
    assert "error: lambdas/desk/tests/test_desk.py:4: test_desk: assert 1 == 2" in told.err


def test_a_missing_pytest_is_explained(
    cli: Cli, project: ProjectFolder, calls: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with_function(project, "def test_desk():\n    pass\n")
    assert cli("render", cwd=project.root).code == 0
    monkeypatch.setattr(testing, "find_spec", _without_pytest)
    told = cli("test")
    told.assert_explained()
    assert "pytest, which the tests of the Lambda functions need, is not installed" in told.err
    assert "-m pip install pytest -r lambdas/requirements.txt" in told.err


def _without_pytest(name: str) -> machinery.ModuleSpec | None:
    return None if name == "pytest" else machinery.ModuleSpec(name, None)


def test_a_stale_tree_is_not_tested(cli: Cli, project: ProjectFolder, calls: Path) -> None:
    project.change("templates/store/main.tf.j2", "shelves =", "racks   =")
    told = cli("test", cwd=project.root)
    told.assert_explained()
    assert "stale" in told.err
    assert not calls.exists()
