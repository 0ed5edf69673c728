"""One module is applied and rolled back alone: the others do not move."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest

from tests.support.api import open_shop, place
from tests.support.project import TestProject
from tfgen.assets import templates_root

API_STATE = "03-api-ingestion/terraform.tfstate"

_ROUTE = """
    ping = {
      http_method        = "GET"
      resource           = aws_api_gateway_resource.ping
      request_models     = {}
      request_parameters = {}
    }
"""
_RESOURCE = """
resource "aws_api_gateway_resource" "ping" {
  rest_api_id = aws_api_gateway_rest_api.orders.id
  parent_id   = aws_api_gateway_rest_api.orders.root_resource_id
  path_part   = "ping"
}
"""


@pytest.fixture(scope="module")
def versioned(deployed: TestProject) -> TestProject:
    """The project under version control, as a team would have it."""
    _git(deployed.root, "init", "--quiet")
    _git(deployed.root, "add", "--all")
    _git(deployed.root, "commit", "--quiet", "--message", "version 1")
    return deployed


def test_applying_one_module_leaves_every_other_state_as_it_was(versioned: TestProject) -> None:
    before = versioned.states()
    handler = versioned.root / "lambdas" / "order_processor" / "handler.py"
    handler.write_text(handler.read_text() + "\n# a change of the code\n")
    versioned.tfgen("render")
    versioned.tfgen("apply", "--env", "local", "--module", "03-api-ingestion", "--auto-approve")
    after = versioned.states()
    assert {key for key in after if after[key] != before[key]} == {API_STATE}


def test_version_1_answers_again_after_a_rollback(versioned: TestProject) -> None:
    _git(versioned.root, "checkout", "--quiet", "--", ".")
    versioned.tfgen("render")
    versioned.tfgen("apply", "--env", "local", "--module", "03", "--auto-approve")
    before = versioned.states()
    shop = open_shop(versioned)
    first = shop.read("unknown").document["detail"]

    _write_version_2(versioned.root)
    versioned.tfgen("render")
    _git(versioned.root, "add", "--all")
    _git(versioned.root, "commit", "--quiet", "--message", "version 2")
    versioned.tfgen("apply", "--env", "local", "--module", "03", "--auto-approve")
    assert shop.read("unknown").document["detail"] == "Version 2 knows no such order."
    assert _ping(versioned) == 404, "the new route reaches the function, which does not know it"

    _git(versioned.root, "checkout", "--quiet", "HEAD~1")
    versioned.tfgen("render", "--check")
    versioned.tfgen("apply", "--env", "local", "--module", "03-api-ingestion", "--auto-approve")
    assert shop.read("unknown").document["detail"] == first
    assert _ping(versioned) == 403, "the gateway knows no such route"
    assert place(shop, "after-the-rollback").status == 201
    after = versioned.states()
    assert {key for key in after if after[key] != before[key]} == {API_STATE}


def _write_version_2(root: Path) -> None:
    blueprint = root / "templates" / "api-ingestion"
    shutil.copytree(templates_root() / "api-ingestion", blueprint)
    main = blueprint / "main.tf.j2"
    main.write_text(_after(main.read_text(), "  routes = {\n", _ROUTE.lstrip("\n")))
    api = blueprint / "api.tf.j2"
    api.write_text(api.read_text() + _RESOURCE)
    logic = root / "lambdas" / "order_processor" / "logic.py"
    logic.write_text(logic.read_text().replace("There is no order with this id.", "Version 2 knows no such order."))


def _after(text: str, anchor: str, added: str) -> str:
    assert anchor in text
    return text.replace(anchor, anchor + added, 1)


def _ping(project: TestProject) -> int:
    shop = open_shop(project)
    from demo.catalogue import Call

    return shop._send("GET", "/ping", Call("ping", "", b"", signed=True, expected=404), {}).status


def _git(root: Path, *words: str) -> None:
    identity = ("-c", "user.name=test", "-c", "user.email=test@example.com")
    subprocess.run(["git", *identity, *words], cwd=root, check=True, capture_output=True)
