"""What the commands on top of the composed plan have in common: showing it, asking about it, writing it down."""

from __future__ import annotations

import json
import sys
from collections.abc import Collection
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from tfgen.commands._output import JSON_VERSION, answer, answer_json
from tfgen.disk import write_whole
from tfgen.errors import TfgenError
from tfgen.settings import Settings

if TYPE_CHECKING:
    from tfgen.approval import Approval
    from tfgen.changes import ComposedPlan
    from tfgen.commands._progress import Progress
    from tfgen.commands._runs import Opened
    from tfgen.composition import Approve
    from tfgen.report.values import Paint

_PRIVATE, _PUBLIC = 0o600, 0o644


def show_plan(settings: Settings, opened: Opened, plan: ComposedPlan, shown: Collection[str] = ()) -> None:
    """Print a plan: as the one document, or for people."""
    from tfgen.report.plan import to_text

    if settings.json:
        answer_json(plan_document(opened, plan))
        return
    painter = paint(settings, sys.stdout.isatty())
    for line in to_text(plan, show=shown, verbose=settings.verbose, paint=painter):
        answer(line)


def plan_document(opened: Opened, plan: ComposedPlan) -> dict[str, Any]:
    """Return a plan as a document, with its place."""
    from tfgen.report.plan import to_document

    document = {**place_document(opened), **to_document(plan)}
    if plan.errors:
        first = plan.errors[0]
        document["error"] = {
            "code": "plan",
            "message": first.message,
            "where": first.where or first.module,
            "hint": first.hint,
        }
    return document


def place_document(opened: Opened) -> dict[str, str]:
    """Return the environment and where it is."""
    from tfgen.select import describe_place

    return {"environment": opened.environment.name, "place": describe_place(opened.environment)}


def write_report(plan: ComposedPlan, opened: Opened, folder: Path) -> None:
    """Write plan.json and plan.md.

    Raises:
        TfgenError: The folder cannot be written.
    """
    from tfgen.report.plan import to_markdown
    from tfgen.select import describe_place

    document = {"version": JSON_VERSION, **plan_document(opened, plan)}
    write_file(folder / "plan.json", json.dumps(document, indent=2, ensure_ascii=False) + "\n", _PRIVATE)
    write_file(folder / "plan.md", to_markdown(plan, title=describe_place(opened.environment)), _PUBLIC)


def save_approval(approved: Approval, path: Path) -> None:
    """Write what was approved.

    Raises:
        TfgenError: The file cannot be written.
    """
    from tfgen.approval import to_document

    write_file(path, json.dumps(to_document(approved), indent=1) + "\n", _PRIVATE)


def read_approval(path: Path, opened: Opened) -> Approval:
    """Read what was approved for this place.

    Raises:
        TfgenError: The file is missing, is no approval, or is one for something else.
    """
    from tfgen.approval import check_place, from_document

    try:
        data = path.read_bytes()
    except OSError as error:
        raise TfgenError(
            f"cannot read what was approved: {error.strerror}", where=str(path), hint="tfgen plan --save FILE"
        ) from None
    approved = from_document(data, where=str(path))
    environment = opened.environment
    check_place(
        approved,
        project=opened.project.name,
        environment=environment.name,
        account=environment.account,
        where=str(path),
    )
    return approved


def write_file(path: Path, text: str, mode: int) -> None:
    """Write a file whole or not at all.

    Raises:
        TfgenError: It cannot be written.
    """
    try:
        write_whole(path, text.encode(), mode=mode)
    except OSError as error:
        raise TfgenError(
            f"cannot write {path}: {error.strerror}", where=str(path), hint="name a place that can be written"
        ) from None


def approver(settings: Settings, opened: Opened, progress: Progress, *, verb: str, auto_approve: bool) -> Approve:
    """Return how a plan of the whole is shown and approved: everything on the error stream, one question."""
    from tfgen.report.plan import count_all, to_text
    from tfgen.select import describe_place

    painter = paint(settings, sys.stderr.isatty())

    def approve(plan: ComposedPlan) -> bool:
        with progress.paused():
            if not settings.quiet or not auto_approve:
                click.echo("", err=True)
                for line in to_text(plan, verbose=settings.verbose, paint=painter):
                    click.echo(line, err=True)
            if auto_approve:
                return True
            if not plan.complete:
                click.echo("This stage applies what can be planned; the rest is planned afterwards.", err=True)
            click.echo(f"{verb.capitalize()} this ({count_all(plan)}) in", err=True)
            click.echo(f"  {describe_place(opened.environment)}", err=True)
            try:
                return click.prompt("Only 'yes' goes on", err=True, default="", show_default=False) == "yes"
            except click.Abort:
                raise KeyboardInterrupt from None

    return approve


def paint(settings: Settings, terminal: bool) -> Paint:
    """Return how texts are coloured on a stream."""

    def painted(text: str, colour: str) -> str:
        if not (settings.color and terminal and colour):
            return text
        return click.style(text, bold=True) if colour == "bold" else click.style(text, fg=colour)

    return painted
