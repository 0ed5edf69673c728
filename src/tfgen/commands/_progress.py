"""Progress on the error stream: a live table on a terminal, plain lines anywhere else."""

from __future__ import annotations

import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from types import TracebackType
from typing import TYPE_CHECKING, Any

import click

from tfgen.commands._output import note, warn
from tfgen.events import Event
from tfgen.settings import Settings

if TYPE_CHECKING:
    from rich.table import Table

_WIDTH = 70
_STYLES = {"done": "green", "unchanged": "dim", "planned": "yellow", "failed": "red", "skipped": "dim"}


class Progress:
    """Shows events while modules run; use it as a context manager.

    Args:
        settings: Decides on colours, verbosity and JSON.
    """

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._begun: dict[str, float] = {}
        self._steps: dict[str, str] = {}
        self._ended: dict[str, tuple[str, str, float]] = {}
        self._lines: dict[str, str] = {}
        self._live: Any = None
        self._paused = False
        # Events come from several threads; a note may be shown from within another event.
        self._lock = threading.RLock()
        self._wants_live = (
            sys.stderr.isatty() and settings.color and not (settings.quiet or settings.verbose or settings.json)
        )

    def __enter__(self) -> Progress:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stop()

    @contextmanager
    def paused(self) -> Iterator[None]:
        """Leave the terminal to a question."""
        with self._lock:
            self._stop()
            self._paused = True
        try:
            yield
        finally:
            with self._lock:
                self._paused = False
                self._start()

    def on_event(self, event: Event) -> None:
        """Show one event; called from several threads."""
        # What cannot be shown, because the terminal is gone, is no reason to leave terraform alone.
        with self._lock, suppress(OSError):
            self._show(event)

    def _show(self, event: Event) -> None:
        if event.kind == "warning":
            self._beside_table(lambda: warn(self._settings, event.text))
        elif event.kind == "start":
            self._begun[event.module] = time.monotonic()
            self._start()
        elif event.kind == "step":
            self._steps[event.module] = event.step
            self._lines.pop(event.module, None)
            self._plain(f"{event.module}: {event.step}")
        elif event.kind == "line":
            self._lines[event.module] = event.text.partition("\n")[0]
            if self._settings.verbose:
                click.echo(f"{event.module}: {event.text}", err=True)
        elif event.kind == "end":
            self._end(event)
        elif event.text:
            text = f"{event.module}: {event.text}" if event.module else event.text
            self._beside_table(lambda: note(self._settings, text))

    def _end(self, event: Event) -> None:
        begun = self._begun.get(event.module)
        seconds = time.monotonic() - begun if begun is not None else 0.0
        self._ended[event.module] = (event.status, event.text, seconds)
        detail = f", {event.text}" if event.text else ""
        took = f" ({seconds:.1f} s)" if begun is not None else ""
        self._plain(f"{event.module}: {event.status}{detail}{took}")
        if self._begun.keys() <= self._ended.keys():
            # Nothing runs: what is printed next must not share a line with the table.
            self._stop()

    def _plain(self, text: str) -> None:
        if not self._wants_live:
            note(self._settings, text)

    def _beside_table(self, show: Any) -> None:
        if self._live is None:
            show()
            return
        self._stop()
        show()
        self._start()

    def _start(self) -> None:
        if not self._wants_live or self._paused or self._live is not None or not self._begun:
            return
        from rich.console import Console
        from rich.live import Live

        self._live = Live(
            get_renderable=self._table, console=Console(stderr=True), refresh_per_second=8, transient=True
        )
        self._live.start()

    def _stop(self) -> None:
        if self._live is not None:
            with suppress(OSError):
                self._live.stop()
            self._live = None

    def _table(self) -> Table:
        from rich.table import Table
        from rich.text import Text

        table = Table.grid(padding=(0, 2))
        now = time.monotonic()
        for module, begun in list(self._begun.items()):
            if module in self._ended:
                status, detail, seconds = self._ended[module]
                table.add_row(module, Text(status, style=_STYLES.get(status, "")), f"{seconds:.0f} s", detail)
            else:
                step, line = self._steps.get(module, "starting"), self._lines.get(module, "")
                table.add_row(module, step, f"{now - begun:.0f} s", Text(line[:_WIDTH], style="dim"))
        return table
