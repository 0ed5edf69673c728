"""The composed state while it is applied: a file in the run's folder, and its copy in the state bucket.

Terraform writes the file after every resource (its local backend does; the one for S3 keeps what happened in memory for
up to 20 s). The copy follows within a second, with a note of what it was made from: any machine can split it.
"""

from __future__ import annotations

import json
import os
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any

from tfgen import aws, disk, history, leases, state, state_writing
from tfgen.aws import Aws
from tfgen.errors import TfgenError
from tfgen.events import Event, OnEvent
from tfgen.state_writing import Backend

FILE = history.COMPOSED_FILE
FOLDER = "composed/"
"""Of the copies in the state bucket, behind the prefix of the modules' keys."""

_NOTE = "tfgen"
_LOOK_SECONDS = 0.02
"""Between two looks at the disk and the file: short, for once the disk is full the reserve is wanted at once."""
_PUT_SECONDS = 0.75
"""Between two copies: terraform writes the file many times a second, and each copy is all of it."""
ROOM = 8 * 1024**2
"""Bytes set aside for the composed state, and as many for what terraform says of it when it cannot write it."""
_MISSING = frozenset({"NoSuchBucket", "404", "NotFound"})


@dataclass(frozen=True)
class ModuleNote:
    """One module, as it was when the composed plan was made.

    Attributes:
        identifier: Its name in the composed state.
        key: Key of its state.
        lineage: Of its state; empty if it had none.
        serial: Of its state; 0 if it had none.
        changes: True if the plan changes anything in it.
    """

    identifier: str
    key: str
    lineage: str = ""
    serial: int = 0
    changes: bool = True


@dataclass(frozen=True)
class Note:
    """What a composed state was made from, and by whom.

    Attributes:
        run: The run's id.
        project: The project's name.
        environment: The environment's name.
        verb: apply or destroy.
        owner: `user@host`.
        since: When it began, for people.
        lineage: Of the composed state.
        key: Key of its copy in the state bucket.
        backend: Where the modules' states are, and how they are written.
        modules: By full name.
        expires: Until when its owner is known to live, in seconds since the epoch.
    """

    run: str
    project: str
    environment: str
    verb: str
    owner: str
    since: str
    lineage: str
    key: str
    backend: Backend
    modules: Mapping[str, ModuleNote]
    expires: float = 0.0

    def to_document(self) -> dict[str, Any]:
        """Return the note as JSON has it."""
        return asdict(self)

    @classmethod
    def from_document(cls, document: Mapping[str, Any]) -> Note:
        """Read a note.

        Raises:
            KeyError, TypeError, ValueError: It is none.
        """
        known = {name: document[name] for name in cls.__dataclass_fields__}
        backend = {**known["backend"], "locking": tuple(known["backend"]["locking"])}
        modules = {str(name): ModuleNote(**item) for name, item in known["modules"].items()}
        return cls(**{**known, "backend": Backend(**backend), "modules": modules})


@dataclass(frozen=True)
class Copy:
    """A copy in the state bucket: its note, and the state itself."""

    note: Note
    document: Mapping[str, Any]


def copy_key(prefix: str, run: str) -> str:
    """Return the key of a run's copy."""
    return f"{prefix}{FOLDER}{run}.tfstate"


def put_copy(clients: Aws, note: Note, document: Mapping[str, Any]) -> None:
    """Put the composed state into the bucket, with its note and a sign of life.

    Raises:
        TfgenError: It cannot be written.
    """
    alive = replace(note, expires=time.time() + leases.LIFETIME)
    data = json.dumps({**document, _NOTE: alive.to_document()}, ensure_ascii=False).encode()
    metadata = {"run": note.run, "owner": note.owner.encode("ascii", "replace").decode()}
    state_writing.put_object(clients, note.backend, note.key, data, metadata)


def remove_copy(clients: Aws, note: Note) -> None:
    """Remove the copy from the bucket.

    Raises:
        TfgenError: It cannot be removed.
    """
    try:
        clients.client("s3").delete_object(Bucket=note.backend.bucket, Key=note.key)
    except Exception as error:
        raise aws.explain(error, f"cannot remove s3://{note.backend.bucket}/{note.key}") from None


def list_copies(clients: Aws, bucket: str, prefix: str) -> tuple[Copy, ...]:
    """Return all copies in a state bucket; none if there is no bucket.

    Raises:
        TfgenError: The bucket cannot be read, or a copy cannot be understood.
    """
    client = clients.client("s3")
    try:
        pages = client.get_paginator("list_objects_v2").paginate(Bucket=bucket, Prefix=f"{prefix}{FOLDER}")
        keys = [entry["Key"] for page in pages for entry in page.get("Contents", ())]
    except Exception as error:
        if aws.error_code(error) in _MISSING:
            return ()
        raise aws.explain(error, f"cannot list bucket {bucket}") from None
    found = ((key, state.read_bytes(clients, bucket, key)) for key in keys if key.endswith(".tfstate"))
    return tuple(_read_copy(data, f"s3://{bucket}/{key}") for key, data in found if data is not None)


