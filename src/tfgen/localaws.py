"""The project's emulator: start it, stop it, find out how it is, and look into it."""

from __future__ import annotations

import contextlib
import fcntl
import http.client
import json
import os
import secrets
import shutil
import signal
import socket
import sys
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from importlib.util import find_spec
from pathlib import Path
from typing import IO, Any
from urllib.parse import urlsplit

from tfgen.emulator import identity
from tfgen.errors import TfgenError
from tfgen.events import Event, OnEvent, ignore
from tfgen.process import start_detached

START_SECONDS = 30.0
STOP_SECONDS = 30.0
LOG_LIMIT = 5_000_000
_INHERITED = ("PATH", "HOME", "USER", "LOGNAME")
_KEPT = ("state", "s3", "tmp")


@dataclass(frozen=True)
class EmulatorStatus:
    """How the project's emulator is.

    Attributes:
        state: `running`, `stopped`, or `lost`: it ended without saving what it held.
        endpoint: Its URL; of one that does not run, the URL it would have or had.
        pid: Its process id, while it runs.
        since: When it started, in seconds since the epoch; None if it is stopped.
    """

    state: str
    endpoint: str
    pid: int | None = None
    since: float | None = None


@dataclass(frozen=True)
class Mail:
    """A mail that the emulator's SES took and kept.

    Attributes:
        id: SES's message id.
        sender: The From address.
        to: All recipients.
        subject: Subject line.
        date: When it was sent, ISO 8601 in UTC.
        text: The plain text.
        html: The HTML part, empty if there is none.
    """

    id: str
    sender: str
    to: tuple[str, ...]
    subject: str
    date: str
    text: str
    html: str


def up(project_work: Path, endpoint: str, on_event: OnEvent = ignore) -> EmulatorStatus:
    """Start the emulator unless it runs; returns when it answers.

    Args:
        project_work: The project's `.tfgen` folder.
        endpoint: Its URL on the loopback interface, from the environment.
        on_event: Told what happens.

    Raises:
        TfgenError: It is not installed, its port is taken, what it held was lost, or it does not start.
    """
    host, port = _address(endpoint)
    if find_spec("ministack") is None:
        raise TfgenError(
            "the emulator is not installed", hint="pip install 'tfgen-cli[local]'", code="emulator-not-installed"
        )
    with _exclusive(project_work):
        current = status(project_work, endpoint)
        if current.state == "lost":
            raise _lost(project_work)
        if current.state == "running":
            return _check_running(project_work, current, port)
        _refuse_taken_port(project_work, host, port)
        on_event(Event("note", f"starting the emulator on {host}:{port}"))
        began = time.monotonic()
        _start(project_work, host, port)
        on_event(Event("note", f"emulator ready after {time.monotonic() - began:.1f} s"))
        return status(project_work, endpoint)


def ensure_running(project_work: Path, endpoint: str, on_event: OnEvent = ignore) -> EmulatorStatus:
    """Return the running emulator, starting it if need be; cheap if it runs.

    Raises:
        TfgenError: As `up`.
    """
    current = status(project_work, endpoint)
    if current.state == "running":
        return _check_running(project_work, current, _address(endpoint)[1])
    return up(project_work, endpoint, on_event)


def status(project_work: Path, endpoint: str) -> EmulatorStatus:
    """Say how the emulator is; nothing is started and no request is made."""
    with _pid_file(project_work) as pid_file:
        if pid_file is None:
            return EmulatorStatus("stopped", endpoint)
        runs = _is_locked(pid_file)
        record = _read_record(pid_file)
    if not runs:
        return EmulatorStatus("lost" if record else "stopped", endpoint, since=record.get("started"))
    known = f"http://127.0.0.1:{record['port']}" if record else endpoint
    return EmulatorStatus("running", known, record.get("pid"), record.get("started"))


def down(project_work: Path, endpoint: str, on_event: OnEvent = ignore) -> EmulatorStatus:
    """Stop the emulator gently, so that it keeps what it holds; returns how it is then.

    Raises:
        TfgenError: It does not stop.
    """
    with _exclusive(project_work):
        return _stop(project_work, endpoint, on_event)


