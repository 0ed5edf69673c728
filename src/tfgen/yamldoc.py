"""YAML with positions: every value and key knows its line and column, and YAML 1.1's traps are refused."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from tfgen.errors import SpecError, TfgenError

MAX_BYTES = 1_000_000
"""Largest file that is read; a spec of 1,000 modules has about 150 kB."""

MAX_VALUES = 100_000
"""Most values a file may hold once its aliases are expanded."""

_MAX_DEPTH = 40
_OPENERS = ("[", "{", "- ", "-\t", "? ", "?\t")
_HARMLESS_OPENERS = 1_000
_TAG = "tag:yaml.org,2002:"
_DECIMAL = re.compile(r"[-+]?(0|[1-9][0-9]{0,17})")
_LOADER = getattr(yaml, "CSafeLoader", yaml.SafeLoader)

KeyPath = tuple[str | int, ...]


@dataclass(frozen=True)
class Document:
    """A YAML file as plain values.

    Attributes:
        name: The file's name as it is shown in messages.
        value: The values: dicts, lists, strings, numbers, booleans, None.
        values: Line and column of every value, by path.
        keys: Line and column of every mapping key, by path.
    """

    name: str
    value: Any
    values: Mapping[KeyPath, tuple[int, int]]
    keys: Mapping[KeyPath, tuple[int, int]]

    def place(self, path: KeyPath, *, key: bool = False) -> str:
        """Return `file:line:column` of the value (or key) at `path`, or of what encloses it."""
        while True:
            found = (self.keys if key else self.values).get(path) or self.values.get(path)
            if found is not None:
                return f"{self.name}:{found[0]}:{found[1]}"
            if not path:
                return self.name
            path = path[:-1]

    def problem(self, message: str, path: KeyPath, *, hint: str = "", key: bool = False) -> TfgenError:
        """Return an error that names the place of `path`."""
        return TfgenError(message, hint=hint, where=self.place(path, key=key), code="spec")


def load_document(path: Path, name: str) -> Document:
    """Read a YAML file.

    Args:
        path: The file.
        name: How it is called in messages.

    Raises:
        TfgenError: It is missing or unreadable.
        SpecError: It is not UTF-8, too large, not YAML, or holds a trap (all traps at once).
    """
    try:
        size = path.stat().st_size
        if size > MAX_BYTES:
            raise SpecError(
                [
                    TfgenError(
                        f"the file has {size:,} bytes, the limit is {MAX_BYTES:,}",
                        where=name,
                        hint="a spec lists modules and settings; keep data elsewhere",
                    )
                ]
            )
        raw = path.read_bytes()
    except FileNotFoundError:
        raise TfgenError(
            "the file does not exist",
            where=name,
            hint="run tfgen in a project, or start one with: tfgen init DIR",
            code="spec",
        ) from None
    except OSError as error:
        message = f"cannot read the file: {error.strerror}"
        raise TfgenError(message, where=name, hint="name a file that can be read", code="spec") from None
    return parse_document(raw, name)


def parse_document(raw: bytes, name: str) -> Document:
    """Read YAML from bytes; see `load_document`."""
    try:
        text = raw.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = raw.count(b"\n", 0, error.start) + 1
        column = error.start - (raw.rfind(b"\n", 0, error.start) + 1) + 1
        raise SpecError(
            [TfgenError("the file is not UTF-8", where=f"{name}:{line}:{column}", hint="save it as UTF-8")]
        ) from None
    try:
        _check_depth(text, name)
        node = yaml.compose(text, Loader=_LOADER)
    except yaml.MarkedYAMLError as error:
        raise SpecError([_syntax_problem(error, name, text)]) from None
    except RecursionError:
        hint = f"a file may have {_MAX_DEPTH} levels"
        raise SpecError([TfgenError("the file is nested too deeply", where=name, hint=hint)]) from None
    except yaml.YAMLError as error:
        message = f"not YAML: {error}".splitlines()[0]
        raise SpecError([TfgenError(message, where=name, hint="save it as plain text in UTF-8")]) from None
    reader = _Reader(name)
    value = reader.read(node, (), 0) if node is not None else None
    if reader.problems:
        raise SpecError(reader.problems)
    return Document(name, value, reader.values, reader.keys)


def _check_depth(text: str, name: str) -> None:
    """Stop before nesting that would exhaust the C stack: composing recurses, reading events does not."""
    if sum(map(text.count, _OPENERS)) < _HARMLESS_OPENERS:
        return
    depth = 0
    for event in yaml.parse(text, Loader=_LOADER):
        depth += isinstance(event, yaml.CollectionStartEvent) - isinstance(event, yaml.CollectionEndEvent)
        if depth > _MAX_DEPTH:
            mark = event.start_mark
            where = f"{name}:{mark.line + 1}:{mark.column + 1}" if mark else name
            hint = f"a file may have {_MAX_DEPTH} levels"
            raise SpecError([TfgenError("the file is nested too deeply", where=where, hint=hint)])


def _syntax_problem(error: yaml.MarkedYAMLError, name: str, text: str) -> TfgenError:
    mark = error.problem_mark or error.context_mark
    where = f"{name}:{mark.line + 1}:{mark.column + 1}" if mark else name
    lines = text.splitlines()
    line = lines[mark.line] if mark and mark.line < len(lines) else ""
    if "\t" in line[: len(line) - len(line.lstrip())] or "'\\t'" in str(error.problem):
        return TfgenError("a tab is used for indentation", where=where, hint="YAML wants spaces")
    hint = "look at this line and the one before: quotes, brackets and indentation"
    return TfgenError(f"not YAML: {error.problem or error.context}", where=where, hint=hint)


class _Reader:
    """Turns YAML nodes into plain values and collects places and problems on the way."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.values: dict[KeyPath, tuple[int, int]] = {}
        self.keys: dict[KeyPath, tuple[int, int]] = {}
        self.problems: list[TfgenError] = []

    def read(self, node: yaml.Node, path: KeyPath, depth: int) -> Any:
        if len(self.values) > MAX_VALUES or depth > _MAX_DEPTH:
            self._refuse(node, "the file expands to too many values", "write anchors and aliases out")
            raise SpecError(self.problems[-1:])
        self.values[path] = (node.start_mark.line + 1, node.start_mark.column + 1)
        if not isinstance(node, yaml.ScalarNode) and node.tag not in (f"{_TAG}map", f"{_TAG}seq"):
            self._refuse(node, f"the tag {node.tag} is not allowed", "write a plain value")
        if isinstance(node, yaml.MappingNode):
            return self._mapping(node, path, depth)
        if isinstance(node, yaml.SequenceNode):
            return [self.read(item, (*path, index), depth + 1) for index, item in enumerate(node.value)]
        return self._scalar(node)

    def _mapping(self, node: yaml.MappingNode, path: KeyPath, depth: int) -> dict[str, Any]:
        result: dict[str, Any] = {}
        for key_node, value_node in node.value:
            key = self._key(key_node)
            if key is None:
                continue
            if key in result:
                first = self.keys[(*path, key)]
                self._refuse(key_node, f"the key '{key}' stands twice", f"the first is in line {first[0]}")
                continue
            self.keys[(*path, key)] = (key_node.start_mark.line + 1, key_node.start_mark.column + 1)
            result[key] = self.read(value_node, (*path, key), depth + 1)
        return result

    def _key(self, node: yaml.Node) -> str | None:
        if not isinstance(node, yaml.ScalarNode):
            self._refuse(node, "a key must be a plain word", "write key: value")
            return None
        if node.tag == f"{_TAG}merge":
            self._refuse(node, "merge keys (<<) are not supported", "write the values out")
            return None
        return str(node.value)

    def _scalar(self, node: yaml.Node) -> Any:
        text = str(node.value)
        kind = node.tag.removeprefix(_TAG)
        if kind == "null":
            return None
        if kind == "bool":
            if text.lower() in ("true", "false"):
                return text.lower() == "true"
            self._refuse(node, f"{text} is read as a boolean", f'write "{text}", or true or false')
            return None
        if kind == "int":
            return self._integer(node, text)
        if kind == "float":
            return self._float(node, text)
        if kind not in ("str", "timestamp"):
            self._refuse(node, f"the tag {node.tag} is not allowed", "write a plain value")
        return text

    def _integer(self, node: yaml.Node, text: str) -> int | None:
        if len(text) == 12 and text.isdigit():
            self._refuse(node, "the account id is not quoted", f'write "{text}": YAML reads it as a number')
            return None
        if not _DECIMAL.fullmatch(text):
            self._refuse(node, f"{text} is read as another number", f'write "{text}" or a plain decimal')
            return None
        return int(text)

    def _float(self, node: yaml.Node, text: str) -> float | None:
        try:
            value = float(text)
        except ValueError:
            value = math.nan
        if not math.isfinite(value) or "_" in text:
            self._refuse(node, f"{text} is read as another number", f'write "{text}" or a plain decimal')
            return None
        return value

    def _refuse(self, node: yaml.Node, message: str, hint: str) -> None:
        where = f"{self.name}:{node.start_mark.line + 1}:{node.start_mark.column + 1}"
        self.problems.append(TfgenError(message, where=where, hint=hint, code="spec"))
