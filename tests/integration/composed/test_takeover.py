"""A project that was begun with typed commands goes on under the composed apply."""

from __future__ import annotations

import pytest

from tests.support.emulator import start_emulator
from tests.support.project import TestProject, make_test_project, set_endpoint

pytestmark = [pytest.mark.terraform, pytest.mark.emulator]

SPEC = """\
version: 1
project: begun-by-hand
owner: tests
region: us-east-1
state: {bucket: begun-by-hand-tfstate, lock_table: begun-by-hand-tflock}
modules:
  backend-config:
    blueprint: backend-config
"""


def test_the_typed_state_of_backend_config_moves_into_its_bucket(tmp_path) -> None:
    made = make_test_project(tmp_path / "project")
    (made.root / "config" / "project.yaml").write_text(SPEC)
    for path in (made.root / "config" / "environments").glob("*.yaml"):
        if path.stem != "local":
            path.unlink()
    with start_emulator(tmp_path / "emulator") as emulator:
        project = TestProject(made.root, emulator.port)
        local = project.root / "config" / "environments" / "local.yaml"
        local.write_text(
            f"endpoint: {emulator.endpoint}\nembedded: false\n"
            "modules:\n  backend-config: {deletion_protection: false, lifecycle_rules: false}\n"
        )
        set_endpoint(project.root, emulator.endpoint)
        project.tfgen("render")
        project.tfgen("check")
        commands = "terraform init -input=false && terraform apply -input=false -auto-approve"
        project.typed(commands, project.root / "terraform" / "backend-config")
        assert project.statuses("apply", "--env", "local", "--auto-approve") == {"backend-config": "unchanged"}
        objects = project.client("s3").list_objects_v2(Bucket="begun-by-hand-tfstate")["Contents"]
        assert [item["Key"] for item in objects] == ["backend-config/terraform.tfstate"]
