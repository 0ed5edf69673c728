"""`tfgen check`: the spec, the references between modules, the format, and terraform's validation."""

from __future__ import annotations

import sys
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import click

from tfgen.commands import _runs
from tfgen.commands._growing import warn_foreign
from tfgen.commands._options import command
from tfgen.commands._output import answer, answer_json, note, paint, warn
from tfgen.settings import Settings

if TYPE_CHECKING:
    from tfgen.checking import Finding
    from tfgen.contracts import Reading
    from tfgen.render import RenderedTree
    from tfgen.workflow import RenderResult


@command(name="check")
@click.option("--per-module", is_flag=True, help="Validate each module by itself instead of all in one process.")
@click.option(
    "--live", is_flag=True, help="Also look into the environment's states: is every output there that is read?"
)
def cli(settings: Settings, per_module: bool, live: bool) -> None:
    """Check the spec, the references, the format and the configuration; calls no AWS unless --live asks for it."""
    from tfgen import workflow
    from tfgen.checking import check_terraform
    from tfgen.contracts import PRESENT, find_unread

    opened = _runs.open_project(settings)
    result = workflow.require_fresh(opened.loaded)
    warn_foreign(settings, opened.project)
    workflow.package(opened.loaded, settings.variables, on_event=lambda text: note(settings, text))
    findings = check_terraform(
        opened.project,
        settings.variables,
        lambda what: note(settings, f"validating {what}"),
        per_module=per_module,
    )
    unread = find_unread(result.tree)
    readings = _look_into_states(settings, opened, result.tree) if live else ()
    failed = any(item.severity == "error" for item in findings) or any(item.status != PRESENT for item in readings)
    if settings.json:
        document = _document(opened, result, findings, unread)
        answer_json({"check": {**document, **(_live_document(opened, readings) if live else {})}})
    else:
        _print(settings, findings)
        _print_unread(settings, unread)
        _print_readings(readings)
        if not failed:
            answer(_summary(opened, result))
    if failed:
        sys.exit(1)


def _look_into_states(settings: Settings, opened: _runs.Opened, tree: RenderedTree) -> tuple[Reading, ...]:
    from tfgen import deployment, workflow
    from tfgen.contracts import compare_states

    with _runs.at_place(settings, opened) as (caller, _progress):
        states = deployment.states(opened.project, opened.environment, caller)
    return compare_states(tree, workflow.user_files(opened.project), states)


def _document(
    opened: _runs.Opened, result: RenderResult, findings: Sequence[Finding], unread: Mapping[str, Sequence[str]]
) -> dict[str, Any]:
    return {
        "modules": len(opened.project.modules),
        "files": len(result.tree.files),
        "findings": [vars(finding) for finding in findings],
        "unread_outputs": {module: list(names) for module, names in unread.items()},
    }


def _live_document(opened: _runs.Opened, readings: Sequence[Reading]) -> dict[str, Any]:
    from tfgen.select import describe_place

    return {
        "live": {
            "environment": opened.environment.name,
            "place": describe_place(opened.environment),
            "reads": [vars(reading) for reading in readings],
        }
    }


def _summary(opened: _runs.Opened, result: RenderResult) -> str:
    modules, edges = len(opened.project.modules), len(result.tree.edges)
    return f"ok: {modules} modules, {len(result.tree.files)} files, {edges} dependencies"


def _print(settings: Settings, findings: tuple[Finding, ...]) -> None:
    for finding in findings:
        if finding.severity == "error":
            click.echo(f"{paint(settings, 'error:', 'red', bold=True)} {finding.where}: {finding.message}", err=True)
        else:
            warn(settings, f"{finding.where}: {finding.message}")
        if finding.hint:
            click.echo(f"  → {finding.hint}", err=True)


def _print_unread(settings: Settings, unread: Mapping[str, Sequence[str]]) -> None:
    """People and other programs read outputs, too: that no module does is worth a note and no more."""
    if settings.verbose:
        for module, names in unread.items():
            note(settings, f"note: no other module reads of {module}: {', '.join(names)}")
    elif count := sum(len(names) for names in unread.values()):
        are = "1 output is" if count == 1 else f"{count} outputs are"
        note(settings, f"note: {are} read by no other module; tfgen check -v names them")


def _print_readings(readings: Sequence[Reading]) -> None:
    widths = [max((len(text) for text in column), default=0) for column in zip(*map(_columns, readings), strict=True)]
    for reading in readings:
        cells = [text.ljust(width) for text, width in zip(_columns(reading), widths, strict=True)]
        answer(f"{cells[0]}  {cells[1]}  {reading.status}")
    for hint in dict.fromkeys(reading.hint for reading in readings if reading.hint):
        click.echo(f"  → {hint}", err=True)


def _columns(reading: Reading) -> tuple[str, str]:
    return f"{reading.reader} reads", f"{reading.read}.{reading.output}"
