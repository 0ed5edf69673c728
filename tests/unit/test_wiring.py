from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import pytest

from tests.support.fixture_project import make_environment, make_project
from tfgen.gathering import gather_files
from tfgen.modulefiles import read_module
from tfgen.state import Output
from tfgen.wiring import ROOT_FILE, Origin, Wiring, typed, wire

REMOTE = """\
data "terraform_remote_state" "base" {
  backend = "s3"
  config  = { bucket = var.state_bucket, key = "00-base/terraform.tfstate", region = "us-east-1" }
}
"""
PROVIDER = 'provider "aws" {\n  region = var.region\n}\nvariable "region" {\n  default = "us-east-1"\n}\n'


def compose(tmp_path: Path, files: Mapping[str, str], *, left_out: str = "", values: bool = True) -> Wiring:
    """Wire 00-base and 01-top, with files as `module/name`."""
    environment = make_environment("local", "bucket", endpoint="http://127.0.0.1:1")
    project = make_project(tmp_path, environment, {"00-base": (), "01-top": ("00-base",)}, bodies={"01-top": ""})
    for name, text in files.items():
        (project.tree / name).write_text(text)
    gathered = gather_files(project, environment, values=values)
    parts = [part for part in gathered.parts if part.module.name != left_out]
    return wire(parts, {left_out: None} if left_out else {}, values=values)


def root(wiring: Wiring) -> str:
    return wiring.contents[ROOT_FILE].decode()


def test_exactly_what_is_read_is_passed(tmp_path: Path) -> None:
    wiring = compose(tmp_path, {
        "00-base/more.tf": 'output "a" {\n  value = 1\n}\noutput "b" {\n  value = 2\n}\n',
        "01-top/r.tf": REMOTE + "locals {\n  base = data.terraform_remote_state.base.outputs\n}\n",
        "01-top/x.tf": 'output "x" {\n  value = "${local.base.a}-${local.base["value"]}"\n}\n',
    })  # fmt: skip
    assert "upstream_base = { a = module.base.a, value = module.base.value }" in root(wiring)
    assert "depends_on" not in root(wiring)


def test_all_outputs_are_passed_where_none_is_named(tmp_path: Path) -> None:
    text = REMOTE + 'output "x" {\n  value = data.terraform_remote_state.base.outputs\n}\n'
    wiring = compose(tmp_path, {"01-top/x.tf": text, "00-base/more.tf": 'output "a" {\n  value = 1\n}\n'})
    assert "upstream_base = { a = module.base.a, value = module.base.value }" in root(wiring)


def test_a_rewritten_file_keeps_its_lines(tmp_path: Path) -> None:
    text = REMOTE + 'output "x" {\n  value = "${data.terraform_remote_state.base.outputs.value}/${path.module}"\n}\n'
    wiring = compose(tmp_path, {"01-top/x.tf": text})
    rewritten = wiring.contents["01-top/x.tf"].decode()
    assert rewritten == "\n\n\n\n" + 'output "x" {\n  value = "${var.upstream_base.value}/${path.root}"\n}\n'


def test_backends_are_taken_out(tmp_path: Path) -> None:
    wiring = compose(tmp_path, {})
    assert b"backend" not in wiring.contents["00-base/backend.tf"]
    assert wiring.contents["00-base/backend.tf"].count(b"\n") == 5


def test_a_provider_block_stands_once_in_the_root(tmp_path: Path) -> None:
    wiring = compose(tmp_path, {"00-base/p.tf": PROVIDER, "01-top/p.tf": PROVIDER})
    assert root(wiring).count('provider "aws"') == 1
    assert 'region = "us-east-1"' in root(wiring)
    assert wiring.own_providers == {"00-base": (), "01-top": ()}
    assert b"provider" not in wiring.contents["01-top/p.tf"]


def test_another_configuration_and_an_alias_stay_in_their_module(tmp_path: Path) -> None:
    other = PROVIDER.replace("us-east-1", "eu-west-1") + 'provider "aws" {\n  alias = "x"\n  region = "a"\n}\n'
    wiring = compose(tmp_path, {"00-base/p.tf": PROVIDER, "01-top/p.tf": other})
    source = "registry.terraform.io/hashicorp/aws"
    assert wiring.own_providers == {"00-base": (), "01-top": ((source, ""), (source, "x"))}
    assert "01-top/p.tf" not in wiring.contents


