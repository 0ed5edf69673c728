"""`tfgen check`: the spec, the references between modules, the format, and terraform's validation."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

import click

from tfgen.commands._options import command
from tfgen.commands._output import answer, answer_json, note, paint, warn
from tfgen.settings import Settings, find_root

if TYPE_CHECKING:
    from tfgen.checking import Finding


@command(name="check")
@click.option("--per-module", is_flag=True, help="Validate each module by itself instead of all in one process.")
def cli(settings: Settings, per_module: bool) -> None:
    """Check the spec, the references, the format and the configuration; calls no AWS."""
    from tfgen import workflow
    from tfgen.checking import check_terraform

    loaded = workflow.load_project(*find_root(settings))
    result = workflow.require_fresh(loaded)
    workflow.package(loaded, settings.variables, on_event=lambda text: note(settings, text))
    findings = check_terraform(
        loaded.project,
        settings.variables,
        lambda what: note(settings, f"validating {what}"),
        per_module=per_module,
    )
    errors = [finding for finding in findings if finding.severity == "error"]
    if settings.json:
        answer_json(
            {
                "check": {
                    "modules": len(loaded.project.modules),
                    "files": len(result.tree.files),
                    "findings": [vars(finding) for finding in findings],
                }
            }
        )
    else:
        _print(settings, findings)
        if not errors:
            answer(
                f"ok: {len(loaded.project.modules)} modules, {len(result.tree.files)} files, "
                f"{len(result.tree.edges)} dependencies"
            )
    if errors:
        sys.exit(1)


def _print(settings: Settings, findings: tuple[Finding, ...]) -> None:
    from click import echo

    for finding in findings:
        if finding.severity == "error":
            echo(f"{paint(settings, 'error:', 'red', bold=True)} {finding.where}: {finding.message}", err=True)
        else:
            warn(settings, f"{finding.where}: {finding.message}")
        if finding.hint:
            echo(f"  → {finding.hint}", err=True)
