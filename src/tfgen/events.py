"""What happens during a run, told to whoever shows it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass


@dataclass(frozen=True)
class Event:
    """One thing that happened.

    Attributes:
        kind: `note`, `warning`, `start` (a module), `step` (of a module), `line` (of terraform), `end` (a module).
        text: What to show.
        module: The module concerned, if one is.
        step: The step within the module: init, plan, apply, …
        status: At the end of a module, its result's status.
    """

    kind: str
    text: str = ""
    module: str = ""
    step: str = ""
    status: str = ""


OnEvent = Callable[[Event], None]


def ignore(_event: Event) -> None:
    """Show nothing."""
