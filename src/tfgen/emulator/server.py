"""The emulator's process: a clean environment, the mends, one port on the loopback interface."""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import fcntl
import json
import logging
import os
import shutil
import signal
import socket
import sys
import time
from collections.abc import Awaitable, Callable, MutableMapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any
from urllib.parse import parse_qs

from tfgen.emulator import identity

BIND_HOST = "127.0.0.1"
BACKLOG = 100
LOCK_SECONDS = 2.0
SERVICES = (
    *("account", "apigateway", "athena", "dynamodb", "dynamodbstreams", "ec2", "events", "firehose"),
    *("glue", "iam", "kms", "lambda", "logs", "monitoring", "pipes", "resource-groups", "s3"),
    *("scheduler", "secretsmanager", "ses", "sns", "sqs", "ssm", "sts", "tagging", "wafv2"),
)
# What the process keeps of the environment it was started with; everything else is dropped,
# because ministack reads dozens of variables and would hand the rest on to every Lambda.
INHERITED = ("PATH", "HOME", "USER", "LOGNAME")

Scope = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[MutableMapping[str, Any]]]
Send = Callable[[MutableMapping[str, Any]], Awaitable[None]]
Application = Callable[[Scope, Receive, Send], Awaitable[None]]


@dataclass(frozen=True)
class Options:
    """What the emulator was started with.

    Attributes:
        port: The one port it listens on.
        state_dir: Folder of everything it keeps.
        token_file: Holds the token it proves its identity with; None: it proves nothing.
        persist: Keep the state over a graceful stop.
        mends: Apply the mends; off only to test that they are still needed.
    """

    port: int
    state_dir: Path
    token_file: Path | None = None
    persist: bool = True
    mends: bool = True


def main(argv: Sequence[str]) -> int:
    """Run until asked to stop; returns the exit status."""
    options = _parse(argv)
    options.state_dir.mkdir(parents=True, exist_ok=True, mode=0o700)
    with (options.state_dir / identity.PID_FILE).open("a+", encoding="utf-8") as pid_file:
        if not _lock(pid_file):
            sys.stderr.write(f"another emulator keeps its state in {options.state_dir}\n")
            return 1
        return _run(options, pid_file)


