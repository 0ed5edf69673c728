"""The project lease: two runs whose modules overlap, or read each other, are kept apart; others go side by side.

On one machine a held file says who is at work, which the kernel frees however a process ends. Between machines an
item in the environment's lock table says it, with an expiry that a heartbeat moves on. The state locks of terraform are
beneath both and hold whatever happens here.
"""

from __future__ import annotations

import fcntl
import getpass
import json
import os
import random
import re
import socket
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

from tfgen import aws
from tfgen.aws import Aws
from tfgen.errors import Interrupted, TfgenError, UsageError
from tfgen.events import Event, OnEvent
from tfgen.process import is_held

KEY = "tfgen-lease"
"""Beginning of the lease's LockID in the table of the state locks."""

LIFETIME = 90.0
HEARTBEAT = 20.0
_LOOK_SECONDS = 0.5
_CONFLICT = "ConditionalCheckFailedException"
_MISSING = "ResourceNotFoundException"
_DURATION = re.compile(r"(?:(\d+)h)?(?:(\d+)m)?(?:(\d+(?:\.\d+)?)s)?")

Stopping = Callable[[], bool]


@dataclass(frozen=True)
class Claim:
    """What one run works on.

    Attributes:
        run: Its id.
        verb: apply, destroy, …
        owner: `user@host`.
        host: The machine's name.
        pid: The process.
        since: When it began, for people.
        writes: The modules it may change.
        reads: The modules whose outputs it reads beside them.
        expires: Seconds since the epoch; 0 where the kernel knows better.
    """

    run: str
    verb: str
    owner: str
    host: str
    pid: int
    since: str
    writes: tuple[str, ...]
    reads: tuple[str, ...]
    expires: float = 0.0

    def conflict(self, other: Claim) -> tuple[str, ...]:
        """Return the modules that both work on, or that one changes while the other reads them."""
        mine, theirs = set(self.writes), set(other.writes)
        return tuple(sorted((mine & theirs) | (mine & set(other.reads)) | (set(self.reads) & theirs)))

    def __str__(self) -> str:
        return f"{self.verb} by {self.owner} (process {self.pid}, run {self.run}, since {self.since})"


def make_claim(run: str, verb: str, writes: Sequence[str], reads: Sequence[str]) -> Claim:
    """Return a claim of this process."""
    host = socket.gethostname()
    since = time.strftime("%Y-%m-%d %H:%M:%S UTC", time.gmtime())
    return Claim(run, verb, f"{user_name()}@{host}", host, os.getpid(), since, tuple(writes), tuple(reads))


def to_seconds(duration: str) -> float:
    """Return the seconds of a duration as terraform writes it: `90s`, `5m`, `1h30m`.

    Raises:
        UsageError: It is none.
    """
    match = _DURATION.fullmatch(duration)
    if not duration or match is None or not any(match.groups()):
        raise UsageError(f"--lock-timeout {duration} is no duration", hint="for example 30s, 5m or 1h30m")
    hours, minutes, seconds = (float(part or 0) for part in match.groups())
    return hours * 3600 + minutes * 60 + seconds


@contextmanager
def hold_here(work: Path, environment: str, claim: Claim, *, timeout: float, stopping: Stopping) -> Iterator[None]:
    """Keep runs of this project on this machine apart; where the lease cannot be kept, the run goes on without one.

    Args:
        work: The project's `.tfgen` folder.
        environment: The environment's name.
        claim: What this run works on.
        timeout: Seconds to wait for a run that is in the way.
        stopping: True once the user wants to stop waiting.

    Raises:
        TfgenError: Another run is in the way.
        Interrupted: The user does not want to wait.
    """
    folder = work / "lease" / environment
    deadline = time.monotonic() + timeout
    with ExitStack() as stack:
        try:
            folder.mkdir(parents=True, exist_ok=True, mode=0o700)
            while (rival := _enter(folder, claim, stack)) is not None:
                _wait_or_refuse(rival, claim, environment, deadline, stopping)
        except OSError:
            pass
        yield


