"""`tfgen blueprints`: what modules can be made from."""

from __future__ import annotations

from typing import Any

import click

from tfgen.commands._options import command, complete_blueprint, global_options, merge_flags
from tfgen.commands._output import answer, answer_json, note
from tfgen.settings import Settings, find_root


@click.group(name="blueprints", invoke_without_command=True)
@global_options
@click.pass_context
def cli(context: click.Context, /, **flags: Any) -> None:
    """List what modules can be made from; show one, begin one, copy one to change it."""
    context.obj = merge_flags(context, flags)
    if context.invoked_subcommand is None:
        context.invoke(list_all)


@command(name="list")
def list_all(settings: Settings) -> None:
    """List all, with their settings and an example each."""
    from tfgen import catalogue
    from tfgen.report import blueprints

    listed = catalogue.list_all(find_root(settings)[0])
    if settings.json:
        answer_json({"blueprints": [blueprints.describe(item) for item in listed]})
        return
    for line in blueprints.show_catalogue(listed):
        answer(line)


@command(name="show")
@click.argument("name", shell_complete=complete_blueprint)
def show(settings: Settings, name: str) -> None:
    """Show one, with what each setting takes."""
    from tfgen import catalogue
    from tfgen.report import blueprints

    listed = catalogue.find(find_root(settings)[0], name)
    if settings.json:
        answer_json({"blueprint": blueprints.describe(listed)})
        return
    for line in blueprints.show_blueprint(listed):
        answer(line)


@command(name="new")
@click.argument("name")
def new(settings: Settings, name: str) -> None:
    """Begin one of your own in templates/; it renders as it stands."""
    from tfgen import catalogue

    files = catalogue.create(find_root(settings)[0], name)
    _answer_files(settings, name, [str(path) for path in files], f"tfgen add-module {name}")


@command(name="copy")
@click.argument("name", shell_complete=complete_blueprint)
def copy(settings: Settings, name: str) -> None:
    """Copy a shipped one to templates/, where it is yours to change and takes the shipped one's place."""
    from tfgen import catalogue

    files = catalogue.copy(find_root(settings)[0], name)
    _answer_files(settings, name, [str(path) for path in files], "change it, then tfgen render")


def _answer_files(settings: Settings, name: str, files: list[str], following: str) -> None:
    if settings.json:
        answer_json({"blueprint": name, "files": files, "next": following})
        return
    for path in files:
        note(settings, f"created  {path}")
    answer(f"templates/{name}: {len(files)} files")
    note(settings, f"next: {following}")


for subcommand in (list_all, show, new, copy):
    cli.add_command(subcommand)
