from __future__ import annotations

import json
import subprocess
from typing import Any

import pytest

from tests.integration.composed.conftest import Apply, Compose, MakeProject
from tests.support.fixture_project import body, make_module
from tfgen.changes import ComposedPlan
from tfgen.model import Project

CHAIN = {"00-base": (), "01-middle": ("00-base",), "02-top": ("00-base", "01-middle")}


def counts(plan: ComposedPlan) -> dict[str, tuple[int, int, int, int]]:
    return {name: (item.add, item.change, item.destroy, item.replace) for name, item in plan.modules.items()}


def write(project: Project, module: str, name: str, text: str) -> None:
    (project.tree / module / name).write_text(text)


@pytest.fixture
def chain(make_project: MakeProject, bucket: str) -> Project:
    project: Project = make_project(CHAIN)
    return project


def test_an_empty_account_shows_every_resource_of_every_module(chain: Project, compose: Compose) -> None:
    plan = compose(chain)
    assert plan.errors == ()
    assert counts(plan) == dict.fromkeys(CHAIN, (1, 0, 0, 0))
    unknown = {item.path for item in plan.modules["01-middle"].resources[0].attributes if item.unknown}
    assert unknown == {"id", "input", "output"}
    assert {name: item.outputs["value"].known for name, item in plan.modules.items()} == dict.fromkeys(CHAIN, False)


def test_after_apply_nothing_changes(chain: Project, compose: Compose, apply: Apply) -> None:
    apply(chain)
    plan = compose(chain)
    assert not plan.changed
    assert plan.modules["02-top"].outputs["value"].after == "v1+v1+v1+v1"
    assert plan.readers == {"00-base": {"value": ("01-middle", "02-top")}, "01-middle": {"value": ("02-top",)}}


def test_an_upstream_change_reaches_its_readers(chain: Project, compose: Compose, apply: Apply) -> None:
    apply(chain)
    main = chain.tree / "00-base" / "main.tf"
    main.write_text(main.read_text().replace('"v1"', '"v2"'))
    plan = compose(chain)
    assert counts(plan) == dict.fromkeys(CHAIN, (0, 1, 0, 0))
    change = {item.path: item for item in plan.modules["00-base"].resources[0].attributes}
    assert (change["input"].before, change["input"].after) == ("v1", "v2")
    assert {name: item.outputs["value"].action for name, item in plan.modules.items()} == dict.fromkeys(CHAIN, "update")


def test_modules_that_are_not_applied_contribute_nothing(chain: Project, compose: Compose, apply: Apply) -> None:
    apply(chain, "00-base")
    plan = compose(chain)
    assert counts(plan) == {"00-base": (0, 0, 0, 0), "01-middle": (1, 0, 0, 0), "02-top": (1, 0, 0, 0)}
    assert {item.path: item.after for item in plan.modules["01-middle"].resources[0].attributes}["input"] == "v1+v1"


def test_a_module_with_a_local_state_takes_part(chain: Project, compose: Compose) -> None:
    folder = chain.tree / "00-base"
    write(chain, "00-base", "backend.tf", 'terraform {\n  backend "local" {\n    path = "../base.tfstate"\n  }\n}\n')
    values = chain.tree / "environments" / f"{chain.default_environment}.tfvars"
    for words in (("init",), ("apply", "-auto-approve", f"-var-file={values}")):
        subprocess.run(["terraform", *words, "-input=false"], cwd=folder, check=True, capture_output=True)
    plan = compose(chain)
    assert plan.errors == ()
    assert counts(plan) == {"00-base": (0, 0, 0, 0), "01-middle": (1, 0, 0, 0), "02-top": (1, 0, 0, 0)}
    assert {item.path: item.after for item in plan.modules["01-middle"].resources[0].attributes}["input"] == "v1+v1"


def test_destroy_and_drift(chain: Project, compose: Compose, apply: Apply) -> None:
    apply(chain)
    assert counts(compose(chain, destroy=True)) == dict.fromkeys(CHAIN, (0, 0, 1, 0))
    plan = compose(chain, refresh_only=True)
    assert plan.drift == {}
    assert not plan.changed


def states(clients: Any, bucket: str) -> dict[str, str]:
    found = clients.client("s3").list_objects_v2(Bucket=bucket).get("Contents", [])
    return {entry["Key"]: entry["ETag"] for entry in found}


