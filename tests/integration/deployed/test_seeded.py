"""One change at a time: the modules that the plan of the whole names, and those that an apply then really changes.

Each change is made in a copy of the deployed project, with a copy of all that its emulator holds. There it is planned
as a whole, and then applied with plain terraform, module by module in the order of their numbers.
"""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from tests.support.emulator import free_port
from tests.support.project import TestProject, set_endpoint

pytestmark = pytest.mark.slow

SPEC = "config/project.yaml"
Seed = Callable[[Path], bool]
"""Changes a project; True if the rendered tree itself was edited."""


def spec(old: str, new: str) -> Seed:
    return _replace(SPEC, old, new, edited=False)


def setting(module: str, blueprint: str, line: str) -> Seed:
    entry = f"  {module}:\n    blueprint: {blueprint}\n"
    return spec(entry, f"{entry}    settings:\n      {line}\n")


def source(path: str, old: str, new: str) -> Seed:
    return _replace(path, old, new, edited=False)


def rendered(path: str, old: str, new: str) -> Seed:
    return _replace(f"terraform/{path}", old, new, edited=True)


def own_file(module: str, text: str) -> Seed:
    def seed(root: Path) -> bool:
        (root / "terraform" / module / "seeded.tf").write_text(text)
        return False

    return seed


def _replace(path: str, old: str, new: str, *, edited: bool) -> Seed:
    def seed(root: Path) -> bool:
        file = root / path
        text = file.read_text()
        assert old in text, f"{path} does not hold {old!r}"
        file.write_text(text.replace(old, new))
        return edited

    return seed


RULE = """\
resource "aws_vpc_security_group_egress_rule" "seeded" {
  security_group_id = aws_security_group.lambda.id
  description       = "Seeded"
  ip_protocol       = "tcp"
  from_port         = 8443
  to_port           = 8443
  cidr_ipv4         = "10.0.0.0/16"
}
"""
OUTPUT = 'output "seeded" {\n  description = "Seeded."\n  value       = aws_dynamodb_table.orders.id\n}\n'
POLICY = """\
resource "aws_iam_role_policy" "seeded" {
  name = "seeded"
  role = aws_iam_role.lambda["notifier"].id
  policy = jsonencode({
    Version   = "2012-10-17"
    Statement = [{ Effect = "Deny", Action = "s3:DeleteBucket", Resource = "*" }]
  })
}
"""


@dataclass(frozen=True)
class Row:
    """One change and what it reaches, by number; `*` is backend-config.

    Attributes:
        name: What is changed.
        seed: Changes it.
        planned: The modules in which the plan of the whole names a change.
        spared: Those of them in which nothing had to be done in the end.
        why: Why terraform could not know that.
    """

    name: str
    seed: Seed
    planned: str
    spared: str = ""
    why: str = ""


ROWS = (
    Row("the CIDR of the network", spec("cidr: 10.0.0.0/16", "cidr: 10.7.0.0/16"), "00 03 04"),
    Row("one subnet more", spec("availability_zones: 2", "availability_zones: 3"), "00 03 04"),
    Row("a security group rule", own_file("00-foundation", RULE), "00"),
    Row("a role policy", own_file("01-iam", POLICY), "01"),
    Row("a table's key", rendered("02-storage/tables.tf", '"pk"', '"id"'), "02 07"),
    Row("a bucket's name", rendered("02-storage/buckets.tf", "-reports-${", "-daily-reports-${"), "02 03 04 05 06"),
    Row("Lambda code", source("lambdas/notifier/handler.py", "import", "import os\nimport"), "05"),
    Row("a route", rendered("03-api-ingestion/api.tf", 'path_part   = "orders"', 'path_part   = "purchases"'), "03"),
    Row(
        "the schedule",
        setting("04-event-processing", "event-processing", "schedule_expression: cron(30 5 * * ? *)"),
        "04",
    ),
    Row("a topic's name", rendered("05-notification/topics.tf", "}-alerts", "}-alarms"), "05 06 07"),
    Row("an alarm's threshold", setting("06-monitoring", "monitoring", "duration_percent: 71"), "06"),
    Row("a tag", spec("terraform:\n", "tags:\n  CostCentre: '1'\nterraform:\n"), "* 00 01 02 03 04 05 06 07"),
    Row("an output and nothing else", own_file("02-storage", OUTPUT), "02"),
    Row("the business day's zone", spec("America/New_York", "Europe/Berlin"), "02 03 04 07"),
    Row(
        "the transformation's code", source("lambdas/data_transformation/logic.py", "import", "import os\nimport"), "07"
    ),
    Row("the lag of 07", setting("07-data-transformation", "data-transformation", "max_lag_minutes: 45"), "07"),
    Row("days of logs in 06", setting("06-monitoring", "monitoring", "log_retention_days: 7"), "06"),
)
RENAMED = Row("the project's name", spec("project: ecommerce-analytics", "project: renamed"), "00 01 02 03 04 05 06 07")


