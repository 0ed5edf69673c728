"""What `tfgen doctor` looks at; no call to AWS unless an environment with an account was named."""

from __future__ import annotations

import platform
import sys
from collections.abc import Callable
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path

from tfgen import accounts, isolation, localaws, mirror, terraform
from tfgen.aws import Aws
from tfgen.errors import TfgenError
from tfgen.model import Environment, Project
from tfgen.select import resolve_environment
from tfgen.settings import Settings

_PYTHON = (3, 11)


@dataclass(frozen=True)
class Finding:
    """One thing that was looked at.

    Attributes:
        name: What.
        ok: True if it is as it should be.
        text: What was found.
        mend: What to do, if anything.
    """

    name: str
    ok: bool
    text: str
    mend: str = ""


def examine(settings: Settings, project: Project | None, trouble: TfgenError | None) -> tuple[Finding, ...]:
    """Look at everything a command may need.

    Args:
        settings: What this invocation was told.
        project: The project, if one could be loaded.
        trouble: Why not, otherwise.

    Raises:
        UsageError: The project has no environment of the name that was given.
    """
    environment = _environment(settings, project)
    looks: list[Callable[[], Finding]] = [_python]
    looks.append(lambda: _project(project, trouble))
    looks.append(lambda: _terraform(settings, project))
    looks.append(lambda: _providers(settings))
    looks.append(lambda: _emulator(project, environment))
    looks.append(lambda: _credentials(settings, project, environment))
    return tuple(look() for look in looks)


def provenance(settings: Settings, project: Project | None) -> tuple[tuple[str, str, str], ...]:
    """Return what is set to what, and where that comes from: flag, variable, spec or default."""
    environment = settings.environment or (project.default_environment if project else "?")
    variables = settings.variables

    def origin(name: str, otherwise: str) -> str:
        return name if variables.get(name) else otherwise

    parallelism = settings.parallelism
    return (
        ("environment", environment, settings.environment_source or "spec"),
        ("spec", str(project.spec_path if project else settings.spec or "?"), settings.spec_source or "found upwards"),
        ("terraform", settings.terraform or "terraform", origin("TFGEN_TERRAFORM", "PATH")),
        (
            "provider mirror",
            settings.provider_mirror or "looked for",
            origin("TFGEN_PROVIDER_MIRROR", "default"),
        ),
        (
            "parallelism",
            str(parallelism) if parallelism else "min(4, cores, free memory / 700 MB)",
            origin("TFGEN_PARALLELISM", "default"),
        ),
    )


def _environment(settings: Settings, project: Project | None) -> Environment | None:
    return None if project is None else resolve_environment(project, settings.environment)


def _python() -> Finding:
    good = sys.version_info[:2] >= _PYTHON
    text = f"{platform.python_version()} ({sys.executable})"
    return Finding("python", good, text, "" if good else "install Python 3.11 or newer")


def _project(project: Project | None, trouble: TfgenError | None) -> Finding:
    if project is not None:
        return Finding("project", True, f"{project.name} ({project.spec_path})")
    assert trouble is not None  # noqa: S101 - one of the two is given
    return Finding("project", False, trouble.message, trouble.hint or "tfgen check")


def _terraform(settings: Settings, project: Project | None) -> Finding:
    try:
        binary = terraform.find_binary(settings.variables)
        env = {name: value for name, value in settings.variables.items() if name in ("PATH", "HOME")}
        version = terraform.detect_version(binary, env={**env, "CHECKPOINT_DISABLE": "1"}, cwd=Path.cwd())
        constraint = project.required_version if project else ">= 1.10"
        terraform.check_version(version, constraint, binary=binary)
    except TfgenError as error:
        return Finding("terraform", False, error.message, error.hint)
    return Finding("terraform", True, f"{version} ({binary}), fits {constraint!r}")


def _providers(settings: Settings) -> Finding:
    try:
        source = mirror.find_provider_source(settings.variables)
    except TfgenError as error:
        return Finding("providers", False, error.message, error.hint)
    if source.mirror is not None:
        names = ", ".join(name.split("/", 1)[1] for name in mirror.mirrored_providers(source.mirror))
        return Finding("providers", True, f"mirror {source.mirror} ({names}; {source.origin})")
    if source.config_decides:
        return Finding("providers", True, f"as {source.config} says")
    return Finding("providers", True, "downloaded from the registry, once for all modules")


def _emulator(project: Project | None, environment: Environment | None) -> Finding:
    if environment is not None and not environment.embedded:
        return Finding("emulator", True, f"environment {environment.name} does not use it")
    if find_spec("ministack") is None:
        return Finding("emulator", False, "not installed", "pip install 'tfgen-cli[local]'")
    if project is None or environment is None or environment.endpoint is None:
        return Finding("emulator", True, "installed")
    status = localaws.status(project.work, environment.endpoint)
    if status.state == "lost":
        return Finding("emulator", False, "it ended without saving what it held", "tfgen local reset")
    what = "running on" if status.state == "running" else "not running, started on demand on"
    return Finding("emulator", True, f"{what} {status.endpoint}")


def _credentials(settings: Settings, project: Project | None, environment: Environment | None) -> Finding:
    name = "credentials"
    if project is None or environment is None:
        return Finding(name, True, "not looked at without a project")
    if environment.endpoint is not None:
        return Finding(name, True, f"environment {environment.name} needs none")
    if settings.environment is None:
        return Finding(name, True, f"not asked: {environment.name} is only the default (--env {environment.name})")
    try:
        isolated = isolation.isolate(settings.variables, environment, work=project.work)
        who = accounts.check_account(environment, Aws(isolated.env))
    except TfgenError as error:
        return Finding(name, False, error.message, error.hint)
    return Finding(name, True, f"{who} in account {environment.account}")
