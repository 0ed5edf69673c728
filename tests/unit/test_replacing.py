from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from tests.support.fixture_project import make_environment, make_project
from tfgen.changes import ModuleChanges, ResourceChange
from tfgen.gathering import gather_files
from tfgen.modulefiles import ModuleFiles
from tfgen.replacing import order_alone
from tfgen.state import State

NEW_FIRST, OLD_FIRST = ("create", "delete"), ("delete", "create")
BODY = """\
resource "aws_kms_key" "main" {}
resource "aws_security_group" "front" {
  lifecycle {
    create_before_destroy = true
  }
}
resource "aws_vpc" "needed" {}
resource "aws_sns_topic" "plain" {
  lifecycle {
    create_before_destroy = false
  }
}
module "inner" {
  source = "../../modules/inner"
}
"""


@pytest.fixture
def files(tmp_path: Path) -> ModuleFiles:
    environment = make_environment("local", "bucket", endpoint="http://127.0.0.1:1")
    project = make_project(tmp_path, environment, {"00-base": ()}, bodies={"00-base": BODY})
    return gather_files(project, environment).files["00-base"]


def make_state(*entries: dict[str, Any]) -> State:
    return State(1, "lineage", {}, entries)


def order(files: ModuleFiles, state: State | None, address: str, actions: tuple[str, ...]) -> tuple[str, ...]:
    resource = ResourceChange("00-base", address, address.split(".")[0], actions)
    return order_alone(ModuleChanges("00-base", resources=(resource,)), files, state).resources[0].actions


@pytest.mark.parametrize("address", ["aws_kms_key.main", 'aws_kms_key.main["a.b"]', "aws_sns_topic.plain"])
def test_an_order_that_only_readers_in_other_modules_force_is_not_the_modules_own(
    files: ModuleFiles, address: str
) -> None:
    assert order(files, make_state(), address, NEW_FIRST) == OLD_FIRST


def test_what_the_module_itself_asks_for_stays(files: ModuleFiles) -> None:
    front = {
        "mode": "managed",
        "type": "aws_security_group",
        "name": "front",
        "instances": [{"dependencies": ["aws_vpc.needed"]}],
    }
    assert order(files, make_state(front), "aws_security_group.front[0]", NEW_FIRST) == NEW_FIRST
    assert order(files, make_state(front), "aws_vpc.needed", NEW_FIRST) == NEW_FIRST
    assert order(files, make_state(), "aws_vpc.needed", NEW_FIRST) == OLD_FIRST
    # What a called module asks for is not known here.
    assert order(files, None, "module.inner.aws_kms_key.main", NEW_FIRST) == NEW_FIRST


@pytest.mark.parametrize("actions", [OLD_FIRST, ("create",), ("delete",), ("update",)])
def test_nothing_else_is_touched(files: ModuleFiles, actions: tuple[str, ...]) -> None:
    assert order(files, make_state(), "aws_kms_key.main", actions) == actions
