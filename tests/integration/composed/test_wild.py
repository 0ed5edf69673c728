"""A project in which users did everything that terraform allows: composed and per-module plans agree on it."""

from __future__ import annotations

import json

import pytest

from tests.integration.composed.conftest import Apply, Compose, MakeProject
from tfgen.changes import ModuleChanges
from tfgen.deployment import Run
from tfgen.model import Project

WORDS = {"remove": "forget"}
"""Terraform's event stream calls it otherwise than its plan document."""

PROVIDERS = """\
provider "aws" {
  region                      = "us-east-1"
  allowed_account_ids         = ["000000000000"]
}
"""

BASE = """\
terraform {
  required_providers {
    aws       = { source = "hashicorp/aws", version = "~> 5.100" }
    terraform = { source = "terraform.io/builtin/terraform" }
  }
}
variable "names" {
  type = map(object({ size = optional(number, 1) }))
}
provider "aws" {
  alias  = "west"
  region = "us-west-2"
}
resource "aws_s3_bucket" "west" {
  provider = aws.west
  bucket   = "${var.state_bucket}-west"
}
resource "aws_s3_bucket" "here" {
  for_each = var.names
  bucket   = "${var.state_bucket}-${each.key}"
}
resource "aws_s3_object" "note" {
  bucket = aws_s3_bucket.west.id
  key    = "note"
  source = "${path.module}/files/note.txt"
  etag   = filemd5("${path.module}/files/note.txt")

  provider = aws.west
}
module "shared" {
  source = "../shared"
  name   = provider::terraform::encode_expr(var.project_name)
}
check "names" {
  assert {
    condition     = length(var.names) > 1
    error_message = "few names"
  }
}
resource "terraform_data" "first" {
  input = [for bucket in aws_s3_bucket.here : bucket.id]
  lifecycle {
    precondition {
      condition     = length(var.names) > 0
      error_message = "no names"
    }
  }
}
ephemeral "aws_secretsmanager_random_password" "none" {
  count           = 0
  password_length = 16
}
resource "terraform_data" "gone" {
}
output "bucket" {
  value = aws_s3_bucket.west.id
}
output "path" {
  value = "${path.module} ${module.shared.path}"
}
output "names" {
  value = { for key, bucket in aws_s3_bucket.here : key => bucket.id }
}
output "secret" {
  value     = "s3cr3t"
  sensitive = true
}
"""

SHARED = """\
variable "name" {
  type = string
}
resource "terraform_data" "named" {
  input = var.name
}
output "path" {
  value = "${path.module} ${terraform_data.named.output}"
}
"""

TOP = """\
data "terraform_remote_state" "storage" {
  backend = "s3"
  config = {
    bucket = var.state_bucket
    key    = "00-base/terraform.tfstate"
    region = "us-east-1"
  }
}
locals {
  found = { one = "${var.state_bucket}-import-one", two = "${var.state_bucket}-import-two" }
}
import {
  to = aws_s3_bucket.taken
  id = "${var.state_bucket}-import"
}
import {
  for_each = local.found
  to       = aws_s3_bucket.found[each.key]
  id       = each.value
}
resource "aws_s3_bucket" "taken" {
  bucket = "${var.state_bucket}-import"
}
resource "aws_s3_bucket" "found" {
  for_each = local.found
  bucket   = each.value
}
resource "terraform_data" "reads" {
  input = [data.terraform_remote_state.storage.outputs.bucket, data.terraform_remote_state.storage.outputs.names["a"]]
}
output "secret" {
  value = sha256(data.terraform_remote_state.storage.outputs.secret)
}
"""


@pytest.fixture
def wild(make_project: MakeProject, bucket: str) -> Project:
    project: Project = make_project({"00-base": (), "02-top": ("00-base",)}, bodies={"00-base": BASE, "02-top": TOP})
    for name in ("00-base", "02-top"):
        (project.tree / name / "providers.tf").write_text(PROVIDERS)
    base = project.tree / "00-base"
    (base / "files").mkdir()
    (base / "files" / "note.txt").write_text("note\n")
    (base / "own.auto.tfvars").write_text("names = { a = {}, b = { size = 2 } }\n")
    (base / "extra.tf.json").write_text(json.dumps({"output": {"json": {"value": "${var.project_name}"}}}))
    (base / "main_override.tf").write_text('output "bucket" {\n  value = aws_s3_bucket.west.bucket\n}\n')
    (project.tree / "shared").mkdir()
    (project.tree / "shared" / "main.tf").write_text(SHARED)
    return project


@pytest.fixture
def taken(clients: object, bucket: str) -> None:
    for name in ("import", "import-one", "import-two"):
        clients.client("s3").create_bucket(Bucket=f"{bucket}-{name}")  # type: ignore[attr-defined]


def actions(changes: ModuleChanges) -> dict[str, str]:
    return {item.address: item.action for item in changes.resources}


def each(run: Run) -> dict[str, dict[str, str]]:
    return {
        result.module: {item.address: WORDS.get(item.action, item.action) for item in result.plan.changes}
        for result in run.results
        if result.plan is not None
    }


@pytest.mark.usefixtures("taken")
def test_composed_and_per_module_plans_agree(wild: Project, compose: Compose, apply: Apply, plan_each: Apply) -> None:
    plan = compose(wild)
    assert plan.errors == ()
    assert actions(plan.modules["00-base"]) == {
        "aws_s3_bucket.west": "create",
        'aws_s3_bucket.here["a"]': "create",
        'aws_s3_bucket.here["b"]': "create",
        "aws_s3_object.note": "create",
        "module.shared.terraform_data.named": "create",
        "terraform_data.first": "create",
        "terraform_data.gone": "create",
    }
    top = plan.modules["02-top"]
    assert {item.address: item.importing.rpartition("-import")[2] for item in top.resources if item.importing} == {
        "aws_s3_bucket.taken": "",
        'aws_s3_bucket.found["one"]': "-one",
        'aws_s3_bucket.found["two"]': "-two",
    }
    apply(wild)
    plan = compose(wild)
    assert plan.errors == ()
    assert {name: actions(item) for name, item in plan.modules.items()} == {"00-base": {}, "02-top": {}}
    assert not plan.changed, [item.changed_outputs for item in plan.modules.values()]
    assert each(plan_each(wild)) == {"00-base": {}, "02-top": {}}

    main = wild.tree / "00-base" / "main.tf"
    text = main.read_text().replace('resource "terraform_data" "gone" {\n}\n', "")
    text = text.replace('"terraform_data" "first"', '"terraform_data" "moved"')
    text += "moved {\n  from = terraform_data.first\n  to   = terraform_data.moved\n}\n"
    text += "removed {\n  from = terraform_data.gone\n  lifecycle {\n    destroy = false\n  }\n}\n"
    main.write_text(text.replace('-west"', '-far"'))
    plan = compose(wild)
    assert plan.errors == ()
    alone = each(plan_each(wild))["00-base"]
    assert actions(plan.modules["00-base"]) == alone
    assert alone["terraform_data.gone"] == "forget"
    assert alone["terraform_data.moved"] == "move"
    assert actions(plan.modules["02-top"]) == {"terraform_data.reads": "update"}
    assert list(plan.readers["00-base"]) == ["bucket", "names", "secret"]
