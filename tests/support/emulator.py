"""An emulator of a test's own, on a free port: `with start_emulator(tmp_path) as emulator: …`."""

from __future__ import annotations

import contextlib
import functools
import os
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

START_SECONDS = 30
STOP_SECONDS = 30


@dataclass
class EmulatorAddress:
    """Where an emulator listens, whoever started it."""

    endpoint: str
    _clients: dict[tuple[str, str], Any] = field(init=False, default_factory=dict)

    @property
    def environment(self) -> dict[str, str]:
        """What a client (terraform, the AWS CLI, boto3) needs to reach it as root, and nothing else."""
        return {
            "AWS_ENDPOINT_URL": self.endpoint,
            "AWS_ACCESS_KEY_ID": "test",
            "AWS_SECRET_ACCESS_KEY": "test",
            "AWS_REGION": "us-east-1",
            "AWS_DEFAULT_REGION": "us-east-1",
            "AWS_EC2_METADATA_DISABLED": "true",
            "AWS_CONFIG_FILE": os.devnull,
            "AWS_SHARED_CREDENTIALS_FILE": os.devnull,
        }

    def client(self, service: str, credentials: dict[str, str] | None = None) -> Any:
        """Return a boto3 client, as root or with the given `Credentials` of STS."""
        given = credentials or {"AccessKeyId": "test", "SecretAccessKey": "test"}
        known = self._clients.get((service, given["AccessKeyId"]))
        if known is None:
            known = self._clients[service, given["AccessKeyId"]] = self._make_client(service, given)
        return known

    def _make_client(self, service: str, given: dict[str, str]) -> Any:
        from botocore.config import Config

        return _session().client(
            service,
            endpoint_url=self.endpoint,
            region_name="us-east-1",
            aws_access_key_id=given["AccessKeyId"],
            aws_secret_access_key=given["SecretAccessKey"],
            aws_session_token=given.get("SessionToken"),
            config=Config(retries={"max_attempts": 0}, connect_timeout=5, read_timeout=30),
        )


@dataclass
class RunningEmulator(EmulatorAddress):
    """An emulator that a test started; `stop` ends it gracefully, leaving the `with` block does too."""

    port: int
    state_dir: Path
    process: subprocess.Popen[bytes]

    def log(self) -> str:
        """Return what the emulator printed so far."""
        return (self.state_dir / "emulator.log").read_text(encoding="utf-8", errors="replace")

    def stop(self, how: signal.Signals = signal.SIGTERM) -> None:
        """End it, gracefully unless told otherwise; ending it twice is fine."""
        if self.process.poll() is None:
            self.process.send_signal(how)
        try:
            self.process.wait(STOP_SECONDS)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
            raise

    def __enter__(self) -> RunningEmulator:
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()


@functools.cache
def _session() -> Any:
    """One session for all clients: it reads the service descriptions once."""
    import boto3

    return boto3.session.Session()


def free_port() -> int:
    """Return a port of the loopback interface that nobody listens on right now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def start_emulator(
    tmp: Path,
    *,
    persist: bool = False,
    options: Sequence[str] = (),
    environment: dict[str, str] | None = None,
) -> RunningEmulator:
    """Start an emulator that keeps everything below `tmp`, and wait until it answers.

    Args:
        tmp: A folder of the caller's own.
        persist: Keep the state over a graceful stop.
        options: More flags of `python -m tfgen.emulator`.
        environment: Variables beside PATH and HOME.
    """
    tmp.mkdir(parents=True, exist_ok=True)
    # Another process may take the port between the probe and the emulator's bind: try again.
    for _attempt in range(3):
        emulator = _start_once(tmp, persist, options, environment or {})
        if emulator is not None:
            return emulator
    raise RuntimeError((tmp / "emulator.log").read_text(encoding="utf-8", errors="replace"))


def _start_once(
    tmp: Path, persist: bool, options: Sequence[str], environment: dict[str, str]
) -> RunningEmulator | None:
    port = free_port()
    argv = [sys.executable, "-m", "tfgen.emulator", "--port", str(port), "--state-dir", str(tmp), *options]
    if not persist:
        argv.append("--no-persist")
    with (tmp / "emulator.log").open("ab") as log:
        process = subprocess.Popen(
            argv,
            cwd=tmp,
            env={name: os.environ[name] for name in ("PATH", "HOME") if name in os.environ} | environment,
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=subprocess.STDOUT,
        )
    emulator = RunningEmulator(f"http://127.0.0.1:{port}", port, tmp, process)
    deadline = time.monotonic() + START_SECONDS
    while process.poll() is None and time.monotonic() < deadline:
        with (
            contextlib.suppress(OSError),
            urllib.request.urlopen(f"{emulator.endpoint}/_ministack/health", timeout=2),
        ):
            return emulator
        time.sleep(0.02)
    emulator.stop(signal.SIGKILL)
    return None
