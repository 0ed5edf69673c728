"""`tfgen drift`: what was changed outside terraform."""

from __future__ import annotations

import sys

import click

from tfgen.commands import _composed, _runs
from tfgen.commands._options import command
from tfgen.commands._output import answer, answer_json
from tfgen.settings import Settings

DIFFERENCES = 2


@command(name="drift")
@click.option("--detailed-exitcode", is_flag=True, help="Exit 2 if something was changed.")
@click.option("--allow-stale", is_flag=True, help="Go on with a tree that is behind the spec.")
def cli(settings: Settings, detailed_exitcode: bool, allow_stale: bool) -> None:
    """Show what was changed outside terraform, per module; what is not applied yet is none of it."""
    from tfgen import composition, deployment
    from tfgen.report.plan import drift_document, drift_text

    opened = _runs.open_project(settings)
    _runs.require_fresh(settings, opened, allow_stale=allow_stale)
    with _runs.at_place(settings, opened) as (caller, _progress):
        found = composition.drift(opened.project, opened.environment, caller, deployment.Choices())
        if settings.json:
            answer_json({**_composed.place_document(opened), **drift_document(found)})
        else:
            for line in drift_text(found, paint=_composed.paint(settings, sys.stdout.isatty())):
                answer(line)
        if found.errors:
            sys.exit(1)
    if detailed_exitcode and found.drift:
        sys.exit(DIFFERENCES)
