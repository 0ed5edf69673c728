"""Saying what became of rendered files that were edited: for `render` and `upgrade`."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tfgen.commands._output import note, warn
from tfgen.settings import Settings

if TYPE_CHECKING:
    from tfgen.tree import Changes, Decided
    from tfgen.workflow import LoadedProject, RenderResult

_SHOWN = 120
"""Lines of a difference beside an error; more of them hide what is wrong."""


def states_of(changes: Changes, decided: Decided) -> dict[str, str]:
    """Return what happens to each file that is not simply unchanged: path → one word."""
    words = {
        "new": changes.created,
        "changed": changes.changed,
        "removed": changes.removed,
        "edited": changes.edited,
        "kept": (*changes.kept, *decided.kept),
        "merged": decided.written,
        "conflict": [conflict.path for conflict in (*changes.conflicts, *decided.conflicts)],
        "yours": decided.released,
        "in the way": changes.foreign,
    }
    states = {path: word for word, paths in words.items() for path in paths}
    for path, target in decided.moved.items():
        states[path] = f"moved to terraform/{target}" if target else "removed"
    differing = {*changes.edited, *(conflict.path for conflict in changes.conflicts)}
    states |= dict.fromkeys(differing & decided.written.keys() - decided.kept.keys(), "replaced")
    return dict(sorted(states.items()))


def tell(settings: Settings, loaded: LoadedProject, result: RenderResult, *, written: bool) -> None:
    """Say on the error stream what becomes of edited files; once it is written also where copies and rests are."""
    changes, decided, tree = result.changes, result.decided, loaded.project.tree
    for path, word in states_of(changes, decided).items():
        if word not in ("new", "changed", "removed"):
            note(settings, f"{word}: terraform/{path}")
    for path in decided.released:
        warn(settings, f"terraform/{path} is no longer rendered; your edited file stays and is your own from now on")
    for old, new in changes.renamed.items() if written else ():
        left = sorted(path.name for path in (tree / old).glob("[!.]*"))
        if left:
            warn(settings, f"terraform/{old}/ is terraform/{new}/ now; files of your own stay: {', '.join(left)}")
    if result.copies:
        note(settings, f"copies of what you had: {result.copies}")


def show_edits(settings: Settings, loaded: LoadedProject, result: RenderResult) -> None:
    """Show on the error stream what a render would do to edited files."""
    from tfgen import workflow

    lines = [line for path in result.changes.edited for line in workflow.difference(loaded, result, path)]
    for line in lines[:_SHOWN]:
        note(settings, line)
    if len(lines) > _SHOWN:
        note(settings, f"… {len(lines) - _SHOWN} more lines: tfgen render --diff")
