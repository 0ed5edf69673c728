"""`tfgen render`: bring `terraform/` in line with the spec."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from typing import TYPE_CHECKING

import click

from tfgen import freshness
from tfgen.assets import template_roots
from tfgen.commands._options import command
from tfgen.commands._output import answer, answer_json, note
from tfgen.errors import TfgenError, UsageError
from tfgen.settings import Settings, find_root

if TYPE_CHECKING:
    from tfgen.workflow import LoadedProject, RenderResult

STALE = 2


@command(name="render")
@click.option("--check", is_flag=True, help="Write nothing; exit 2 if the tree is stale.")
@click.option("--diff", is_flag=True, help="Write nothing; show the difference.")
@click.option("--merge", is_flag=True, help="Keep what was edited and bring in what is new.")
@click.option("--force", is_flag=True, help="Write over what was edited, after a copy.")
def cli(settings: Settings, check: bool, diff: bool, merge: bool, force: bool) -> None:
    """Bring terraform/ in line with the spec."""
    for one, other in (("check", "diff"), ("check", "merge"), ("check", "force"), ("merge", "force")):
        if {"check": check, "diff": diff, "merge": merge, "force": force}.items() >= {one: True, other: True}.items():
            raise UsageError(f"--{one} and --{other} exclude each other", hint="give one of them")
    root, spec = find_root(settings)
    unchanged = freshness.count_unchanged(root, spec, template_roots(root))
    if unchanged is not None:
        _print_counts(settings, {"created": 0, "changed": 0, "unchanged": unchanged, "removed": 0}, diff=diff)
        return
    way = "merge" if merge else "new" if force else ""
    _render(settings, check=check, diff=diff, way=way)


def _render(settings: Settings, *, check: bool, diff: bool, way: str) -> None:
    from tfgen import workflow
    from tfgen.commands._edits import states_of, tell
    from tfgen.commands._growing import warn_foreign
    from tfgen.tree import refuse_conflicts

    root, spec = find_root(settings)
    loaded = workflow.load_project(root, spec)
    result = _preview(loaded, way) if check or diff else _write(settings, loaded, way)
    changes = result.changes
    lines = list(workflow.differences(loaded, result)) if diff else []
    if lines and not settings.json:
        answer("\n".join(lines))
    if not check and not diff:
        workflow.package(loaded, settings.variables, on_event=lambda text: note(settings, text))
        if not changes.kept and not result.decided.paths:
            workflow.remember_render(loaded.project, len(result.tree.files))
    tell(settings, loaded, result, written=not check and not diff)
    warn_foreign(settings, loaded.project)
    if not check and not diff:
        refuse_conflicts(loaded.project.tree, result.decided.conflicts)
    counts = {name: len(getattr(changes, name)) for name in ("created", "changed", "unchanged", "removed")}
    _print_counts(
        settings,
        counts,
        states_of(changes, result.decided),
        diff=diff,
        lines=lines,
        copies="" if result.copies is None else str(result.copies),
    )
    if check and changes.is_stale:
        sys.exit(STALE)


def _preview(loaded: LoadedProject, way: str) -> RenderResult:
    from tfgen import workflow

    return workflow.decide(loaded, workflow.preview(loaded), (lambda _path: way) if way else None)


def _write(settings: Settings, loaded: LoadedProject, way: str) -> RenderResult:
    """Render; where edits are in the way, show what would become of them before the refusal."""
    from tfgen import workflow
    from tfgen.commands._edits import show_edits

    try:
        return workflow.render(loaded, (lambda _path: way) if way else None)
    except TfgenError as error:
        if error.code == "edited" and not settings.json:
            show_edits(settings, loaded, workflow.preview(loaded))
        raise


def _print_counts(
    settings: Settings,
    counts: dict[str, int],
    states: dict[str, str] | None = None,
    *,
    diff: bool,
    lines: Sequence[str] = (),
    copies: str = "",
) -> None:
    found = states or {}
    if settings.json:
        document = {
            "render": counts,
            "edited": [path for path, state in found.items() if state == "edited"],
            "in_the_way": [path for path, state in found.items() if state == "in the way"],
            "kept": [path for path, state in found.items() if state == "kept"],
            "merged": [path for path, state in found.items() if state == "merged"],
            "conflicts": [path for path, state in found.items() if state == "conflict"],
            "yours": [path for path, state in found.items() if state == "yours"],
            "replaced": [path for path, state in found.items() if state == "replaced"],
            "copies": copies,
        }
        answer_json({**document, "diff": list(lines)} if diff else document)
        return
    more = {word: sum(state == word for state in found.values()) for word in ("kept", "merged", "replaced")}
    shown = counts | {word: count for word, count in more.items() if count}
    answer(", ".join(f"{count} {name}" for name, count in shown.items()))