def test_no_state_is_written_no_lock_taken_and_nothing_left(
    chain: Project, compose: Compose, apply: Apply, clients: Any, bucket: str
) -> None:
    apply(chain)
    before = states(clients, bucket)
    table = clients.client("dynamodb").scan(TableName=f"{bucket}-lock")["Items"]
    main = chain.tree / "00-base" / "main.tf"
    main.write_text(main.read_text().replace('"v1"', "var.password"))
    write(chain, "00-base", "password.tf", 'variable "password" {\n  type      = string\n  sensitive = true\n}\n')
    write(chain, "00-base", "password.auto.tfvars", 'password = "hush-hush"\n')
    assert compose(chain).changed
    assert states(clients, bucket) == before
    assert clients.client("dynamodb").scan(TableName=f"{bucket}-lock")["Items"] == table
    left = [path for path in (chain.work / "composed").rglob("*") if path.is_file() and not path.is_symlink()]
    assert not [path for path in left if b'terraform_data","name' in path.read_bytes() or "tfstate" in path.name]
    assert not [path for path in left if b"hush-hush" in path.read_bytes()]
    assert not [path for path in left if path.suffix == ".tfplan"]
    assert (chain.work / "composed").stat().st_mode & 0o777 == 0o700


def test_a_broken_module_is_named_with_its_line_and_the_rest_is_shown(chain: Project, compose: Compose) -> None:
    write(chain, "01-middle", "extra.tf", 'resource "terraform_data" "x" {\n  input = local.nowhere\n}\n')
    plan = compose(chain)
    assert [(item.module, item.where) for item in plan.errors] == [("01-middle", "terraform/01-middle/extra.tf:2:11")]
    assert plan.modules["01-middle"].error
    assert not plan.complete
    assert counts(plan)["00-base"] == counts(plan)["02-top"] == (1, 0, 0, 0)


def test_an_output_that_nobody_serves(chain: Project, compose: Compose) -> None:
    text = 'output "x" {\n  value = data.terraform_remote_state.base.outputs.nothing\n}\n'
    write(chain, "01-middle", "extra.tf", text)
    plan = compose(chain)
    first = plan.errors[0]
    assert (first.module, first.where.rpartition(":")[0]) == ("01-middle", "terraform/01-middle/extra.tf:2")
    assert "upstream_" not in first.message
    assert ".tfgen" not in first.message


def test_keys_that_are_not_known_yet(chain: Project, compose: Compose) -> None:
    text = (
        'resource "terraform_data" "each" {\n  for_each = toset([data.terraform_remote_state.base.outputs.value])\n}\n'
    )
    write(chain, "01-middle", "extra.tf", text)
    plan = compose(chain)
    first = plan.errors[0]
    assert first.where.startswith("terraform/01-middle/extra.tf:2")
    assert "tfgen apply --module 00-base" in first.hint
    assert counts(plan)["00-base"] == (1, 0, 0, 0)
    assert not plan.complete


@pytest.mark.parametrize("content", [b'{"version": 4, "serial"', b'{"version": 5}', b"\x00encrypted"])
def test_a_state_that_cannot_be_read(
    chain: Project, compose: Compose, apply: Apply, clients: Any, bucket: str, content: bytes
) -> None:
    apply(chain)
    clients.client("s3").put_object(Bucket=bucket, Key="01-middle/terraform.tfstate", Body=content)
    plan = compose(chain)
    assert [item.module for item in plan.errors] == ["01-middle"]
    assert "--per-module" in plan.errors[0].hint
    assert plan.modules["02-top"].error == "it reads 01-middle, whose state cannot be read"
    assert not plan.modules["00-base"].error
    assert not plan.complete


def test_a_state_that_vanished(chain: Project, compose: Compose, apply: Apply, clients: Any, bucket: str) -> None:
    apply(chain)
    clients.client("s3").delete_object(Bucket=bucket, Key="01-middle/terraform.tfstate")
    plan = compose(chain)
    assert [item.module for item in plan.errors] == ["01-middle"]
    assert "missing" in plan.errors[0].message


