"""Which value terraform gives a root module's variables, as source text: a child module ignores its folder's tfvars.

The precedence is that of "Variable Definition Precedence" in Terraform's documentation. Values in such files are
literal expressions, so their text means the same in a module call, and nothing is evaluated here.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from tfgen.errors import TfgenError
from tfgen.hcl import has_errors, read_attributes, to_hcl


@dataclass(frozen=True)
class Value:
    """A variable's value.

    Attributes:
        text: The expression, as it stands in its file.
        path: The file.
        line: Its line there, from 1.
    """

    text: str
    path: Path
    line: int


def effective_values(folder: Path, var_files: Sequence[Path] = ()) -> dict[str, Value]:
    """Return the values that plain terraform would take for a module, defaults left out.

    Args:
        folder: The module's folder.
        var_files: What is given as `-var-file`, in order.

    Raises:
        TfgenError: A file cannot be read.
    """
    values: dict[str, Value] = {}
    for path in (*_automatic(folder), *var_files):
        values |= _read(path)
    return values


def _automatic(folder: Path) -> Iterator[Path]:
    names = sorted(entry.name for entry in os.scandir(folder))
    for name in ("terraform.tfvars", "terraform.tfvars.json"):
        if name in names:
            yield folder / name
    yield from (folder / name for name in names if name.endswith((".auto.tfvars", ".auto.tfvars.json")))


def _read(path: Path) -> Mapping[str, Value]:
    try:
        source = path.read_bytes()
    except OSError as error:
        raise TfgenError(f"cannot read it: {error.strerror}", where=str(path)) from None
    if path.name.endswith(".json"):
        return _read_json(path, source)
    if has_errors(source):
        raise TfgenError("this is not a readable tfvars file", where=str(path))
    return {name: Value(text, path, line) for name, (text, line) in read_attributes(source).items()}


def _read_json(path: Path, source: bytes) -> Mapping[str, Value]:
    try:
        # A JSON file has no templates: what looks like one is text, and to_hcl escapes it.
        return {str(name): Value(to_hcl(value), path, 1) for name, value in json.loads(source).items()}
    except (ValueError, AttributeError):
        raise TfgenError("this is not a readable JSON object", where=str(path)) from None