def test_values_come_as_they_stand_and_their_lines_are_known(tmp_path: Path) -> None:
    wiring = compose(tmp_path, {"00-base/v.tf": 'variable "v" {\n}\n', "00-base/terraform.tfvars": '\nv = ["$${a}"]\n'})
    lines = root(wiring).split("\n")
    number = lines.index('  v = ["$${a}"]') + 1
    path = tmp_path / "terraform" / "00-base" / "terraform.tfvars"
    assert wiring.origins[ROOT_FILE, number] == Origin("00-base", str(path), 2)


def test_a_module_that_is_left_out_serves_unknown_values(tmp_path: Path) -> None:
    text = REMOTE + 'output "x" {\n  value = data.terraform_remote_state.base.outputs.value\n}\n'
    wiring = compose(tmp_path, {"01-top/x.tf": text}, left_out="00-base")
    assert "upstream_base = { value = jsondecode(terraform_data.unknown.id) }" in root(wiring)
    assert 'resource "terraform_data" "unknown"' in root(wiring)


def test_imports_are_lifted(tmp_path: Path) -> None:
    text = (
        'import {\n  to = terraform_data.a\n  id = "literal"\n}\n'
        'import {\n  to = terraform_data.b\n  id = "x-${var.project_name}"\n}\n'
        "import {\n  for_each = local.m\n  to = terraform_data.c[each.key]\n  id = each.value\n}\n"
    )
    wiring = compose(tmp_path, {"00-base/i.tf": text})
    text = root(wiring)
    assert 'to = module.base.terraform_data.a\n  id = "literal"' in text
    assert "to = module.base.terraform_data.b\n  id = module.base.tfgen_import_1" in text
    assert "to = module.base.terraform_data.c[each.value.index]\n  id = each.value.id" in text
    added = wiring.contents["00-base/tfgen_composed.tf"].decode()
    assert 'value = "x-${var.project_name}"' in added
    assert "for tfgen_key, tfgen_value in local.m : tfgen_key => { id = tfgen_value, index = tfgen_key }" in added
    assert wiring.contents["00-base/i.tf"].strip() == b""


def test_sensitive_outputs_are_hidden_in_the_root_and_plain_for_readers(tmp_path: Path) -> None:
    base = 'output "s" {\n  value = 1\n  sensitive = true\n}\n'
    text = REMOTE + 'output "x" {\n  value = data.terraform_remote_state.base.outputs.s\n}\n'
    wiring = compose(tmp_path, {"00-base/s.tf": base, "01-top/x.tf": text})
    assert 'output "base-s" {\n  value = module.base.s\n  sensitive = true\n}' in root(wiring)
    assert "upstream_base = { s = nonsensitive(module.base.s) }" in root(wiring)


def test_validating_leaves_variables_unknown(tmp_path: Path) -> None:
    wiring = compose(tmp_path, {"00-base/v.tf": 'variable "v" {\n  type = list(string)\n}\n'}, values=False)
    assert "v = var.base-v" in root(wiring)
    assert 'variable "base-v" {\n  type = list(string)\n}' in root(wiring)


@pytest.mark.parametrize(
    ("value", "kind", "text"),
    [
        ("a${b}", "string", '"a$${b}"'),
        (["a"], ["list", "string"], 'tolist(["a"])'),
        (["a"], ["set", "string"], 'toset(["a"])'),
        ({"k": 1}, ["map", "number"], "tomap({ k = 1 })"),
        ({"k": ["a"]}, ["object", {"k": ["tuple", ["string"]]}], '{ k = ["a"] }'),
        (None, ["list", "string"], "null"),
    ],
)
def test_values_of_a_state_keep_their_types(value: object, kind: object, text: str) -> None:
    assert typed(value, kind).replace('"k"', "k") == text


def test_a_state_read_with_more_than_an_address_is_left_alone(tmp_path: Path) -> None:
    text = REMOTE.replace("  backend", "  defaults = {}\n  backend")
    environment = make_environment("local", "bucket", endpoint="http://127.0.0.1:1")
    project = make_project(tmp_path, environment, {"00-base": (), "01-top": ()})
    (project.tree / "01-top" / "x.tf").write_text(text)
    assert [state.module for state in read_module(project, environment, project.modules[1]).states] == [""]


def test_known_outputs_are_written_out(tmp_path: Path) -> None:
    environment = make_environment("local", "bucket", endpoint="http://127.0.0.1:1")
    project = make_project(tmp_path, environment, {"00-base": (), "01-top": ("00-base",)})
    parts = [part for part in gather_files(project, environment).parts if part.module.name == "01-top"]
    wiring = wire(parts, {"00-base": {"value": Output("v", "string", False)}})
    assert 'upstream_base = { value = "v" }' in root(wiring)
