"""`tfgen exec`: any command where a module's terraform runs."""

from __future__ import annotations

import sys

import click

from tfgen.commands import _runs
from tfgen.commands._options import command, complete_module, refuse_json
from tfgen.settings import Settings


@command(name="exec")
@click.argument("module", shell_complete=complete_module)
@click.argument("words", metavar="-- COMMAND…", nargs=-1, required=True, type=click.UNPROCESSED)
def cli(settings: Settings, module: str, words: tuple[str, ...]) -> None:
    """Run a command in a module's folder with the environment's data dir, backend, var-files and credentials.

    Its exit status becomes tfgen's.
    """
    from tfgen import deployment

    refuse_json(settings, "exec")
    opened = _runs.open_project(settings)
    name = opened.module(module).name
    with _runs.at_place(settings, opened) as (caller, _progress):
        status = deployment.execute(opened.project, opened.environment, caller, name, words)
    sys.exit(status)
