"""From what people type to modules and environments."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import PurePosixPath

from tfgen.errors import UsageError
from tfgen.model import Environment, Module, Project
from tfgen.schema import suggest


def resolve_module(project: Project, text: str) -> Module:
    """Return the module named by number, short name, full name or folder.

    Raises:
        UsageError: There is none.
    """
    name = PurePosixPath(text.rstrip("/")).name
    for module in project.modules:
        if name in (module.name, module.short_name) or (module.number and name == module.number):
            return module
    if name.isascii() and name.isdigit():
        same = [module for module in project.modules if module.number and int(module.number) == int(name)]
        if same:
            return same[0]
    known = [module.name for module in project.modules]
    raise UsageError(f"there is no module '{text}'", hint=suggest(name, known))


def resolve_modules(project: Project, texts: Sequence[str]) -> tuple[Module, ...]:
    """Return the modules named in a repeated or comma-separated option, in order of their numbers.

    Raises:
        UsageError: One of them does not exist.
    """
    wanted = {resolve_module(project, part).name for text in texts for part in text.split(",") if part}
    return tuple(module for module in project.modules if module.name in wanted)


def resolve_environment(project: Project, name: str | None) -> Environment:
    """Return the named environment, or the spec's default one.

    Raises:
        UsageError: There is none of that name.
    """
    chosen = name or project.default_environment
    if chosen not in project.environments:
        raise UsageError(
            f"there is no environment '{chosen}'",
            hint=f"{suggest(chosen, sorted(project.environments))} (config/environments/)",
        )
    return project.environments[chosen]


def describe_place(environment: Environment) -> str:
    """Return the sentence that says where an environment is: the emulator, or an account of AWS."""
    if environment.endpoint is not None:
        host = environment.endpoint.split("://", 1)[-1]
        return f"{environment.name}: emulator on {host}, nothing in AWS"
    return f"{environment.name}: account {environment.account}, {environment.region}"
