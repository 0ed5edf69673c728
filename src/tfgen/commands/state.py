"""`tfgen state`: what is done with states beside plan and apply."""

from __future__ import annotations

from typing import Any

import click

from tfgen.commands import _runs
from tfgen.commands._options import command, global_options, merge_flags
from tfgen.commands._output import answer, answer_json
from tfgen.settings import Settings


@click.group(name="state")
@global_options
@click.pass_context
def cli(context: click.Context, /, **flags: Any) -> None:
    """Mend states that a run left behind."""
    context.obj = merge_flags(context, flags)


@command(name="recover")
@click.argument("run")
def recover(settings: Settings, run: str) -> None:
    """Write what RUN made as one into the states of its modules, release its locks, and do nothing else."""
    from tfgen import composed_apply

    opened = _runs.open_project(settings)
    with _runs.at_place(settings, opened) as (caller, _progress):
        composed_apply.recover(opened.project, opened.environment, caller, run)
    if settings.json:
        answer_json({"recovered": run})
    else:
        answer(f"run {run}: the states of its modules are written, its locks are free")


cli.add_command(recover)
