"""The states of all modules as one, for reading only: each module's resources below its own `module.` address."""

from __future__ import annotations

import re
import uuid
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from tfgen.changes import OUTPUT_SEPARATOR
from tfgen.state import State

REMOTE_STATE = "terraform_remote_state"

_FORMAT = 4
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


def merge_states(parts: Iterable[StatePart], *, terraform_version: str) -> dict[str, Any]:
    """Build the state document of the scratch root.

    Outputs are mirrored, so that their changes show. Results of checks are left out: every plan makes them anew.
    """
    resources: list[Mapping[str, Any]] = []
    outputs: dict[str, Any] = {}
    for part in parts:
        resources += [_readdress(part, entry) for entry in part.state.resources if not _is_remote_state(entry)]
        for name, output in part.state.outputs.items():
            entry = {"value": output.value, "type": output.type}
            outputs[f"{part.identifier}{OUTPUT_SEPARATOR}{name}"] = (
                {**entry, "sensitive": True} if output.sensitive else entry
            )
    return {
        "version": _FORMAT,
        "terraform_version": terraform_version,
        "serial": 1,
        "lineage": str(uuid.uuid4()),
        "outputs": outputs,
        "resources": resources,
        "check_results": None,
    }


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


def _instance(prefix: str, instance: Mapping[str, Any]) -> Mapping[str, Any]:
    needs = instance.get("dependencies")
    if not needs:
        return instance
    kept = [f"{prefix}.{need}" for need in needs if f"data.{REMOTE_STATE}." not in need]
    return {**instance, "dependencies": kept}


def _provider(part: StatePart, address: str) -> str:
    match = _PROVIDER.search(address)
    if match is None:
        return address
    nested = address[: match.start()]
    if nested or (match[1], match[2] or "") in part.own_providers:
        return f"module.{part.identifier}.{address}"
    return address
