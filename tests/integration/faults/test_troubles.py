"""Each known error and each reason to try again, as the provider really words it."""

from __future__ import annotations

import json
import os
import random
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.support.faulty import Faulty
from tests.support.proxy import Answer, Call, Proxy, json_error
from tfgen import mirror, process, terraform
from tfgen.planning import format_diagnostic, plain_text
from tfgen.retries import find_transient
from tfgen.troubles import explain, find_trouble


@dataclass(frozen=True)
class Case:
    """What AWS says, and what tfgen makes of it: a known trouble, or a reason to try again."""

    code: str
    status: int = 400
    message: str = "made by the proxy"
    trouble: str = ""
    transient: str = ""


CASES = (
    Case("ExpiredTokenException", 403, "The security token included in the request is expired", "expired-token"),
    Case("UnrecognizedClientException", 403, trouble="bad-credentials"),
    Case(
        "AccessDeniedException",
        message="User: arn:aws:iam::1:user/u is not authorized to perform: ssm:PutParameter on resource: x",
        trouble="access-denied",
    ),
    Case("ResourceAlreadyExistsException", trouble="already-exists"),
    Case("EntityAlreadyExists", 409, trouble="already-exists"),
    Case("BucketAlreadyExists", 409, trouble="bucket-name-taken"),
    Case("BucketNotEmpty", 409, trouble="bucket-not-empty"),
    Case("KMSInvalidStateException", message="key is pending deletion.", trouble="scheduled-for-deletion"),
    Case("LimitExceededException", trouble="quota"),
    Case("ServiceQuotaExceededException", 402, trouble="quota"),
    Case("OptInRequired", 403, trouble="region-off"),
    Case("DependencyViolation", message="sg-1 has a dependent object", trouble="still-used"),
    Case("DeleteConflict", 409, trouble="still-used"),
    Case("MessageRejected", message="Email address is not verified.", trouble="identity-not-verified"),
    Case("OperationAborted", 409, trouble="in-progress", transient="conflict"),
    Case("InvalidSubnet.Conflict", message="The CIDR conflicts with another subnet", trouble="subnet-conflict"),
    Case("ValidationException", message="Deletion protection is enabled", trouble="deletion-protection"),
    Case(
        "BadRequestException",
        message="CloudWatch Logs role ARN must be set in account settings",
        trouble="logging-role",
    ),
    Case(
        "InvalidParameterValueException",
        message="The role defined for the function cannot be assumed by Lambda.",
        trouble="iam-propagation",
        transient="IAM propagation",
    ),
    Case("ThrottlingException", message="Rate exceeded", transient="throttling"),
    Case("TooManyRequestsException", 429, transient="throttling"),
    Case("InternalServerError", 500, transient="server error"),
    Case("ServiceUnavailable", 503, transient="server error"),
)

PROVIDER = """\
terraform {{
  required_providers {{
    aws = {{ source = "hashicorp/aws", version = "~> 5.100" }}
  }}
}}
provider "aws" {{
  region                      = "us-east-1"
  access_key                  = "test"
  secret_key                  = "test"
  max_retries                 = 1
  skip_requesting_account_id  = true
  skip_credentials_validation = true
  endpoints {{
    ssm = "{endpoint}"
  }}
}}
"""
RESOURCE = """\
resource "aws_ssm_parameter" "case_{number}" {{
  name  = "/case/{number}"
  type  = "String"
  value = "x"
}}
"""


def terraform_environment(folder: Path) -> dict[str, str]:
    """Return what terraform needs to find the provider, and nothing else."""
    source = mirror.find_provider_source(os.environ)
    return {
        "PATH": os.environ["PATH"],
        "HOME": str(folder),
        "TF_CLI_CONFIG_FILE": str(mirror.write_cli_config(source, folder / "work")),
    }


@pytest.fixture(scope="module")
def said(tmp_path_factory: pytest.TempPathFactory, upstream: str) -> dict[int, str]:
    """Case → the whole error of one real apply in which all of them happen."""
    folder = tmp_path_factory.mktemp("troubles")

    def refuse(call: Call) -> Answer | None:
        if not call.target.endswith(".PutParameter"):
            return None
        case = CASES[int(json.loads(call.body)["Name"].rpartition("/")[2])]
        return json_error(case.status, case.code, case.message)

    with Proxy(upstream) as proxy:
        proxy.rules.append(refuse)
        text = PROVIDER.format(endpoint=proxy.endpoint)
        text += "".join(RESOURCE.format(number=number) for number in range(len(CASES)))
        (folder / "main.tf").write_text(text)
        env = terraform_environment(folder)
        binary = terraform.find_binary(os.environ)
        done = process.run(terraform.init_argv(binary), cwd=folder, env=env)
        assert done.returncode == 0, done.stderr
        argv = [binary, "apply", "-json", "-auto-approve", "-parallelism=30"]
        done = process.run(argv, cwd=folder, env=env)
    assert done.returncode == 1
    found: dict[int, str] = {}
    for line in done.stdout.splitlines():
        event = json.loads(line)
        if event.get("type") == "diagnostic" and event["diagnostic"].get("address"):
            number = int(event["diagnostic"]["address"].rpartition("_")[2])
            found[number] = format_diagnostic(event["diagnostic"])
    return found


