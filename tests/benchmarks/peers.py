"""The reference tree as a cookiecutter and as a copier template, for comparison."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

_NAME = "ecommerce-analytics"


def make_cookiecutter(tree: Path, folder: Path) -> None:
    """Make a cookiecutter template that renders a copy of `tree`."""
    body = folder / "{{cookiecutter.project}}"
    _copy(tree, body, "{{ cookiecutter.project }}", "")
    (folder / "cookiecutter.json").write_text(json.dumps({"project": _NAME}))


def make_copier(tree: Path, folder: Path) -> None:
    """Make a copier template that renders a copy of `tree`."""
    _copy(tree, folder, "{{ project }}", ".jinja")
    (folder / "copier.yml").write_text(f"project:\n  type: str\n  default: {_NAME}\n")


def _copy(tree: Path, folder: Path, expression: str, suffix: str) -> None:
    for path in sorted(tree.rglob("*")):
        relative = path.relative_to(tree)
        if not path.is_file() or path.is_symlink() or ".tfgen" in relative.parts or "artifacts" in relative.parts:
            continue
        text = path.read_text()
        plain = any(mark in text for mark in ("{{", "{%", "{#"))
        target = folder / relative
        target.parent.mkdir(parents=True, exist_ok=True)
        if plain:
            # what looks like a template itself would need escapes; it is left out on both sides
            continue
        target.with_name(target.name + suffix).write_text(text.replace(_NAME, expression))
        shutil.copymode(path, target.with_name(target.name + suffix))
