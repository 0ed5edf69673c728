"""A project of a test's own, driven through the installed command line."""

from __future__ import annotations

import json
import os
import re
import shlex
import shutil
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tests.support.emulator import free_port

TFGEN = Path(sys.executable).with_name("tfgen")


@dataclass(frozen=True)
class TestProject:
    """A project made by `tfgen init`, whose emulator has a port of its own.

    Attributes:
        root: Its folder.
        port: Port of its emulator.
        variables: Environment variables beside PATH and HOME.
    """

    __test__ = False

    root: Path
    port: int
    variables: Mapping[str, str] = field(default_factory=dict)

    @property
    def endpoint(self) -> str:
        """URL of its emulator."""
        return f"http://127.0.0.1:{self.port}"

    @property
    def environment(self) -> dict[str, str]:
        """The environment its commands run in."""
        kept = ("PATH", "HOME", "TFGEN_TERRAFORM", "TFGEN_PROVIDER_MIRROR", "TF_CLI_CONFIG_FILE")
        inherited = {name: value for name, value in os.environ.items() if name in kept or name.startswith("PIP_")}
        return inherited | dict(self.variables)

    def tfgen(self, *words: str, code: int = 0) -> subprocess.CompletedProcess[str]:
        """Run tfgen in the project and expect an exit code."""
        done = subprocess.run(
            [str(TFGEN), *words],
            cwd=self.root,
            env=self.environment,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == code, f"tfgen {' '.join(words)}: {done.returncode}\n{done.stdout}\n{done.stderr}"
        return done

    def json(self, *words: str, code: int = 0) -> Any:
        """Run tfgen with --json and return the document."""
        return json.loads(self.tfgen(*words, "--json", code=code).stdout)

    def outputs(self) -> dict[str, dict[str, Any]]:
        """Return the values of all outputs: module → output → value."""
        modules = self.json("output")["outputs"]
        return {name: {key: item["value"] for key, item in outputs.items()} for name, outputs in modules.items()}

    def statuses(self, *words: str) -> dict[str, str]:
        """Run apply or destroy and return what became of each module."""
        return {name: module["status"] for name, module in self.json(*words)["modules"].items()}

    def client(self, service: str) -> Any:
        """Return a boto3 client of the emulator, as root."""
        import boto3

        session = boto3.session.Session("test", "test", region_name="us-east-1")
        return session.client(service, endpoint_url=self.endpoint)  # type: ignore[call-overload]

    def typed(self, commands: str, folder: Path) -> str:
        """Run what a person types, in a shell that knows terraform and the emulator but not tfgen.

        Returns:
            What it printed, both streams.
        """
        done = subprocess.run(
            ["bash", "-euo", "pipefail", "-c", commands],
            cwd=folder,
            env=self.typed_environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            check=False,
        )
        assert done.returncode == 0, done.stdout
        return done.stdout

    def typed_values(self, module: str) -> str:
        """Return the flags that give a module the values of environment local."""
        folder = self.root / "terraform" / "environments"
        files = (folder / "local.tfvars", folder / "local" / f"{module}.tfvars")
        return " ".join(f"-var-file={shlex.quote(str(path))}" for path in files if path.is_file())

    @property
    def typed_environment(self) -> dict[str, str]:
        """What a person has exported who uses terraform by hand with this project's emulator."""
        terraform = shutil.which("terraform")
        assert terraform is not None, "terraform is not on PATH"
        config = self.root / ".tfgen" / "terraformrc"
        return {
            "PATH": f"{Path(terraform).parent}:/usr/bin:/bin",
            "HOME": str(self.root),
            "AWS_ENDPOINT_URL": self.endpoint,
            "AWS_ACCESS_KEY_ID": "test",
            "AWS_SECRET_ACCESS_KEY": "test",
            "AWS_EC2_METADATA_DISABLED": "true",
            **({"TF_CLI_CONFIG_FILE": str(config)} if config.is_file() else {}),
        }

    def states(self) -> dict[str, bytes]:
        """Return every state object, byte for byte."""
        s3, bucket = self.client("s3"), "ecommerce-analytics-local-tfstate-000000000000"
        keys = [item["Key"] for item in s3.list_objects_v2(Bucket=bucket).get("Contents", ())]
        return {key: s3.get_object(Bucket=bucket, Key=key)["Body"].read() for key in keys if key.endswith(".tfstate")}


def make_test_project(folder: Path, variables: Mapping[str, str] | None = None) -> TestProject:
    """Make a project with the reference spec and a free port for its emulator."""
    project = TestProject(folder, free_port(), variables or {})
    subprocess.run([str(TFGEN), "init", str(folder)], env=project.environment, check=True, capture_output=True)
    set_endpoint(folder, project.endpoint)
    return project


def set_endpoint(root: Path, endpoint: str) -> None:
    """Point a project's environment `local` to another emulator."""
    path = root / "config" / "environments" / "local.yaml"
    path.write_text(re.sub(r"^endpoint: .*$", f"endpoint: {endpoint}", path.read_text(), flags=re.MULTILINE))