def read_document(path: Path) -> Mapping[str, Any] | None:
    """Return a state in a file; None if there is none, or if it was cut off."""
    try:
        document = json.loads(path.read_bytes())
    except (OSError, ValueError):
        return None
    return document if isinstance(document, dict) and "lineage" in document else None


def write_file(path: Path, document: Mapping[str, Any]) -> None:
    """Write the state that terraform goes on with, for nobody else to read.

    Raises:
        TfgenError: It cannot be written.
    """
    try:
        disk.write_whole(path, json.dumps(document).encode(), mode=0o600)
    except OSError as error:
        raise TfgenError(
            f"cannot write the composed state: {error.strerror}",
            where=str(path),
            hint="free some space, then tfgen apply --resume",
            code="disk-full",
        ) from None


def reserve_of(path: Path) -> Path:
    """Return the file that keeps some of the disk free while a composed state is written."""
    return path.with_name(f"{path.name}.reserve")


@contextmanager
def following(
    clients: Aws, note: Note, path: Path, document: Mapping[str, Any], on_event: OnEvent
) -> Iterator[Follower]:
    """Keep the copy in the bucket up to date while terraform writes the file; the last word is put at the end.

    Args:
        clients: For the bucket.
        note: Goes with it.
        path: The file.
        document: What it begins with.
        on_event: Warned, once, if the bucket cannot be reached.

    Raises:
        TfgenError: The bucket cannot be written at all, or the disk is full.
    """
    reserve = _reserve(path)
    put_copy(clients, note, document)
    over = threading.Event()
    follower = Follower(clients, note, path, on_event, reserve, document)
    thread = threading.Thread(target=_follow, args=(follower, over), name="composed state", daemon=True)
    thread.start()
    try:
        yield follower
    finally:
        over.set()
        thread.join()
        reserve.unlink(missing_ok=True)
        follower.look(last=True)


def _follow(follower: Follower, over: threading.Event) -> None:
    while not over.wait(_LOOK_SECONDS):
        follower.look()


@dataclass
class Follower:
    """Follows the file.

    Attributes:
        document: The last state that was read whole.
    """

    clients: Aws
    note: Note
    path: Path
    on_event: OnEvent
    reserve: Path
    document: Mapping[str, Any]
    seen: tuple[int, int] = (0, 0)
    put_at: float = field(default_factory=time.monotonic)
    told: bool = False

    def look(self, *, last: bool = False) -> None:
        """Put the copy if the file has changed, or if it is time for a sign of life; the last word without delay."""
        with suppress(OSError):
            self._make_room()
            found = self.path.stat()
            mark = (found.st_mtime_ns, found.st_size)
            since = time.monotonic() - self.put_at
            if since < (leases.HEARTBEAT if mark == self.seen else 0 if last else _PUT_SECONDS):
                return
            document = read_document(self.path)
            # A file that is just being written is looked at again.
            if document is not None:
                self.document = document
                self._put(document, mark)

    def _put(self, document: Mapping[str, Any], mark: tuple[int, int]) -> None:
        try:
            put_copy(self.clients, self.note, document)
        except TfgenError as error:
            if not self.told:
                self.on_event(Event("warning", f"the composed state is on this machine only: {error.message}"))
            self.told = True
            return
        self.seen, self.put_at, self.told = mark, time.monotonic(), False

    def _make_room(self) -> None:
        """Give the reserve to terraform once the disk is full: its next write has room again."""
        status = os.statvfs(self.path.parent)
        if status.f_bavail * status.f_frsize < ROOM // 4:
            self.reserve.unlink(missing_ok=True)


def _reserve(path: Path) -> Path:
    """Keep some of the disk: a state that cannot be written while resources are made would be worth nothing.

    Raises:
        TfgenError: There is no room; nothing has been made by then.
    """
    reserve = reserve_of(path)
    try:
        descriptor = os.open(reserve, os.O_WRONLY | os.O_CREAT, 0o600)
        try:
            _allocate(descriptor, ROOM)
        finally:
            os.close(descriptor)
    except OSError as error:
        reserve.unlink(missing_ok=True)
        raise TfgenError(
            f"no room for the composed state: {error.strerror}",
            hint=f"free {ROOM // 1024**2} MB, then repeat the command; nothing was changed",
            where=str(path.parent),
            code="disk",
        ) from None
    return reserve


def _allocate(descriptor: int, size: int) -> None:
    allocate: Callable[[int, int, int], None] | None = getattr(os, "posix_fallocate", None)
    if allocate is not None:
        allocate(descriptor, 0, size)
    else:
        os.write(descriptor, bytes(size))


def _read_copy(data: bytes, where: str) -> Copy:
    try:
        document = json.loads(data)
        note = Note.from_document(document.pop(_NOTE))
        return Copy(note, document)
    except (ValueError, KeyError, TypeError, AttributeError):
        raise TfgenError(
            "this composed state cannot be read",
            hint="was it written by a newer tfgen? else restore an earlier version from the bucket's version history",
            where=where,
            code="composed-state",
        ) from None
