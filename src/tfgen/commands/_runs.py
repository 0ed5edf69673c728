"""What the commands that run terraform have in common: the project, the place, questions and results."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from tfgen.commands._growing import warn_foreign
from tfgen.commands._options import complete_module
from tfgen.commands._output import answer, answer_json, note, paint
from tfgen.errors import BUG, TfgenError, UsageError
from tfgen.settings import Settings, find_root

if TYPE_CHECKING:
    from tfgen.commands._progress import Progress
    from tfgen.deployment import Caller, Run
    from tfgen.model import Environment, Module, Project
    from tfgen.runner import Ask, Question, Result
    from tfgen.workflow import LoadedProject

_COLOURS = {"done": "green", "planned": "yellow", "failed": "red", "waiting": "yellow"}


@dataclass(frozen=True)
class Opened:
    """A project and the environment a command is for."""

    loaded: LoadedProject
    environment: Environment

    @property
    def project(self) -> Project:
        """The resolved project."""
        return self.loaded.project

    def modules(self, texts: Sequence[str]) -> tuple[str, ...]:
        """Return full names of the modules a user named."""
        from tfgen.select import resolve_modules

        return tuple(module.name for module in resolve_modules(self.project, texts))

    def module(self, text: str) -> Module:
        """Return the module a user named."""
        from tfgen.select import resolve_module

        return resolve_module(self.project, text)


def module_option(help_text: str) -> Callable[[Any], Any]:
    """Declare `--module`, which may be repeated and takes lists with commas."""
    return click.option(
        "--module", "modules", metavar="M", multiple=True, help=help_text, shell_complete=complete_module
    )


def parallelism_option() -> Callable[[Any], Any]:
    """Declare `--parallelism`."""
    return click.option(
        "--parallelism",
        type=click.IntRange(min=1),
        help="Modules at once; default min(4, cores, free memory / 700 MB).",
    )


def composed_option(help_text: str) -> Callable[[Any], Any]:
    """Declare `--composed/--per-module`."""
    return click.option("--composed/--per-module", "composed", default=None, help=help_text)


def is_composed(opened: Opened, flag: bool | None, extra: Sequence[str]) -> bool:
    """Tell whether the composed plan itself is to be applied: the flag wins over the spec."""
    return opened.environment.composed and not extra if flag is None else flag


def extra_arguments() -> Callable[[Any], Any]:
    """Declare what follows `--`."""
    return click.argument("extra", nargs=-1, type=click.UNPROCESSED, metavar="[-- TERRAFORM ARGUMENTS]")


def check_extra(extra: Sequence[str]) -> tuple[str, ...]:
    """Refuse words that were not meant for terraform: a module's name without `--module`.

    Raises:
        UsageError: The first of them is no flag.
    """
    if extra and not extra[0].startswith("-"):
        raise UsageError(f"unexpected argument '{extra[0]}'", hint=f"did you mean --module {extra[0]}?")
    return tuple(extra)


def open_project(settings: Settings) -> Opened:
    """Load the project and choose the environment.

    Raises:
        TfgenError: There is no project, the spec is wrong, or the environment does not exist.
    """
    from tfgen import workflow
    from tfgen.select import resolve_environment

    loaded = workflow.load_project(*find_root(settings))
    return Opened(loaded, resolve_environment(loaded.project, settings.environment))


def require_fresh(settings: Settings, opened: Opened, *, allow_stale: bool) -> None:
    """Refuse a tree that is behind the spec; on a terminal offer to render it now. The zips are brought in line.

    Raises:
        TfgenError: The tree is stale.
    """
    from tfgen import workflow

    root, spec = find_root(settings)
    if workflow.count_unchanged(root, spec) is not None:
        return
    warn_foreign(settings, opened.project)
    if allow_stale:
        workflow.require_resolved(opened.loaded)
    files = None if allow_stale else _fresh_files(settings, opened)
    workflow.package(opened.loaded, settings.variables, on_event=lambda text: note(settings, text))
    if files is not None:
        workflow.remember_render(opened.project, files)


def _fresh_files(settings: Settings, opened: Opened) -> int | None:
    """Return the number of rendered files once the tree is in line with the spec; None if it carries edits."""
    from tfgen import workflow

    try:
        result = workflow.require_fresh(opened.loaded)
    except TfgenError as error:
        if error.code != "stale" or not can_ask(settings):
            raise
        click.echo(error.message, err=True)
        if not click.confirm("render now?", err=True):
            raise
        result = workflow.render(opened.loaded)
        note(settings, f"rendered: {result.changes.counts()}")
    return None if result.changes.kept else len(result.tree.files)


def can_ask(settings: Settings) -> bool:
    """Tell whether somebody sits at a terminal and may be asked."""
    return sys.stdin.isatty() and sys.stderr.isatty() and not settings.json


@contextmanager
def at_place(settings: Settings, opened: Opened, *, composed: bool = False) -> Iterator[tuple[Caller, Progress]]:
    """Say where a command works before and after it (and that it applies as one), and show its progress in between."""
    from tfgen.commands._progress import Progress
    from tfgen.deployment import Caller
    from tfgen.select import describe_place

    place = describe_place(opened.environment)
    note(settings, f"{place}; all modules as one" if composed else place)
    progress = Progress(settings)

    def start_emulator() -> str:
        from tfgen import localaws

        endpoint = opened.environment.endpoint or ""
        return localaws.ensure_running(opened.project.work, endpoint, progress.on_event).endpoint

    caller = Caller(
        variables=settings.variables,
        named=settings.environment is not None,
        ci=settings.ci,
        on_event=progress.on_event,
        start_emulator=start_emulator,
    )
    try:
        with progress:
            yield caller, progress
    finally:
        note(settings, place)


def asker(settings: Settings, opened: Opened, progress: Progress, *, auto_approve: bool) -> Ask | None:
    """Return how the user is asked; None where that is not possible."""
    from tfgen.select import describe_place

    if auto_approve or not can_ask(settings):
        return None

    def ask(question: Question) -> bool:
        with progress.paused():
            click.echo(f"\n{question.text}\n", err=True)
            doing = "Destroy" if question.verb == "destroy" else "Apply"
            click.echo(f"{doing} {question.module} ({question.plan.counts}) in", err=True)
            click.echo(f"  {describe_place(opened.environment)}", err=True)
            try:
                return click.prompt("Only 'yes' goes on", err=True, default="", show_default=False) == "yes"
            except click.Abort:
                raise KeyboardInterrupt from None

    return ask


def finish(settings: Settings, run: Run) -> None:
    """Print how a run went; failures first and once, whole.

    Raises:
        SystemExit: With status 1 if a module failed, with 3 if tfgen did.
    """
    if settings.json:
        answer_json(run_document(run))
    else:
        _print_failures(settings, run)
        for result in run.results:
            answer(_summary(settings, result))
        if run.verb == "destroy" and not run.results:
            answer("nothing to destroy: none of this is applied")
    if not run.ok:
        note_way_on(settings, run)
        sys.exit(failure_status(run))


def note_way_on(settings: Settings, run: Run) -> None:
    """Say where the report of a run is that did not get to its end, and how to go on with it."""
    report = run.directory / "report" / "run.html"
    if run.verb in ("apply", "destroy"):
        note(settings, f"report: {_short(report)}\ngo on: tfgen {run.verb} --env {run.environment.name} --resume")


def failure_status(run: Run) -> int:
    """Return the exit status of a run that did not end well."""
    return 3 if any(result.code == BUG for result in run.results) else 1


def run_document(run: Run) -> dict[str, Any]:
    """Return a run as a JSON document."""
    from tfgen.select import describe_place

    document: dict[str, Any] = {
        "run": run.id,
        "verb": run.verb,
        "environment": run.environment.name,
        "place": describe_place(run.environment),
        "summary": {
            "add": sum(result.counts.add for result in run.results),
            "change": sum(result.counts.change for result in run.results),
            "destroy": sum(result.counts.destroy for result in run.results),
        },
        "modules": {result.module: _result_document(result) for result in run.results},
    }
    roots = [result for result in run.results if not result.ok and not result.cause]
    if roots:
        first = roots[0]
        document["error"] = {
            "code": first.code or first.status,
            "message": first.reason,
            "where": first.module,
            "hint": first.hint,
        }
    return document


def _result_document(result: Result) -> dict[str, Any]:
    document: dict[str, Any] = {
        "status": result.status,
        "add": result.counts.add,
        "change": result.counts.change,
        "destroy": result.counts.destroy,
        "seconds": round(result.seconds, 3),
    }
    for name in ("reason", "hint", "cause"):
        if value := getattr(result, name):
            document[name] = value
    if result.log is not None:
        document["log"] = str(result.log)
    if result.plan is not None:
        document["resources"] = [
            {"address": change.address, "type": change.type, "action": change.action} for change in result.plan.changes
        ]
        document["outputs"] = dict(result.plan.outputs)
    return document


def _print_failures(settings: Settings, run: Run) -> None:
    for result in run.results:
        if result.ok or result.cause or result.status == "cancelled":
            continue
        label = paint(settings, "error:", "red", bold=True)
        click.echo(f"\n{label} {result.module}: {result.reason}", err=True)
        if result.hint:
            click.echo(f"  → {result.hint}", err=True)
        if result.log is not None:
            click.echo(f"  log: {_short(result.log)}", err=True)
        click.echo("", err=True)


def _summary(settings: Settings, result: Result) -> str:
    if result.status in ("done", "planned"):
        what = result.counts.past() if result.status == "done" else str(result.counts)
    elif result.status == "failed":
        what = result.reason.partition("\n")[0]
    else:
        what = "no changes" if result.status == "unchanged" else result.reason
    status = result.status
    if settings.color and sys.stdout.isatty():
        status = click.style(status, fg=_COLOURS.get(result.status))
    padding = " " * (10 - len(result.status))
    return f"{result.module:<24}{status}{padding}{what}"


def _short(path: Path) -> str:
    try:
        return str(path.relative_to(Path.cwd()))
    except ValueError:
        return str(path)