def test_a_locked_state_is_mentioned(chain: Project, compose: Compose, clients: Any, bucket: str) -> None:
    info = {"ID": "1", "Operation": "OperationTypeApply", "Who": "ann@host", "Created": "2026-01-01"}
    item = {"LockID": {"S": f"{bucket}/00-base/terraform.tfstate"}, "Info": {"S": json.dumps(info)}}
    clients.client("dynamodb").put_item(TableName=f"{bucket}-lock", Item=item)
    plan = compose(chain)
    assert [(item.module, item.severity) for item in plan.problems] == [("00-base", "warning")]
    assert "ann@host" in plan.problems[0].message


def test_init_runs_once(chain: Project, compose: Compose) -> None:
    compose(chain)
    data = chain.work / "composed" / "local" / "data"
    before = (data / "modules" / "modules.json").stat().st_mtime_ns
    write(chain, "02-top", "extra.tf", 'resource "terraform_data" "more" {\n}\n')
    assert counts(compose(chain))["02-top"] == (2, 0, 0, 0)
    assert (data / "modules" / "modules.json").stat().st_mtime_ns == before


def test_variables_are_those_of_the_module(chain: Project, compose: Compose) -> None:
    write(chain, "00-base", "extra.tf", (
        'variable "a" {\n  type = list(object({ n = optional(number, 3), t = string }))\n}\n'
        'variable "b" {\n  default = "default"\n}\nvariable "c" {\n  default = "default"\n}\n'
        'output "seen" {\n  value = { a = var.a, b = var.b, c = var.c, name = var.project_name }\n}\n'
    ))  # fmt: skip
    write(
        chain, "00-base", "terraform.tfvars", 'a = [\n  { t = "$${x}" },\n]\nb = "terraform"\nproject_name = "lost"\n'
    )
    (chain.tree / "00-base" / "z.auto.tfvars.json").write_text('{"b": "auto ${x}"}')
    plan = compose(chain)
    assert plan.errors == ()
    assert plan.modules["00-base"].outputs["seen"].after == {
        "a": [{"n": 3, "t": "${x}"}],
        "b": "auto ${x}",
        "c": "default",
        "name": "shop",
    }


def test_a_variable_without_a_value_fails_only_its_module(chain: Project, compose: Compose) -> None:
    write(chain, "00-base", "extra.tf", 'variable "needed" {\n  type = string\n}\n')
    plan = compose(chain)
    assert plan.modules["00-base"].error
    assert plan.errors[0].where.startswith("terraform/00-base")
    assert plan.modules["01-middle"].add == 1


def test_user_blocks_that_read_other_states_stay(
    chain: Project, compose: Compose, apply: Apply, clients: Any, bucket: str
) -> None:
    state = {"version": 4, "terraform_version": "1.11.4", "serial": 1, "lineage": "x", "resources": [],
             "outputs": {"k": {"value": "foreign", "type": "string"}}}  # fmt: skip
    clients.client("s3").put_object(Bucket=bucket, Key="other/terraform.tfstate", Body=json.dumps(state))
    write(chain, "00-base", "extra.tf", (
        'data "terraform_remote_state" "other" {\n  backend = "s3"\n'
        f'  config = {{ bucket = "{bucket}", key = "other/terraform.tfstate", region = "us-east-1" }}\n}}\n'
        'output "foreign" {\n  value = data.terraform_remote_state.other.outputs.k\n}\n'
    ))  # fmt: skip
    plan = compose(chain)
    assert plan.modules["00-base"].outputs["foreign"].after == "foreign"
    assert [item.where for item in plan.problems] == ["terraform/00-base/extra.tf:1"]


def test_sensitive_outputs_behave_as_over_remote_state(
    make_project: MakeProject, bucket: str, compose: Compose
) -> None:
    base = 'output "value" {\n  value = "top-secret"\n  sensitive = true\n}\n'
    project = make_project(
        {"00-base": (), "01-middle": ("00-base",)},
        bodies={"00-base": base, "01-middle": body(make_module("01-middle", ("00-base",)))},
    )
    plan = compose(project)
    assert plan.errors == ()
    hidden = plan.modules["00-base"].outputs["value"]
    assert (hidden.sensitive, hidden.after) == (True, None)
    assert not plan.modules["01-middle"].outputs["value"].sensitive
