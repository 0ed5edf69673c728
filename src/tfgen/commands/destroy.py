"""`tfgen destroy`: apply in reverse."""

from __future__ import annotations

import sys

import click

from tfgen.commands import _composed, _runs
from tfgen.commands._options import command, with_parallelism
from tfgen.commands._resume import find_run, resume_option
from tfgen.errors import UsageError
from tfgen.settings import Settings

DIFFERENCES = 2


@command(name="destroy")
@_runs.module_option("Destroy these modules only.")
@click.option("--with-dependents", is_flag=True, help="And everything that reads them.")
@click.option("--with-backend", is_flag=True, help="And backend-config, with the state bucket: nothing is left.")
@click.option("--auto-approve", is_flag=True, help="Ask nothing.")
@_runs.composed_option(
    "Destroy all in one terraform process; or each module by itself. Without either: as the spec says."
)
@click.option(
    "--allow-destroy",
    metavar="ADDRESS",
    multiple=True,
    help="A table, bucket or key that may be deleted; may be repeated.",
)
@click.option("--detailed-exitcode", is_flag=True, help="Exit 2 if something was destroyed.")
@resume_option()
@click.option(
    "--lock-timeout", default="0s", show_default=True, help="How long to wait for a state lock or another run."
)
@_runs.parallelism_option()
@_runs.extra_arguments()
def cli(
    settings: Settings,
    modules: tuple[str, ...],
    with_dependents: bool,
    with_backend: bool,
    auto_approve: bool,
    composed: bool | None,
    allow_destroy: tuple[str, ...],
    detailed_exitcode: bool,
    resume: str | None,
    lock_timeout: str,
    parallelism: int | None,
    extra: tuple[str, ...],
) -> None:
    """Destroy the modules in reverse order; backend-config stays unless --with-backend."""
    from tfgen import composition, deployment

    settings = with_parallelism(settings, parallelism)
    arguments = _runs.check_extra(extra)
    if arguments and composed:
        raise UsageError("what follows -- goes to the terraform of one module", hint="leave out --composed")
    opened = _runs.open_project(settings)
    choices = deployment.Choices(
        modules=opened.modules(modules),
        related=with_dependents,
        auto_approve=auto_approve,
        allow_destroy=allow_destroy,
        parallelism=settings.parallelism,
        lock_timeout=lock_timeout,
        extra=arguments,
        with_backend=with_backend,
        composed=_runs.is_composed(opened, composed, arguments),
        insists=composed is True,
    )
    record = None
    if resume is not None:
        narrowed = bool(modules or arguments or with_dependents or with_backend or composed is not None)
        record, choices = find_run(opened, "destroy", resume, choices, narrowed=narrowed)
    with _runs.at_place(settings, opened, composed=choices.composed) as (caller, progress):
        ask = _runs.asker(settings, opened, progress, auto_approve=choices.auto_approve)
        approve = _composed.approver(settings, opened, progress, verb="destroy", auto_approve=choices.auto_approve)
        wishes = composition.Wishes(approve, resumes=record)
        run = composition.destroy(opened.project, opened.environment, caller, choices, wishes, ask)
        _runs.finish(settings, run)
    if detailed_exitcode and any(result.status == "done" for result in run.results):
        sys.exit(DIFFERENCES)
