"""Terraform's JSON files, as far as the contracts between modules go: what they give, and what they read."""

from __future__ import annotations

import json
import re
from collections.abc import Collection, Mapping
from typing import Any

from tfgen.hcl import Traversal

_MEMBER = re.compile(r"\blocal\.([A-Za-z_][\w-]*)(?:\.([A-Za-z_][\w-]*))?")


def is_json(name: str) -> bool:
    """True for a file that terraform reads as JSON."""
    return name.endswith(".tf.json")


def read_json_outputs(source: bytes) -> Mapping[str, Mapping[str, Any]]:
    """Read the `output` blocks of a JSON file: name → arguments; a file that cannot be read has none."""
    try:
        document = json.loads(source)
    except ValueError:
        return {}
    outputs = document.get("output") if isinstance(document, dict) else None
    parts = outputs if isinstance(outputs, list) else [outputs]
    return {
        name: body if isinstance(body, dict) else {}
        for part in parts
        if isinstance(part, dict)
        for name, body in part.items()
    }


def read_json_locals(source: bytes, names: Collection[str]) -> tuple[Traversal, ...]:
    """Find every `local.<name>.<member>` in the text of a JSON file, in file order.

    Args:
        source: The file.
        names: The names that count.
    """
    text = source.decode("utf-8", "replace")
    found = []
    for match in _MEMBER.finditer(text):
        if match[1] in names:
            before = text[: match.start()]
            line, column = before.count("\n") + 1, len(before) - (before.rfind("\n") + 1) + 1
            parts = ("local", match[1], *([match[2]] if match[2] else []))
            found.append(Traversal(parts, line, column))
    return tuple(found)
