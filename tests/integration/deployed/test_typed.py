"""The seed's "Deployment Order", typed word by word, on a rendered tree without tfgen."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.emulator import RunningEmulator, start_emulator
from tests.support.project import TestProject, make_test_project, set_endpoint

DEPLOYMENT_ORDER = """\
# Step 1: Setup remote backend
cd backend-config
terraform init
terraform apply

# Step 2: Foundation (VPC, Networking)
cd ../00-foundation
terraform init
terraform apply

# Step 3: IAM Roles and Policies
cd ../01-iam
terraform init
terraform apply

# Step 4: Storage Layer
cd ../02-storage
terraform init
terraform apply

# Step 5: API and Ingestion
cd ../03-api-ingestion
terraform init
terraform apply

# Step 6: Event Processing
cd ../04-event-processing
terraform init
terraform apply

# Step 7: Notifications
cd ../05-notification
terraform init
terraform apply

# Step 8: Monitoring
cd ../06-monitoring
terraform init
terraform apply
"""


@pytest.fixture(scope="module")
def emulator(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningEmulator]:
    with start_emulator(tmp_path_factory.mktemp("typed-emulator")) as running:
        yield running


@pytest.fixture(scope="module")
def typed(emulator: RunningEmulator, tmp_path_factory: pytest.TempPathFactory) -> TestProject:
    """A project whose rendered tree was copied elsewhere and deployed from there by hand."""
    folder = tmp_path_factory.mktemp("typed")
    made = make_test_project(folder / "project")
    project = TestProject(made.root, emulator.port)
    set_endpoint(project.root, emulator.endpoint)
    local = project.root / "config" / "environments" / "local.yaml"
    local.write_text(local.read_text() + "\nembedded: false\n")
    project.tfgen("render")
    # the seed's order ends with 06
    project.tfgen("remove-module", "07-data-transformation")
    project.tfgen("check")
    copied = folder / "copied"
    shutil.copytree(project.root / "terraform", copied, symlinks=True)
    commands = DEPLOYMENT_ORDER.replace("terraform apply", "terraform apply -auto-approve -input=false")
    project.typed(commands, copied)
    shutil.copy(copied / "backend-config" / "terraform.tfstate", project.root / "terraform" / "backend-config")
    return project


def test_a_copied_tree_deploys_without_tfgen(typed: TestProject) -> None:
    assert set(typed.states()) == {
        f"{name}/terraform.tfstate"
        for name in (
            "00-foundation",
            "01-iam",
            "02-storage",
            "03-api-ingestion",
            "04-event-processing",
            "05-notification",
            "06-monitoring",
        )
    }


def test_tfgen_takes_a_project_over_that_was_begun_by_hand(typed: TestProject) -> None:
    statuses = typed.statuses("apply", "--env", "local", "--auto-approve")
    statuses.pop("backend-config")
    assert set(statuses.values()) == {"unchanged"}
    assert "backend-config/terraform.tfstate" in typed.states()


def test_typing_goes_on_where_tfgen_was(typed: TestProject) -> None:
    folder = Path(typed.root) / "terraform" / "05-notification"
    shown = typed.typed("terraform init -input=false && terraform plan -input=false -no-color", folder)
    assert "No changes." in shown


def test_destroy_with_the_backend_leaves_nothing(typed: TestProject) -> None:
    typed.tfgen("destroy", "--env", "local", "--auto-approve", "--with-backend")
    assert _leftovers(typed) == {}


def _leftovers(project: TestProject) -> dict[str, list[str]]:
    """Return what is left of the project, by kind; keys that wait for their deletion count as gone."""
    name = "ecommerce-analytics"
    ec2, kms, iam = project.client("ec2"), project.client("kms"), project.client("iam")
    found = {
        "buckets": [item["Name"] for item in project.client("s3").list_buckets()["Buckets"]],
        "tables": project.client("dynamodb").list_tables()["TableNames"],
        "roles": [item["RoleName"] for item in iam.list_roles()["Roles"]],
        "policies": [item["PolicyName"] for item in iam.list_policies(Scope="Local")["Policies"]],
        "functions": [item["FunctionName"] for item in project.client("lambda").list_functions()["Functions"]],
        "apis": [item["name"] for item in project.client("apigateway").get_rest_apis()["items"]],
        "queues": project.client("sqs").list_queues().get("QueueUrls", []),
        "topics": [item["TopicArn"] for item in project.client("sns").list_topics()["Topics"]],
        "log groups": [item["logGroupName"] for item in project.client("logs").describe_log_groups()["logGroups"]],
        "alarms": [item["AlarmName"] for item in project.client("cloudwatch").describe_alarms()["MetricAlarms"]],
        "dashboards": [
            item["DashboardName"] for item in project.client("cloudwatch").list_dashboards()["DashboardEntries"]
        ],
        "schedules": [item["Name"] for item in project.client("scheduler").list_schedules()["Schedules"]],
        "rules": [item["Name"] for item in project.client("events").list_rules()["Rules"]],
        "aliases": [item["AliasName"] for item in kms.list_aliases()["Aliases"]],
        "keys": [
            item["KeyId"]
            for item in kms.list_keys()["Keys"]
            if kms.describe_key(KeyId=item["KeyId"])["KeyMetadata"]["KeyState"] != "PendingDeletion"
        ],
        "mail identities": [
            item["IdentityName"] for item in project.client("sesv2").list_email_identities()["EmailIdentities"]
        ],
        "networks": [
            item["VpcId"]
            for item in ec2.describe_vpcs()["Vpcs"]
            if any(tag["Value"] == name for tag in item.get("Tags", []))
        ],
        "endpoints": [item["VpcEndpointId"] for item in ec2.describe_vpc_endpoints()["VpcEndpoints"]],
        "flow logs": [item["FlowLogId"] for item in ec2.describe_flow_logs()["FlowLogs"]],
    }
    named = {kind: [item for item in items if name in item or kind in _OWN] for kind, items in found.items()}
    return {kind: items for kind, items in named.items() if items}


_OWN = ("keys", "networks", "endpoints", "flow logs")
