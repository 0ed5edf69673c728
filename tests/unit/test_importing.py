from __future__ import annotations

from pathlib import Path

import pytest

from tests.support.fixture_project import make_environment, make_project
from tfgen import importing
from tfgen.errors import UsageError

BODY = """
resource "aws_sqs_queue" "orders" {
  name = "x"
}
resource "terraform_data" "many" {
  for_each = toset(["a"])
}
module "inner" {
  source = "./inner"
}
data "aws_caller_identity" "me" {}
"""


@pytest.mark.parametrize(
    "address",
    ["aws_sqs_queue.orders", 'terraform_data.many["a"]', "module.inner.aws_s3_bucket.x", "module.inner[0].a.b"],
)
def test_what_the_configuration_has_can_be_taken_over(tmp_path: Path, address: str) -> None:
    environment = make_environment("dev", "states", endpoint="http://127.0.0.1:1")
    project = make_project(tmp_path, environment, {"00-base": ()}, bodies={"00-base": BODY})
    importing.check_address(project, project.module("00-base"), address)


@pytest.mark.parametrize("address", ["aws_sqs_queue.order", "nonsense", "data.aws_caller_identity.me"])
def test_what_it_does_not_have_is_refused_with_what_was_meant(tmp_path: Path, address: str) -> None:
    environment = make_environment("dev", "states", endpoint="http://127.0.0.1:1")
    project = make_project(tmp_path, environment, {"00-base": ()}, bodies={"00-base": BODY})
    with pytest.raises(UsageError, match="00-base has no") as caught:
        importing.check_address(project, project.module("00-base"), address)
    assert "aws_sqs_queue.orders" in caught.value.hint
    with pytest.raises(UsageError, match=r"has no module\.other"):
        importing.check_address(project, project.module("00-base"), "module.other.a.b")
