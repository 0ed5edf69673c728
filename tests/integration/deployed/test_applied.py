"""What holds of the reference project once it is deployed."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest

from tests.support.project import TestProject

MODULES = (
    "backend-config",
    "00-foundation",
    "01-iam",
    "02-storage",
    "03-api-ingestion",
    "04-event-processing",
    "05-notification",
    "06-monitoring",
    "07-data-transformation",
)


def test_each_module_has_a_state_of_its_own(deployed: TestProject) -> None:
    assert set(deployed.states()) == {f"{name}/terraform.tfstate" for name in MODULES}


def test_a_second_apply_changes_nothing(deployed: TestProject) -> None:
    before = deployed.states()
    assert set(deployed.statuses("apply", "--env", "local", "--auto-approve").values()) == {"unchanged"}
    assert deployed.states() == before


def test_a_second_clone_plans_no_changes(deployed: TestProject, tmp_path: Path) -> None:
    """Somebody else clones what is committed: no working files, no zips, no terraform folders."""
    clone = TestProject(tmp_path / "clone", deployed.port)
    ignored = shutil.ignore_patterns(".tfgen", ".terraform", "artifacts", "__pycache__")
    shutil.copytree(deployed.root, clone.root, symlinks=True, ignore=ignored)
    shutil.copytree(deployed.root / "terraform" / ".tfgen", clone.root / "terraform" / ".tfgen")
    # The emulator belongs to the first clone; the second one may use it but not start or stop it.
    local = clone.root / "config" / "environments" / "local.yaml"
    local.write_text(local.read_text() + "\nembedded: false\n")
    plan = clone.json("plan", "--env", "local")
    assert list(plan["modules"]) == list(MODULES)
    assert plan["complete"]
    assert not any(module["resources"] for module in plan["modules"].values())


def test_every_output_can_be_read_and_none_is_null(deployed: TestProject) -> None:
    outputs = deployed.outputs()
    assert set(outputs) == set(MODULES)
    assert [(name, key) for name, values in outputs.items() for key, value in values.items() if value is None] == []
    raw = deployed.tfgen("output", "storage", "orders_table_name", "--raw").stdout
    assert raw.strip() == "ecommerce-analytics-local-orders"


def test_no_identity_policy_allows_every_action(deployed: TestProject) -> None:
    iam = deployed.client("iam")
    wide = []
    for role in iam.list_roles()["Roles"]:
        for name in iam.list_role_policies(RoleName=role["RoleName"])["PolicyNames"]:
            document = iam.get_role_policy(RoleName=role["RoleName"], PolicyName=name)["PolicyDocument"]
            wide += [(role["RoleName"], statement) for statement in _too_wide(document)]
    for policy in iam.list_policies(Scope="Local")["Policies"]:
        version = iam.get_policy_version(PolicyArn=policy["Arn"], VersionId=policy["DefaultVersionId"])
        wide += [(policy["PolicyName"], statement) for statement in _too_wide(version["PolicyVersion"]["Document"])]
    assert wide == []


NO_RESOURCE_LEVEL = {
    # Service Authorization Reference: these actions support no resource-level permissions.
    "xray:PutTraceSegments",
    "xray:PutTelemetryRecords",
    "ec2:DescribeNetworkInterfaces",
    "ec2:DescribeSubnets",
    "ec2:DescribeSecurityGroups",
    "ec2:DescribeVpcs",
    "dynamodb:ListStreams",
}


def _too_wide(document: object) -> list[object]:
    parsed = json.loads(document) if isinstance(document, str) else document
    assert isinstance(parsed, dict)
    found = []
    for statement in parsed["Statement"]:
        if statement["Effect"] != "Allow":
            continue
        actions, resources = _listed(statement["Action"]), _listed(statement.get("Resource", []))
        if "*" in actions or any(action.endswith(":*") for action in actions):
            found.append(statement)
        if "*" in resources and not set(actions) <= NO_RESOURCE_LEVEL:
            found.append(statement)
    return found


def _listed(value: object) -> list[str]:
    return [value] if isinstance(value, str) else list(value)  # type: ignore[call-overload]


@pytest.mark.parametrize(
    ("variable", "value", "expected"),
    [
        ("environment", "dev", "ecommerce-analytics-dev-orders"),
        # The states of the lower modules are looked for in the new region, where their bucket is not.
        ("aws_region", "eu-west-1", 'requested bucket from "eu-west-1", actual location "us-east-1"'),
    ],
)
def test_a_hand_typed_plan_sees_the_root_variables(
    deployed: TestProject, variable: str, value: str, expected: str, tmp_path: Path
) -> None:
    """The root terraform.tfvars is edited, then `terraform plan` is typed in 02-storage."""
    tree = tmp_path / "terraform"
    shutil.copytree(deployed.root / "terraform", tree, symlinks=True, ignore=shutil.ignore_patterns(".terraform"))
    path = tree / "terraform.tfvars"
    lines = [
        f'{variable} = "{value}"' if line.split("=")[0].strip() == variable else line
        for line in path.read_text().splitlines()
    ]
    path.write_text("\n".join(lines) + "\n")
    commands = "terraform init -input=false && (terraform plan -input=false -no-color || true)"
    plan = deployed.typed(commands, tree / "02-storage")
    assert expected in " ".join(plan.split())
