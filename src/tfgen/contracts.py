"""What modules promise each other, held against each other and against what is applied. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from tfgen.hcl import read_blocks
from tfgen.render import RenderedTree
from tfgen.state import State

PRESENT = "present"
MISSING = "missing"
NULL = "null"

_ATTRIBUTE = re.compile(r'(?:(data)\.)?([a-z]\w*)\.([A-Za-z_][\w-]*)(?:\[(?:"([^"]*)"|(\d+))\])?\.([a-z]\w*)')


@dataclass(frozen=True)
class Reading:
    """One output that a module reads, and what the environment has of it.

    Attributes:
        reader: Full name of the module that reads it.
        read: Full name of the module that gives it.
        output: Its name.
        status: `present`, `missing` or `null`.
        hint: What to do if it is not there.
    """

    reader: str
    read: str
    output: str
    status: str
    hint: str = ""


def find_unread(tree: RenderedTree) -> dict[str, tuple[str, ...]]:
    """Return the outputs that no other module reads, by module; people and other programs may well read them."""
    read: dict[str, set[str]] = {}
    for edge in tree.edges:
        read.setdefault(edge.read, set()).update(edge.outputs)
    return {
        module: tuple(name for name in outputs if name not in read.get(module, ()))
        for module, outputs in tree.outputs.items()
        if "*" not in read.get(module, ()) and set(outputs) - read.get(module, set())
    }


def compare_states(
    tree: RenderedTree, users: Mapping[str, Mapping[str, bytes]], states: Mapping[str, State | None]
) -> tuple[Reading, ...]:
    """Say for each output that a module reads whether the environment's states have it.

    Args:
        tree: The rendered tree.
        users: The users' own files: module name → file name → bytes.
        states: The state of each module; None for one that was never applied.
    """
    found = []
    for edge in tree.edges:
        names = tree.outputs[edge.read] if "*" in edge.outputs else edge.outputs
        state = states.get(edge.read)
        for name in names:
            expression = _expression(tree, users, edge.read, name)
            found.append(Reading(edge.reader, edge.read, name, *_status(edge.read, name, state, expression)))
    return tuple(found)


def _status(module: str, name: str, state: State | None, expression: str) -> tuple[str, str]:
    if state is None or not state.applied:
        return MISSING, f"{module} has not been applied: tfgen apply --module {module} --with-dependencies"
    if name in state.outputs:
        return (PRESENT, "") if state.outputs[name].value is not None else (NULL, _null_hint(module, name))
    # Terraform keeps no null output in a state; the resource that it names may tell which of the two it is.
    if expression == "null" or any(value is None for value in _values(state, expression)):
        return NULL, _null_hint(module, name)
    return (
        MISSING,
        f"{name} is newer than what is applied of {module}, or its value is null: tfgen apply --module {module}",
    )


def _null_hint(module: str, name: str) -> str:
    return f"remote state hands no null on: give {name} of {module} another value, such as an empty string"


def _expression(tree: RenderedTree, users: Mapping[str, Mapping[str, bytes]], module: str, name: str) -> str:
    file = tree.files.get(f"{module}/outputs.tf")
    sources = [*([file.content] if file else []), *users.get(module, {}).values()]
    for source in sources:
        for block in read_blocks(source):
            if block.type == "output" and block.labels == (name,):
                return block.attributes.get("value", "").strip()
    return ""


def _values(state: State, expression: str) -> Iterator[Any]:
    """Yield what the state holds of `type.name.attribute`, with a literal key at most; nothing for anything else."""
    match = _ATTRIBUTE.fullmatch(expression)
    if match is None:
        return
    data, kind, name, text, number, attribute = match.groups()
    key = text if text is not None else int(number) if number is not None else None
    mode = "data" if data else "managed"
    for entry in state.resources:
        if (entry.get("mode"), entry.get("type"), entry.get("name")) == (mode, kind, name) and not entry.get("module"):
            for instance in entry.get("instances", ()):
                attributes = instance.get("attributes") or {}
                if instance.get("index_key") == key and attribute in attributes:
                    yield attributes[attribute]