def _lock(pid_file: IO[str]) -> bool:
    """Take the lock that says this emulator lives; somebody who only looks holds it for an instant."""
    deadline = time.monotonic() + LOCK_SECONDS
    while time.monotonic() < deadline:
        with contextlib.suppress(BlockingIOError):
            fcntl.flock(pid_file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            return True
        time.sleep(0.02)
    return False


def environment(options: Options, inherited: MutableMapping[str, str]) -> dict[str, str]:
    """The whole environment of the emulator's process."""
    state = options.state_dir
    kept = {name: inherited[name] for name in INHERITED if name in inherited}
    return kept | {
        "LANG": "C.UTF-8",
        "TZ": "UTC",
        "TMPDIR": str(state / "tmp"),
        "GATEWAY_PORT": str(options.port),
        "BIND_HOST": BIND_HOST,
        "MINISTACK_HOST": BIND_HOST,
        "MINISTACK_ACCOUNT_ID": "000000000000",
        "MINISTACK_REGION": "us-east-1",
        "AUTH": "true",
        "SERVICES": ",".join(SERVICES),
        "SFTP_ENABLED": "0",
        "IOT_MTLS_ENABLED": "0",
        "LAMBDA_EXECUTOR": "local",
        # No Docker daemon is ever asked, whatever runs on this machine.
        "DOCKER_HOST": f"unix://{state}/no-docker.sock",
        "PERSIST_STATE": "1" if options.persist else "0",
        "STATE_DIR": str(state / "state"),
        "S3_PERSIST": "1" if options.persist else "0",
        "S3_DATA_DIR": str(state / "s3"),
        "AWS_EC2_METADATA_DISABLED": "true",
        "AWS_CONFIG_FILE": os.devnull,
        "AWS_SHARED_CREDENTIALS_FILE": os.devnull,
    }


def with_identity(app: Application, *, token: str, project: str) -> Application:
    """Wrap an ASGI application so that it answers for the project it belongs to."""

    async def wrapped(scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or scope["path"] != identity.PATH:
            await app(scope, receive, send)
            return
        query = parse_qs(scope.get("query_string", b"").decode("ascii", "replace"))
        nonce = query.get("nonce", [""])[0]
        if scope["method"] != "GET" or not identity.is_valid_nonce(nonce):
            await _respond(send, 400, {"message": "send GET with a nonce of 16 to 128 letters and digits"})
        elif not token:
            await _respond(send, 403, {"message": "this emulator was started without a token"})
        else:
            await _respond(send, 200, identity.answer(token, nonce, project=project, pid=os.getpid()))

    return wrapped


def without_browsers(app: Application) -> Application:
    """Wrap an ASGI application so that no web page reaches what needs no signature.

    The addresses under /_ministack/ reset the state and show the mails; any page in a browser on this machine
    could send requests there, with an Origin or by a host name of its own.
    """

    async def wrapped(scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http" and scope["path"].startswith(("/_ministack/", "/_localstack/")):
            headers = {name.lower(): value.decode("latin-1") for name, value in scope["headers"]}
            host = headers.get(b"host", "").rpartition(":")[0]
            if b"origin" in headers or host not in (BIND_HOST, "localhost"):
                await _respond(send, 403, {"message": "not for web pages"})
                return
        await app(scope, receive, send)

    return wrapped


class _Failures(logging.Handler):
    """Notes whether ministack said that it could not save something; it goes on as if nothing were."""

    def __init__(self) -> None:
        super().__init__(logging.ERROR)
        self.seen = False

    def emit(self, record: logging.LogRecord) -> None:
        del record
        self.seen = True


def _parse(argv: Sequence[str]) -> Options:
    parser = argparse.ArgumentParser(prog="python -m tfgen.emulator", description=__doc__)
    parser.add_argument("--port", type=int, required=True, help="the one port, on 127.0.0.1")
    parser.add_argument("--state-dir", type=Path, required=True, help="folder of everything it keeps")
    parser.add_argument("--token-file", type=Path, help="proves to which project it belongs")
    parser.add_argument("--no-persist", action="store_true", help="forget everything when it ends")
    parser.add_argument("--no-mends", action="store_true", help="the bare emulator, for testing the mends")
    given = parser.parse_args(argv)
    return Options(
        port=given.port,
        state_dir=given.state_dir.absolute(),
        token_file=given.token_file.absolute() if given.token_file else None,
        persist=not given.no_persist,
        mends=not given.no_mends,
    )


def _run(options: Options, pid_file: IO[str]) -> int:
    stopped: list[int] = []
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda received, _frame: stopped.append(received))
    listener = _listen(options.port)
    if listener is None:
        return 1
    _prepare(options)
    token = options.token_file.read_text(encoding="utf-8").strip() if options.token_file else ""
    app = without_browsers(_application(options))
    app = with_identity(app, token=token, project=str(_project(options.state_dir)))
    failures = _Failures()
    logging.getLogger("persistence").addHandler(failures)
    if stopped:
        return 0
    _write(pid_file, json.dumps({"pid": os.getpid(), "port": options.port, "started": time.time()}))
    try:
        asyncio.run(_serve(app, listener, stopped))
    finally:
        shutil.rmtree(options.state_dir / "tmp", ignore_errors=True)
    if failures.seen:
        return 1
    # An empty file means: ended in peace, with everything saved.
    _write(pid_file, "")
    return 0


def _listen(port: int) -> socket.socket | None:
    """Take the port before anything else is done, so that a taken one leaves no trace."""
    listener = socket.socket()
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind((BIND_HOST, port))
    except OSError as error:
        listener.close()
        sys.stderr.write(f"cannot listen on {BIND_HOST}:{port}: {error.strerror}\n")
        return None
    listener.listen(BACKLOG)
    return listener


def _prepare(options: Options) -> None:
    shutil.rmtree(options.state_dir / "tmp", ignore_errors=True)
    for name in ("tmp", "state", "s3"):
        (options.state_dir / name).mkdir(exist_ok=True, mode=0o700)
    own = environment(options, os.environ)
    os.environ.clear()
    os.environ.update(own)
    os.umask(0o077)
    os.chdir(options.state_dir)


def _application(options: Options) -> Application:
    from ministack import app

    app.BANNER = "emulator of tfgen on port {port}"
    if options.mends:
        from tfgen.emulator.mends import install_mends

        install_mends()
    application: Application = app.app
    return application


def _project(state_dir: Path) -> Path:
    # <project>/.tfgen/local in a project; anywhere else the folder speaks for itself.
    inside = state_dir.name == "local" and state_dir.parent.name == ".tfgen"
    return state_dir.parent.parent if inside else state_dir


async def _serve(app: Application, listener: socket.socket, stopped: Sequence[int]) -> None:
    from hypercorn.asyncio import serve
    from hypercorn.config import Config

    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    if stopped:
        stop.set()
    config = Config()
    config.bind = [f"fd://{listener.fileno()}"]
    config.keep_alive_timeout = 75
    config.graceful_timeout = 1
    config.loglevel = "WARNING"
    await serve(app, config, shutdown_trigger=stop.wait)  # type: ignore[arg-type]
    # The functions' processes would end by themselves, but not while a handler works or sleeps.
    from ministack.core import lambda_runtime

    await asyncio.to_thread(lambda_runtime.reset)


def _write(pid_file: IO[str], text: str) -> None:
    pid_file.seek(0)
    pid_file.truncate()
    pid_file.write(text)
    pid_file.flush()
    os.fsync(pid_file.fileno())


async def _respond(send: Send, status: int, document: dict[str, Any]) -> None:
    body = json.dumps(document).encode()
    headers = [(b"content-type", b"application/json"), (b"content-length", str(len(body)).encode())]
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": body})
