"""The states of all modules as one, and back: each module's resources below its own `module.` address.

What `merge_states` does to an entry, `split_state` undoes; the two are kept side by side. Remote-state data is what
gets lost on the way: composed modules hand their outputs on directly, and every plan reads such data anew.
"""

from __future__ import annotations

import json
import re
import uuid
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from tfgen.changes import OUTPUT_SEPARATOR, split_address
from tfgen.errors import TfgenError
from tfgen.state import Output, State

REMOTE_STATE = "terraform_remote_state"

_FORMAT = 4
_ORDER = ("module", "mode", "type", "name")
_PROVIDER = re.compile(r'provider\["([^"]+)"\](?:\.([\w-]+))?$')

ProviderKey = tuple[str, str]
"""Source address and alias; the alias of a default configuration is empty."""


@dataclass(frozen=True)
class StatePart:
    """One module's share.

    Attributes:
        identifier: The module's name in the scratch root.
        state: Its state.
        own_providers: Provider configurations that stay in the module instead of the root.
    """

    identifier: str
    state: State
    own_providers: Collection[ProviderKey] = ()


@dataclass(frozen=True)
class Content:
    """What a module's state says, apart from its identity; two that are equal need not be written.

    Attributes:
        outputs: By name, as state format 4 has them.
        resources: The entries in terraform's order, without remote-state data.
    """

    outputs: Mapping[str, Any]
    resources: Sequence[Mapping[str, Any]]

    @property
    def empty(self) -> bool:
        """True if there is nothing that a state would have to remember."""
        return not (self.outputs or self.resources)


def merge_states(parts: Iterable[StatePart], *, terraform_version: str) -> dict[str, Any]:
    """Build the state document of the scratch root.

    Outputs are mirrored, so that their changes show. Results of checks are left out: every plan makes them anew.
    """
    resources: list[Mapping[str, Any]] = []
    outputs: dict[str, Any] = {}
    for part in parts:
        resources += [_readdress(part, entry) for entry in part.state.resources if not _is_remote_state(entry)]
        for name, output in part.state.outputs.items():
            outputs[f"{part.identifier}{OUTPUT_SEPARATOR}{name}"] = _mirrored(output)
    content = Content(outputs, resources)
    return to_document(content, terraform_version=terraform_version, serial=1, lineage=str(uuid.uuid4()))


def split_state(document: Mapping[str, Any], identifiers: Collection[str]) -> dict[str, Content]:
    """Give each module its share of the scratch root's state back.

    Args:
        document: The state of the scratch root.
        identifiers: The names of the composed modules in it.

    Raises:
        TfgenError: Something in it belongs to none of them; nothing may get lost.
    """
    outputs: dict[str, dict[str, Any]] = {identifier: {} for identifier in identifiers}
    resources: dict[str, list[Mapping[str, Any]]] = {identifier: [] for identifier in identifiers}
    for entry in document.get("resources") or ():
        identifier, inner = split_address(str(entry.get("module", "")))
        if identifier not in resources:
            raise _stray(f"{entry.get('module') or 'the root'}: {entry.get('type')}.{entry.get('name')}")
        if _is_remote_state(entry):
            continue
        resources[identifier].append(_brought_back(identifier, inner, entry))
    for name, output in (document.get("outputs") or {}).items():
        identifier, _, inner = name.partition(OUTPUT_SEPARATOR)
        if identifier not in outputs:
            raise _stray(f"output {name}")
        outputs[identifier][inner] = output
    return {identifier: Content(outputs[identifier], _sorted(resources[identifier])) for identifier in identifiers}


def content_of(found: State) -> Content:
    """Return what a module's own state says, in the form that `split_state` gives."""
    kept = [
        {**entry, "instances": [_without_remote_state(instance) for instance in entry.get("instances", ())]}
        for entry in found.resources
        if not _is_remote_state(entry)
    ]
    return Content({name: _mirrored(output) for name, output in found.outputs.items()}, _sorted(kept))


def to_document(content: Content, *, terraform_version: str, serial: int, lineage: str) -> dict[str, Any]:
    """Return a state document of format 4, its keys in terraform's order."""
    return {
        "version": _FORMAT,
        "terraform_version": terraform_version,
        "serial": serial,
        "lineage": lineage,
        "outputs": dict(content.outputs),
        "resources": list(content.resources),
        "check_results": None,
    }


def to_bytes(document: Mapping[str, Any]) -> bytes:
    """Write a state document as terraform does."""
    return (json.dumps(document, indent=2, ensure_ascii=False) + "\n").encode()


def _stray(what: str) -> TfgenError:
    return TfgenError(
        f"the composed state has something that belongs to no module: {what}",
        hint="look at it with terraform state list; the file stays where it is",
        code="composed-state",
    )


def _mirrored(output: Output) -> dict[str, Any]:
    entry = {"value": output.value, "type": output.type}
    return {**entry, "sensitive": True} if output.sensitive else entry


def _sorted(resources: Iterable[Mapping[str, Any]]) -> list[Mapping[str, Any]]:
    return sorted(resources, key=lambda entry: tuple(str(entry.get(key, "")) for key in _ORDER))


def _is_remote_state(entry: Mapping[str, Any]) -> bool:
    return entry.get("mode") == "data" and entry.get("type") == REMOTE_STATE


def _readdress(part: StatePart, entry: Mapping[str, Any]) -> dict[str, Any]:
    prefix = f"module.{part.identifier}"
    module = entry.get("module")
    return {
        **entry,
        "module": f"{prefix}.{module}" if module else prefix,
        "provider": _provider(part, str(entry.get("provider", ""))),
        "instances": [_instance(prefix, instance) for instance in entry.get("instances", ())],
    }


def _brought_back(identifier: str, inner: str, entry: Mapping[str, Any]) -> dict[str, Any]:
    prefix = f"module.{identifier}."
    found = {key: value for key, value in entry.items() if key != "module"}
    found |= {
        "provider": str(entry.get("provider", "")).removeprefix(prefix),
        "instances": [_instance_back(prefix, instance) for instance in entry.get("instances", ())],
    }
    return {"module": inner, **found} if inner else found


def _instance(prefix: str, instance: Mapping[str, Any]) -> Mapping[str, Any]:
    needs = instance.get("dependencies")
    if not needs:
        return instance
    kept = [f"{prefix}.{need}" for need in needs if f"data.{REMOTE_STATE}." not in need]
    return {**instance, "dependencies": kept}


def _instance_back(prefix: str, instance: Mapping[str, Any]) -> Mapping[str, Any]:
    needs = instance.get("dependencies") or ()
    own = [need.removeprefix(prefix) for need in needs if need.startswith(prefix)]
    return _without_remote_state({**instance, "dependencies": own})


def _without_remote_state(instance: Mapping[str, Any]) -> Mapping[str, Any]:
    """Drop dependencies on remote-state data; terraform writes no empty list of them."""
    needs = [need for need in instance.get("dependencies") or () if f"data.{REMOTE_STATE}." not in need]
    rest = {key: value for key, value in instance.items() if key != "dependencies"}
    return {**rest, "dependencies": sorted(needs)} if needs else rest


def _provider(part: StatePart, address: str) -> str:
    match = _PROVIDER.search(address)
    if match is None:
        return address
    nested = address[: match.start()]
    if nested or (match[1], match[2] or "") in part.own_providers:
        return f"module.{part.identifier}.{address}"
    return address
