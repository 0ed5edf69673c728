"""What add-module and remove-module print in the same way."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from difflib import unified_diff
from typing import TYPE_CHECKING

from tfgen.commands._output import answer, note, warn
from tfgen.settings import Settings

if TYPE_CHECKING:
    from tfgen.model import Project


def answer_additions(before: bytes, after: bytes, name: str) -> None:
    """Print what would change in the spec, as a unified diff."""
    old, new = (text.decode("utf-8").splitlines() for text in (before, after))
    answer("\n".join(unified_diff(old, new, f"a/{name}", f"b/{name}", lineterm="")))


def show_lines(settings: Settings, lines: Iterable[tuple[str, str]]) -> None:
    """Say what happens to which path."""
    for word, path in lines:
        note(settings, f"{word:<8} {path}")


def count_files(paths: Sequence[str]) -> str:
    """Return `1 file` or `3 files`."""
    return f"{len(paths)} file{'' if len(paths) == 1 else 's'}"


def warn_foreign(settings: Settings, project: Project) -> None:
    """Name the folders of the tree that look like modules and are none of the project's."""
    from tfgen import workflow

    for name in workflow.find_foreign_folders(project):
        warn(
            settings, f"terraform/{name}/ is foreign: no module of the spec, and not written by tfgen; it is left alone"
        )
        note(settings, f"  → tfgen add-module {name} --adopt takes it over as it is")
