"""Nothing reaches AWS that was not named, and nothing of the caller's leaks in (design: the promise)."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest

from tests.support.emulator import free_port
from tests.support.project import TFGEN

pytestmark = [
    pytest.mark.terraform,
    pytest.mark.emulator,
    pytest.mark.skipif(sys.platform != "linux", reason="network namespaces are Linux's"),
]

GUARD = Path(__file__).resolve().parents[1] / "support" / "guard.py"
SECRET = "planted-by-the-caller"

SPEC = """\
version: 1
project: promise
owner: tests
region: us-east-1
modules:
  backend-config:
    blueprint: backend-config
  00-probe:
    blueprint: probe
"""
ENVIRONMENT = """\
{place}
state:
  bucket: promise-{name}-tfstate
  lock_table: promise-{name}-tflock
modules:
  backend-config: {{deletion_protection: false, lifecycle_rules: false}}
"""
BLUEPRINT = """\
summary: A function that shows its environment.
functions: [probe]
settings: {type: object, properties: {}}
"""
MAIN = """\
resource "aws_iam_role" "probe" {
  name = "${local.name_prefix}-probe"
  tags = local.tags

  assume_role_policy = jsonencode({
    Version   = "2012-10-17"
    Statement = [{ Effect = "Allow", Action = "sts:AssumeRole", Principal = { Service = "lambda.amazonaws.com" } }]
  })
}

resource "aws_lambda_function" "probe" {
  function_name    = "${local.name_prefix}-probe"
  role             = aws_iam_role.probe.arn
  handler          = "handler.handler"
  runtime          = "python3.13"
  filename         = "${path.root}/artifacts/probe.zip"
  source_code_hash = filebase64sha256("${path.root}/artifacts/probe.zip")
  tags             = local.tags
}
"""
OUTPUTS = """\
output "function_name" {
  description = "Name of the function."
  value       = aws_lambda_function.probe.function_name
}
"""
HANDLER = """\
import os


def handler(event, context):
    return dict(os.environ)
