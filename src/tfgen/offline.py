"""Terraform for what needs no environment: found, of a version that fits, and with its way to the providers."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from tfgen import isolation, mirror, terraform
from tfgen.mirror import ProviderSource
from tfgen.model import Environment, Project


@dataclass(frozen=True)
class Tool:
    """Terraform, ready to be started.

    Attributes:
        binary: Its path.
        version: What it says it is.
        env: The environment it is started with.
        source: Where providers come from.
    """

    binary: str
    version: str
    env: Mapping[str, str]
    source: ProviderSource


def prepare(project: Project, caller: Mapping[str, str], environment: Environment | None = None) -> Tool:
    """Find terraform and build its environment; calls no AWS and starts no emulator.

    Args:
        project: The project.
        caller: The environment tfgen was started with.
        environment: Whose variables and region it gets; None for the default environment.

    Raises:
        TfgenError: Terraform is missing or does not fit.
    """
    source = mirror.find_provider_source(caller)
    config = mirror.write_cli_config(source, project.work)
    place = environment or project.environments[project.default_environment]
    env = isolation.isolate(caller, place, work=project.work, cli_config=config).env
    binary = terraform.find_binary(caller)
    version = terraform.identify(binary, project, env=env)
    return Tool(binary, version, isolation.with_downloads(env, caller) if source.downloads else env, source)
