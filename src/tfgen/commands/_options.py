"""Options that every command takes, before or after its name, and the one way to the project."""

from __future__ import annotations

import functools
from collections.abc import Callable
from dataclasses import replace
from typing import Any, TypeVar, cast

import click

from tfgen.errors import UsageError
from tfgen.settings import Settings, find_root, read_settings

Function = TypeVar("Function", bound=Callable[..., Any])

_GLOBAL = ("env", "json", "verbose", "quiet", "no_color", "directory", "spec")


def global_options(function: Function) -> Function:
    """Add the global options to a command or group."""
    for decorator in (
        click.option("--spec", metavar="FILE", help="The spec, if not config/project.yaml."),
        click.option("-C", "directory", metavar="DIR", help="Look for the project here."),
        click.option("--no-color", is_flag=True, default=None, help="No colours."),
        click.option("-q", "--quiet", is_flag=True, default=None, help="Warnings and errors only."),
        click.option("-v", "--verbose", is_flag=True, default=None, help="Say more."),
        click.option("--json", is_flag=True, default=None, help="One JSON document on standard output."),
        click.option("--env", metavar="NAME", help="The environment.", shell_complete=_complete_environment),
    ):
        function = decorator(function)
    return function


def command(**attributes: Any) -> Callable[[Callable[..., Any]], click.Command]:
    """Declare a command: it takes the global options and gets the resolved `Settings` first."""

    def decorate(function: Callable[..., Any]) -> click.Command:
        @functools.wraps(function)
        @click.pass_context
        def run(context: click.Context, /, **parameters: Any) -> Any:
            own = {name: parameters.pop(name) for name in _GLOBAL}
            return function(read_settings(merge_flags(context, own)), **parameters)

        built: click.Command = click.command(**attributes)(global_options(run))
        return built

    return decorate


def merge_flags(context: click.Context, own: dict[str, Any]) -> dict[str, Any]:
    """Join the global options given before the command with those given after it.

    Raises:
        UsageError: One is given twice with different values.
    """
    merged = dict(cast("dict[str, Any]", context.obj or {}))
    for name, value in own.items():
        if value is None:
            continue
        if merged.get(name) is not None and merged[name] != value:
            flag = "-C" if name == "directory" else f"--{name.replace('_', '-')}"
            raise UsageError(f"{flag} is given twice: {merged[name]} and {value}", hint="give it once")
        merged[name] = value
    if merged.get("quiet") and merged.get("verbose"):
        raise UsageError("--quiet and --verbose exclude each other", hint="give one of them")
    return merged


def refuse_json(settings: Settings, name: str) -> None:
    """Refuse `--json` for a command that has no JSON form.

    Raises:
        UsageError: The flag was given.
    """
    if settings.json:
        raise UsageError(f"'{name}' has no JSON form", hint="leave out --json")


def with_parallelism(settings: Settings, parallelism: int | None) -> Settings:
    """Return the settings with the flag `--parallelism`, which wins over the variable."""
    return settings if parallelism is None else replace(settings, parallelism=parallelism)


def complete_module(context: click.Context, parameter: click.Parameter, incomplete: str) -> list[Any]:
    """Complete module names from the rendered tree's manifest: no YAML is read for a TAB."""
    del parameter
    return [name for name in _known_modules(context) if name.startswith(incomplete) or incomplete in name]


def complete_blueprint(context: click.Context, parameter: click.Parameter, incomplete: str) -> list[Any]:
    """Complete names of blueprints from the folders' names: no YAML is read for a TAB."""
    del parameter
    from tfgen.assets import template_roots

    try:
        roots = template_roots(find_root(read_settings(completion_flags(context)))[0])
    except Exception:
        return []
    found = {path.parent.name for root in roots for path in root.glob("*/blueprint.yaml")} - {"backend-config"}
    return sorted(name for name in found if incomplete in name)


def _complete_environment(context: click.Context, parameter: click.Parameter, incomplete: str) -> list[Any]:
    del parameter
    try:
        _, spec = find_root(read_settings(completion_flags(context)))
    except Exception:
        return []
    names = sorted(path.stem for path in (spec.parent / "environments").glob("*.yaml"))
    return [name for name in names if name.startswith(incomplete)]


def _known_modules(context: click.Context) -> list[str]:
    try:
        root, _ = find_root(read_settings(completion_flags(context)))
    except Exception:
        return []
    files = (path for name in ("versions.tf", "main.tf") for path in (root / "terraform").glob(f"*/{name}"))
    return sorted({path.parent.name for path in files})


def completion_flags(context: click.Context) -> dict[str, Any]:
    """Return the global options given so far on a line that is being completed."""
    flags: dict[str, Any] = {}
    while True:
        flags = {**{name: context.params.get(name) for name in _GLOBAL if context.params.get(name)}, **flags}
        if context.parent is None:
            return flags
        context = context.parent
