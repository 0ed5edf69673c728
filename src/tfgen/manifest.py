"""`terraform/.tfgen/manifest.json`: what was rendered, by what, and which edits a person decided to keep."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tfgen.errors import TfgenError

FOLDER = ".tfgen"
MANIFEST = Path(FOLDER) / "manifest.json"
BASE = Path(FOLDER) / "base"
OPEN = ""
"""Stands for the hash of a file whose conflicts are not resolved yet."""

_VERSION = 2
"""1 kept a copy of each rendered file in `base/`, where 2 has one file for each folder."""


@dataclass(frozen=True)
class Origin:
    """What a tree was rendered by; both are empty for a tree that never noted it.

    Attributes:
        tfgen: The version of tfgen.
        templates: A hash of the blueprints and shared templates that were used.
    """

    tfgen: str = ""
    templates: str = ""


@dataclass(frozen=True)
class Manifest:
    """What the last render left behind.

    Attributes:
        files: Path below the tree → hash of what was rendered.
        kept: Path → hash of the edited version that a person decided to keep, or `OPEN`.
        origin: What rendered it.
    """

    files: Mapping[str, str] = field(default_factory=dict)
    kept: Mapping[str, str] = field(default_factory=dict)
    origin: Origin = Origin()

    def to_bytes(self) -> bytes:
        """Return the file's bytes."""
        document: dict[str, Any] = {"version": _VERSION}
        if self.origin != Origin():
            document["rendered_by"] = {"tfgen": self.origin.tfgen, "templates": self.origin.templates}
        if self.kept:
            document["kept"] = dict(sorted(self.kept.items()))
        document["files"] = dict(sorted(self.files.items()))
        return (json.dumps(document, indent=1) + "\n").encode()


def load_manifest(root: Path) -> Manifest:
    """Read the manifest of a rendered tree; an empty one if nothing was rendered.

    Args:
        root: The rendered tree's folder.

    Raises:
        TfgenError: The manifest is damaged or from a newer tfgen.
    """
    path = root / MANIFEST
    try:
        data = json.loads(path.read_bytes())
        version = data["version"]
        manifest = Manifest(_texts(data["files"]), _texts(data.get("kept", {})), _origin(data.get("rendered_by", {})))
    except (FileNotFoundError, NotADirectoryError):
        return Manifest()
    except OSError as error:
        raise TfgenError(f"cannot read the manifest: {error.strerror}", where=str(path)) from None
    except (ValueError, KeyError, TypeError, AttributeError):
        hint = f"restore it from version control, or delete it: unedited files are recognised again ({path.name})"
        raise TfgenError("the manifest of the rendered tree is damaged", where=str(path), hint=hint) from None
    if any(name.startswith("/") or ".." in name.split("/") for name in (*manifest.files, *manifest.kept)):
        hint = "restore it from version control: a rendered tree never reaches out of its folder"
        raise TfgenError("the manifest names a file outside the rendered tree", where=str(path), hint=hint)
    if version not in (1, _VERSION):
        raise TfgenError("the tree was rendered by a newer tfgen", where=str(path), hint="pip install -U tfgen-cli")
    return manifest


def _texts(found: Any) -> dict[str, str]:
    texts = dict(found)
    if not all(isinstance(value, str) for pair in texts.items() for value in pair):
        raise TypeError
    return texts


def _origin(found: Any) -> Origin:
    texts = _texts(found)
    return Origin(texts.get("tfgen", ""), texts.get("templates", ""))
