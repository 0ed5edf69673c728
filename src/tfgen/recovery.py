"""States that terraform could not write where they belong: `errored.tfstate`, found by every command, never lost."""

from __future__ import annotations

from collections.abc import Collection
from pathlib import Path

from tfgen import bootstrap, execution, state
from tfgen.aws import Aws
from tfgen.errors import TfgenError
from tfgen.events import Event
from tfgen.execution import Bench
from tfgen.history import RunRecord
from tfgen.model import BACKEND_CONFIG, Environment, Module, Project

FILE = "errored.tfstate"


def find_errored(project: Project, environment: Environment) -> dict[str, Path]:
    """Return the states that were left in a module's folder, by module."""
    found = {}
    for module in project.modules:
        folder = project.tree / module.name
        if module.name == BACKEND_CONFIG:
            folder = project.work / "env" / environment.name / module.name
        if (folder / FILE).is_file():
            found[module.name] = folder / FILE
    return found


def describe(path: Path, module: str) -> str:
    """Say what such a file is."""
    return (
        f"{path} holds the state of {module} that terraform could not write to its bucket (an expired token, say): "
        "without it, what was made last is not known to any state"
    )


def settle(bench: Bench, clients: Aws, modules: Collection[str], resumes: RunRecord | None) -> None:
    """Bring left states where they belong if a run is gone on with; otherwise stop before anything is changed.

    Raises:
        TfgenError: A module of the run has such a state and the run does not resume, or the state does not fit.
    """
    for name, path in find_errored(bench.project, bench.environment).items():
        if name not in modules:
            bench.on_event(Event("warning", describe(path, name)))
        elif resumes is None:
            raise TfgenError(
                describe(path, name), hint="tfgen apply --resume puts it in its place and goes on", code="errored-state"
            )
        else:
            _push(bench, clients, bench.project.module(name), path)


def _push(bench: Bench, clients: Aws, module: Module, path: Path) -> None:
    left = state.read_local(path)
    if left is None:
        raise TfgenError(
            "the state that was left is empty", where=str(path), hint="remove the file", code="errored-state"
        )
    there = state.read_state(clients, bench.environment.state_bucket, module.state_key)
    if there is not None and there.lineage != left.lineage:
        raise TfgenError(
            "the state that was left is of another lineage than the one in the bucket: it is not this environment's",
            where=str(path),
            hint=f"move the file away; it belongs to another environment than {bench.environment.name}",
            code="errored-state",
        )
    if there is not None and there.serial >= left.serial:
        raise TfgenError(
            f"the state in the bucket (serial {there.serial}) is not older than the one that was left ({left.serial}): "
            "somebody has gone on since",
            where=str(path),
            hint=f"compare the two (tfgen exec {module.name} -- terraform state pull), then move the file away",
            code="errored-state",
        )
    bench.on_event(Event("note", f"putting the state of {module.name} into its bucket: {path.name}", module.name))
    if module.name == BACKEND_CONFIG:
        bootstrap.prepare(bench, module, clients, changes=True)
    else:
        execution.init(bench, module)
    execution.push_state(bench, module, path)
    path.unlink()
