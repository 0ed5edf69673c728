from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.support.fixture_project import make_environment, make_project
from tfgen.modulefiles import EVERYTHING, ModuleFiles, called_folders, full_source, read_module


def read(tmp_path: Path, **files: str) -> ModuleFiles:
    """Read 01-top with these files beside its variables; `__` in a name stands for a dot."""
    environment = make_environment("local", "bucket", endpoint="http://127.0.0.1:1")
    project = make_project(tmp_path, environment, {"00-base": (), "01-top": ()}, bodies={"01-top": ""})
    for name, text in files.items():
        (project.tree / "01-top" / name.replace("__", ".")).write_text(text)
    return read_module(project, environment, project.modules[1])


def remote(config: str, *, backend: str = "s3", more: str = "") -> str:
    return f'data "terraform_remote_state" "up" {{\n  backend = "{backend}"\n{more}  config = {{ {config} }}\n}}\n'


USE = 'output "x" {\n  value = data.terraform_remote_state.up.outputs.a\n}\n'
KEY = 'key = "00-base/terraform.tfstate"'


@pytest.mark.parametrize(
    ("text", "module"),
    [
        (remote(f"bucket = var.state_bucket, {KEY}"), "00-base"),
        (remote(f'bucket = "bucket", {KEY}'), "00-base"),
        (remote(f'bucket = "another", {KEY}'), ""),
        (remote('key = "elsewhere/terraform.tfstate"'), ""),
        (remote('key = "${var.project_name}/terraform.tfstate"'), ""),
        (remote('path = "../00-base/terraform.tfstate"', backend="local"), "00-base"),
        (remote('path = "../outside.tfstate"', backend="local"), ""),
        (remote(KEY, more="  count = 1\n"), ""),
        (remote(KEY, backend="http"), ""),
    ],
)
def test_a_state_is_served_if_it_is_a_modules(tmp_path: Path, text: str, module: str) -> None:
    assert [state.module for state in read(tmp_path, main__tf=text + USE).states] == [module]


def test_aliases_are_followed_and_marks_are_no_use(tmp_path: Path) -> None:
    source = "data.terraform_remote_state.up.outputs"
    alias = f"locals {{\n  up = merge({source}, {{ s = sensitive({source}.s) }})\n}}\n"
    found = read(tmp_path, a__tf=remote(KEY) + alias, b__tf='output "x" {\n  value = local.up.a\n}\n')
    assert found.uses == {"00-base": frozenset({"a"})}
    assert found.passed == {"00-base": frozenset({"a", "s"})}


@pytest.mark.parametrize("value", ["local.up", "local.up[var.project_name]", "keys(local.up)"])
def test_a_use_without_a_name_is_a_use_of_everything(tmp_path: Path, value: str) -> None:
    alias = "locals {\n  up = data.terraform_remote_state.up.outputs\n}\n"
    found = read(tmp_path, a__tf=remote(KEY) + alias, b__tf=f'output "x" {{\n  value = {value}\n}}\n')
    assert found.uses == {"00-base": frozenset({EVERYTHING})}


def test_json_and_override_files_count(tmp_path: Path) -> None:
    document = {"output": {"j": {"value": "${local.up.b}", "sensitive": True}}, "variable": {"v": {"default": 1}}}
    alias = "locals {\n  up = data.terraform_remote_state.up.outputs\n}\n"
    found = read(
        tmp_path,
        a__tf=remote(KEY) + alias + 'output "x" {\n  value = 1\n}\n',
        a_override__tf='output "x" {\n  sensitive = true\n}\n',
        b__tf__json=json.dumps(document),
    )
    assert {name: output.sensitive for name, output in found.outputs.items()} == {"x": True, "j": True}
    assert found.variables["v"].default == "1"
    assert found.uses == {"00-base": frozenset({"b"})}


def test_called_modules_are_followed(tmp_path: Path) -> None:
    for name, called in (("one", "../two"), ("two", "../one")):
        (tmp_path / "terraform" / name).mkdir(parents=True)
        (tmp_path / "terraform" / name / "main.tf").write_text(f'module "x" {{\n  source = "{called}"\n}}\n')
    found = read(tmp_path, a__tf='module "x" {\n  source = "../one"\n}\n')
    assert [folder.name for folder in called_folders(found)] == ["one", "two"]


def test_sources_have_a_host() -> None:
    assert full_source("aws") == full_source("hashicorp/AWS") == "registry.terraform.io/hashicorp/aws"
    assert full_source("host.example/a/b") == "host.example/a/b"
