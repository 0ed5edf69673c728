"""`tfgen apply`: changes in dependency order."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

import click

from tfgen.commands import _runs
from tfgen.commands._options import command, with_parallelism
from tfgen.commands._output import note
from tfgen.settings import Settings

if TYPE_CHECKING:
    from tfgen.model import Environment


@command(name="apply")
@_runs.module_option("Apply these modules only.")
@click.option("--with-dependencies", is_flag=True, help="And everything they read.")
@click.option("--auto-approve", is_flag=True, help="Ask nothing.")
@click.option(
    "--allow-destroy",
    metavar="ADDRESS",
    multiple=True,
    help="A table, bucket or key that may be deleted or replaced; may be repeated.",
)
@click.option("--allow-stale", is_flag=True, help="Go on with a tree that is behind the spec.")
@click.option("--lock-timeout", default="0s", show_default=True, help="How long to wait for a state lock.")
@_runs.parallelism_option()
@_runs.extra_arguments()
def cli(
    settings: Settings,
    modules: tuple[str, ...],
    with_dependencies: bool,
    auto_approve: bool,
    allow_destroy: tuple[str, ...],
    allow_stale: bool,
    lock_timeout: str,
    parallelism: int | None,
    extra: tuple[str, ...],
) -> None:
    """Apply the modules in dependency order, each after a yes to its plan."""
    from tfgen import deployment

    settings = with_parallelism(settings, parallelism)
    arguments = _runs.check_extra(extra)
    opened = _runs.open_project(settings)
    _runs.require_fresh(settings, opened, allow_stale=allow_stale)
    choices = deployment.Choices(
        modules=opened.modules(modules),
        related=with_dependencies,
        auto_approve=auto_approve,
        allow_destroy=allow_destroy,
        parallelism=settings.parallelism,
        lock_timeout=lock_timeout,
        extra=arguments,
    )
    with _runs.at_place(settings, opened) as (caller, progress):
        ask = _runs.asker(settings, opened, progress, auto_approve=auto_approve)
        run = deployment.apply(opened.project, opened.environment, caller, choices, ask)
        _runs.finish(settings, run)
    if opened.environment.endpoint is not None:
        note(settings, f"Nothing was created in AWS.{_next_place(opened.project.environments)}")


def _next_place(environments: Mapping[str, Environment]) -> str:
    """Name the command for AWS: production, else the last environment that has an account."""
    names = sorted(name for name, environment in environments.items() if environment.endpoint is None)
    chosen = "production" if "production" in names else names[-1] if names else ""
    return f" For AWS: tfgen apply --env {chosen}" if chosen else ""
