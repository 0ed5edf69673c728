"""The emulator of a project through its life: start, stop, loss, reset, and what it lets in and out."""

from __future__ import annotations

import io
import json
import os
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.support.emulator import EmulatorAddress, RunningEmulator, free_port, start_emulator
from tfgen import localaws
from tfgen.emulator import identity
from tfgen.errors import TfgenError

pytestmark = pytest.mark.emulator

LINUX = sys.platform == "linux"


class Project:
    """A project's `.tfgen` folder with an emulator on a port of its own."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.work = root / ".tfgen"
        self.port = free_port()
        self.endpoint = f"http://127.0.0.1:{self.port}"
        self.told: list[str] = []

    def up(self) -> localaws.EmulatorStatus:
        return localaws.up(self.work, self.endpoint, lambda event: self.told.append(event.text))

    def down(self) -> localaws.EmulatorStatus:
        return localaws.down(self.work, self.endpoint)

    def status(self) -> localaws.EmulatorStatus:
        return localaws.status(self.work, self.endpoint)

    def client(self, service: str) -> Any:
        return EmulatorAddress(self.endpoint).client(service)


@pytest.fixture
def project(tmp_path: Path) -> Iterator[Project]:
    project = Project(tmp_path / "project")
    yield project
    project.down()


def children_of(pid: int) -> list[int]:
    if not LINUX:
        return []
    text = Path(f"/proc/{pid}/task/{pid}/children").read_text()
    return [int(child) for child in text.split()]


def listening(pid: int) -> list[str]:
    """Return the addresses that a process listens on, `address:port` in hexadecimal."""
    if not LINUX:
        return []
    inodes = {str(link.readlink()) for link in Path(f"/proc/{pid}/fd").iterdir() if link.is_symlink()}
    found = []
    for table in ("tcp", "tcp6", "udp", "udp6"):
        for line in Path(f"/proc/net/{table}").read_text().splitlines()[1:]:
            fields = line.split()
            if f"socket:[{fields[9]}]" in inodes and fields[3] in ("0A", "07"):
                found.append(fields[1])
    return found


ECHO = """
import os
def handler(event, context):
    return dict(os.environ)
