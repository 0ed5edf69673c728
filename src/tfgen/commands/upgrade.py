"""`tfgen upgrade`: render again with a new tfgen or changed templates, file by file."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING

import click

from tfgen.commands._edits import states_of, tell
from tfgen.commands._options import command
from tfgen.commands._output import answer, answer_json, note
from tfgen.commands._runs import can_ask
from tfgen.errors import TfgenError
from tfgen.settings import Settings, find_root

if TYPE_CHECKING:
    from tfgen.manifest import Origin
    from tfgen.workflow import LoadedProject, RenderResult

_WAYS = ("merge", "mine", "new")
_QUESTION = "what becomes of your edit? merge, mine (as it is), new (a copy of yours is kept), diff, stop"


@command(name="upgrade")
@click.option("--dry-run", is_flag=True, help="Write nothing; say what would be done.")
@click.option("--diff", is_flag=True, help="Write nothing; show the difference.")
@click.option("--edited", type=click.Choice(_WAYS), help="What becomes of every edited file, instead of asking.")
@click.option("--yes", is_flag=True, help="Ask nothing; edited files are merged.")
def cli(settings: Settings, dry_run: bool, diff: bool, edited: str | None, yes: bool) -> None:
    """Render again after a new tfgen or with changed templates; edits are merged, file by file."""
    from tfgen import workflow
    from tfgen.tree import refuse_blocked, refuse_conflicts

    loaded = workflow.load_project(*find_root(settings))
    before, after = workflow.rendered_by(loaded), workflow.describe_origin(loaded)
    preview = workflow.preview(loaded)
    refuse_conflicts(loaded.project.tree, preview.changes.conflicts)
    asks = not (dry_run or diff or yes)
    result = workflow.decide(loaded, preview, _choose(settings, loaded, preview, edited, asks=asks))
    states = states_of(result.changes, result.decided)
    if not settings.json:
        _print_plan(loaded, before, after, states)
    lines = list(workflow.differences(loaded, result)) if diff else []
    if lines and not settings.json:
        answer("\n".join(lines))
    if not dry_run and not diff:
        refuse_blocked(loaded.project.tree, result.changes, result.decided)
    written = not dry_run and not diff and (yes or not _touched(states) or _confirmed(settings, states))
    if written:
        result = workflow.carry_out(loaded, result)
        workflow.package(loaded, settings.variables, on_event=lambda text: note(settings, text))
        tell(settings, loaded, result, written=True)
        refuse_conflicts(loaded.project.tree, result.decided.conflicts)
    if settings.json:
        answer_json({"upgrade": _document(before, after, states, result, written=written), "diff": lines})


def _choose(
    settings: Settings, loaded: LoadedProject, preview: RenderResult, edited: str | None, *, asks: bool
) -> Callable[[str], str]:
    """Return what says how each edited file is treated: a flag, or the person at the terminal.

    Raises:
        TfgenError: Somebody has to be asked, and nobody is there.
    """
    if edited is not None or not asks or not preview.changes.edited:
        return lambda _path: edited or "merge"
    if not can_ask(settings):
        raise TfgenError(
            "edited files are to be decided about, and nobody can be asked",
            where=str(loaded.project.tree / preview.changes.edited[0]),
            hint="--edited merge, mine or new says it for all of them; with --yes they are merged",
            code="cannot-ask",
        )
    return lambda path: _ask(loaded, preview, path)


def _ask(loaded: LoadedProject, preview: RenderResult, path: str) -> str:
    from tfgen import workflow

    click.echo(f"edited: terraform/{path}", err=True)
    while True:
        said = click.prompt(_QUESTION, default="merge", err=True, type=click.Choice((*_WAYS, "diff", "stop")))
        if said == "stop":
            raise TfgenError("stopped; nothing was written", hint="tfgen upgrade", code="stopped")
        if said != "diff":
            return str(said)
        for line in workflow.difference(loaded, preview, path):
            click.echo(line, err=True)


def _touched(states: Mapping[str, str]) -> list[str]:
    return [path for path, state in states.items() if state not in ("kept", "in the way")]


def _confirmed(settings: Settings, states: Mapping[str, str]) -> bool:
    """Ask once before anything is written.

    Raises:
        TfgenError: Nobody can be asked, or the answer was no.
    """
    count = len(_touched(states))
    files = "1 file" if count == 1 else f"{count} files"
    if not can_ask(settings):
        raise TfgenError(
            f"{files} would be written, and nobody can be asked", hint="add --yes, or --dry-run", code="cannot-ask"
        )
    if not click.confirm(f"write {files}?", err=True):
        raise TfgenError("nothing was written", hint="tfgen upgrade --diff shows every line", code="stopped")
    return True


def _print_plan(loaded: LoadedProject, before: Origin, after: Origin, states: Mapping[str, str]) -> None:
    was = before.tfgen or "unknown"
    answer(f"rendered by tfgen {was}; this is {after.tfgen}" if was != after.tfgen else f"tfgen {after.tfgen}")
    if before.templates != after.templates and before.templates:
        answer("the templates changed")
    tree = loaded.project.tree.name
    width = max((len(state) for state in states.values()), default=0)
    for path, state in states.items():
        answer(f"  {state.ljust(width)}  {tree}/{path}")
    counts = Counter(states.values())
    answer(", ".join(f"{count} {state}" for state, count in sorted(counts.items())) or "every file is up to date")


def _document(
    before: Origin, after: Origin, states: Mapping[str, str], result: RenderResult, *, written: bool
) -> dict[str, object]:
    return {
        "from": {"tfgen": before.tfgen, "templates": before.templates},
        "to": {"tfgen": after.tfgen, "templates": after.templates},
        "files": [{"path": path, "state": state} for path, state in states.items()],
        "written": written,
        "copies": str(result.copies) if result.copies else "",
    }
