"""Validating all modules in one process finds what validating each by itself finds."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from tests.golden.test_golden import CASES, make
from tests.integration.composed.conftest import MakeProject
from tfgen import workflow
from tfgen.checking import Finding, check_terraform
from tfgen.errors import TfgenError
from tfgen.model import Project


def check(project: Project, *, per_module: bool) -> tuple[Finding, ...]:
    variables = {name: os.environ[name] for name in ("PATH", "HOME") if name in os.environ}
    return check_terraform(project, variables, lambda _what: None, per_module=per_module)


def outcome(project: Project, *, per_module: bool) -> tuple[Finding, ...] | str:
    """A provider that this machine cannot get fails both ways."""
    try:
        return check(project, per_module=per_module)
    except TfgenError as error:
        return "no provider" if "provider" in error.message else error.message


@pytest.mark.parametrize("case", CASES)
def test_both_ways_agree_on_every_golden_project(case: str, tmp_path: Path) -> None:
    make(case, tmp_path)
    loaded = workflow.load_project(tmp_path)
    workflow.render(loaded)
    for module in loaded.project.modules:
        for function in module.functions:
            artifact = loaded.project.tree / module.name / function.artifact
            artifact.parent.mkdir(exist_ok=True)
            artifact.write_bytes(b"zip")
    assert outcome(loaded.project, per_module=False) == outcome(loaded.project, per_module=True)
    assert not list((tmp_path / ".tfgen" / "composed").rglob("terraform.tfstate"))


@pytest.fixture
def chain(make_project: MakeProject) -> Project:
    project: Project = make_project({"00-base": (), "01-top": ("00-base",)})
    return project


@pytest.mark.parametrize(
    "text",
    [
        'resource "terraform_data" "x" {\n  inptu = 1\n}\n',
        'resource "terraform_data" "x" {\n  input = local.nowhere\n}\n',
        'output "x" {\n  value = terraform_data.nowhere.id\n}\n',
        'resource "terraform_data" "x" {\n  input = \n}\n',
        'variable "needed" {\n  type = list(string)\n}\noutput "x" {\n  value = var.needed[0]\n}\n',
    ],
)
def test_both_ways_name_the_same_places(chain: Project, text: str) -> None:
    (chain.tree / "01-top" / "extra.tf").write_text(text)
    composed, alone = (check(chain, per_module=per_module) for per_module in (False, True))
    places = {(item.severity, item.where) for item in composed if "extra.tf" in item.where}
    assert places == {(item.severity, item.where) for item in alone if "extra.tf" in item.where}
    assert not any(".tfgen" in f"{item.where}{item.message}" for item in composed)


@pytest.mark.parametrize("per_module", [False, True])
def test_what_a_killed_run_left_is_gone_after_a_check(chain: Project, per_module: bool) -> None:
    left = [
        chain.work / "composed/local/project/terraform/.root/terraform.tfstate",
        chain.work / "runs/x/00-base.tfplan",
    ]
    for path in left:
        path.parent.mkdir(parents=True)
        path.write_text("secret")
    (chain.work / "composed" / "local.lock").touch()
    check(chain, per_module=per_module)
    assert not [path for path in left if path.exists()]
