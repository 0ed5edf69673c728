"""The blueprints in reach: the shipped ones and the project's own, and how a project gets one of its own."""

from __future__ import annotations

import re
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from tfgen.assets import template_roots, templates_root
from tfgen.blueprint import Blueprint, list_blueprints, load_blueprint
from tfgen.errors import TfgenError, UsageError
from tfgen.model import BACKEND_CONFIG
from tfgen.schema import suggest

OWN, SHIPPED = "project", "tfgen"

_NAME = re.compile(r"[a-z][a-z0-9]*(-[a-z0-9]+)*")
_SKIPPED = shutil.ignore_patterns("__pycache__", "*.pyc", ".*")

_BLUEPRINT = """\
summary: One line that says what a module of {name} is for.
# Short names of the modules whose outputs the templates read: local.foundation.kms_key_arn wants [foundation].
reads: []
# Lambda functions, which need a handler.py in scaffold/: ["{{module}}"] is one that is called like the module.
functions: []
settings:
  type: object
  additionalProperties: false
  properties:
    retention_days:
      type: integer
      enum: [1, 7, 14, 30, 90, 365]
      default: 30
      # May differ per environment, and is therefore a variable of variables.tf.j2.
      varies: true
      description: Days for which entries are kept
holds: |
  One log group. Say here what is in the module; it is Markdown.
facts:
  - change: days for which entries are kept
    settings: [retention_days]
    attributes: [aws_cloudwatch_log_group.retention_in_days]
    apply: this module
    risk: in place; what is older is deleted
  - change: name of the log group
    attributes: [aws_cloudwatch_log_group.name]
    outputs: [log_group_name]
    loses_data: true
    apply: this module, then its readers
    risk: replaced; its entries are lost
rollback: Check out the commit that worked and apply this module alone.
examples:
  - for: entries that are kept for a week
    add: {name} --set retention_days=7
"""
_MAIN = """\
# A module's own names begin with the project, the environment and the module's short name, so that a second module
# of this blueprint is not in the way of the first.
resource "aws_cloudwatch_log_group" "this" {
  name              = "/${local.name_prefix}/{{ module.short_name | text }}"
  retention_in_days = var.retention_days
  tags              = local.tags
}
"""
_VARIABLES = """\
variable "retention_days" {
  description = "Days for which entries are kept."
  type        = number
  default     = {{ settings.retention_days | hcl }}
}
"""
_OUTPUTS = """\
output "log_group_name" {
  description = "Name of the log group."
  value       = aws_cloudwatch_log_group.this.name
}
"""


@dataclass(frozen=True)
class Listed:
    """One blueprint of the catalogue.

    Attributes:
        name: Its name.
        origin: `project` or `tfgen`.
        folder: Where it is.
        blueprint: What it says; None if that is not valid.
        problem: What is wrong with it; empty if nothing is.
    """

    name: str
    origin: str
    folder: Path
    blueprint: Blueprint | None
    problem: str = ""


def list_all(root: Path) -> tuple[Listed, ...]:
    """Return the blueprints that a module can be added from, by name; those that are not valid, too."""
    found = list_blueprints(template_roots(root))
    return tuple(_listed(name, folder) for name, folder in found.items() if name != BACKEND_CONFIG)


def find(root: Path, name: str) -> Listed:
    """Return one blueprint.

    Raises:
        UsageError: There is none of that name.
        SpecError: It is not valid.
    """
    found = list_blueprints(template_roots(root))
    if name not in found:
        raise UsageError(f"there is no blueprint '{name}'", hint=suggest(name, list(found)))
    blueprint = load_blueprint(name, found[name])
    return Listed(name, _origin(found[name]), found[name], blueprint)


def create(root: Path, name: str) -> tuple[Path, ...]:
    """Write a small blueprint that renders as it stands, for the user to go on from; returns its files.

    Raises:
        UsageError: The name cannot be one, or is that of another blueprint.
        TfgenError: It cannot be written.
    """
    if not _NAME.fullmatch(name) or len(name) > 40:
        raise UsageError(f"'{name}' is not a blueprint's name", hint="lower-case words joined by hyphens: order-export")
    if name in list_blueprints([templates_root()]):
        raise UsageError(
            f"tfgen has a blueprint '{name}'", hint=f"tfgen blueprints copy {name}, or choose another name"
        )
    texts = {
        "blueprint.yaml": _BLUEPRINT.format(name=name),
        "main.tf.j2": _MAIN,
        "variables.tf.j2": _VARIABLES,
        "outputs.tf.j2": _OUTPUTS,
    }
    with _new_folder(root, name) as folder:
        for path, text in texts.items():
            (folder / path).write_text(text, "utf-8")
    return _files(root, name)


def copy(root: Path, name: str) -> tuple[Path, ...]:
    """Copy a shipped blueprint into the project, where it takes the shipped one's place; returns its files.

    Raises:
        UsageError: tfgen has none of that name.
        TfgenError: The project has one already, or it cannot be written.
    """
    shipped = list_blueprints([templates_root()])
    if name not in shipped:
        raise UsageError(f"tfgen has no blueprint '{name}'", hint=suggest(name, list(shipped)))
    with _new_folder(root, name) as folder:
        shutil.copytree(shipped[name], folder, ignore=_SKIPPED, dirs_exist_ok=True)
    return _files(root, name)


def _listed(name: str, folder: Path) -> Listed:
    try:
        return Listed(name, _origin(folder), folder, load_blueprint(name, folder))
    except TfgenError as error:
        first = getattr(error, "problems", (error,))[0]
        return Listed(name, _origin(folder), folder, None, f"{first.where}: {first.message}")


def _origin(folder: Path) -> str:
    return SHIPPED if folder.parent == templates_root() else OWN


@contextmanager
def _new_folder(root: Path, name: str) -> Iterator[Path]:
    """Give a folder to fill, which becomes the blueprint's if filling it goes well."""
    target = root / "templates" / name
    if target.exists() or target.is_symlink():
        hint = "change it, or move it away"
        raise TfgenError("this blueprint is there already", where=f"templates/{name}", hint=hint, code="exists")
    try:
        target.parent.mkdir(exist_ok=True)
        with tempfile.TemporaryDirectory(prefix=".tfgen-", dir=target.parent) as folder:
            staged = Path(folder) / name
            staged.mkdir()
            yield staged
            staged.rename(target)
    except OSError as error:
        hint = "make the folder writable; nothing was written"
        raise TfgenError(f"cannot write: {error.strerror}", where=str(target), hint=hint) from None


def _files(root: Path, name: str) -> tuple[Path, ...]:
    folder = root / "templates" / name
    return tuple(path.relative_to(root) for path in sorted(folder.rglob("*")) if path.is_file())
