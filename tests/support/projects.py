"""A small project with blueprints of its own, for tests that need one to be right or to break."""

from __future__ import annotations

import textwrap
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from tfgen import workflow
from tfgen.model import Project
from tfgen.tree import Changes

SPEC = """\
version: 1
project: shop
owner: data-team
region: eu-west-1
terraform:
  providers:
    aws: "~> 5.100"
modules:
  backend-config:
    blueprint: backend-config
  00-network:
    blueprint: network
    settings:
      cidr: 10.1.0.0/16
  02-store:
    blueprint: store
  03-front-desk:
    blueprint: front-desk
"""

LOCAL = """\
endpoint: http://127.0.0.1:4566
state:
  bucket: shop-local-tfstate
  lock_table: shop-local-tflock
"""

DEV = """\
account: "123456789012"
credentials: [profile]
region: eu-central-1
state:
  bucket: shop-dev-tfstate
  lock_table: shop-dev-tflock
modules:
  store:
    protect: false
"""

BLUEPRINTS: Mapping[str, str] = {
    "backend-config/blueprint.yaml": """\
        summary: the state bucket
        settings: {}
        """,
    "backend-config/main.tf.j2": """\
        resource "terraform_data" "bucket" {
          input = var.state_bucket
        }
        """,
    "backend-config/outputs.tf.j2": """\
        output "state_bucket" {
          description = "The bucket with the states."
          value       = terraform_data.bucket.output
        }
        """,
    "network/blueprint.yaml": """\
        summary: the network
        holds: One network.
        redeploy: A new CIDR replaces everything.
        rollback: Check out the last version and apply.
        settings:
          properties:
            cidr: {type: string, format: cidr, default: 10.0.0.0/16, description: Addresses of the network}
        """,
    "network/main.tf.j2": """\
        resource "terraform_data" "network" {
          input = {{ settings.cidr | hcl }}
        }
        """,
    "network/outputs.tf.j2": """\
        output "network_id" {
          description = "Id of the network."
          value       = terraform_data.network.id
        }

        output "password" {
          description = "A secret."
          value       = terraform_data.network.output
          sensitive   = true
        }
        """,
    "store/blueprint.yaml": """\
        summary: the store
        reads: [network]
        settings:
          properties:
            protect: {type: boolean, default: true, varies: true, description: Refuse deletion}
            shelves: {type: integer, minimum: 1, maximum: 9, default: 3}
            labels: {type: array, items: {type: string}, default: []}
            mode: {type: string, enum: [fast, slow], default: fast}
        """,
    "store/main.tf.j2": """\
        resource "terraform_data" "store" {
          input = {
            network = local.network.network_id
            secret  = local.network.password
            shelves = {{ settings.shelves }}
            labels  = {{ settings.labels | hcl(4) }}
            protect = var.protect
          }
        }
        """,
    "store/variables.tf.j2": """\
        variable "protect" {
          description = "Refuse deletion."
          type        = bool
          default     = {{ settings.protect | hcl }}
        }
        """,
    "store/outputs.tf.j2": """\
        output "table" {
          description = "Name of the table."
          value       = terraform_data.store.id
        }

        output "table_arn" {
          description = "ARN of the table."
          value       = terraform_data.store.id
        }
        """,
    "front-desk/blueprint.yaml": """\
        summary: the front desk
        reads: [store]
        settings: {}
        """,
    "front-desk/main.tf.j2": """\
        resource "terraform_data" "desk" {
          input = {
            arn   = local.store.table_arn
            table = local.store.table
          }
        }
        """,
    "front-desk/outputs.tf.j2": """\
        output "desk" {
          description = "Id of the desk."
          value       = terraform_data.desk.id
        }
        """,
}


@dataclass(frozen=True)
class ProjectFolder:
    """A project on disk that a test may change at will."""

    root: Path

    @property
    def tree(self) -> Path:
        return self.root / "terraform"

    @property
    def spec(self) -> Path:
        return self.root / "config" / "project.yaml"

    def write(self, path: str, text: str) -> Path:
        """Write a file below the project's folder."""
        target = self.root / path
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_text(textwrap.dedent(text), "utf-8")
        return target

    def change(self, path: str, old: str, new: str) -> Path:
        """Replace the one occurrence of `old` in a file."""
        target = self.root / path
        text = target.read_text("utf-8")
        assert text.count(old) == 1, f"{old!r} stands {text.count(old)} times in {path}"
        target.write_text(text.replace(old, new), "utf-8")
        return target

    def load(self) -> Project:
        return workflow.load_project(self.root).project

    def preview(self) -> workflow.RenderResult:
        return workflow.preview(workflow.load_project(self.root))

    def render(self) -> Changes:
        """Render without packaging, as the workflow does."""
        return workflow.render(workflow.load_project(self.root)).changes

    def rendered(self, path: str) -> str:
        return (self.tree / path).read_text("utf-8")

    def snapshot(self) -> dict[str, bytes]:
        return snapshot(self.root)


def make_project(root: Path, *, spec: str = SPEC, dev: str | None = DEV) -> ProjectFolder:
    """Write the project."""
    folder = ProjectFolder(root)
    folder.write("config/project.yaml", spec)
    folder.write("config/environments/local.yaml", LOCAL)
    if dev is not None:
        folder.write("config/environments/dev.yaml", dev)
    for path, text in BLUEPRINTS.items():
        folder.write(f"templates/{path}", text)
    return folder


def snapshot(folder: Path) -> dict[str, bytes]:
    """Return every file below a folder with its bytes; a link with where it points; a folder with nothing."""
    found: dict[str, bytes] = {}
    for path in sorted(folder.rglob("*")):
        name = path.relative_to(folder).as_posix()
        if path.is_symlink():
            found[name] = f"link:{path.readlink()}".encode()
        elif path.is_dir():
            found[f"{name}/"] = b""
        else:
            found[name] = path.read_bytes()
    return found
