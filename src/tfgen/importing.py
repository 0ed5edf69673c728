"""Taking a resource over that was made outside terraform, or that a state has lost."""

from __future__ import annotations

import re
from pathlib import Path

from tfgen import execution, readiness
from tfgen.deployment import check_upstream, prepare, refuse_to_ask, run_modules
from tfgen.errors import UsageError
from tfgen.hcl import read_blocks
from tfgen.model import Environment, Module, Project
from tfgen.places import Caller, Choices, Run
from tfgen.runner import DONE, Ask, Result
from tfgen.schema import suggest
from tfgen.sessions import session

_INDEX = re.compile(r"\[[^\]]*\]")


def import_resource(
    project: Project, environment: Environment, caller: Caller, choices: Choices, address: str, identity: str
) -> Run:
    """Take a resource over into the state of a module.

    Args:
        project: The project.
        environment: Where.
        caller: Who calls, and how.
        choices: The one module, and how long to wait for locks.
        address: The resource's address in the module.
        identity: What AWS knows it by.

    Raises:
        TfgenError: The address is not in the configuration, or the environment cannot be opened.
        Interrupted: The user stopped it.
    """
    module = project.module(choices.modules[0])
    check_address(project, module, address)
    with session(project, environment, caller, choices, verb="import", modules=[module.name]) as place:
        check_upstream(place, {module.name})
        readiness.check(place, {module.name})

        def work(name: str, _ask: Ask) -> Result:
            prepare(place, module, changes=True)
            execution.import_resource(place.bench, module, address, identity)
            return Result(name, DONE, log=place.bench.log(module, "import"))

        return run_modules(place, "import", {module.name: ()}, work, choices, refuse_to_ask)


def check_address(project: Project, module: Module, address: str) -> None:
    """Refuse an address that the module's configuration does not have, before terraform is started.

    Raises:
        UsageError: It is not there; with what was probably meant.
    """
    known = known_addresses(project.tree / module.name)
    plain = _INDEX.sub("", address)
    wanted = ".".join(plain.split(".")[:2])
    if wanted not in known:
        raise UsageError(
            f"{module.name} has no {address} in its configuration",
            hint=suggest(wanted, sorted(known)) if known else "it has no resources",
            where=str(project.tree / module.name),
        )


def known_addresses(folder: Path) -> frozenset[str]:
    """Return `TYPE.NAME` of each resource in a module's folder, and `module.NAME` of each module it calls."""
    found = set()
    for path in sorted(folder.glob("*.tf")):
        for block in read_blocks(path.read_bytes()):
            if block.type == "resource" and len(block.labels) == 2:
                found.add(".".join(block.labels))
            elif block.type == "module" and block.labels:
                found.add(f"module.{block.labels[0]}")
    return frozenset(found)
