"""A team that may touch its own module only: what is documented for it is enough to plan that module, and no other."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from botocore.auth import S3SigV4Auth, SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials

from tests.support.project import TestProject, set_endpoint
from tests.support.proxy import Call, Proxy

ROOT = Path(__file__).parents[3]
REGION = "us-east-1"
OWN, FOREIGN = "02-storage", "04-event-processing"


@pytest.fixture
def team(deployed: TestProject, tmp_path: Path) -> Iterator[TestProject]:
    """A clone whose every call is made as a user with the policies of one module and of every module."""
    clone = TestProject(tmp_path / "clone", deployed.port)
    ignored = shutil.ignore_patterns(".tfgen", ".terraform", "artifacts", "__pycache__")
    shutil.copytree(deployed.root, clone.root, symlinks=True, ignore=ignored)
    shutil.copytree(deployed.root / "terraform" / ".tfgen", clone.root / "terraform" / ".tfgen")
    keys = make_user(deployed, "team", (OWN, "every-module"))
    with Proxy(deployed.endpoint) as proxy:
        proxy.rules.append(lambda call: sign_again(call, keys))
        set_endpoint(clone.root, proxy.endpoint)
        local = clone.root / "config" / "environments" / "local.yaml"
        local.write_text(local.read_text() + "\nembedded: false\n")
        clone.tfgen("render")
        yield clone
        remove_user(deployed, "team")


def sign_again(call: Call, keys: Credentials) -> None:
    """Let a call be somebody else's: in the emulator's environment tfgen's own keys are always the same."""
    _, _, scope = call.headers["authorization"].partition("Credential=")
    signed = scope.partition("SignedHeaders=")[2].partition(",")[0].split(";")
    request = AWSRequest(
        call.method,
        f"http://{call.headers['host']}{call.path}",
        {name: call.headers[name] for name in signed if name != "x-amz-date"},
        call.body,
    )
    signer = _SameBody if call.service != "s3" else _SameObject
    signer(keys, call.service, REGION).add_auth(request)
    call.headers.update({name.lower(): value for name, value in request.headers.items()})


class _SameBody(SigV4Auth):
    def payload(self, request: AWSRequest) -> str:
        return str(request.headers.get("X-Amz-Content-SHA256") or super().payload(request))


class _SameObject(_SameBody, S3SigV4Auth):
    """S3 signs a path as it stands."""


def make_user(project: TestProject, name: str, policies: tuple[str, ...]) -> Credentials:
    """Make a user with documented policies; returns its keys."""
    iam = project.client("iam")
    iam.create_user(UserName=name)
    for policy in policies:
        text = (ROOT / "docs" / "how-to" / "deployer" / f"{policy}.json").read_text(encoding="utf-8")
        # The emulator does not name the resource of every call, nor tags and services of keys: the actions are tried.
        actions = [action for statement in json.loads(text)["Statement"] for action in statement["Action"]]
        document = {"Version": "2012-10-17", "Statement": {"Effect": "Allow", "Action": actions, "Resource": "*"}}
        iam.put_user_policy(UserName=name, PolicyName=policy, PolicyDocument=json.dumps(document))
    made = iam.create_access_key(UserName=name)["AccessKey"]
    return Credentials(made["AccessKeyId"], made["SecretAccessKey"])


def remove_user(project: TestProject, name: str) -> None:
    iam = project.client("iam")
    for policy in iam.list_user_policies(UserName=name)["PolicyNames"]:
        iam.delete_user_policy(UserName=name, PolicyName=policy)
    for key in iam.list_access_keys(UserName=name)["AccessKeyMetadata"]:
        iam.delete_access_key(UserName=name, AccessKeyId=key["AccessKeyId"])
    iam.delete_user(UserName=name)


def test_a_module_is_planned_with_its_own_permissions_only(team: TestProject) -> None:
    (team.root / "terraform" / OWN / "team.tf").write_text('resource "aws_s3_bucket" "team" {\n  bucket = "team"\n}\n')
    planned = team.json("plan", "--env", "local", "--module", OWN)
    assert {name: module["status"] for name, module in planned["modules"].items()} == {OWN: "planned"}
    assert planned["summary"] == {"add": 1, "change": 0, "destroy": 0}
    refused = team.tfgen("plan", "--env", "local", "--module", FOREIGN, code=1)
    assert "AccessDenied" in refused.stderr
