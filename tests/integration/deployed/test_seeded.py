"""One change at a time: which modules the plan of the whole project says it reaches."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.support.project import TestProject

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

SEEDS: list[tuple[str, Seed, str]] = [
    ("the CIDR of the network", spec("cidr: 10.0.0.0/16", "cidr: 10.7.0.0/16"), "00 03 04"),
    ("one subnet more", spec("availability_zones: 2", "availability_zones: 3"), "00 03 04"),
    ("a security group rule", own_file("00-foundation", RULE), "00"),
    ("a role policy", own_file("01-iam", POLICY), "01"),
    ("a table's key", rendered("02-storage/tables.tf", '"pk"', '"id"'), "02"),
    ("a bucket's name", rendered("02-storage/buckets.tf", "-reports-${", "-daily-reports-${"), "02 04 05 06"),
    ("Lambda code", source("lambdas/notifier/handler.py", "import", "import os\nimport"), "05"),
    ("a route", rendered("03-api-ingestion/api.tf", 'path_part   = "orders"', 'path_part   = "purchases"'), "03"),
    (
        "the schedule",
        setting("04-event-processing", "event-processing", "schedule_expression: cron(30 5 * * ? *)"),
        "04",
    ),
    ("a topic's name", rendered("05-notification/topics.tf", "}-alerts", "}-alarms"), "05 06"),
    ("an alarm's threshold", setting("06-monitoring", "monitoring", "duration_percent: 71"), "06"),
    ("a tag", spec("terraform:\n", "tags:\n  CostCentre: '1'\nterraform:\n"), "* 00 01 02 03 04 05 06"),
    ("an output and nothing else", own_file("02-storage", OUTPUT), "02"),
    ("days of logs in 06", setting("06-monitoring", "monitoring", "log_retention_days: 7"), "06"),
]


@pytest.mark.parametrize(("seed", "wanted"), [row[1:] for row in SEEDS], ids=[row[0] for row in SEEDS])
def test_a_seeded_change_reaches_just_these_modules(
    deployed: TestProject, tmp_path: Path, seed: Seed, wanted: str
) -> None:
    copy = _copy(deployed, tmp_path / "copy")
    edited = seed(copy.root)
    if not edited:
        copy.tfgen("render")
    plan: Any = copy.json("plan", "--env", "local", *(["--allow-stale"] if edited else []))
    assert plan["complete"], plan["problems"]
    reached = [name for name, module in plan["modules"].items() if _changes(module)]
    assert " ".join("*" if name == "backend-config" else name[:2] for name in reached) == wanted


def test_another_project_name_reaches_everything_and_is_refused(deployed: TestProject, tmp_path: Path) -> None:
    copy = _copy(deployed, tmp_path / "copy")
    spec("project: ecommerce-analytics", "project: renamed")(copy.root)
    copy.tfgen("render")
    plan: Any = copy.json("plan", "--env", "local", code=1)
    assert "belongs to project 'ecommerce-analytics', not to 'renamed'" in plan["error"]["message"]
    reached = [name for name, module in plan["modules"].items() if _changes(module)]
    assert " ".join(name[:2] for name in reached) == "00 01 02 03 04 05 06"
    assert plan["modules"]["02-storage"]["replace"] > 0


def _changes(module: dict[str, Any]) -> bool:
    return bool(module["resources"]) or any(action != "no-op" for action in module["outputs"].values())


def _copy(project: TestProject, folder: Path) -> TestProject:
    """Copy a project with what it knows of its environment; the emulator stays the original's."""
    ignored = shutil.ignore_patterns("local", "runs", "composed", "__pycache__")
    shutil.copytree(project.root, folder, symlinks=True, ignore=ignored)
    local = folder / "config" / "environments" / "local.yaml"
    local.write_text(local.read_text() + "\nembedded: false\n")
    return TestProject(folder, project.port)
