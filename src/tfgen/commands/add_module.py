"""`tfgen add-module NAME`: a module more."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

import click

from tfgen.commands._growing import answer_additions, count_files, show_lines
from tfgen.commands._options import command, complete_blueprint, complete_module
from tfgen.commands._output import answer, answer_json, note, warn
from tfgen.commands._runs import can_ask
from tfgen.errors import TfgenError, UsageError
from tfgen.settings import Settings, find_root

if TYPE_CHECKING:
    from tfgen.additions import Wish
    from tfgen.growing import Growth


@command(name="add-module")
@click.argument("name", required=False, shell_complete=complete_blueprint)
@click.option("--blueprint", metavar="B", default="", help="What to make it from.", shell_complete=complete_blueprint)
@click.option("--number", metavar="N", default="", help="Its number, 2 to 4 digits; default: the next one.")
@click.option("--before", metavar="M", default="", help="A free number below M's.", shell_complete=complete_module)
@click.option(
    "--reads",
    metavar="M",
    multiple=True,
    help="A module its own files read; may be repeated.",
    shell_complete=complete_module,
)
@click.option("--set", "pairs", metavar="K=V", multiple=True, help="A setting; may be repeated.")
@click.option("--adopt", is_flag=True, help="Take over a folder of terraform/ that is there already, as it is.")
@click.option("--dry-run", is_flag=True, help="Write nothing; show what would be written.")
def cli(
    settings: Settings,
    name: str | None,
    blueprint: str,
    number: str,
    before: str,
    reads: tuple[str, ...],
    pairs: tuple[str, ...],
    adopt: bool,
    dry_run: bool,
) -> None:
    """Add a module: to the spec, its functions to lambdas/, its folder to terraform/. Nothing else changes.

    NAME is a blueprint's name (queue), a name of your own with --blueprint (invoices), or one with its number
    (07-invoices).
    """
    from tfgen import growing
    from tfgen.additions import Wish

    if name is None and not can_ask(settings):
        raise UsageError("no module is named", hint="tfgen add-module NAME --blueprint B; tfgen blueprints lists them")
    parts = tuple(part for text in reads for part in text.split(",") if part)
    wish = Wish(name or "", blueprint, number, before, parts, pairs, adopt)
    root, spec = find_root(settings)
    if can_ask(settings):
        wish = _asked(settings, wish)
    growth = growing.add(root, spec, wish, dry_run=dry_run)
    if not dry_run:
        _package(settings, growth)
    _answer(settings, growth, dry_run=dry_run)


def _asked(settings: Settings, wish: Wish) -> Wish:
    """Ask for what is missing: a name, a blueprint, settings that have no default."""
    from tfgen import catalogue
    from tfgen.additions import missing_settings

    root = find_root(settings)[0]
    name = wish.name or str(click.prompt("Name of the module", err=True)).strip()
    wish = replace(wish, name=name)
    known = {item.name: item.blueprint for item in catalogue.list_all(root)}
    chosen = wish.blueprint or name.rstrip("/").rpartition("/")[2].lstrip("0123456789").removeprefix("-")
    if chosen not in known and not wish.adopt:
        if not wish.blueprint:
            chosen = str(click.prompt("Blueprint", type=click.Choice(list(known)), err=True))
        wish = replace(wish, blueprint=chosen)
    blueprint = known.get(chosen)
    while blueprint and (missing := missing_settings(blueprint, wish.settings)):
        part = blueprint.settings["properties"][missing[0]]
        value = click.prompt(f"{missing[0]} ({part.get('description', 'a setting')})", err=True)
        wish = replace(wish, settings=(*wish.settings, f"{missing[0]}={value}"))
    return wish


def _package(settings: Settings, growth: Growth) -> None:
    """Build the zips, as a render does; the module is there without them, too.

    Where nothing is packaged nothing is noted as rendered: the code of other functions may be newer than their zips.
    """
    from tfgen import workflow

    if not growth.module.functions:
        return
    try:
        workflow.package(growth.loaded, settings.variables, on_event=lambda text: note(settings, text))
    except TfgenError as error:
        warn(settings, f"the module is there, but its functions could not be packaged: {error.message}")
        note(settings, f"  → {error.hint or 'tfgen package'}")
        return
    if not growth.result.changes.kept:
        workflow.remember_render(growth.loaded.project, len(growth.result.tree.files))


def _answer(settings: Settings, growth: Growth, *, dry_run: bool) -> None:
    module, changes = growth.module, growth.result.changes
    spec = growth.loaded.project.spec_path.relative_to(growth.loaded.project.root)
    following = _next(growth, dry_run=dry_run)
    if settings.json:
        answer_json(
            {
                "module": module.name,
                "blueprint": module.blueprint,
                "frame": module.frame,
                "dry_run": dry_run,
                "spec": str(spec),
                "entry": dict(growth.addition.entry),
                "created": [f"terraform/{path}" for path in changes.created],
                "changed": [f"terraform/{path}" for path in changes.changed],
                "functions": {"added": list(growth.functions.added), "kept": list(growth.functions.kept)},
                "lambdas": list(growth.functions.files),
                "adopted": [f"terraform/{path}" for path in growth.adopted],
                "next": following,
            }
        )
        return
    if dry_run:
        answer_additions(growth.before, growth.after, str(spec))
    show_lines(settings, _lines(growth, str(spec)))
    frame = "" if module.frame else ", all of it yours: nothing is rendered into it"
    verb = "would be added" if dry_run else "adopted" if growth.adopted else "added"
    answer(f"{module.name} {verb}: blueprint {module.blueprint}{frame}")
    note(settings, f"next: {following}")


def _next(growth: Growth, *, dry_run: bool) -> str:
    if dry_run:
        return "the same without --dry-run"
    return f"tfgen apply --module {growth.module.name}"


def _lines(growth: Growth, spec: str) -> Sequence[tuple[str, str]]:
    module, changes = growth.module, growth.result.changes
    lines = [("changed", spec)]
    own = [path for path in changes.created if path.startswith(f"{module.name}/")]
    values = [path for path in changes.created if path.endswith(f"/{module.name}.tfvars")]
    others = [path for path in changes.created if path not in own and path not in values]
    if own:
        lines.append(("created", f"terraform/{module.name}/ ({count_files(own)})"))
    if growth.adopted:
        lines.append(("kept", f"terraform/{module.name}/ ({count_files(growth.adopted)}, unchanged)"))
    if values:
        lines.append(("created", f"terraform/environments/*/{module.name}.tfvars ({count_files(values)})"))
    if others:
        lines.append(("created", f"terraform/ ({count_files(others)}: it was not rendered before)"))
    lines += [("changed", f"terraform/{path}") for path in changes.changed]
    lines += [
        ("created", f"lambdas/{name}/: handler, logic and tests are yours now") for name in growth.functions.added
    ]
    lines += [("kept", f"lambdas/{name}/") for name in growth.functions.kept]
    return lines