def reset(
    project_work: Path, endpoint: str, *, environment: str = "local", on_event: OnEvent = ignore
) -> EmulatorStatus:
    """Stop the emulator and forget all it holds, with what terraform remembers of it.

    Terraform's data folders and the bootstrap of backend-config (`.tfgen/env/<environment>`) go too:
    they name a state bucket that is no more. The next apply starts from nothing.

    Raises:
        TfgenError: It does not stop, or a file cannot be removed.
    """
    local = _folder(project_work)
    with _exclusive(project_work):
        _stop(project_work, endpoint, on_event)
        try:
            for folder in (*(local / name for name in _KEPT), project_work / "env" / environment):
                if folder.exists():
                    shutil.rmtree(folder)
            (local / identity.PID_FILE).unlink(missing_ok=True)
        except OSError as error:
            raise TfgenError(f"cannot remove it: {error.strerror}", where=str(error.filename)) from None
    on_event(Event("note", "the emulator holds nothing any more"))
    return status(project_work, endpoint)


def environment_for_clients(endpoint: str, region: str) -> dict[str, str]:
    """Return the variables that lead an AWS client to the emulator, as its root, and nowhere else."""
    return {
        "AWS_ENDPOINT_URL": endpoint,
        "AWS_ACCESS_KEY_ID": "test",
        "AWS_SECRET_ACCESS_KEY": "test",
        "AWS_REGION": region,
        "AWS_DEFAULT_REGION": region,
        "AWS_CONFIG_FILE": os.devnull,
        "AWS_SHARED_CREDENTIALS_FILE": os.devnull,
        "AWS_EC2_METADATA_DISABLED": "true",
    }


def misleading_variables(caller: Mapping[str, str]) -> list[str]:
    """Return the variables of a caller that could lead an AWS client away from the emulator."""
    ours = environment_for_clients("", "")
    return sorted(name for name in caller if name.startswith("AWS_") and name not in ours)


def read_logs(project_work: Path, lines: int) -> list[str]:
    """Return the last lines of the emulator's log, the functions' output among them.

    Raises:
        TfgenError: There is no log yet.
    """
    with _open_log(project_work) as log:
        return log.read().splitlines()[-lines:] if lines else []


def follow_logs(project_work: Path, pause: float = 0.2) -> Iterator[str]:
    """Yield each line that is logged from now on, without its newline; never ends.

    Raises:
        TfgenError: There is no log yet.
    """
    with _open_log(project_work) as log:
        log.seek(0, os.SEEK_END)
        part = ""
        while True:
            part += log.readline()
            if part.endswith("\n"):
                yield part.rstrip("\n")
                part = ""
            else:
                time.sleep(pause)


def captured_mail(endpoint: str) -> tuple[Mail, ...]:
    """Return every mail that was sent so far, oldest first.

    Raises:
        TfgenError: The emulator does not answer.
    """
    _host, port = _address(endpoint)
    document = _get(port, "/_ministack/ses/messages")
    if document is None:
        raise TfgenError("the emulator does not answer", where=endpoint, hint="tfgen local up")
    records = [record for account in document.get("messages", {}).values() for record in account]
    return tuple(_mail(record) for record in sorted(records, key=lambda record: float(record["Timestamp"])))


def _mail(record: Mapping[str, Any]) -> Mail:
    moment = datetime.fromtimestamp(float(record["Timestamp"]), UTC)
    return Mail(
        id=record["MessageId"],
        sender=record["Source"],
        to=tuple(address for kind in ("To", "CC", "BCC") for address in record.get(kind) or ()),
        subject=record.get("Subject") or "",
        date=moment.isoformat(timespec="seconds").replace("+00:00", "Z"),
        text=record.get("BodyText") or "",
        html=record.get("BodyHtml") or "",
    )


def _address(endpoint: str) -> tuple[str, int]:
    parts = urlsplit(endpoint)
    if parts.scheme != "http" or parts.hostname not in ("127.0.0.1", "localhost"):
        raise TfgenError(
            f"the emulator listens on this machine only, not on {endpoint}",
            hint="endpoint: http://127.0.0.1:4566, or embedded: false for an emulator of your own",
        )
    return "127.0.0.1", parts.port or 80


