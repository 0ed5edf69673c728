"""`tfgen init DIR`: a new project from the reference one."""

from __future__ import annotations

import os
import shlex
import sys
from pathlib import Path

import click

from tfgen.commands._options import command
from tfgen.commands._output import answer, answer_json, note
from tfgen.settings import Settings


@command(name="init")
@click.argument("directory_name", metavar="DIR")
@click.option("--project-name", help="Name of the project; begins every resource name.")
@click.option("--owner", help="Value of the Owner tag.")
@click.option("--region", help="AWS region.")
@click.option("--account", help="AWS account of dev and production, twelve digits.")
def cli(
    settings: Settings,
    directory_name: str,
    project_name: str | None,
    owner: str | None,
    region: str | None,
    account: str | None,
) -> None:
    """Start a project from the reference one in a new or empty folder."""
    from tfgen.starting import NewProject, create_project

    default = NewProject()
    folder = settings.directory / Path(directory_name)
    ask = sys.stdin.isatty() and sys.stderr.isatty() and not settings.json
    project = NewProject(
        name=_value(project_name, "Project name", default.name, ask=ask),
        owner=_value(owner, "Owner", default.owner, ask=ask),
        region=_value(region, "AWS region", default.region, ask=ask),
        account=account or default.account,
    )
    files = create_project(folder, project)
    if settings.json:
        answer_json({"project": project.name, "directory": str(folder), "files": list(files)})
        return
    answer(f"{len(files)} files created in {folder}")
    go = shlex.quote(min(os.path.relpath(folder), str(folder), key=len))
    note(settings, f"next: cd {go} && tfgen render && tfgen apply   (environment local: nothing in AWS)")


def _value(given: str | None, question: str, default: str, *, ask: bool) -> str:
    if given is not None:
        return given
    return str(click.prompt(question, default=default, err=True)) if ask else default
