"""`tfgen render`: bring `terraform/` in line with the spec."""

from __future__ import annotations

import sys
from collections.abc import Sequence

import click

from tfgen import freshness
from tfgen.assets import template_roots
from tfgen.commands._options import command
from tfgen.commands._output import answer, answer_json, note
from tfgen.errors import UsageError
from tfgen.settings import Settings, find_root

STALE = 2


@command(name="render")
@click.option("--check", is_flag=True, help="Write nothing; exit 2 if the tree is stale.")
@click.option("--diff", is_flag=True, help="Write nothing; show the difference.")
def cli(settings: Settings, check: bool, diff: bool) -> None:
    """Bring terraform/ in line with the spec."""
    if check and diff:
        raise UsageError("--check and --diff exclude each other", hint="give one of them")
    root, spec = find_root(settings)
    unchanged = freshness.count_unchanged(root, spec, template_roots(root))
    if unchanged is not None:
        _print_counts(settings, {"created": 0, "changed": 0, "unchanged": unchanged, "removed": 0}, diff=diff)
        return
    _render(settings, check=check, diff=diff)


def _render(settings: Settings, *, check: bool, diff: bool) -> None:
    from tfgen import workflow

    root, spec = find_root(settings)
    loaded = workflow.load_project(root, spec)
    result = workflow.preview(loaded) if check or diff else workflow.render(loaded)
    lines = list(workflow.differences(loaded, result)) if diff else []
    if lines and not settings.json:
        answer("\n".join(lines))
    if not check and not diff:
        workflow.package(loaded, settings.variables, on_event=lambda text: note(settings, text))
        workflow.remember_render(loaded.project, len(result.tree.files))
    changes = result.changes
    for word, paths in (("edited", changes.edited), ("in the way", changes.foreign)):
        for path in paths:
            note(settings, f"{word}: terraform/{path}")
    counts = {name: len(getattr(changes, name)) for name in ("created", "changed", "unchanged", "removed")}
    _print_counts(settings, counts, changes.edited, changes.foreign, diff=diff, lines=lines)
    if check and changes.is_stale:
        sys.exit(STALE)


def _print_counts(
    settings: Settings,
    counts: dict[str, int],
    edited: Sequence[str] = (),
    in_the_way: Sequence[str] = (),
    *,
    diff: bool,
    lines: Sequence[str] = (),
) -> None:
    if settings.json:
        document = {"render": counts, "edited": list(edited), "in_the_way": list(in_the_way)}
        answer_json({**document, "diff": list(lines)} if diff else document)
    else:
        answer(", ".join(f"{count} {name}" for name, count in counts.items()))
