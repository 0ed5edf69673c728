"""`tfgen apply`: approved changes in dependency order."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

import click

from tfgen.commands import _composed, _runs
from tfgen.commands._options import command, with_parallelism
from tfgen.commands._output import note
from tfgen.commands._resume import find_run, resume_option
from tfgen.errors import UsageError
from tfgen.settings import Settings

if TYPE_CHECKING:
    from tfgen.model import Environment


@command(name="apply")
@_runs.module_option("Apply these modules only.")
@click.option("--with-dependencies", is_flag=True, help="And everything they read.")
@click.option("--auto-approve", is_flag=True, help="Ask nothing.")
@click.option(
    "--approved", metavar="FILE", type=click.Path(path_type=Path), help="What `plan --save FILE` wrote; asks nothing."
)
@click.option(
    "--on-difference",
    type=click.Choice(["stop", "continue"]),
    default="stop",
    show_default=True,
    help="When the plan of a module turns out to be more than what was approved.",
)
@_runs.composed_option(
    "Apply the plan of the whole itself, in one terraform process; or ask for and apply each module by itself. "
    "Without either: as the spec says (apply: composed or modules)."
)
@click.option(
    "--allow-destroy",
    metavar="ADDRESS",
    multiple=True,
    help="A table, bucket or key that may be deleted or replaced; may be repeated.",
)
@click.option("--allow-stale", is_flag=True, help="Go on with a tree that is behind the spec.")
@resume_option()
@click.option(
    "--lock-timeout", default="0s", show_default=True, help="How long to wait for a state lock or another run."
)
@_runs.parallelism_option()
@_runs.extra_arguments()
def cli(
    settings: Settings,
    modules: tuple[str, ...],
    with_dependencies: bool,
    auto_approve: bool,
    approved: Path | None,
    on_difference: str,
    composed: bool | None,
    allow_destroy: tuple[str, ...],
    allow_stale: bool,
    resume: str | None,
    lock_timeout: str,
    parallelism: int | None,
    extra: tuple[str, ...],
) -> None:
    """Apply what changes, after a yes to the plan of the whole project: in dependency order, or as one."""
    from tfgen import composition, deployment

    settings = with_parallelism(settings, parallelism)
    arguments = _runs.check_extra(extra)
    _check_flags(modules, arguments, approved, on_difference, composed)
    opened = _runs.open_project(settings)
    before = _composed.read_approval(approved, opened) if approved else None
    _runs.require_fresh(settings, opened, allow_stale=allow_stale)
    choices = deployment.Choices(
        modules=opened.modules(modules),
        related=with_dependencies,
        auto_approve=auto_approve,
        allow_destroy=allow_destroy,
        parallelism=settings.parallelism,
        lock_timeout=lock_timeout,
        extra=arguments,
        composed=_runs.is_composed(opened, composed, arguments),
        insists=composed is True,
    )
    record = None
    alone = composed is False or (bool(modules or arguments) and not choices.composed)
    if resume is not None:
        narrowed = bool(modules or arguments or with_dependencies or approved or composed is not None)
        record, choices = find_run(opened, "apply", resume, choices, narrowed=narrowed)
        alone = record.choices.get("mode") == deployment.PER_MODULE
    with _runs.at_place(settings, opened, composed=choices.composed) as (caller, progress):
        ask = _runs.asker(settings, opened, progress, auto_approve=choices.auto_approve)
        if alone:
            run = deployment.apply(opened.project, opened.environment, caller, choices, ask, record)
        else:
            approve = _composed.approver(settings, opened, progress, verb="apply", auto_approve=choices.auto_approve)
            wishes = composition.Wishes(approve, before, on_difference, record)
            run = composition.apply(opened.project, opened.environment, caller, choices, wishes, ask)
        _runs.finish(settings, run)
    if opened.environment.endpoint is not None:
        note(settings, f"Nothing was created in AWS.{_next_place(opened.project.environments)}")


def _check_flags(
    modules: tuple[str, ...],
    arguments: tuple[str, ...],
    approved: Path | None,
    on_difference: str,
    composed: bool | None,
) -> None:
    alone = bool(modules or arguments)
    if arguments and composed:
        raise UsageError("what follows -- goes to the terraform of one module", hint="leave out --composed")
    if alone and approved:
        raise UsageError("--approved is for the whole project", hint="leave out --module")
    if composed is False and approved:
        raise UsageError("--approved compares with the plan of the whole project", hint="leave out --per-module")
    if (alone or composed is False) and not composed and on_difference != "stop":
        raise UsageError("--on-difference is about the approved plan of the whole project", hint="leave it out")


def _next_place(environments: Mapping[str, Environment]) -> str:
    """Name the command for AWS: production, else the last environment that has an account."""
    names = sorted(name for name, environment in environments.items() if environment.endpoint is None)
    chosen = "production" if "production" in names else names[-1] if names else ""
    return f" For AWS: tfgen apply --env {chosen}" if chosen else ""