def _folder(project_work: Path) -> Path:
    return project_work / "local"


@contextlib.contextmanager
def _exclusive(project_work: Path) -> Iterator[None]:
    """Keep two commands from starting or stopping the emulator at the same time."""
    folder = _folder(project_work)
    try:
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        lock = (folder / "start.lock").open("a")
    except OSError as error:
        raise TfgenError(f"cannot write here: {error.strerror}", where=str(folder)) from None
    with lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


@contextlib.contextmanager
def _pid_file(project_work: Path) -> Iterator[IO[str] | None]:
    try:
        pid_file = (_folder(project_work) / identity.PID_FILE).open("r+", encoding="utf-8")
    except FileNotFoundError:
        yield None
        return
    except OSError as error:
        raise TfgenError(f"cannot read it: {error.strerror}", where=str(error.filename)) from None
    with pid_file:
        yield pid_file


def _is_locked(pid_file: IO[str]) -> bool:
    """True while the emulator lives: it holds this lock, and the kernel frees it however it ends."""
    try:
        fcntl.flock(pid_file, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    fcntl.flock(pid_file, fcntl.LOCK_UN)
    return False


def _read_record(pid_file: IO[str]) -> dict[str, Any]:
    try:
        record = json.loads(pid_file.read() or "{}")
    except ValueError:
        return {}
    return record if isinstance(record, dict) and {"pid", "port", "started"} <= set(record) else {}


def _lost(project_work: Path) -> TfgenError:
    return TfgenError(
        "the emulator was killed: what it held since it was last stopped is lost",
        where=str(_folder(project_work)),
        hint="tfgen local reset, then tfgen apply: the project starts from nothing",
        code="emulator-lost",
    )


def _check_running(project_work: Path, current: EmulatorStatus, port: int) -> EmulatorStatus:
    if urlsplit(current.endpoint).port != port:
        raise TfgenError(
            f"this project's emulator runs at {current.endpoint}, not on port {port}",
            hint="tfgen local down, then try again",
            code="emulator-port",
        )
    deadline = time.monotonic() + START_SECONDS
    while not _is_ours(project_work, port):
        if time.monotonic() > deadline:
            raise TfgenError(
                "the emulator does not answer", where=current.endpoint, hint="tfgen local logs; tfgen local down"
            )
        time.sleep(0.05)
    return current


def _start(project_work: Path, host: str, port: int) -> None:
    local = _folder(project_work).absolute()
    log = local / "emulator.log"
    if log.exists() and log.stat().st_size > LOG_LIMIT:
        log.replace(local / "emulator.log.1")
    token_file = local / "token"
    if not token_file.exists() or not token_file.stat().st_size:
        token_file.touch(mode=0o600)
        token_file.write_text(secrets.token_hex(32), encoding="utf-8")
    argv = [sys.executable, "-P", "-m", "tfgen.emulator", "--port", str(port)]
    argv += ["--state-dir", str(local), "--token-file", str(token_file)]
    env = {name: os.environ[name] for name in _INHERITED if name in os.environ}
    offset = log.stat().st_size if log.exists() else 0
    pid = start_detached(argv, cwd=local, env=env, log=log)
    deadline = time.monotonic() + START_SECONDS
    while not _is_ours(project_work, port):
        if _has_ended(pid):
            raise _not_started("the emulator ended at once", log, offset)
        if time.monotonic() > deadline:
            os.kill(pid, signal.SIGTERM)
            raise _not_started(f"the emulator did not answer on {host}:{port}", log, offset)
        time.sleep(0.02)


def _not_started(message: str, log: Path, offset: int) -> TfgenError:
    with log.open("rb") as stream:
        stream.seek(offset)
        said = stream.read().decode("utf-8", "replace").strip().splitlines()
    last = f": {said[-1].strip()}" if said else ""
    return TfgenError(f"{message}{last}", where=str(log), hint="tfgen local logs", code="emulator-start")


def _has_ended(pid: int) -> bool:
    try:
        return os.waitpid(pid, os.WNOHANG) != (0, 0)
    except ChildProcessError:
        return True


def _stop(project_work: Path, endpoint: str, on_event: OnEvent) -> EmulatorStatus:
    current = status(project_work, endpoint)
    if current.state != "running" or current.pid is None:
        return current
    on_event(Event("note", f"stopping the emulator, process {current.pid}"))
    # The lock is held, so this process id is the emulator's and nobody else's.
    with contextlib.suppress(ProcessLookupError):
        os.kill(current.pid, signal.SIGTERM)
    deadline = time.monotonic() + STOP_SECONDS
    while (then := status(project_work, endpoint)).state == "running":
        if time.monotonic() > deadline:
            raise TfgenError(
                f"the emulator, process {current.pid}, does not stop", hint=f"look at it: ps -fp {current.pid}"
            )
        time.sleep(0.02)
    return then


def _is_ours(project_work: Path, port: int) -> bool:
    try:
        token = (_folder(project_work) / "token").read_text(encoding="utf-8").strip()
    except OSError:
        return False
    nonce = secrets.token_hex(16)
    document = _get(port, f"{identity.PATH}?nonce={nonce}")
    return document is not None and identity.is_genuine(token, nonce, document)


def _get(port: int, path: str) -> dict[str, Any] | None:
    """GET a JSON object from the loopback interface, past every proxy; None if there is none."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=10)
    try:
        connection.request("GET", path)
        answer = connection.getresponse()
        document = json.loads(answer.read(10_000_000)) if answer.status == http.client.OK else None
    except (OSError, http.client.HTTPException, ValueError):
        return None
    finally:
        connection.close()
    return document if isinstance(document, dict) else None


def _refuse_taken_port(project_work: Path, host: str, port: int) -> None:
    with socket.socket() as probe:
        probe.settimeout(5)
        if probe.connect_ex((host, port)) != 0:
            return
    elsewhere = "or set another port: endpoint in the environment's file under config/environments/"
    document = _get(port, f"{identity.PATH}?nonce={secrets.token_hex(16)}") or {}
    project, pid = document.get("project"), document.get("pid")
    if isinstance(project, str) and project.isprintable() and isinstance(pid, int):
        if Path(project) == project_work.absolute().parent:
            who = f"an older emulator of this project, process {pid}, whose folder .tfgen/local is gone"
            hint = f"end it: kill {pid}"
        else:
            who = f"the emulator of another project, {project}"
            hint = f"tfgen -C {project} local down, {elsewhere}"
    elif _get(port, "/_localstack/health") is not None:
        who, hint = f"an emulator that tfgen did not start{_owner(port)}", f"stop it, {elsewhere}"
    else:
        who, hint = f"another program{_owner(port)}", f"stop it, {elsewhere}"
    raise TfgenError(f"port {port} is taken by {who}", where=f"{host}:{port}", hint=hint, code="port-taken")


def _owner(port: int) -> str:
    """Name the process that listens on the port, where the system tells (Linux, one's own processes)."""
    inodes = set()
    with contextlib.suppress(OSError):
        for line in Path("/proc/net/tcp").read_text(encoding="ascii").splitlines()[1:]:
            fields = line.split()
            if fields[3] == "0A" and int(fields[1].rpartition(":")[2], 16) == port:
                inodes.add(f"socket:[{fields[9]}]")
    for link in Path("/proc").glob("[0-9]*/fd/*") if inodes else ():
        with contextlib.suppress(OSError):
            if str(link.readlink()) in inodes:
                process = link.parent.parent
                name = (process / "comm").read_text(encoding="utf-8").strip()
                return f", {name} (process {process.name})"
    return ""


def _open_log(project_work: Path) -> IO[str]:
    path = _folder(project_work) / "emulator.log"
    try:
        return path.open(encoding="utf-8", errors="replace")
    except OSError:
        raise TfgenError("there is no log yet", where=str(path), hint="tfgen local up") from None
