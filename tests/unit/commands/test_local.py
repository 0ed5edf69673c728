from __future__ import annotations

import json

import pytest

from tests.support.cli import Cli
from tests.support.projects import ProjectFolder
from tfgen import localaws


def test_status_of_one_that_never_ran(cli: Cli, project: ProjectFolder) -> None:
    told = cli("local", "status", cwd=project.root)
    assert told.code == 0
    assert told.out.startswith("stopped; its place is http://127.0.0.1:")
    assert cli("local", "status", "--json").document["state"] == "stopped"
    assert not (project.root / ".tfgen").exists()


def test_a_lost_one_is_told_with_the_next_step(cli: Cli, project: ProjectFolder) -> None:
    record = project.root / ".tfgen" / "local" / "emulator.pid"
    record.parent.mkdir(parents=True)
    record.write_text(json.dumps({"pid": 1, "port": 4566, "started": 1.0}))
    told = cli("local", "status", cwd=project.root)
    assert told.out.startswith("lost: ")
    assert "tfgen local reset" in told.err
    up = cli("local", "up", "--json")
    assert (up.code, up.document["error"]["code"]) == (1, "emulator-lost")


def test_reset_wants_a_terminal_or_the_flag(cli: Cli, project: ProjectFolder) -> None:
    told = cli("local", "reset", cwd=project.root)
    assert told.code == 1
    assert "--auto-approve" in told.err
    assert cli("local", "reset", "--auto-approve", "--json").document["state"] == "stopped"


def test_env_can_be_evaluated(cli: Cli, project: ProjectFolder, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_ENDPOINT_URL_S3", "https://elsewhere.example")
    told = cli("local", "env", cwd=project.root)
    assert "unset AWS_ENDPOINT_URL_S3\n" in told.out
    assert "export AWS_ACCESS_KEY_ID=test\n" in told.out
    assert "does not run" in told.err
    document = cli("local", "env", "--json").document
    assert document["environment"]["AWS_ENDPOINT_URL"].startswith("http://127.0.0.1:")
    assert "AWS_ENDPOINT_URL_S3" in document["unset"]


def test_mails_as_text_and_as_a_document(cli: Cli, project: ProjectFolder, monkeypatch: pytest.MonkeyPatch) -> None:
    mail = localaws.Mail("1", "a@b.example", ("c@d.example",), "Orders", "2026-11-23T16:11:30Z", "42 orders\n", "")
    monkeypatch.setattr(localaws, "ensure_running", lambda *_: None)
    monkeypatch.setattr(localaws, "captured_mail", lambda _endpoint: (mail,))
    told = cli("local", "mail", cwd=project.root)
    assert told.out == (
        "From: a@b.example\nTo: c@d.example\nDate: 2026-11-23T16:11:30Z\nSubject: Orders\n\n42 orders\n"
    )
    assert cli("local", "mail", "--json").document["mails"] == [
        {
            "id": "1", "from": "a@b.example", "to": ["c@d.example"], "subject": "Orders",
            "date": "2026-11-23T16:11:30Z", "text": "42 orders\n", "html": "",
        }
    ]  # fmt: skip


def test_logs(cli: Cli, project: ProjectFolder) -> None:
    assert "tfgen local up" in cli("local", "logs", cwd=project.root).err
    log = project.root / ".tfgen" / "local" / "emulator.log"
    log.parent.mkdir(parents=True)
    log.write_text("one\ntwo\n")
    assert cli("local", "logs", "-n", "1").out == "two\n"
    assert cli("local", "logs", "--json").document["error"]["code"] == "usage"
