"""What one invocation was told: flags and environment variables, resolved once by the command line."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from tfgen.errors import TfgenError, UsageError

SPEC = Path("config") / "project.yaml"


@dataclass(frozen=True)
class Settings:
    """One frozen object instead of globals; made by the command line only.

    Attributes:
        directory: Where to look for the project.
        spec: The spec's file, if named.
        spec_source: `flag`, `variable` or empty.
        environment: The environment's name, if named.
        environment_source: `flag`, `variable` or empty.
        json: True if one JSON document is wanted on standard output.
        verbose: True for more on the error stream.
        quiet: True for warnings and errors only.
        color: True if colours are allowed.
        terraform: The terraform binary, if named.
        provider_mirror: A filesystem mirror of providers, if named.
        parallelism: Modules at once; None for the default.
        ci: True if the variable CI is set.
        variables: The environment variables of the process.
    """

    directory: Path
    spec: Path | None
    spec_source: str
    environment: str | None
    environment_source: str
    json: bool
    verbose: bool
    quiet: bool
    color: bool
    terraform: str | None
    provider_mirror: str | None
    parallelism: int | None
    ci: bool
    variables: Mapping[str, str]


def read_settings(flags: Mapping[str, object], variables: Mapping[str, str] | None = None) -> Settings:
    """Resolve flags and environment variables: a flag wins over a variable.

    Args:
        flags: `env`, `spec`, `directory`, `json`, `verbose`, `quiet`, `no_color`; missing or None if not given.
        variables: The process environment; `os.environ` if not given.

    Raises:
        UsageError: A variable has a value that cannot be used.
    """
    variables = os.environ if variables is None else variables
    directory = Path(str(flags.get("directory") or ".")).absolute()
    if not directory.is_dir():
        raise UsageError(f"there is no folder {directory}", hint="-C names an existing folder")
    spec, spec_source = _first(flags.get("spec"), variables.get("TFGEN_SPEC"))
    environment, environment_source = _first(flags.get("env"), variables.get("TFGEN_ENV"))
    return Settings(
        directory=directory,
        spec=directory / spec if spec else None,
        spec_source=spec_source,
        environment=environment,
        environment_source=environment_source,
        json=bool(flags.get("json")),
        verbose=bool(flags.get("verbose")),
        quiet=bool(flags.get("quiet")),
        color=not flags.get("no_color") and not variables.get("NO_COLOR"),
        terraform=variables.get("TFGEN_TERRAFORM") or None,
        provider_mirror=variables.get("TFGEN_PROVIDER_MIRROR") or None,
        parallelism=_parallelism(variables.get("TFGEN_PARALLELISM")),
        ci=bool(variables.get("CI")),
        variables=dict(variables),
    )


def find_root(settings: Settings) -> tuple[Path, Path]:
    """Return the project's folder and its spec, looking upwards as git does.

    Raises:
        TfgenError: There is no project here.
        UsageError: The environment that was named is none of the project's.
    """
    root, spec = _find(settings)
    name = settings.environment
    files = spec.parent / "environments"
    if name is not None and files.is_dir() and not (files / f"{name}.yaml").is_file():
        known = sorted(path.stem for path in files.glob("*.yaml"))
        raise UsageError(f"there is no environment '{name}'", hint=f"{', '.join(known)} (config/environments/)")
    return root, spec


def _find(settings: Settings) -> tuple[Path, Path]:
    if settings.spec is not None:
        folder = settings.spec.parent
        return (folder.parent if folder.name == SPEC.parent.name else folder), settings.spec
    for folder in (settings.directory, *settings.directory.parents):
        if (folder / SPEC).is_file():
            return folder, folder / SPEC
    raise TfgenError(
        f"there is no {SPEC} here or in any folder above",
        where=str(settings.directory),
        hint="start a project: tfgen init DIR",
        code="no-project",
    )


def _first(flag: object, variable: str | None) -> tuple[str | None, str]:
    if flag:
        return str(flag), "flag"
    return (variable, "variable") if variable else (None, "")


def _parallelism(text: str | None) -> int | None:
    if not text:
        return None
    if not (text.isascii() and text.isdigit()) or int(text) < 1:
        raise UsageError(f"TFGEN_PARALLELISM is {text!r}", hint="a whole number from 1")
    return int(text)
