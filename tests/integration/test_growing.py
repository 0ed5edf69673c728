"""A module is added, typed or applied, adopted and taken away again, on a small deployed project."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator

import pytest

from tests.support.project import TestProject, make_test_project

pytestmark = [pytest.mark.terraform, pytest.mark.emulator, pytest.mark.xdist_group("growing")]

TYPED = "terraform init -input=false\nterraform plan -input=false\nterraform apply -auto-approve -input=false"
"""The seed's three commands, with what they need where nobody sits at a terminal."""

BY_HAND = """\
terraform {
  backend "s3" {
    key = "08-hand/terraform.tfstate"

    bucket              = "ecommerce-analytics-local-tfstate-000000000000"
    region              = "us-east-1"
    encrypt             = true
    kms_key_id          = "alias/ecommerce-analytics-local-state"
    dynamodb_table      = "ecommerce-analytics-local-tflock"
    use_lockfile        = true
    allowed_account_ids = ["000000000000"]
  }

  required_providers {
    aws = { source = "hashicorp/aws" }
  }
}

provider "aws" {
  region = "us-east-1"
}

data "terraform_remote_state" "audit_log" {
  backend = "s3"
  config = {
    bucket = "ecommerce-analytics-local-tfstate-000000000000"
    key    = "00-audit-log/terraform.tfstate"
    region = "us-east-1"
  }
}

resource "aws_ssm_parameter" "audited" {
  name  = "/hand/audited"
  type  = "String"
  value = data.terraform_remote_state.audit_log.outputs.log_group_name
}
"""


@pytest.fixture(scope="module")
def grown(tmp_path_factory: pytest.TempPathFactory) -> Iterator[TestProject]:
    """A project of a state bucket and one module, begun and added by tfgen's own commands, and applied."""
    project = make_test_project(tmp_path_factory.mktemp("growing") / "project")
    spec = project.root / "config" / "project.yaml"
    head, _, _ = spec.read_text().partition("  00-foundation:")
    spec.write_text(head)
    local = project.root / "config" / "environments" / "local.yaml"
    local.write_text(re.sub(r"  02-storage:\n(    .*\n)+", "", local.read_text()))
    project.tfgen("blueprints", "new", "audit-log")
    project.tfgen("add-module", "audit-log", "--set", "retention_days=7")
    project.tfgen("apply", "--env", "local", "--auto-approve")
    yield project
    project.tfgen("local", "down")


def log_groups(project: TestProject) -> dict[str, tuple[int, dict[str, str]]]:
    """Return retention and tags of each log group."""
    logs = project.client("logs")
    found = {}
    for group in logs.describe_log_groups()["logGroups"]:
        tags = logs.list_tags_log_group(logGroupName=group["logGroupName"])["tags"]
        found[group["logGroupName"]] = (group["retentionInDays"], tags)
    return found


def test_the_seeds_three_commands_do_what_an_apply_of_the_module_does(grown: TestProject) -> None:
    for name in ("applied", "typed"):
        grown.tfgen("add-module", name, "--blueprint", "audit-log", "--set", "retention_days=14")
    before = grown.states()
    assert grown.statuses("apply", "--env", "local", "--module", "applied", "--auto-approve") == {"01-applied": "done"}
    grown.typed(TYPED, grown.root / "terraform" / "02-typed")
    after = grown.states()
    assert {key for key in after if after[key] != before.get(key)} == {
        "01-applied/terraform.tfstate",
        "02-typed/terraform.tfstate",
    }
    applied, typed = (json.loads(after[f"{name}/terraform.tfstate"]) for name in ("01-applied", "02-typed"))
    assert _shape(applied, "applied") == _shape(typed, "typed")
    groups = log_groups(grown)
    assert _named(groups["/ecommerce-analytics-local/applied"], "applied") == _named(
        groups["/ecommerce-analytics-local/typed"], "typed"
    )
    assert set(grown.statuses("apply", "--env", "local", "--auto-approve").values()) == {"unchanged"}


def _shape(state: dict[str, object], name: str) -> object:
    """Return a state without what is its own: lineage, serial, the module's name."""
    kept = {key: value for key, value in state.items() if key in ("outputs", "resources", "terraform_version")}
    return json.loads(json.dumps(kept).replace(name, "NAME"))


def _named(group: tuple[int, dict[str, str]], name: str) -> tuple[int, dict[str, str]]:
    retention, tags = group
    return retention, {key: value.replace(name, "NAME") for key, value in tags.items()}


def test_a_folder_made_and_applied_by_hand_is_foreign_and_then_adopted_unchanged(grown: TestProject) -> None:
    folder = grown.root / "terraform" / "08-hand"
    folder.mkdir()
    (folder / "main.tf").write_text(BY_HAND)
    grown.typed(TYPED, folder)
    before, states = _files(folder), grown.states()
    for words in (("render",), ("plan", "--env", "local"), ("check",)):
        told = grown.tfgen(*words).stderr
        assert "warning: terraform/08-hand/ is foreign" in told, words
        assert "tfgen add-module 08-hand --adopt" in told
    assert _files(folder) == before

    assert grown.json("add-module", "08-hand", "--adopt")["frame"] is False
    assert _files(folder) == before
    assert "foreign" not in grown.tfgen("check").stderr
    planned = grown.json("plan", "--env", "local")["modules"]["08-hand"]
    assert (planned["composed"], planned["resources"]) == (True, [])
    assert set(grown.statuses("apply", "--env", "local", "--auto-approve").values()) == {"unchanged"}
    assert grown.states() == states
    assert _files(folder) == before


def test_what_changes_below_an_adopted_module_shows_in_its_plan(grown: TestProject) -> None:
    grown.tfgen("render")
    main = grown.root / "templates" / "audit-log" / "main.tf.j2"
    text = main.read_text()
    main.write_text(text.replace('text }}"', 'text }}-renamed"'))
    grown.tfgen("render")
    modules = grown.json("plan", "--env", "local")["modules"]
    main.write_text(text)
    grown.tfgen("render")
    assert [change["address"] for change in modules["08-hand"]["resources"]] == ["aws_ssm_parameter.audited"]


def test_a_module_is_destroyed_before_it_is_removed(grown: TestProject) -> None:
    refused = grown.tfgen("remove-module", "hand", code=1).stderr
    assert "08-hand is still applied: local (1 resource)" in refused
    assert "tfgen destroy --module 08-hand --env local first" in refused
    grown.tfgen("destroy", "--env", "local", "--module", "hand", "--auto-approve")
    spec = (grown.root / "config" / "project.yaml").read_text()
    removed = grown.tfgen("remove-module", "hand").stderr
    assert "left     terraform/08-hand/main.tf: yours" in removed
    assert (grown.root / "config" / "project.yaml").read_text() == spec.replace(
        "  08-hand:\n    blueprint: empty\n    frame: false\n", ""
    )
    assert "/hand/audited" not in str(grown.client("ssm").describe_parameters())
    kept = grown.json("remove-module", "typed", "--keep-state")
    assert kept["applied"] == {"local": 1}
    assert "/ecommerce-analytics-local/typed" in log_groups(grown)


def _files(folder: object) -> dict[str, bytes]:
    from tests.support.projects import snapshot

    return {path: data for path, data in snapshot(folder).items() if not path.startswith(".terraform/")}  # type: ignore[arg-type]