"""


@pytest.fixture
def project(tmp_path: Path) -> Path:
    root = tmp_path / "project"
    files = {
        "config/project.yaml": SPEC,
        "config/environments/local.yaml": ENVIRONMENT.format(
            name="local", place=f"endpoint: http://127.0.0.1:{free_port()}"
        ),
        "config/environments/production.yaml": ENVIRONMENT.format(
            name="production", place='account: "222222222222"\ncredentials: [keys]'
        ),
        "templates/probe/blueprint.yaml": BLUEPRINT,
        "templates/probe/main.tf.j2": MAIN,
        "templates/probe/outputs.tf.j2": OUTPUTS,
        "lambdas/probe/handler.py": HANDLER,
    }
    for name, text in files.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    return root


def planted(root: Path) -> dict[str, str]:
    """An environment full of what would send calls elsewhere or change what terraform does."""
    config = root.parent / "aws-config"
    config.write_text("[profile evil]\nrole_arn = arn:aws:iam::333333333333:role/evil\nsource_profile = evil\n")
    evil = "http://127.0.0.1:3128"
    return {
        "PATH": os.environ["PATH"],
        "HOME": str(root.parent),
        "AWS_ACCESS_KEY_ID": SECRET,
        "AWS_SECRET_ACCESS_KEY": SECRET,
        "AWS_SESSION_TOKEN": SECRET,
        "AWS_PROFILE": "evil",
        "AWS_CONFIG_FILE": str(config),
        "AWS_ENDPOINT_URL": evil,
        "AWS_ENDPOINT_URL_STS": evil,
        "AWS_ENDPOINT_URL_S3": evil,
        "AWS_IGNORE_CONFIGURED_ENDPOINT_URLS": "TRUE",
        "AWS_CONTAINER_CREDENTIALS_FULL_URI": "http://127.0.0.1:8080/credentials",
        "HTTP_PROXY": evil,
        "HTTPS_PROXY": evil,
        "http_proxy": evil,
        "https_proxy": evil,
        "TF_WORKSPACE": "evil",
        "TF_VAR_project_name": "evil",
        "TF_CLI_ARGS": "-no-such-flag",
        "TF_CLI_ARGS_plan": "-no-such-flag",
        "MY_TOKEN": SECRET,
    }


def guarded(root: Path, env: Mapping[str, str], commands: Sequence[Sequence[str]]) -> dict[str, Any]:
    """Run commands in a network of their own in which every address is watched."""
    steps = [{"argv": list(argv), "cwd": str(root), "env": dict(env)} for argv in commands]
    done = subprocess.run(
        ["unshare", "--net", *([] if os.geteuid() == 0 else ["--map-root-user"]), sys.executable, str(GUARD)],
        input=json.dumps(steps),
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    report: dict[str, Any] = json.loads(done.stdout)
    return report


def test_nothing_leaves_and_nothing_leaks_in(project: Path) -> None:
    tfgen = str(TFGEN)
    invoke = [sys.executable, "-c", INVOKE, str(project)]
    report = guarded(
        project,
        planted(project),
        [
            [tfgen, "render"],
            [tfgen, "apply", "--env", "local", "--auto-approve"],
            [tfgen, "plan", "--json"],
            [tfgen, "output", "00-probe", "function_name", "--raw"],
            invoke,
            [tfgen, "destroy", "--env", "local", "--auto-approve", "--with-backend"],
            [tfgen, "local", "down"],
        ],
    )
    results = report["results"]
    assert [step["code"] for step in results] == [0] * len(results), results
    assert report["connections"] == []
    assert report["names"] == []
    plan = json.loads(results[2]["stdout"])
    assert plan["summary"] == {"add": 0, "change": 0, "destroy": 0, "replace": 0}
    assert plan["complete"]
    assert results[3]["stdout"].strip() == "promise-local-probe", "no TF_VAR_ and no workspace got through"
    seen = json.loads(results[4]["stdout"])
    leaked = {name: value for name, value in planted(project).items() if name != "PATH" and value in seen.values()}
    assert leaked == {}
    assert SECRET not in json.dumps(seen)
    assert "kept away" in results[1]["stderr"], "a warning names what was dropped"


def test_an_account_is_asked_for_its_number_and_nothing_else(project: Path) -> None:
    keys = {
        "PATH": os.environ["PATH"],
        "HOME": str(project.parent),
        "AWS_ACCESS_KEY_ID": "AKIAIOSFODNN7EXAMPLE",
        "AWS_SECRET_ACCESS_KEY": SECRET,
        "AWS_ENDPOINT_URL_STS": "http://127.0.0.1:3128",
    }
    tfgen = str(TFGEN)
    report = guarded(
        project,
        keys,
        [[tfgen, "render"], [tfgen, "apply", "--env", "production", "--auto-approve"]],
    )
    assert [step["code"] for step in report["results"]] == [0, 1]
    assert report["connections"] == []
    assert {name.split(".")[0] for name in report["names"]} == {"sts"}
    assert SECRET not in report["results"][1]["stderr"]


def test_a_placeholder_account_is_never_asked(project: Path) -> None:
    path = project / "config" / "environments" / "production.yaml"
    path.write_text(path.read_text().replace("222222222222", "111111111111"))
    tfgen = str(TFGEN)
    commands = [[tfgen, "render"], *([tfgen, verb, "--env", "production"] for verb in ("plan", "output"))]
    report = guarded(project, planted(project), commands)
    assert [step["code"] for step in report["results"]] == [0, 1, 1]
    assert (report["connections"], report["names"]) == ([], [])
    assert "placeholder" in report["results"][1]["stderr"]


INVOKE = """
import json, sys
from pathlib import Path
import botocore.session
from botocore.config import Config

text = (Path(sys.argv[1]) / "config/environments/local.yaml").read_text()
endpoint = text.splitlines()[0].removeprefix("endpoint: ")
session = botocore.session.Session()
session.set_config_variable("profile", None)
session.set_credentials("test", "test")
client = session.create_client(
    "lambda", region_name="us-east-1", endpoint_url=endpoint, config=Config(proxies={})
)
print(client.invoke(FunctionName="promise-local-probe")["Payload"].read().decode())
"""


@pytest.fixture(autouse=True)
def _tools() -> None:
    """Without namespaces the promise cannot be watched: a developer may go on, continuous integration may not."""
    missing = [name for name in ("unshare", "ip") if shutil.which(name) is None]
    if missing and os.environ.get("CI"):
        pytest.fail(f"not installed: {', '.join(missing)}")
    if missing:
        pytest.skip(f"not installed: {', '.join(missing)}")
