"""Printing: answers to standard output, everything else to the error stream."""

from __future__ import annotations

import json
import sys
from collections.abc import Mapping
from contextlib import suppress
from typing import Any

import click

from tfgen.errors import SeveralErrors, TfgenError
from tfgen.settings import Settings

JSON_VERSION = 1


def answer(text: str) -> None:
    """Print what was asked for."""
    click.echo(text)


def answer_json(document: Mapping[str, Any]) -> None:
    """Print the one JSON document of this invocation."""
    click.echo(json.dumps({"version": JSON_VERSION, **document}, indent=2, ensure_ascii=False))


def note(settings: Settings, text: str) -> None:
    """Say something that is not the answer; silent with --quiet."""
    if not settings.quiet:
        # The terminal may be gone while a run is still being closed.
        with suppress(OSError):
            click.echo(text, err=True)


def warn(settings: Settings, text: str) -> None:
    """Warn on the error stream, in yellow where colours are allowed."""
    with suppress(OSError):
        click.echo(paint(settings, f"warning: {text}", "yellow"), err=True)


def paint(settings: Settings, text: str, colour: str, *, bold: bool = False) -> str:
    """Colour a text for the error stream, if that is a terminal and colours are allowed."""
    if not settings.color or not sys.stderr.isatty():
        return text
    return click.style(text, fg=colour, bold=bold)


def show_error(error: TfgenError, *, as_json: bool, color: bool) -> None:
    """Print an error: to the error stream for people, as the one document for machines."""
    if as_json:
        click.echo(json.dumps({"version": JSON_VERSION, "error": _error_document(error)}, indent=2, ensure_ascii=False))
        return
    problems = error.problems if isinstance(error, SeveralErrors) else (error,)
    styled = color and sys.stderr.isatty()
    with suppress(OSError):
        for problem in problems:
            place = f"{problem.where}: " if problem.where else ""
            label = click.style("error: ", fg="red", bold=True) if styled else "error: "
            click.echo(f"{label}{place}{problem.message}", err=True)
            if problem.hint:
                click.echo(f"  → {problem.hint}", err=True)


def _error_document(error: TfgenError) -> dict[str, Any]:
    document: dict[str, Any] = {
        "code": error.code,
        "message": error.message,
        "where": error.where,
        "hint": error.hint,
    }
    if isinstance(error, SeveralErrors):
        document["problems"] = [
            {"message": problem.message, "where": problem.where, "hint": problem.hint} for problem in error.problems
        ]
    return document
