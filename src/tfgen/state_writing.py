"""State objects written as terraform's S3 backend writes them, and its locks taken in its own protocol.

Both follow terraform's `internal/backend/remote-state/s3/client.go` (1.10 and later): the lock is a JSON document, in
an item of the table under `LockID` = bucket/key and in an object `<key>.tflock` that is put only where there is none;
the lockfile is taken first and released last. Beside a state the table keeps its MD5 digest, as `<bucket>/<key>-md5`.
"""

from __future__ import annotations

import hashlib
import json
import time
import uuid
from collections.abc import Callable, Collection, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import UTC, datetime

from tfgen import aws, state
from tfgen.aws import Aws
from tfgen.errors import Interrupted, TfgenError
from tfgen.state import Lock

DYNAMODB, LOCKFILE = "dynamodb", "lockfile"

_MARK = "tfgen run "
_LOOK_SECONDS = 0.5
_WORKERS = 8
_TAKEN = frozenset(
    {"PreconditionFailed", "ConditionalRequestConflict", "ConditionalCheckFailedException", "412", "409"}
)


@dataclass(frozen=True)
class Backend:
    """Where an environment's states are, and how they are written.

    Attributes:
        bucket: The state bucket.
        table: The lock table.
        locking: Kinds of locks: `dynamodb`, `lockfile` or both.
        encrypt: True if terraform asks for encryption.
        kms_key_id: The key; empty for the bucket's choice of AES256.
    """

    bucket: str
    table: str
    locking: tuple[str, ...]
    encrypt: bool = True
    kms_key_id: str = ""

    @property
    def sealing(self) -> dict[str, str]:
        """Return what PutObject is told about encryption."""
        if not self.encrypt:
            return {}
        if self.kms_key_id:
            return {"ServerSideEncryption": "aws:kms", "SSEKMSKeyId": self.kms_key_id}
        return {"ServerSideEncryption": "AES256"}


@dataclass(frozen=True)
class Holder:
    """Who takes locks.

    Attributes:
        run: The run's id.
        who: `user@host`.
        operation: What terraform would call it: `OperationTypeApply`.
        version: Terraform's version.
    """

    run: str
    who: str
    operation: str
    version: str


class StateHeld(TfgenError):  # noqa: N818 - it names an outcome
    """Somebody else holds the lock of a state."""

    def __init__(self, lock: Lock) -> None:
        info = lock.info
        super().__init__(
            f"the state {lock.path} is locked: {info.get('Operation', 'an unknown operation')} by "
            f"{info.get('Who', 'nobody known')} since {info.get('Created', 'unknown')} (id {lock.id})",
            hint="wait for it (--lock-timeout 5m), or if its process is gone: tfgen locks, then tfgen unlock MODULE",
            where=lock.path,
            code="state-lock",
        )


def write_state(clients: Aws, backend: Backend, key: str, data: bytes) -> None:
    """Write a state object, then its digest.

    Raises:
        TfgenError: It cannot be written.
    """
    put_object(clients, backend, key, data)
    remember_digest(clients, backend, key, data)


def put_object(
    clients: Aws, backend: Backend, key: str, data: bytes, metadata: Mapping[str, str] | None = None
) -> None:
    """Put an object into the state bucket, encrypted as states are.

    Raises:
        TfgenError: It cannot be written.
    """
    try:
        clients.client("s3").put_object(
            Bucket=backend.bucket,
            Key=key,
            Body=data,
            ContentType="application/json",
            Metadata=dict(metadata or {}),
            **backend.sealing,
        )
    except Exception as error:
        raise aws.explain(error, f"cannot write s3://{backend.bucket}/{key}") from None


def remember_digest(clients: Aws, backend: Backend, key: str, data: bytes) -> None:
    """Note a state's digest in the lock table: terraform waits until what it reads fits.

    Raises:
        TfgenError: It cannot be written.
    """
    if DYNAMODB not in backend.locking:
        return
    digest = hashlib.md5(data).hexdigest()  # noqa: S324 - terraform's own choice
    item = {"LockID": {"S": f"{backend.bucket}/{key}-md5"}, "Digest": {"S": digest}}
    try:
        clients.client("dynamodb").put_item(TableName=backend.table, Item=item)
    except Exception as error:
        raise aws.explain(error, f"cannot note the digest of {key} in table {backend.table}") from None


