"""`tfgen providers`: the project's dependency lock file."""

from __future__ import annotations

import click

from tfgen.commands import _runs
from tfgen.commands._options import command
from tfgen.commands._output import answer, answer_json
from tfgen.settings import Settings


@click.group(name="providers")
@click.pass_context
def cli(context: click.Context) -> None:
    """The providers of the project, and the dependency lock file."""
    del context


@command(name="lock")
@click.option(
    "--platform", "platforms", metavar="OS_ARCH", multiple=True, help="linux_amd64, darwin_arm64, …; may be repeated."
)
def lock(settings: Settings, platforms: tuple[str, ...]) -> None:
    """Note the checksums of each provider in every module, once for all, for these platforms."""
    from tfgen import provider_lock
    from tfgen.process import Children

    opened = _runs.open_project(settings)
    found = provider_lock.lock_providers(opened.project, settings.variables, platforms, Children())
    if settings.json:
        answer_json({"providers": dict(found.versions), "changed": list(found.changed)})
        return
    for address, version in sorted(found.versions.items()):
        answer(f"{address} {version}")
    answer(f"changed: {', '.join(found.changed)}" if found.changed else "nothing changed")


cli.add_command(lock)
