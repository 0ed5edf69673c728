"""`tfgen impact`: what must be applied again, and why."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

import click

from tfgen.commands import _composed, _runs
from tfgen.commands._options import command
from tfgen.commands._output import answer, answer_json
from tfgen.settings import Settings, find_root

if TYPE_CHECKING:
    from tfgen.impact import ModuleImpact


@command(name="impact")
@click.option(
    "--since",
    metavar="REV",
    help="What changed since a git revision (or A..B) means; asks no account, runs no terraform.",
)
@click.option("--allow-stale", is_flag=True, help="Go on with a tree that is behind the spec.")
def cli(settings: Settings, since: str | None, allow_stale: bool) -> None:
    """Say which modules must be applied and why, what is replaced or destroyed, and which data is lost."""
    if since:
        _since(settings, since)
        return
    from tfgen import composition, deployment
    from tfgen.impact import from_plan

    opened = _runs.open_project(settings)
    _runs.require_fresh(settings, opened, allow_stale=allow_stale)
    with _runs.at_place(settings, opened) as (caller, _progress):
        found = composition.plan(opened.project, opened.environment, caller, deployment.Choices())
        _show(settings, from_plan(found), _composed.place_document(opened))
        if found.errors:
            sys.exit(1)


def _since(settings: Settings, revision: str) -> None:
    from tfgen import workflow

    root, spec = find_root(settings)
    impacts = workflow.impact_since(root, spec, revision, settings.environment, settings.variables)
    _show(settings, impacts, {"since": revision})


def _show(settings: Settings, impacts: tuple[ModuleImpact, ...], about: dict[str, str]) -> None:
    from tfgen.report.impact import to_document, to_text

    if settings.json:
        answer_json({**about, **to_document(impacts)})
        return
    for line in to_text(impacts, paint=_composed.paint(settings, sys.stdout.isatty())):
        answer(line)
