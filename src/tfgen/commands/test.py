"""`tfgen test`: Terraform tests with mocked upstream, and the tests of the Lambda functions; offline."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import click

from tfgen.commands import _runs
from tfgen.commands._options import command, with_parallelism
from tfgen.commands._output import answer, answer_json, note, paint
from tfgen.settings import Settings

if TYPE_CHECKING:
    from tfgen.testevents import Failure
    from tfgen.testing import Suite

_COLOURS = {"passed": "green", "failed": "red"}


@command(name="test")
@_runs.module_option("Test these modules and their functions only.")
@_runs.parallelism_option()
def cli(settings: Settings, modules: tuple[str, ...], parallelism: int | None) -> None:
    """Run each module's Terraform tests and the tests beside its Lambda functions; calls no AWS and no emulator."""
    from tfgen.testing import run_tests

    settings = with_parallelism(settings, parallelism)
    opened = _runs.open_project(settings)
    names = opened.modules(modules) or tuple(module.name for module in opened.project.modules)
    _runs.require_fresh(settings, opened, allow_stale=False)
    suites = run_tests(
        opened.project,
        [opened.project.module(name) for name in names],
        settings.variables,
        lambda text: note(settings, text),
        parallelism=settings.parallelism,
    )
    failed = any(suite.failures for suite in suites)
    if settings.json:
        answer_json({"test": {"passed": not failed, "suites": [_document(suite) for suite in suites]}})
    else:
        _print_failures(settings, suites)
        for suite in suites:
            answer(_line(settings, suite))
    if failed:
        sys.exit(1)


def _document(suite: Suite) -> dict[str, Any]:
    return {**vars(suite), "seconds": round(suite.seconds, 3), "failures": [vars(item) for item in suite.failures]}


def _print_failures(settings: Settings, suites: Sequence[Suite]) -> None:
    from tfgen.testing import failures_of

    for failure in failures_of(suites):
        click.echo(f"{paint(settings, 'error:', 'red', bold=True)} {_told(failure)}", err=True)
        if failure.hint:
            click.echo(f"  → {failure.hint}", err=True)


def _told(failure: Failure) -> str:
    origin = f" (from {failure.template})" if failure.template else ""
    test = f"{failure.test}: " if failure.test else ""
    return f"{failure.where}: {test}{failure.message}{origin}"


def _line(settings: Settings, suite: Suite) -> str:
    count = len(suite.failures)
    text = f"{suite.passed} passed" + (f", {count} failed" if count else "")
    status = suite.status
    if settings.color and sys.stdout.isatty():
        status = click.style(status, fg=_COLOURS.get(suite.status))
    padding = " " * (10 - len(suite.status))
    return f"{suite.name:<28}{status}{padding}{text}, {suite.seconds:.1f} s"