@pytest.fixture(scope="module")
def original(deployed: TestProject, tmp_path_factory: pytest.TempPathFactory) -> TestProject:
    """The deployed project with all that its emulator holds, stopped, and initialised for typed commands."""
    copy = TestProject(tmp_path_factory.mktemp("seeded") / "original", free_port())
    deployed.tfgen("local", "down")
    try:
        ignored = shutil.ignore_patterns("runs", "composed", "__pycache__")
        shutil.copytree(deployed.root, copy.root, symlinks=True, ignore=ignored)
    finally:
        deployed.tfgen("local", "up")
    set_endpoint(copy.root, copy.endpoint)
    copy.tfgen("local", "up")
    for name in modules(copy):
        copy.typed("terraform init -input=false", copy.root / "terraform" / name)
    copy.tfgen("local", "down")
    return copy


@pytest.fixture
def copy(original: TestProject, tmp_path: Path) -> Iterator[TestProject]:
    """A copy to change; its emulator starts with its first command."""
    project = TestProject(tmp_path / "copy", original.port)
    shutil.copytree(original.root, project.root, symlinks=True)
    yield project
    project.tfgen("local", "down")


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row.name)
def test_a_seeded_change_reaches_just_these_modules(copy: TestProject, row: Row) -> None:
    edited = row.seed(copy.root)
    if not edited:
        copy.tfgen("render")
    plan: Any = copy.json("plan", "--env", "local", *(["--allow-stale"] if edited else []))
    assert plan["complete"], plan["problems"]
    assert numbers(changed_in(plan)) == row.planned
    changed = apply_each(copy, modules(copy))
    assert numbers(changed) == " ".join(number for number in row.planned.split() if number not in row.spared.split())


def test_another_project_name_reaches_everything_and_is_refused(copy: TestProject) -> None:
    RENAMED.seed(copy.root)
    copy.tfgen("render")
    plan: Any = copy.json("plan", "--env", "local", code=1)
    assert "belongs to project 'ecommerce-analytics', not to 'renamed'" in plan["error"]["message"]
    assert numbers(changed_in(plan)) == RENAMED.planned
    assert plan["modules"]["02-storage"]["replace"] > 0
    # Typed commands know no such mark. What holds the states stays, its key too: else nothing could be compared.
    names = [name for name in modules(copy) if name != "backend-config"]
    key = "-backend-config=kms_key_id=alias/ecommerce-analytics-local-state"
    for name in names:
        copy.typed(f"terraform init -input=false -reconfigure {key}", copy.root / "terraform" / name)
    # 01 replaces its permissions boundary, which AWS deletes only when no role of another module stands under it.
    transformation = "07-data-transformation"
    values = copy.typed_values(transformation)
    copy.typed(f"terraform destroy -auto-approve -input=false {values}", copy.root / "terraform" / transformation)
    assert numbers(apply_each(copy, names)) == RENAMED.planned


def modules(project: TestProject) -> list[str]:
    """Return the modules in the order of their numbers, which is one of their dependencies."""
    folders = [path.parent.name for path in sorted((project.root / "terraform").glob("*/backend.tf"))]
    return sorted(folders, key=lambda name: (name != "backend-config", name))


def changed_in(plan: Any) -> list[str]:
    """Return the modules in which a plan of the whole names a change."""
    return [
        name
        for name, module in plan["modules"].items()
        if module["resources"] or any(action != "no-op" for action in module["outputs"].values())
    ]


def apply_each(project: TestProject, names: list[str]) -> list[str]:
    """Plan and apply one module after the other as somebody does without tfgen; return those that had changes."""
    return [name for name in names if _apply(project, name)]


def _apply(project: TestProject, name: str) -> bool:
    values = project.typed_values(name)
    commands = (
        "status=0\n"
        f"terraform plan -input=false -no-color -detailed-exitcode -out=seeded.tfplan {values} || status=$?\n"
        "if [ $status = 2 ]; then terraform apply -input=false -no-color seeded.tfplan; fi\n"
        "rm -f seeded.tfplan\n"
        "echo status $status\n"
    )
    said = project.typed(commands, project.root / "terraform" / name)
    status = said.splitlines()[-1]
    assert status in ("status 0", "status 2"), said
    return status == "status 2"


def numbers(names: list[str]) -> str:
    return " ".join("*" if name == "backend-config" else name[:2] for name in names)
