from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.support.fixture_project import make_environment, make_project
from tests.support.journals import write_run
from tfgen import execution, history, recovery, state
from tfgen.aws import Aws
from tfgen.errors import TfgenError
from tfgen.execution import Bench
from tfgen.mirror import ProviderSource
from tfgen.model import BACKEND_CONFIG
from tfgen.process import Children

MODULES = {BACKEND_CONFIG: (), "00-base": (), "01-top": ("00-base",)}


def document(serial: int, lineage: str = "ours") -> bytes:
    return json.dumps({"version": 4, "serial": serial, "lineage": lineage, "outputs": {}, "resources": []}).encode()


class Recovery:
    """A project with a state that was left, a bucket, and a record of what was pushed."""

    def __init__(self, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        environment = make_environment("dev", "states", endpoint="http://127.0.0.1:1")
        self.project = make_project(folder, environment, MODULES)
        self.left = self.project.tree / "00-base" / recovery.FILE
        self.pushed: list[Path] = []
        self.warnings: list[str] = []
        self.there: bytes | None = None
        self.bench = Bench(
            project=self.project,
            environment=environment,
            binary="terraform",
            version="1.11.4",
            env={},
            caller={},
            providers=ProviderSource(None, None, True, ""),
            run_dir=folder,
            children=Children(),
            on_event=lambda event: self.warnings.append(event.text),
        )
        monkeypatch.setattr(execution, "init", lambda *_arguments: None)
        monkeypatch.setattr(execution, "push_state", lambda _bench, _module, path: self.pushed.append(path))
        monkeypatch.setattr(state, "read_bytes", lambda *_arguments: self.there)

    def settle(self, *modules: str, resume: bool) -> None:
        record = history.read_run(write_run(self.project.work, "1", {"00-base": "failed"})) if resume else None
        recovery.settle(self.bench, Aws({}), modules, record)


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Recovery:
    return Recovery(tmp_path, monkeypatch)


def test_what_was_left_is_found_where_terraform_ran(place: Recovery) -> None:
    environment = place.bench.environment
    assert recovery.find_errored(place.project, environment) == {}
    place.left.write_bytes(document(1))
    backend = place.project.work / "env" / "dev" / BACKEND_CONFIG / recovery.FILE
    backend.parent.mkdir(parents=True)
    backend.write_bytes(document(1))
    assert recovery.find_errored(place.project, environment) == {BACKEND_CONFIG: backend, "00-base": place.left}


def test_it_stops_a_run_about_its_module_and_warns_the_others(place: Recovery) -> None:
    place.left.write_bytes(document(2))
    with pytest.raises(TfgenError, match="could not write") as caught:
        place.settle("00-base", "01-top", resume=False)
    assert caught.value.hint.startswith("tfgen apply --resume")
    place.settle("01-top", resume=False)
    assert "holds the state of 00-base" in place.warnings[0]
    assert place.pushed == []
    assert place.left.exists()


@pytest.mark.parametrize("there", [None, document(1)])
def test_resuming_puts_it_in_its_place(place: Recovery, there: bytes | None) -> None:
    place.left.write_bytes(document(2))
    place.there = there
    place.settle("00-base", resume=True)
    assert place.pushed == [place.left]
    assert not place.left.exists()


@pytest.mark.parametrize(
    ("left", "there", "message"),
    [
        (document(2), document(1, "theirs"), "another lineage"),
        (document(2), document(2), r"serial 2\) is not older than the one that was left \(2\)"),
        (document(2), document(3), "somebody has gone on since"),
        (b"", None, "is empty"),
        (b"{broken", None, "not a readable terraform state"),
    ],
)
def test_what_does_not_fit_is_refused_and_kept(place: Recovery, left: bytes, there: bytes | None, message: str) -> None:
    place.left.write_bytes(left)
    place.there = there
    with pytest.raises(TfgenError, match=message):
        place.settle("00-base", resume=True)
    assert place.pushed == []
    assert place.left.read_bytes() == left
