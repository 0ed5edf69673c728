"""Taking the roles of a deployed project, and walking its functions with them."""

from __future__ import annotations

import base64
import json
import os
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from tests.support.project import TestProject

ROOT = Path(__file__).parents[2]


def assume(project: TestProject, role_name: str) -> dict[str, str]:
    """Take a role that only a service may take, by letting the account in for a moment; returns its credentials."""
    iam = project.client("iam")
    role = iam.get_role(RoleName=role_name)["Role"]
    account = role["Arn"].split(":")[4]
    trusted = {"Effect": "Allow", "Principal": {"AWS": f"arn:aws:iam::{account}:root"}, "Action": "sts:AssumeRole"}
    open_trust = json.dumps({"Version": "2012-10-17", "Statement": [trusted]})
    iam.update_assume_role_policy(RoleName=role_name, PolicyDocument=open_trust)
    try:
        sts = project.client("sts")
        credentials: dict[str, str] = sts.assume_role(RoleArn=role["Arn"], RoleSessionName="walk")["Credentials"]
        return credentials
    finally:
        original = json.dumps(role["AssumeRolePolicyDocument"])
        iam.update_assume_role_policy(RoleName=role_name, PolicyDocument=original)


class Walker:
    """A process that runs a function's code with its role's credentials.

    Args:
        project: The deployed project.
        function: The function's folder, and the module of its entry point if that is not `handler`: a key of `WALKS`.
    """

    def __init__(self, project: TestProject, function: str) -> None:
        name = f"ecommerce-analytics-local-{function.replace('_', '-').replace('.', '-')}"
        config = project.client("lambda").get_function_configuration(FunctionName=name)
        keys = assume(project, name)
        environment = {
            **{name: os.environ[name] for name in ("PATH", "HOME") if name in os.environ},
            **config["Environment"]["Variables"],
            "AWS_ENDPOINT_URL": project.endpoint,
            "AWS_ACCESS_KEY_ID": keys["AccessKeyId"],
            "AWS_SECRET_ACCESS_KEY": keys["SecretAccessKey"],
            "AWS_SESSION_TOKEN": keys["SessionToken"],
            "AWS_REGION": "us-east-1",
            "AWS_DEFAULT_REGION": "us-east-1",
            "AWS_CONFIG_FILE": os.devnull,
            "AWS_SHARED_CREDENTIALS_FILE": os.devnull,
            "PYTHONDONTWRITEBYTECODE": "1",
        }
        self._process = subprocess.Popen(
            [sys.executable, "-m", "tests.support.walker", str(ROOT / "lambdas"), function],
            cwd=ROOT,
            env=environment,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
        )

    def walk(self, name: str, facts: Mapping[str, Any]) -> str:
        """Run a walk; returns why it did not come through, or nothing."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write(json.dumps({**facts, "walk": name}) + "\n")
        self._process.stdin.flush()
        answer = self._process.stdout.readline()
        assert answer, "the walker ended"
        return base64.b64decode(answer).decode()

    def end(self) -> None:
        """End the process."""
        self._process.kill()
        self._process.wait()