def list_claims(work: Path, environment: str) -> tuple[Claim, ...]:
    """Return the claims of runs of this project that live on this machine."""
    folder = work / "lease" / environment
    held = (path for path in sorted(folder.glob("*.json")) if is_held(path))
    return tuple(claim for path in held if (claim := _read(path)) is not None)


def is_dead(work: Path, claim: Claim) -> bool:
    """True if a run of this project on this machine is known to have ended, whatever a table says."""
    journal = work / "runs" / claim.run / "journal.jsonl"
    return claim.host == socket.gethostname() and journal.exists() and not is_held(journal)


@contextmanager
def hold_in_table(
    clients: Aws,
    table: str,
    claim: Claim,
    *,
    work: Path,
    timeout: float,
    stopping: Stopping,
    on_event: OnEvent,
    heartbeat: float = HEARTBEAT,
) -> Iterator[None]:
    """Keep runs on different machines apart, if the environment has a lock table yet.

    Args:
        clients: For the table.
        table: The lock table's name.
        claim: What this run works on.
        work: The project's `.tfgen` folder: its own runs are known to be dead or alive.
        timeout: Seconds to wait for a run that is in the way.
        stopping: True once the user wants to stop waiting.
        on_event: Warned if there can be no lease, or if it is lost.
        heartbeat: Seconds between two signs of life.

    Raises:
        TfgenError: Another run is in the way.
        Interrupted: The user does not want to wait.
    """
    lease = _TableLease(clients, table, claim, lambda other: is_dead(work, other))
    try:
        held = lease.acquire(time.monotonic() + timeout, stopping)
    except TfgenError:
        raise
    except Exception as error:
        on_event(Event("warning", f"no project lease in table {table}: {aws.error_code(error)}"))
        held = False
    if not held:
        yield
        return
    over = threading.Event()
    thread = threading.Thread(target=_beat, args=(lease, over, heartbeat, on_event), name="lease", daemon=True)
    thread.start()
    try:
        yield
    finally:
        over.set()
        thread.join(timeout=30)
        with suppress(Exception):
            lease.release()


def read_table(clients: Aws, table: str) -> tuple[Claim, ...]:
    """Return the claims in the lock table that have not expired; none if there is no table."""
    try:
        _, holders = _fetch(clients, table)
    except Exception as error:
        if aws.error_code(error) == _MISSING:
            return ()
        raise aws.explain(error, f"cannot read table {table}") from None
    return tuple(claim for claim in holders if claim.expires > time.time())


class _TableLease:
    """One item holds the claims of all runs; it is replaced only in the version that was read."""

    def __init__(self, clients: Aws, table: str, claim: Claim, dead: Callable[[Claim], bool]) -> None:
        self._clients = clients
        self._table = table
        self._claim = claim
        self._dead = dead

    def acquire(self, deadline: float, stopping: Stopping) -> bool:
        """Enter the claim; False if there is no table."""
        while True:
            try:
                version, holders = _fetch(self._clients, self._table)
            except Exception as error:
                if aws.error_code(error) == _MISSING:
                    return False
                raise
            others = [other for other in holders if other.expires > time.time() and not self._dead(other)]
            rival = next((other for other in others if self._claim.conflict(other)), None)
            if rival is not None:
                _wait_or_refuse(rival, self._claim, "", deadline, stopping)
            elif self._store(version, [*others, self._alive()]):
                return True

    def renew(self) -> bool:
        """Move the expiry on; False if the claim is gone."""
        while True:
            version, holders = _fetch(self._clients, self._table)
            if not any(other.run == self._claim.run for other in holders):
                return False
            kept = [other for other in holders if other.run != self._claim.run]
            if self._store(version, [*kept, self._alive()]):
                return True

    def release(self) -> None:
        """Take the claim out; the last one takes the item with it."""
        while True:
            version, holders = _fetch(self._clients, self._table)
            kept = [other for other in holders if other.run != self._claim.run]
            if len(kept) == len(holders) or self._store(version, kept):
                return

    def _alive(self) -> Claim:
        return replace(self._claim, expires=time.time() + LIFETIME)

    def _store(self, version: int, holders: Sequence[Claim]) -> bool:
        client = self._clients.client("dynamodb")
        condition: dict[str, Any] = {"ConditionExpression": "attribute_not_exists(LockID)"}
        if version:
            condition = {
                "ConditionExpression": "#version = :version",
                "ExpressionAttributeNames": {"#version": "Version"},
                "ExpressionAttributeValues": {":version": {"N": str(version)}},
            }
        try:
            if not holders:
                if version:
                    client.delete_item(TableName=self._table, Key={"LockID": {"S": KEY}}, **condition)
                return True
            item = {
                "LockID": {"S": KEY},
                "Version": {"N": str(version + 1)},
                "Holders": {"S": json.dumps([asdict(holder) for holder in holders])},
            }
            client.put_item(TableName=self._table, Item=item, **condition)
        except Exception as error:
            if aws.error_code(error) != _CONFLICT:
                raise
            time.sleep(random.uniform(0.02, 0.2))  # noqa: S311 - only so that two do not keep step
            return False
        return True