@dataclass
class StateLocks:
    """The locks of several states, taken by one run; all of them or none.

    Attributes:
        clients: For bucket and table.
        backend: Where they are.
        holder: Who takes them.
    """

    clients: Aws
    backend: Backend
    holder: Holder
    _held: list[Lock] = field(default_factory=list)

    def take(self, keys: Collection[str], *, timeout: float, stopping: Callable[[], bool]) -> None:
        """Take the locks of some states; those that this run holds already count.

        Args:
            keys: The states' keys.
            timeout: Seconds to wait for somebody else.
            stopping: True once the user does not want to wait.

        Raises:
            StateHeld: Somebody else has one of them; none is held then.
            TfgenError: A lock cannot be taken.
            Interrupted: The user does not want to wait.
        """
        deadline = time.monotonic() + timeout
        while True:
            try:
                self._take_all(keys)
            except StateHeld:
                self.release()
                if stopping():
                    raise Interrupted from None
                if time.monotonic() >= deadline:
                    raise
                time.sleep(_LOOK_SECONDS)
            except BaseException:
                self.release()
                raise
            else:
                return

    def release(self) -> None:
        """Release what is held; in each state the lockfile last, so that nobody can slip in between the two.

        Raises:
            TfgenError: One of them cannot be released.
        """
        held, self._held = self._held, []
        self.clients.client("s3"), self.clients.client("dynamodb")
        for kind in (DYNAMODB, LOCKFILE):
            with ThreadPoolExecutor(_WORKERS) as pool:
                list(pool.map(self._remove, [lock for lock in held if lock.kind == kind]))

    def release_of(self, runs: Collection[str]) -> int:
        """Release what other runs hold that have ended; returns how many.

        Raises:
            TfgenError: The locks cannot be read or released.
        """
        found = [
            lock
            for lock in state.list_locks(self.clients, self.backend.bucket, self.backend.table)
            if run_of(lock) in runs
        ]
        self._held += found
        self.release()
        return len(found)

    def _take_all(self, keys: Collection[str]) -> None:
        self.clients.client("s3"), self.clients.client("dynamodb")
        with ThreadPoolExecutor(_WORKERS) as pool:
            answers = list(pool.map(self._try, sorted(keys)))
        problems = [problem for _, problem in answers if problem is not None]
        self._held += [lock for locks, _ in answers for lock in locks]
        if problems:
            raise problems[0]

    def _try(self, key: str) -> tuple[list[Lock], BaseException | None]:
        taken: list[Lock] = []
        try:
            for kind in [kind for kind in (LOCKFILE, DYNAMODB) if kind in self.backend.locking]:
                taken.append(self._take(kind, key))  # noqa: PERF401 - what was taken before a failure counts
        except BaseException as error:
            return taken, error
        return taken, None

    def _take(self, kind: str, key: str) -> Lock:
        path = f"{self.backend.bucket}/{key}"
        info = {
            # The same in the table and in the lockfile, and whenever this run asks again.
            "ID": str(uuid.uuid5(uuid.NAMESPACE_URL, f"{self.holder.run}/{path}")),
            "Operation": self.holder.operation,
            "Info": f"{_MARK}{self.holder.run}",
            "Who": self.holder.who,
            "Version": self.holder.version,
            "Created": datetime.now(UTC).isoformat().replace("+00:00", "Z"),
            "Path": path,
        }
        raw = json.dumps(info, separators=(",", ":"))
        wanted = Lock(kind, path, {name: str(value) for name, value in info.items()}, raw)
        try:
            if kind == LOCKFILE:
                self.clients.client("s3").put_object(
                    Bucket=self.backend.bucket,
                    Key=f"{key}.tflock",
                    Body=raw.encode(),
                    ContentType="application/json",
                    IfNoneMatch="*",
                    **self.backend.sealing,
                )
            else:
                self.clients.client("dynamodb").put_item(
                    TableName=self.backend.table,
                    Item={"LockID": {"S": path}, "Info": {"S": raw}},
                    ConditionExpression="attribute_not_exists(LockID)",
                )
        except Exception as error:
            if aws.error_code(error) not in _TAKEN:
                raise aws.explain(error, f"cannot lock {path}") from None
            return self._look(wanted)
        return wanted

    def _look(self, wanted: Lock) -> Lock:
        """Return the lock that is there if it is ours: the answer to an earlier attempt may have been lost."""
        there = state.find_lock(self.clients, self.backend.table, wanted.kind, wanted.path)
        if there is None:
            raise StateHeld(Lock(wanted.kind, wanted.path, {}))
        if run_of(there) != self.holder.run:
            raise StateHeld(there)
        return there

    def _remove(self, lock: Lock) -> None:
        state.remove_lock(self.clients, self.backend.table, lock)


def run_of(lock: Lock) -> str:
    """Return the run that took a lock for several modules; empty if it was terraform itself."""
    text = lock.info.get("Info", "")
    return text.removeprefix(_MARK) if text.startswith(_MARK) else ""


def read_all(clients: Aws, bucket: str, keys: Sequence[str]) -> dict[str, bytes | None]:
    """Return the bytes of several states at once, by key; None for one that does not exist."""
    if not keys:
        return {}
    clients.client("s3")
    with ThreadPoolExecutor(min(_WORKERS, len(keys))) as pool:
        return dict(zip(keys, pool.map(lambda key: state.read_bytes(clients, bucket, key), keys), strict=True))
