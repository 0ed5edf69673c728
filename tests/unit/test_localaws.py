from __future__ import annotations

import fcntl
import itertools
import json
import os
import threading
from pathlib import Path

import pytest

from tfgen import localaws
from tfgen.emulator import identity
from tfgen.errors import TfgenError

ENDPOINT = "http://127.0.0.1:4566"
RECORD = {"pid": 123, "port": 4567, "started": 1000.0}


def write_pid_file(work: Path, text: str) -> Path:
    path = work / "local" / identity.PID_FILE
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
    return path


@pytest.mark.parametrize("text", [None, "", "{", "[]", '{"pid": 1}'])
def test_stopped_without_a_whole_record(tmp_path: Path, text: str | None) -> None:
    if text is not None:
        write_pid_file(tmp_path, text)
    assert localaws.status(tmp_path, ENDPOINT) == localaws.EmulatorStatus("stopped", ENDPOINT)


def test_a_record_without_its_process_is_a_loss(tmp_path: Path) -> None:
    write_pid_file(tmp_path, json.dumps({**RECORD, "pid": os.getpid()}))
    found = localaws.status(tmp_path, ENDPOINT)
    assert (found.state, found.pid, found.since) == ("lost", None, 1000.0)


def test_a_held_lock_means_running(tmp_path: Path) -> None:
    path = write_pid_file(tmp_path, json.dumps(RECORD))
    with path.open("r+") as held:
        fcntl.flock(held, fcntl.LOCK_EX)
        found = localaws.status(tmp_path, ENDPOINT)
    assert found == localaws.EmulatorStatus("running", "http://127.0.0.1:4567", 123, 1000.0)


def test_another_port_than_the_running_one_is_refused(tmp_path: Path) -> None:
    path = write_pid_file(tmp_path, json.dumps(RECORD))
    with path.open("r+") as held:
        fcntl.flock(held, fcntl.LOCK_EX)
        with pytest.raises(TfgenError, match="not on port 4566") as caught:
            localaws.ensure_running(tmp_path, ENDPOINT)
    assert "tfgen local down" in caught.value.hint


def test_a_lost_emulator_is_not_started_again(tmp_path: Path) -> None:
    write_pid_file(tmp_path, json.dumps(RECORD))
    with pytest.raises(TfgenError, match="lost") as caught:
        localaws.up(tmp_path, ENDPOINT)
    assert "tfgen local reset" in caught.value.hint
    assert caught.value.code == "emulator-lost"


def test_stopping_what_does_not_run_changes_nothing(tmp_path: Path) -> None:
    assert localaws.down(tmp_path, ENDPOINT).state == "stopped"


def test_a_missing_ministack_names_the_line_that_installs_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(localaws, "find_spec", lambda _name: None)
    with pytest.raises(TfgenError, match="not installed") as caught:
        localaws.up(tmp_path, ENDPOINT)
    assert caught.value.hint == "pip install 'tfgen-cli[local]'"


@pytest.mark.parametrize("endpoint", ["http://10.0.0.1:4566", "https://127.0.0.1:4566", "http://aws.example"])
def test_only_this_machine(tmp_path: Path, endpoint: str) -> None:
    with pytest.raises(TfgenError, match="this machine only"):
        localaws.up(tmp_path, endpoint)


def test_reset_forgets_state_and_data_folders_and_keeps_the_rest(tmp_path: Path) -> None:
    gone = ["local/state/s3.json", "local/s3/bucket/key", "env/local/backend-config/backend_override.tf"]
    kept = ["local/token", "local/emulator.log", "env/dev/02-storage/terraform.tfstate"]
    for name in gone + kept:
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text("x")
    write_pid_file(tmp_path, json.dumps(RECORD))
    assert localaws.reset(tmp_path, ENDPOINT).state == "stopped"
    assert [name for name in gone + kept if (tmp_path / name).exists()] == kept


def test_two_starts_are_kept_apart(tmp_path: Path) -> None:
    order: list[str] = []

    def second() -> None:
        with localaws._exclusive(tmp_path):
            order.append("second")

    with localaws._exclusive(tmp_path):
        thread = threading.Thread(target=second)
        thread.start()
        thread.join(0.1)
        order.append("first")
    thread.join()
    assert order == ["first", "second"]


def test_logs(tmp_path: Path) -> None:
    with pytest.raises(TfgenError, match="no log yet"):
        localaws.read_logs(tmp_path, 3)
    log = tmp_path / "local" / "emulator.log"
    log.parent.mkdir()
    log.write_text("one\ntwo\nthree\n")
    assert localaws.read_logs(tmp_path, 2) == ["two", "three"]
    assert localaws.read_logs(tmp_path, 0) == []
    lines = localaws.follow_logs(tmp_path, pause=0.01)

    def write() -> None:
        with log.open("a") as stream:
            for part in ("fo", "ur\nfive\n"):
                stream.write(part)
                stream.flush()

    timer = threading.Timer(0.1, write)
    timer.start()
    assert list(itertools.islice(lines, 2)) == ["four", "five"]
    timer.join()


def test_variables_that_mislead_a_client() -> None:
    caller = {"AWS_PROFILE": "x", "AWS_ENDPOINT_URL_S3": "y", "AWS_REGION": "z", "PATH": "p"}
    assert localaws.misleading_variables(caller) == ["AWS_ENDPOINT_URL_S3", "AWS_PROFILE"]
    assert localaws.environment_for_clients(ENDPOINT, "eu-west-1")["AWS_REGION"] == "eu-west-1"


def test_mails_name_all_recipients_and_their_moment() -> None:
    record = {
        "MessageId": "1", "Source": "a@b.example", "To": ["c@d.example"], "CC": ["e@f.example"],
        "Subject": "Report", "BodyText": "figures", "BodyHtml": None, "Timestamp": 1795450290.99,
    }  # fmt: skip
    mail = localaws._mail(record)
    assert mail.to == ("c@d.example", "e@f.example")
    assert (mail.date, mail.html) == ("2026-11-23T16:11:30Z", "")


def test_identity_is_proven_for_one_nonce_and_one_token() -> None:
    nonce = "a" * 32
    document = identity.answer("token", nonce, project="/p", pid=1)
    assert identity.is_genuine("token", nonce, document)
    assert not identity.is_genuine("token", "b" * 32, document)
    assert not identity.is_genuine("other", nonce, document)
    assert not identity.is_genuine("token", nonce, {**document, "project": "/q"})
    assert not identity.is_genuine("token", nonce, {**document, "proof": None})


@pytest.mark.parametrize(
    ("nonce", "valid"), [("a" * 16, True), ("a" * 15, False), ("a" * 129, False), ("ä" * 20, False)]
)
def test_nonces(nonce: str, valid: bool) -> None:
    assert identity.is_valid_nonce(nonce) is valid
