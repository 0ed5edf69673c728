"""In which order a resource is replaced where its module is applied by itself.

In a composed plan everything that a resource with `create_before_destroy` depends on is replaced in that order, too,
across modules (Terraform documentation, "The lifecycle Meta-Argument"). An apply of the module alone knows nothing of
readers in other modules: there the resource goes first, and then its replacement comes.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import replace

from tfgen.changes import CREATE, DELETE, ModuleChanges
from tfgen.hcl import read_blocks
from tfgen.modulefiles import ModuleFiles
from tfgen.state import State

_INDEX = re.compile(r"\[.*\]$", re.DOTALL)
_NEW_FIRST, _OLD_FIRST = (CREATE, DELETE), (DELETE, CREATE)


def order_alone(changes: ModuleChanges, files: ModuleFiles, found: State | None) -> ModuleChanges:
    """Give replacements the order that they have when the module is applied by itself.

    Args:
        changes: What a composed plan does to the module.
        files: The module's files.
        found: Its state; a replacement implies one.
    """
    if files.documents or not any(resource.actions == _NEW_FIRST for resource in changes.resources):
        return changes
    kept = set(_made_first(files))
    kept |= set(_needs_of(kept, found))
    resources = tuple(
        replace(resource, actions=_OLD_FIRST)
        if resource.actions == _NEW_FIRST and not _is_called(resource.address) and _plain(resource.address) not in kept
        else resource
        for resource in changes.resources
    )
    return replace(changes, resources=resources)


def _made_first(files: ModuleFiles) -> Iterator[str]:
    """Yield the module's own resources with `create_before_destroy`."""
    for source in files.sources.values():
        for block in read_blocks(source):
            lifecycles = [inner for inner in block.blocks if inner.type == "lifecycle"]
            if block.type == "resource" and any(
                inner.attributes.get("create_before_destroy", "false") != "false" for inner in lifecycles
            ):
                yield ".".join(block.labels)


def _needs_of(made_first: set[str], found: State | None) -> Iterator[str]:
    """Yield what those depend on, as the state has it: the order is forced on it inside the module, too."""
    for entry in found.resources if found else ():
        if f"{entry.get('type')}.{entry.get('name')}" in made_first:
            for instance in entry.get("instances", ()):
                yield from map(_plain, instance.get("dependencies", ()))


def _is_called(address: str) -> bool:
    return address.startswith("module.")


def _plain(address: str) -> str:
    return _INDEX.sub("", address)