@pytest.mark.slow
@pytest.mark.parametrize("number", range(len(CASES)), ids=[case.code for case in CASES])
def test_what_the_provider_says_is_known(said: dict[int, str], number: int) -> None:
    case, error = CASES[number], said[number]
    trouble, transient = find_trouble(error), find_transient(error)
    assert (trouble.name if trouble else "") == case.trouble, error
    assert (transient.name if transient else "") == case.transient, error
    if case.trouble:
        hint = explain(error, module="02-storage")
        assert "{" not in hint
        assert hint
    if case.trouble == "access-denied":
        assert "may not do this: ssm:PutParameter" in explain(error, module="02-storage")
    if case.trouble == "already-exists":
        assert f"tfgen import 02-storage 'aws_ssm_parameter.case_{number}' ID" in explain(error, module="02-storage")


SMALL = 'resource "terraform_data" "one" {\n  input = var.value\n}\nvariable "value" {\n  default = 1\n}\n'
# More than terraform keeps in memory before it writes.
LARGE = f'resource "terraform_data" "one" {{\n  input = "{random.Random(1).randbytes(100_000).hex()}"\n}}\n'
LOCKED = """\
provider "registry.terraform.io/hashicorp/aws" {
  version = "5.100.0"
  hashes = [
    "h1:AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=",
  ]
}
"""
NEEDS_AWS = PROVIDER.format(endpoint="http://127.0.0.1:1")


@pytest.mark.parametrize(
    ("trouble", "files", "commands"),
    [
        pytest.param(
            "stale-plan",
            {"main.tf": SMALL},
            ["init", "plan -out=saved", "apply -auto-approve -var=value=2", "apply saved"],
            id="the state was changed after the plan",
        ),
        pytest.param("disk-full", {"main.tf": LARGE}, ["init", "plan -out=/dev/full"], id="no room for the plan"),
        pytest.param("dependency-lock", {"main.tf": NEEDS_AWS}, ["init -lockfile=readonly"], id="nothing is locked"),
        pytest.param(
            "dependency-lock",
            {"main.tf": NEEDS_AWS, ".terraform.lock.hcl": LOCKED},
            ["init"],
            id="another package is locked",
        ),
        pytest.param(
            "dependency-lock",
            {"main.tf": NEEDS_AWS, ".terraform.lock.hcl": LOCKED.replace("5.100.0", "5.99.0")},
            ["init"],
            id="a release is locked that is not to be had",
        ),
    ],
)
def test_what_terraform_itself_says_is_known(
    tmp_path: Path, trouble: str, files: dict[str, str], commands: list[str]
) -> None:
    for name, text in files.items():
        (tmp_path / name).write_text(text)
    env = terraform_environment(tmp_path)
    *before, last = [[terraform.find_binary(os.environ), *command.split()] for command in commands]
    for argv in before:
        done = process.run(argv, cwd=tmp_path, env=env)
        assert done.returncode == 0, done.stderr
    error = plain_text(process.run(last, cwd=tmp_path, env=env).stderr)
    found = find_trouble(error)
    assert found is not None, error
    assert found.name == trouble, error
    assert find_transient(error) is None, "it does not pass by itself"


def test_what_is_there_already_is_taken_over_with_the_command_that_was_named(faulty: Faulty) -> None:
    faulty.apply("--module", "00")
    wrong = faulty.tfgen("import", "00", "terraform_data.frist", "an-id", code=1)
    assert "00-base has no terraform_data.frist in its configuration" in wrong.stderr
    assert "terraform_data.first" in wrong.stderr
    main = Path(faulty.root / "terraform" / "00-base" / "more.tf")
    main.write_text('resource "terraform_data" "taken" {}\n')
    done = faulty.tfgen("import", "base", "terraform_data.taken", "an-id")
    assert "terraform_data.taken is in the state of 00-base" in done.stderr
    assert faulty.entries("begin")[0]["verb"] == "import"
    state = faulty.tfgen("exec", "00", "--", "terraform", "state", "list").stdout
    assert "terraform_data.taken" in state
    again = faulty.tfgen("import", "base", "terraform_data.taken", "an-id", code=1)
    assert "Resource already managed by Terraform" in again.stderr
    assert faulty.locks() == ()