def _beat(lease: _TableLease, over: threading.Event, seconds: float, on_event: OnEvent) -> None:
    while not over.wait(seconds):
        try:
            if lease.renew():
                continue
            on_event(Event("warning", "the project lease in the lock table was lost; the state locks still hold"))
        except Exception as error:
            if aws.error_code(error) != _MISSING:
                # It may work again before the claim expires; the state locks hold in any case.
                continue
        return


def _fetch(clients: Aws, table: str) -> tuple[int, list[Claim]]:
    answer = clients.client("dynamodb").get_item(TableName=table, Key={"LockID": {"S": KEY}}, ConsistentRead=True)
    item = answer.get("Item")
    if not item:
        return 0, []
    return int(item["Version"]["N"]), [_claim(entry) for entry in json.loads(item["Holders"]["S"])]


def _enter(folder: Path, claim: Claim, stack: ExitStack) -> Claim | None:
    """Enter the claim unless somebody is in the way; returns who."""
    with (folder / "gate").open("a") as gate:
        fcntl.flock(gate, fcntl.LOCK_EX)
        for path in sorted(folder.glob("*.json")):
            if not is_held(path):
                path.unlink(missing_ok=True)
            elif (other := _read(path)) is not None and claim.conflict(other):
                return other
        own = folder / f"{claim.run}.json"
        stream = stack.enter_context(own.open("w", encoding="utf-8"))
        fcntl.flock(stream, fcntl.LOCK_EX)
        stream.write(json.dumps(asdict(claim)))
        stream.flush()
        stack.callback(own.unlink, missing_ok=True)
    return None


def _wait_or_refuse(rival: Claim, claim: Claim, environment: str, deadline: float, stopping: Stopping) -> None:
    if stopping():
        raise Interrupted
    if time.monotonic() < deadline:
        time.sleep(_LOOK_SECONDS)
        return
    names = ", ".join(claim.conflict(rival))
    place = f" in environment {environment}" if environment else ""
    raise TfgenError(
        f"another tfgen works on {names}{place}: {rival}",
        hint="wait for it to end, or let tfgen wait: --lock-timeout 10m",
        code="busy",
    )


def _read(path: Path) -> Claim | None:
    try:
        return _claim(json.loads(path.read_text(encoding="utf-8")))
    except (OSError, ValueError, TypeError):
        return None


def _claim(entry: Mapping[str, Any]) -> Claim:
    known = {name: entry[name] for name in Claim.__dataclass_fields__ if name in entry}
    return Claim(**{**known, "writes": tuple(known["writes"]), "reads": tuple(known["reads"])})


def user_name() -> str:
    """Return who runs this process; a number where the system has no name."""
    try:
        return getpass.getuser()
    except (OSError, KeyError):
        return str(os.getuid())
