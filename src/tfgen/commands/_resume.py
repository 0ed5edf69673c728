"""Going on with a run: what was asked for then, and what may be said anew."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import click

from tfgen.errors import TfgenError, UsageError

if TYPE_CHECKING:
    from tfgen.commands._runs import Opened
    from tfgen.history import RunRecord
    from tfgen.places import Choices


def resume_option() -> Callable[[Any], Any]:
    """Declare `--resume [RUN]`."""
    return click.option(
        "--resume",
        metavar="[RUN]",
        is_flag=False,
        flag_value="",
        default=None,
        help="Go on with a run that did not get to its end; without RUN the last one.",
    )


def find_run(opened: Opened, verb: str, text: str, given: Choices, *, narrowed: bool) -> tuple[RunRecord, Choices]:
    """Return the run to go on with, and its choices.

    Args:
        opened: The project and the environment.
        verb: apply or destroy.
        text: The run's id, or its beginning; empty for the last one.
        given: What the command line says now: approval, what may be lost, parallelism and patience count.
        narrowed: True if the command line says what the run is about, which the run itself knows.

    Raises:
        UsageError: There is no such run, it is done, or what it was about is said again.
        TfgenError: Its journal cannot be read, or the project has changed too much.
    """
    from tfgen import history

    if narrowed:
        raise UsageError("--resume goes on with what was asked for then", hint="leave out everything that narrows it")
    record = history.find_resumable(opened.project.work, opened.environment.name, verb, text)
    asked = record.choices
    known = {module.name for module in opened.project.modules}
    if gone := [name for name in asked.get("modules", ()) if name not in known]:
        raise TfgenError(
            f"run {record.id} was about {', '.join(gone)}, which the spec no longer has", hint=f"tfgen {verb}"
        )
    if any(word.endswith("…") for word in asked.get("extra", ())):
        raise UsageError(
            f"run {record.id} was given values that are not kept on the disk", hint="repeat the command as it was typed"
        )
    choices = replace(
        given,
        modules=tuple(asked.get("modules", ())),
        related=bool(asked.get("related")),
        auto_approve=given.auto_approve or bool(asked.get("auto_approve")),
        allow_destroy=(*asked.get("allow_destroy", ()), *given.allow_destroy),
        extra=tuple(asked.get("extra", ())),
        with_backend=bool(asked.get("with_backend")),
        composed=bool(asked.get("composed")),
        insists=bool(asked.get("insists")),
    )
    return record, choices
