"""A small project made by hand: modules of built-in resources, states in the emulator."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path

from tfgen.model import BACKEND_CONFIG, EMULATOR_ACCOUNT, Environment, Module, Project, Reference

BACKEND_MAIN = """\
variable "state_bucket" {
  type = string
}
variable "state_lock_table" {
  type = string
}
variable "project_name" {
  type = string
}
provider "aws" {
  region              = "us-east-1"
  allowed_account_ids = ["000000000000"]
}
resource "aws_s3_bucket" "state" {
  bucket = var.state_bucket
  tags   = { Project = var.project_name }
}
resource "aws_s3_bucket_versioning" "state" {
  bucket = aws_s3_bucket.state.id
  versioning_configuration {
    status = "Enabled"
  }
}
resource "aws_dynamodb_table" "lock" {
  name         = var.state_lock_table
  billing_mode = "PAY_PER_REQUEST"
  hash_key     = "LockID"
  attribute {
    name = "LockID"
    type = "S"
  }
}
output "state_bucket" {
  value = aws_s3_bucket.state.id
}
"""


def make_environment(name: str, bucket: str, *, endpoint: str | None, account: str = EMULATOR_ACCOUNT) -> Environment:
    return Environment(
        name=name,
        account=account,
        endpoint=endpoint,
        region="us-east-1",
        state_bucket=bucket,
        lock_table=f"{bucket}-lock",
        credentials=("keys",),
    )


def make_module(name: str, reads: Sequence[str] = ()) -> Module:
    number, _, short = name.partition("-")
    if name == BACKEND_CONFIG:
        number, short = "", name
    return Module(
        name=name,
        number=number,
        short_name=short,
        identifier=short.replace("-", "_"),
        blueprint=short,
        settings={},
        reads=tuple(make_reference(read) for read in reads),
        functions=(),
        providers={},
        state_key=f"{name}/terraform.tfstate",
    )


def make_reference(name: str) -> Reference:
    short = name.partition("-")[2]
    return Reference(name, short, short.replace("-", "_"), f"{name}/terraform.tfstate")


def make_project(
    root: Path,
    environment: Environment,
    modules: Mapping[str, Sequence[str]],
    *,
    bodies: Mapping[str, str] | None = None,
    name: str = "shop",
) -> Project:
    """Write the tree and return the project.

    Args:
        root: The project's folder.
        environment: Its only environment.
        modules: Module name → names of the modules it reads.
        bodies: Module name → HCL that replaces the default resource and output.
        name: The project's name.
    """
    project = Project(
        root=root,
        spec_path=root / "config" / "project.yaml",
        name=name,
        owner="team",
        region="us-east-1",
        tags={},
        required_version=">= 1.10, < 2.0",
        providers={},
        locking=("dynamodb", "lockfile"),
        default_environment=environment.name,
        environments={environment.name: environment},
        modules=tuple(make_module(module, reads) for module, reads in modules.items()),
    )
    write_tree(project, environment, bodies or {})
    return project


def write_tree(project: Project, environment: Environment, bodies: Mapping[str, str]) -> None:
    files = project.tree / "environments"
    files.mkdir(parents=True, exist_ok=True)
    (files / f"{environment.name}.tfvars").write_text(
        f'state_bucket     = "{environment.state_bucket}"\n'
        f'state_lock_table = "{environment.lock_table}"\n'
        f'project_name     = "{project.name}"\n'
    )
    (files / f"{environment.name}.s3.tfbackend").write_text(
        f'bucket              = "{environment.state_bucket}"\n'
        f'region              = "us-east-1"\n'
        f'dynamodb_table      = "{environment.lock_table}"\n'
        f"use_lockfile        = true\n"
        f'allowed_account_ids = ["{environment.account}"]\n'
    )
    for module in project.modules:
        folder = project.tree / module.name
        folder.mkdir(exist_ok=True)
        if module.name == BACKEND_CONFIG:
            (folder / "main.tf").write_text(bodies.get(module.name, BACKEND_MAIN))
            (folder / "backend.tf").write_text('terraform {\n  backend "local" {}\n}\n')
        else:
            (folder / "backend.tf").write_text(_backend(module))
            (folder / "main.tf").write_text(_variables() + bodies.get(module.name, body(module)))


def with_environment(project: Project, environment: Environment) -> Project:
    """Return the project with one more environment, its files written."""
    changed = replace(project, environments={**project.environments, environment.name: environment})
    write_tree(changed, environment, {})
    return changed


def body(module: Module, value: str = "v1", *, script: str = "") -> str:
    """Return a resource that hands on what the module reads, and an output."""
    reads = "".join(
        f'data "terraform_remote_state" "{reference.identifier}" {{\n'
        '  backend = "s3"\n'
        f'  config = {{ bucket = var.state_bucket, key = "{reference.state_key}", region = "us-east-1" }}\n'
        "}\n"
        for reference in module.reads
    )
    values = [json.dumps(value)]
    values += [f"data.terraform_remote_state.{reference.identifier}.outputs.value" for reference in module.reads]
    provisioner = f'  provisioner "local-exec" {{\n    command = {json.dumps(script)}\n  }}\n' if script else ""
    return (
        f"{reads}"
        'resource "terraform_data" "this" {\n'
        f'  input = join("+", [{", ".join(values)}])\n'
        f"{provisioner}"
        "}\n"
        'output "value" {\n  value = terraform_data.this.output\n}\n'
    )


def _backend(module: Module) -> str:
    return f'terraform {{\n  backend "s3" {{\n    key = "{module.state_key}"\n  }}\n}}\n'


def _variables() -> str:
    return "".join(
        f'variable "{name}" {{\n  type = string\n}}\n' for name in ("state_bucket", "state_lock_table", "project_name")
    )
