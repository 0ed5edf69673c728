"""`tfgen doctor`: what is installed, found and set, and what to do."""

from __future__ import annotations

import sys

import click

from tfgen.commands._options import command
from tfgen.commands._output import answer, answer_json
from tfgen.settings import Settings, find_root


@command(name="doctor")
def cli(settings: Settings) -> None:
    """Say of python, terraform, providers, emulator and credentials: ok, or what to do."""
    from tfgen import health, workflow
    from tfgen.errors import TfgenError

    project, trouble = None, None
    try:
        project = workflow.load_project(*find_root(settings)).project
    except TfgenError as error:
        trouble = error
    findings = health.examine(settings, project, trouble)
    sources = health.provenance(settings, project)
    if settings.json:
        answer_json(
            {
                "checks": [
                    {"name": found.name, "ok": found.ok, "text": found.text, "do": found.mend} for found in findings
                ],
                "settings": [{"name": name, "value": value, "from": origin} for name, value, origin in sources],
            }
        )
    else:
        for found in findings:
            mark = "ok" if found.ok else "!!"
            if settings.color and sys.stdout.isatty():
                mark = click.style(mark, fg="green" if found.ok else "red")
            answer(f"{mark}  {found.name:<12}{found.text}")
            if found.mend:
                answer(f"    → {found.mend}")
        answer("")
        for name, value, origin in sources:
            answer(f"{name:<16}{value}  ({origin})")
    if not all(found.ok for found in findings):
        sys.exit(1)
