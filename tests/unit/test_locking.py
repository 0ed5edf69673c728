from __future__ import annotations

import json
import socket
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from tests.support.fixture_project import make_environment, make_project
from tests.support.journals import begin_run
from tfgen import composed_object, leases, locking, process, state
from tfgen.aws import Aws
from tfgen.composed_object import Copy, ModuleNote, Note
from tfgen.errors import TfgenError, UsageError
from tfgen.places import Caller
from tfgen.state import Lock
from tfgen.state_writing import Backend

HERE = socket.gethostname()


def lock(kind: str, module: str = "00-base", identity: str = "id-1", host: str = "elsewhere") -> Lock:
    info = {"ID": identity, "Operation": "OperationTypeApply", "Who": f"ann@{host}", "Created": "2026-11-23T10:00:00Z"}
    return Lock(kind, f"states/{module}/terraform.tfstate", info, json.dumps(info))


class Place:
    """An environment with these locks, none of it real."""

    def __init__(self, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        self.environment = make_environment("dev", "states", endpoint="http://127.0.0.1:1")
        self.project = make_project(folder, self.environment, {"00-base": (), "01-top": ("00-base",)})
        self.locks: list[Lock] = []
        self.claims: tuple[leases.Claim, ...] = ()
        self.removed: list[str] = []
        self.still_there = True
        self.copies: tuple[Copy, ...] = ()
        monkeypatch.setattr(locking, "connect", lambda *_arguments, **_options: (None, Aws({})))
        monkeypatch.setattr(state, "list_locks", lambda *_arguments: tuple(self.locks))
        monkeypatch.setattr(leases, "read_table", lambda *_arguments: self.claims)
        monkeypatch.setattr(state, "remove_lock", self._remove)
        monkeypatch.setattr(composed_object, "list_copies", lambda *_arguments: self.copies)

    def _remove(self, _clients: Aws, _table: str, part: Lock) -> bool:
        self.removed.append(part.kind)
        return self.still_there

    def unlock(self, identity: str = "", confirm: Any = None) -> tuple[locking.HeldLock, ...]:
        module = self.project.module("00-base")
        return locking.unlock(self.project, self.environment, Caller({}), module, identity, confirm)


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Place:
    return Place(tmp_path, monkeypatch)


def test_the_item_and_the_lockfile_of_one_terraform_are_one_lock(place: Place) -> None:
    place.locks = [lock("dynamodb", "01-top", "id-2"), lock("dynamodb"), lock("lockfile"), lock("lockfile", "99-old")]
    found, _ = locking.list_locks(place.project, place.environment, Caller({}))
    assert [(item.module, item.kinds) for item in found] == [
        ("00-base", ("dynamodb", "lockfile")),
        ("01-top", ("dynamodb",)),
        ("99-old/terraform.tfstate", ("lockfile",)),
    ]
    assert found[0].age is not None
    assert not found[0].gone, "of another machine nothing is known"
    place.locks = [lock("dynamodb", host=HERE)]
    assert locking.list_locks(place.project, place.environment, Caller({}))[0][0].gone


def test_both_kinds_go_the_lockfile_last(place: Place) -> None:
    place.locks = [lock("lockfile"), lock("dynamodb"), lock("dynamodb", "01-top")]
    [removed] = place.unlock("id-1")
    assert removed.module == "00-base"
    assert place.removed == ["dynamodb", "lockfile"]


def test_without_an_id_somebody_must_say_yes(place: Place) -> None:
    assert place.unlock() == ()
    place.locks = [lock("dynamodb")]
    with pytest.raises(UsageError, match="nobody can be asked") as caught:
        place.unlock()
    assert caught.value.hint == "tfgen unlock 00-base --id id-1"
    assert place.unlock(confirm=lambda _lock: False) == ()
    assert place.removed == []
    assert len(place.unlock(confirm=lambda _lock: True)) == 1


def test_an_id_that_does_not_match_removes_nothing(place: Place) -> None:
    place.locks = [lock("dynamodb")]
    with pytest.raises(UsageError, match="but not by id-9") as caught:
        place.unlock("id-9")
    assert "ann@elsewhere since 2026-11-23 10:00:00 UTC (id id-1)" in caught.value.hint
    assert place.removed == []


def test_a_lock_that_changed_hands_meanwhile_is_left_alone(place: Place) -> None:
    place.locks = [lock("dynamodb"), lock("lockfile")]
    place.still_there = False
    with pytest.raises(TfgenError, match="another one by now"):
        place.unlock("id-1")
    assert place.removed == ["dynamodb"]


@pytest.mark.parametrize(
    ("expires", "said", "hint"),
    [
        (
            0.0,
            "did not get to writing the modules' states",
            "tfgen state recover run-1 --env dev writes them, once that machine is gone",
        ),
        (9e9, "is at work", "wait for it to end; if its machine is gone"),
    ],
)
def test_locks_of_a_composed_state_stay_until_it_is_split(place: Place, expires: float, said: str, hint: str) -> None:
    backend = Backend("states", "states-lock", ("dynamodb",))
    modules = {"00-base": ModuleNote("base", "00-base/terraform.tfstate")}
    note = Note(
        "run-1", "shop", "dev", "apply", "ann@elsewhere", "then", "l", "composed/run-1.tfstate", backend, modules
    )
    place.copies = (Copy(replace(note, expires=expires), {"lineage": "l"}),)
    place.locks = [lock("dynamodb")]
    with pytest.raises(TfgenError) as caught:
        place.unlock("id-1")
    assert caught.value.message.startswith("run run-1 (apply of 1 module as one by ann@elsewhere, then) ")
    assert said in caught.value.message
    assert caught.value.hint.startswith(hint)
    assert place.removed == []


def test_a_living_owner_is_not_robbed(place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    place.locks = [lock("dynamodb", host=HERE)]
    claim = leases.make_claim("other", "apply", ["00-base"], [])
    place.claims = (claim,)
    with pytest.raises(TfgenError, match="another tfgen works on 00-base"):
        place.unlock("id-1")
    begin_run(place.project.work, "other").close()
    monkeypatch.setattr(process, "working_in", lambda *_arguments: (4711,))
    with pytest.raises(TfgenError, match="terraform still works on 00-base on this machine: process 4711"):
        place.unlock("id-1")
    monkeypatch.undo()
    assert place.removed == []
