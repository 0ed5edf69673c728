"""`tfgen package`: the Lambda zips."""

from __future__ import annotations

import sys

import click

from tfgen.commands._options import command
from tfgen.commands._output import answer, answer_json, note
from tfgen.settings import Settings, find_root


@command(name="package")
@click.option("--check", is_flag=True, help="Write nothing; exit 1 if a zip is missing or out of date.")
def cli(settings: Settings, check: bool) -> None:
    """Build the Lambda zips; the same sources give the same bytes on every machine."""
    from tfgen import workflow

    loaded = workflow.load_project(*find_root(settings))
    results = workflow.package(loaded, settings.variables, check=check, on_event=lambda text: note(settings, text))
    counts = {
        status: sum(result.status == status for result in results) for status in ("created", "changed", "unchanged")
    }
    if settings.json:
        artifacts = [
            {
                "function": result.function,
                "path": str(result.path.relative_to(loaded.project.root)),
                "status": result.status,
                "sha256": result.sha256,
                "size": result.size,
            }
            for result in results
        ]
        answer_json({"package": counts, "artifacts": artifacts})
    else:
        for result in results:
            note(settings, f"{result.status:<10}{result.size:>9,} bytes  {result.function}")
        answer(", ".join(f"{count} {status}" for status, count in counts.items()))
    if check and counts["unchanged"] != len(results):
        sys.exit(1)
