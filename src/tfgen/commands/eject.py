"""`tfgen eject`: the project as plain Terraform, without tfgen."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

import click

from tfgen.commands import _runs
from tfgen.commands._options import command
from tfgen.commands._output import answer, answer_json, note, warn
from tfgen.errors import TfgenError
from tfgen.settings import Settings

if TYPE_CHECKING:
    from tfgen.ejecting import Ejection


@command(name="eject")
@click.option("--to", "target", metavar="DIR", help="Write it there and leave the project as it is.")
@click.option(
    "--backend",
    type=click.Choice(("s3", "local")),
    help="Where the state of backend-config is, instead of looking into the environment.",
)
@click.option("--yes", is_flag=True, help="Ask nothing.")
def cli(settings: Settings, target: str | None, backend: str | None, yes: bool) -> None:
    """Turn the project into plain Terraform without any trace of tfgen."""
    from tfgen import ejecting, workflow

    opened = _runs.open_project(settings)
    if target is None and not yes and not _runs.can_ask(settings):
        hint = "add --yes, or --to DIR, which leaves the project as it is"
        raise TfgenError("ejecting in place has to be confirmed, and nobody can be asked", hint=hint, code="cannot-ask")
    # A link stays a link here, to be refused: resolve() would follow it.
    folder = None if target is None else Path(os.path.abspath(settings.directory / target))  # noqa: PTH100
    if folder is not None:
        ejecting.check_target(opened.project, folder)
    bucket = _find_backend(settings, opened) if backend is None else backend == "s3"
    ejection = ejecting.plan_ejection(opened.loaded, bucket=bucket)
    workflow.package(opened.loaded, settings.variables, on_event=lambda text: note(settings, text))
    root, copies = opened.project.root, None
    if folder is None:
        if not yes and not click.confirm(f"turn {root} into plain Terraform, for good?", err=True):
            raise TfgenError("nothing was written", hint="tfgen eject --to DIR leaves the project as it is")
        copies, count = ejecting.eject_in_place(ejection), len(ejection.files)
    else:
        root, count = folder, ejecting.eject_to(ejection, folder)
    _report(settings, ejection, root, copies, count)


def _find_backend(settings: Settings, opened: _runs.Opened) -> bool:
    from tfgen import ejecting
    from tfgen.model import BACKEND_CONFIG

    if all(module.name != BACKEND_CONFIG for module in opened.project.modules):
        return False
    with _runs.at_place(settings, opened) as (caller, _progress):
        return ejecting.find_backend(opened.project, opened.environment, caller)


def _report(settings: Settings, ejection: Ejection, root: Path, copies: Path | None, count: int) -> None:
    for place in ejection.mentions:
        warn(settings, f"{place} still names tfgen: text of your own is left as it is")
    backend = "s3" if ejection.bucket else "local"
    if settings.json:
        answer_json(
            {
                "eject": {
                    "directory": str(root),
                    "files": count,
                    "backend": backend,
                    "mentions": list(ejection.mentions),
                    "copies": "" if copies is None else str(copies),
                }
            }
        )
        return
    answer(f"plain Terraform in {root / 'terraform'}: {count} files; the state of backend-config: {backend}")
    if copies is not None:
        note(settings, f"copies of what there was: {copies}")
        note(settings, f"{copies.parent.parent} is all that is left of tfgen: delete it when nothing in it is needed")
    ends = ": no changes" if ejection.bucket else ""
    note(settings, f"next: terraform -chdir={root / 'terraform'}/MODULE init, and plan{ends}")
