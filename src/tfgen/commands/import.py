"""`tfgen import`: take over a resource that is there already."""

from __future__ import annotations

import click

from tfgen.commands import _runs
from tfgen.commands._options import command, complete_module
from tfgen.commands._output import note
from tfgen.settings import Settings


@command(name="import")
@click.argument("module", shell_complete=complete_module)
@click.argument("address")
@click.argument("identity", metavar="ID")
@click.option("--allow-stale", is_flag=True, help="Go on with a tree that is behind the spec.")
@click.option(
    "--lock-timeout", default="0s", show_default=True, help="How long to wait for a state lock or another run."
)
def cli(settings: Settings, module: str, address: str, identity: str, allow_stale: bool, lock_timeout: str) -> None:
    """Take the resource that AWS knows by ID over into the state of MODULE, as ADDRESS."""
    from tfgen import importing
    from tfgen.places import Choices

    opened = _runs.open_project(settings)
    chosen = opened.module(module)
    _runs.require_fresh(settings, opened, allow_stale=allow_stale)
    choices = Choices(modules=(chosen.name,), auto_approve=True, lock_timeout=lock_timeout)
    with _runs.at_place(settings, opened) as (caller, _progress):
        run = importing.import_resource(opened.project, opened.environment, caller, choices, address, identity)
        _runs.finish(settings, run)
        note(settings, f"{address} is in the state of {chosen.name}; what differs from its files: tfgen plan")
