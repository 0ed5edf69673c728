"""`tfgen plan`: what apply would change."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING

import click

from tfgen.commands import _composed, _runs
from tfgen.commands._options import command, complete_module, with_parallelism
from tfgen.commands._output import answer, answer_json, note
from tfgen.errors import UsageError
from tfgen.settings import Settings

if TYPE_CHECKING:
    from tfgen.deployment import Run

DIFFERENCES = 2


@command(name="plan")
@_runs.module_option("What `apply --module M` would do, with the permissions of these modules only.")
@click.option(
    "--show", "shown", metavar="M", multiple=True, help="Show these modules only.", shell_complete=complete_module
)
@click.option("--per-module", is_flag=True, help="Plan the modules one by one instead of as one.")
@click.option("--detailed-exitcode", is_flag=True, help="Exit 2 if there is something to apply.")
@click.option("--report", metavar="DIR", type=click.Path(path_type=Path), help="Write plan.json and plan.md there.")
@click.option(
    "--save",
    metavar="FILE",
    type=click.Path(path_type=Path),
    help="Write what `apply --approved FILE` needs: addresses, actions and hashes, no values.",
)
@click.option("--allow-stale", is_flag=True, help="Go on with a tree that is behind the spec.")
@_runs.parallelism_option()
@_runs.extra_arguments()
def cli(
    settings: Settings,
    modules: tuple[str, ...],
    shown: tuple[str, ...],
    per_module: bool,
    detailed_exitcode: bool,
    report: Path | None,
    save: Path | None,
    allow_stale: bool,
    parallelism: int | None,
    extra: tuple[str, ...],
) -> None:
    """Show what apply would change in the whole project, in one terraform process; nothing is changed."""
    from tfgen import composition, deployment

    settings = with_parallelism(settings, parallelism)
    arguments = _runs.check_extra(extra)
    alone = bool(per_module or modules or arguments)
    if alone and (shown or report or save):
        raise UsageError(
            "--show, --report and --save belong to the plan of the whole project",
            hint="leave out --module and --per-module",
        )
    opened = _runs.open_project(settings)
    narrowed = opened.modules(shown)
    _runs.require_fresh(settings, opened, allow_stale=allow_stale)
    choices = deployment.Choices(modules=opened.modules(modules), parallelism=settings.parallelism, extra=arguments)
    with _runs.at_place(settings, opened) as (caller, _progress):
        if alone:
            run = deployment.plan(opened.project, opened.environment, caller, choices)
            _show_run(settings, run)
            differs = run.differs
        else:
            found = composition.plan(opened.project, opened.environment, caller, choices)
            if save:
                approved = composition.approve(found, opened.project, opened.environment)
                _composed.save_approval(approved, save)
            if report:
                _composed.write_report(found, opened, report)
            _composed.show_plan(settings, opened, found, narrowed)
            differs = found.changed or not found.complete
            for path in filter(None, (save, report)):
                note(settings, f"written: {path}")
            if not found.complete and found.errors:
                sys.exit(1)
    if detailed_exitcode and differs:
        sys.exit(DIFFERENCES)


def _show_run(settings: Settings, run: Run) -> None:
    if settings.json:
        answer_json(_runs.run_document(run))
        if not run.ok:
            sys.exit(_runs.failure_status(run))
        return
    for result in run.results:
        if result.text:
            answer(f"── {result.module} ──\n\n{result.text}\n")
    _runs.finish(settings, run)
