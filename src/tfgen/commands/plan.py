"""`tfgen plan`: what apply would change."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

import click

from tfgen.commands import _runs
from tfgen.commands._options import command, with_parallelism
from tfgen.commands._output import answer, answer_json
from tfgen.settings import Settings

if TYPE_CHECKING:
    from tfgen.deployment import Run

DIFFERENCES = 2


@command(name="plan")
@_runs.module_option("Plan these modules only.")
@click.option("--detailed-exitcode", is_flag=True, help="Exit 2 if there is something to apply.")
@click.option("--allow-stale", is_flag=True, help="Go on with a tree that is behind the spec.")
@_runs.parallelism_option()
@_runs.extra_arguments()
def cli(
    settings: Settings,
    modules: tuple[str, ...],
    detailed_exitcode: bool,
    allow_stale: bool,
    parallelism: int | None,
    extra: tuple[str, ...],
) -> None:
    """Show what apply would change, module by module; nothing is changed."""
    from tfgen import deployment

    settings = with_parallelism(settings, parallelism)
    arguments = _runs.check_extra(extra)
    opened = _runs.open_project(settings)
    _runs.require_fresh(settings, opened, allow_stale=allow_stale)
    choices = deployment.Choices(modules=opened.modules(modules), parallelism=settings.parallelism, extra=arguments)
    with _runs.at_place(settings, opened) as (caller, _progress):
        run = deployment.plan(opened.project, opened.environment, caller, choices)
        if settings.json:
            answer_json(_runs.run_document(run))
            if not run.ok:
                sys.exit(_runs.failure_status(run))
        else:
            _print_plans(run)
            _runs.finish(settings, run)
    if detailed_exitcode and run.differs:
        sys.exit(DIFFERENCES)


def _print_plans(run: Run) -> None:
    for result in run.results:
        if result.text:
            answer(f"── {result.module} ──\n\n{result.text}\n")