"""


def make_function(project: Project) -> None:
    trust = {"Effect": "Allow", "Principal": {"Service": "lambda.amazonaws.com"}, "Action": "sts:AssumeRole"}
    role = project.client("iam").create_role(
        RoleName="echo", AssumeRolePolicyDocument=json.dumps({"Version": "2012-10-17", "Statement": [trust]})
    )
    archive = io.BytesIO()
    with zipfile.ZipFile(archive, "w") as writer:
        writer.writestr("handler.py", ECHO)
    project.client("lambda").create_function(
        FunctionName="echo", Runtime="python3.13", Handler="handler.handler", Role=role["Role"]["Arn"],
        Code={"ZipFile": archive.getvalue()}, Environment={"Variables": {"OWN": "1"}},
    )  # fmt: skip


def invoke(project: Project) -> dict[str, str]:
    environment: dict[str, str] = json.load(project.client("lambda").invoke(FunctionName="echo")["Payload"])
    return environment


def test_from_start_to_stop_with_everything_kept(project: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    planted = {
        "AWS_PROFILE": "planted", "AWS_SECRET_ACCESS_KEY": "planted", "AWS_ENDPOINT_URL": "http://planted",
        "TF_VAR_secret": "planted", "HTTPS_PROXY": "http://planted", "SERVICES": "s3", "AUTH": "false",
        "GATEWAY_PORT": "1", "LOCALSTACK_HOSTNAME": "planted", "PYTHONPATH": "/planted", "MY_SECRET": "planted",
    }  # fmt: skip
    with monkeypatch.context() as caller:
        for name, value in planted.items():
            caller.setenv(name, value)
        began = time.monotonic()
        running = project.up()
        assert time.monotonic() - began < 5
    assert running.state == "running"
    assert running.pid is not None
    assert project.up() == running
    assert localaws.ensure_running(project.work, project.endpoint) == running
    assert project.told[0].startswith("starting the emulator")
    only_port = [f"0100007F:{project.port:04X}"] if LINUX else []
    assert listening(running.pid) == only_port
    assert (project.work / "local" / "token").stat().st_mode & 0o777 == 0o600
    assert (project.work / "local" / "emulator.log").stat().st_mode & 0o777 == 0o600

    project.client("s3").create_bucket(Bucket="kept")
    project.client("s3").put_object(Bucket="kept", Key="a/b", Body=b"\x00bytes")
    project.client("logs").put_query_definition(name="q", queryString="limit 1")
    make_function(project)
    seen = invoke(project)
    assert seen["OWN"] == "1"
    assert not [name for name, value in seen.items() if "planted" in value]
    assert "MY_SECRET" not in seen
    assert listening(running.pid) == only_port

    workers = children_of(running.pid)
    began = time.monotonic()
    assert project.down().state == "stopped"
    assert time.monotonic() - began < 5
    assert not [worker for worker in workers if Path(f"/proc/{worker}/exe").exists()]

    assert project.up().state == "running"
    assert project.client("s3").get_object(Bucket="kept", Key="a/b")["Body"].read() == b"\x00bytes"
    assert project.client("logs").describe_query_definitions()["queryDefinitions"][0]["name"] == "q"
    assert invoke(project)["OWN"] == "1"


def test_a_killed_emulator_is_told_and_reset_starts_from_nothing(project: Project) -> None:
    running = project.up()
    assert running.pid is not None
    project.client("s3").create_bucket(Bucket="lost")
    os.kill(running.pid, signal.SIGKILL)
    deadline = time.monotonic() + 5
    while project.status().state == "running" and time.monotonic() < deadline:
        time.sleep(0.02)
    assert project.status().state == "lost"
    for start in (project.up, lambda: localaws.ensure_running(project.work, project.endpoint)):
        with pytest.raises(TfgenError, match="what it held since it was last stopped is lost") as caught:
            start()
        assert "tfgen local reset" in caught.value.hint
    assert project.down().state == "lost"

    data = project.work / "env" / "local" / "02-storage" / "terraform.tfstate"
    data.parent.mkdir(parents=True)
    data.touch()
    assert localaws.reset(project.work, project.endpoint).state == "stopped"
    assert not data.exists()
    assert project.up().state == "running"
    assert project.client("s3").list_buckets()["Buckets"] == []


def test_a_foreign_process_with_the_same_id_is_left_alone(project: Project) -> None:
    bystander = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(60)"])
    try:
        pid_file = project.work / "local" / identity.PID_FILE
        pid_file.parent.mkdir(parents=True)
        pid_file.write_text(json.dumps({"pid": bystander.pid, "port": project.port, "started": 1.0}))
        assert project.down().state == "lost"
        assert localaws.reset(project.work, project.endpoint).state == "stopped"
        assert bystander.poll() is None
    finally:
        bystander.kill()
        bystander.wait()


def test_the_port_is_taken_by_another_project(project: Project, tmp_path: Path) -> None:
    project.up()
    other = Project(tmp_path / "other")
    with pytest.raises(TfgenError, match=f"taken by the emulator of another project, {project.root}") as caught:
        localaws.up(other.work, project.endpoint)
    assert f"tfgen -C {project.root} local down" in caught.value.hint
    assert "config/environments" in caught.value.hint
    assert project.status().state == "running"


def test_the_port_is_taken_by_another_program(project: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", project.port))
        listener.listen()
        with monkeypatch.context() as patched:
            patched.setattr(localaws, "_get", lambda *_: None)  # the program accepts and never answers
            with pytest.raises(
                TfgenError, match=f"another program.*process {os.getpid()}" if LINUX else "another program"
            ) as caught:
                project.up()
    assert caught.value.code == "port-taken"
    assert project.status().state == "stopped"


def test_a_taken_port_leaves_no_trace(tmp_path: Path) -> None:
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        argv = [sys.executable, "-m", "tfgen.emulator", "--port", str(other.getsockname()[1])]
        argv += ["--state-dir", str(tmp_path / ".tfgen" / "local")]
        ended = subprocess.run(argv, capture_output=True, text=True, timeout=30, check=False)
    assert ended.returncode == 1
    assert "cannot listen on 127.0.0.1" in ended.stderr
    assert localaws.status(tmp_path / ".tfgen", "http://127.0.0.1:1").state == "stopped"


def test_two_starts_at_once_end_with_one_emulator(project: Project) -> None:
    code = "import sys; from pathlib import Path; from tfgen import localaws as l;"
    code += "print(l.up(Path(sys.argv[1]), sys.argv[2]).pid)"
    argv = [sys.executable, "-c", code, str(project.work), project.endpoint]
    starts = [subprocess.Popen(argv, stdout=subprocess.PIPE, text=True) for _ in range(3)]
    said = {start.communicate(timeout=30)[0] for start in starts}
    assert len(said) == 1
    assert said == {f"{project.status().pid}\n"}


def identity_of(endpoint: str, query: str, method: str = "GET") -> tuple[int, dict[str, Any]]:
    request = urllib.request.Request(f"{endpoint}{identity.PATH}{query}", method=method)
    try:
        with urllib.request.urlopen(request, timeout=5) as answer:
            return answer.status, json.load(answer)
    except urllib.error.HTTPError as error:
        return error.code, json.load(error)


def test_identity_is_answered_to_a_good_nonce_only(tmp_path: Path) -> None:
    token = tmp_path / "token"
    token.write_text("secret")
    with start_emulator(tmp_path / "emulator", options=["--token-file", str(token)]) as emulator:
        nonce = "0" * 32
        status, document = identity_of(emulator.endpoint, f"?nonce={nonce}")
        assert status == 200
        assert identity.is_genuine("secret", nonce, document)
        assert document["pid"] == emulator.process.pid
        assert "secret" not in json.dumps(document)
        for query in ("", "?nonce=", "?nonce=short", "?nonce=" + "x" * 200, "?nonce=%00" + "0" * 32):
            assert identity_of(emulator.endpoint, query)[0] == 400
        assert identity_of(emulator.endpoint, f"?nonce={nonce}", "POST")[0] == 400


def test_without_a_token_nothing_is_proven(mended: RunningEmulator) -> None:
    assert identity_of(mended.endpoint, "?nonce=" + "0" * 32)[0] == 403


def test_two_emulators_do_not_share_a_folder(mended: RunningEmulator) -> None:
    argv = [sys.executable, "-m", "tfgen.emulator", "--port", str(free_port())]
    argv += ["--state-dir", str(mended.state_dir)]
    second = subprocess.run(argv, capture_output=True, text=True, timeout=30, check=False)
    assert second.returncode == 1
    assert "another emulator keeps its state" in second.stderr


def test_permissions_are_enforced_whatever_the_environment_says(tmp_path: Path) -> None:
    with start_emulator(tmp_path, environment={"AUTH": "false", "SERVICES": "s3"}) as emulator:
        health = json.load(urllib.request.urlopen(f"{emulator.endpoint}/_ministack/health", timeout=5))
        assert health["auth"] == "enabled"
        assert "lambda" in health["services"]


@pytest.mark.parametrize("headers", [{"Origin": "https://page.example"}, {"Host": "page.example:80"}])
def test_no_web_page_reaches_what_needs_no_signature(mended: RunningEmulator, headers: dict[str, str]) -> None:
    for method, path in (("POST", "/_ministack/reset"), ("GET", "/_ministack/ses/messages")):
        request = urllib.request.Request(f"{mended.endpoint}{path}", method=method, headers=headers)
        with pytest.raises(urllib.error.HTTPError, match="403"):
            urllib.request.urlopen(request, timeout=5)
    assert json.load(urllib.request.urlopen(f"{mended.endpoint}/_ministack/ses/messages", timeout=5))


def test_what_cannot_be_saved_is_a_loss(project: Project) -> None:
    project.up()
    project.client("s3").create_bucket(Bucket="unsaved")
    state = project.work / "local" / "state"
    (state / "s3.json").mkdir()
    assert project.down().state == "lost"
