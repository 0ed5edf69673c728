"""`tfgen unlock`: remove a state lock whose owner is gone."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

import click

from tfgen.commands import _runs
from tfgen.commands._options import command, complete_module, refuse_json
from tfgen.commands._output import answer
from tfgen.settings import Settings

if TYPE_CHECKING:
    from tfgen.locking import HeldLock


@command(name="unlock")
@click.argument("module", shell_complete=complete_module)
@click.option("--id", "lock_id", metavar="ID", default="", help="The lock that is meant; without a terminal needed.")
def cli(settings: Settings, module: str, lock_id: str) -> None:
    """Remove the state lock of MODULE, in the table and in the bucket, after showing whose it is."""
    from tfgen import locking

    refuse_json(settings, "unlock")
    opened = _runs.open_project(settings)
    chosen = opened.module(module)

    def confirm(lock: HeldLock) -> bool:
        click.echo(f"{lock.module}: {locking.describe_lock(lock)}", err=True)
        click.echo("If that terraform still runs, two will write the same state.", err=True)
        return bool(click.prompt("Only 'yes' removes it", err=True, default="", show_default=False) == "yes")

    with _runs.at_place(settings, opened) as (caller, _progress):
        asked = confirm if _runs.can_ask(settings) else None
        removed = locking.unlock(opened.project, opened.environment, caller, chosen, lock_id, asked)
        left = [] if removed else locking.list_locks(opened.project, opened.environment, caller)[0]
    for lock in removed:
        answer(f"{chosen.name} is unlocked: {locking.describe_lock(lock)}")
    if any(lock.module == chosen.name for lock in left):
        sys.exit(1)
    if not removed:
        answer(f"{chosen.name} is not locked")
