"""The journal of a run: what was about to be done and what was done, on the disk before and after each step.

One JSON document to a line. What it holds is enough to tell, after any end, where the run stood: `history` reads it.
"""

from __future__ import annotations

import errno
import fcntl
import json
import os
import re
import threading
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from tfgen.errors import TfgenError

VERSION = 1
FILE = "journal.jsonl"
EMPTY = "journal-empty"
"""Code of the error about a run that was killed before it did anything."""

BEGIN, END = "begin", "end"
MODULE_BEGIN, MODULE_END = "module-begin", "module-end"
STEP_BEGIN, STEP_END, PROCESS = "step-begin", "step-end", "process"
APPROVED, RETRY, NOTE = "approved", "retry", "note"
COMPOSED = "composed"
"""A phase of a run that applies modules as one: planned, locked, applying, applied, split, released."""


_LEADING_UP = frozenset({MODULE_BEGIN, PROCESS, RETRY, NOTE})
"""Entries that decide nothing: the next one that does takes them to the disk along with it."""

_SECRET_FLAG = re.compile(r"^(--?var=[^=]+=|--?backend-config=[^=]+=).*", re.DOTALL)


class Journal:
    """Appends to a run's journal; safe to use from several threads.

    While it is open the file is held, so that others can see that this run lives.

    Args:
        folder: The run's folder; None for a journal that is kept nowhere.
        durable: Wait until each entry is on the disk; for a run that changes something.

    Raises:
        TfgenError: The file cannot be written.
    """

    def __init__(self, folder: Path | None = None, *, durable: bool = True) -> None:
        self._lock = threading.Lock()
        self._durable = durable
        self._descriptor: int | None = None
        self.path = folder / FILE if folder else None
        if self.path is None:
            return
        try:
            self._descriptor = os.open(self.path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
            fcntl.flock(self._descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            if durable:
                _sync_folder(self.path.parent)
        except OSError as error:
            raise _cannot_write(self.path, error) from None

    def write(self, event: str, **fields: Any) -> None:
        """Append an entry; it is on the disk when this returns, but for those that only lead up to another one.

        Raises:
            TfgenError: It cannot be written.
        """
        if self._descriptor is None or self.path is None:
            return
        entry = {"at": datetime.now(UTC).isoformat(timespec="milliseconds"), "event": event, **fields}
        data = json.dumps(entry, ensure_ascii=False, separators=(",", ":")).encode("utf-8", "replace") + b"\n"
        with self._lock:
            try:
                _append(self._descriptor, data)
                if self._durable and event not in _LEADING_UP:
                    _sync(self._descriptor)
            except OSError as error:
                raise _cannot_write(self.path, error) from None

    def close(self) -> None:
        """Let the file go."""
        if self._descriptor is not None:
            os.close(self._descriptor)
            self._descriptor = None


def read_entries(path: Path) -> tuple[Mapping[str, Any], ...]:
    """Return what a journal says; a last line that was cut off by a crash does not count.

    Raises:
        TfgenError: There is no journal, it is damaged, or another version of tfgen wrote it.
    """
    try:
        data = path.read_bytes()
    except OSError as error:
        raise TfgenError(f"cannot read the journal: {error.strerror}", where=str(path), hint=_PLAIN) from None
    *lines, _cut_off = data.split(b"\n")
    entries = [_parse(line, number, path) for number, line in enumerate(lines, 1)]
    if not entries:
        raise TfgenError("the journal is empty: the run did nothing", where=str(path), hint=_PLAIN, code=EMPTY)
    first = entries[0]
    if first["event"] != BEGIN or first.get("journal") != VERSION:
        raise TfgenError(
            f"this journal has version {first.get('journal')}; this tfgen reads version {VERSION}",
            where=str(path),
            hint=_PLAIN,
            code="journal",
        )
    return tuple(entries)


def hide_values(argv: Sequence[str]) -> list[str]:
    """Return a command line as it may be written down: without values that may be secret."""
    shown: list[str] = []
    previous = ""
    for word in argv:
        hidden = _SECRET_FLAG.sub(r"\1…", word)
        if previous in ("-var", "--var", "-backend-config") and "=" in word:
            hidden = f"{word.partition('=')[0]}=…"
        shown.append(hidden)
        previous = word
    return shown


_PLAIN = "a plain tfgen apply goes on: it asks the states, not the journal"


def _parse(line: bytes, number: int, path: Path) -> Mapping[str, Any]:
    try:
        entry = json.loads(line)
        str(entry["event"]), datetime.fromisoformat(entry["at"])
    except (ValueError, TypeError, KeyError):
        raise TfgenError(
            f"the journal is damaged in line {number}", where=str(path), hint=_PLAIN, code="journal"
        ) from None
    found: Mapping[str, Any] = entry
    return found


def _append(descriptor: int, data: bytes) -> None:
    """Append a line whole or not at all: half a line would spoil the next one, too."""
    size = os.fstat(descriptor).st_size
    try:
        written = os.write(descriptor, data)
    except OSError:
        os.ftruncate(descriptor, size)
        raise
    if written != len(data):
        os.ftruncate(descriptor, size)
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))


def _sync(descriptor: int) -> None:
    """Wait for the disk; times of the file need not be there, its content must."""
    getattr(os, "fdatasync", os.fsync)(descriptor)


def _sync_folder(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _cannot_write(path: Path, error: OSError) -> TfgenError:
    full = error.errno in (errno.ENOSPC, errno.EDQUOT)
    return TfgenError(
        f"cannot write the run's journal: {error.strerror}",
        where=str(path),
        hint="free some space, then tfgen apply --resume" if full else "make that folder writable",
        code="disk-full" if full else "not-writable",
    )
