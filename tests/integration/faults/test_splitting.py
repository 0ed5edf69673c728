"""Locks in terraform's protocol, and the writing of split states, against the emulator; no terraform."""

from __future__ import annotations

import hashlib
import json
import uuid
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from tests.support.fixture_project import make_environment, make_project
from tfgen import composed_object, composed_state, state, unsplit
from tfgen.aws import Aws
from tfgen.composed_object import ModuleNote, Note
from tfgen.composed_state import Content
from tfgen.errors import TfgenError, UsageError
from tfgen.execution import Bench
from tfgen.isolation import isolate
from tfgen.mirror import ProviderSource
from tfgen.process import Children
from tfgen.state_writing import Backend, Holder, StateHeld, StateLocks, write_state

KEYS = ("00-base/terraform.tfstate", "01-top/terraform.tfstate")
OURS = Holder("run-1", "ann@desk", "OperationTypeApply", "1.11.4")
THEIRS = Holder("run-2", "bob@desk", "OperationTypeApply", "1.11.4")
RESOURCE = {
    "mode": "managed",
    "type": "terraform_data",
    "name": "a",
    "provider": 'provider["terraform.io/builtin/terraform"]',
}


class Store:
    """A bucket and a lock table of their own."""

    def __init__(self, folder: Path, endpoint: str) -> None:
        name = f"st-{uuid.uuid4().hex[:12]}"
        self.environment = make_environment("dev", name, endpoint=endpoint)
        self.project = make_project(folder / "project", self.environment, {"00-base": (), "01-top": ("00-base",)})
        self.clients = Aws(isolate({}, self.environment, work=folder / "work").env)
        self.clients.client("s3").create_bucket(Bucket=name)
        self.clients.client("dynamodb").create_table(
            TableName=self.environment.lock_table,
            BillingMode="PAY_PER_REQUEST",
            KeySchema=[{"AttributeName": "LockID", "KeyType": "HASH"}],
            AttributeDefinitions=[{"AttributeName": "LockID", "AttributeType": "S"}],
        )
        self.bench = Bench(
            project=self.project,
            environment=self.environment,
            binary="terraform",
            version="1.11.4",
            env={},
            caller={},
            providers=ProviderSource(None, None, False, ""),
            run_dir=folder,
            children=Children(),
        )

    def backend(self, *locking: str) -> Backend:
        kinds = locking or ("dynamodb", "lockfile")
        return Backend(self.environment.state_bucket, self.environment.lock_table, kinds, encrypt=False)

    def locks(self, holder: Holder, *locking: str) -> StateLocks:
        return StateLocks(self.clients, self.backend(*locking), holder)

    def held(self) -> dict[str, set[str]]:
        found: dict[str, set[str]] = {}
        for lock in state.list_locks(self.clients, self.environment.state_bucket, self.environment.lock_table):
            found.setdefault(lock.kind, set()).add(lock.key)
        return found

    def put(self, key: str, serial: int, *names: str, lineage: str = "") -> None:
        content = Content({}, [{**RESOURCE, "name": name, "instances": [{}]} for name in names])
        document = composed_state.to_document(
            content, terraform_version="1.11.4", serial=serial, lineage=lineage or f"lineage of {key}"
        )
        write_state(self.clients, self.backend(), key, composed_state.to_bytes(document))

    def read(self, key: str) -> state.State | None:
        return state.read_state(self.clients, self.environment.state_bucket, key)

    def digest(self, key: str) -> str:
        lock_id = f"{self.environment.state_bucket}/{key}-md5"
        item = self.clients.client("dynamodb").get_item(
            TableName=self.environment.lock_table, Key={"LockID": {"S": lock_id}}
        )["Item"]
        return str(item["Digest"]["S"])


@pytest.fixture
def store(tmp_path: Path, upstream: str) -> Store:
    return Store(tmp_path, upstream)


def never() -> bool:
    return False


@pytest.mark.parametrize("locking", [("dynamodb", "lockfile"), ("dynamodb",), ("lockfile",)])
def test_all_locks_or_none_and_the_holder_is_named(store: Store, locking: tuple[str, ...]) -> None:
    ours, theirs = store.locks(OURS, *locking), store.locks(THEIRS, *locking)
    theirs.take(KEYS[1:], timeout=0, stopping=never)
    with pytest.raises(StateHeld, match="OperationTypeApply by bob@desk since 20"):
        ours.take(KEYS, timeout=0, stopping=never)
    assert store.held() == {kind: {KEYS[1]} for kind in locking}
    theirs.release()
    ours.take(KEYS, timeout=0, stopping=never)
    assert store.held() == {kind: set(KEYS) for kind in locking}
    # The answer was lost, or the run is recovered: what is ours is ours.
    again = store.locks(OURS, *locking)
    again.take(KEYS, timeout=0, stopping=never)
    again.release()
    assert store.held() == {}


def test_locks_of_runs_that_ended_are_freed_and_no_others(store: Store) -> None:
    store.locks(OURS).take(KEYS[:1], timeout=0, stopping=never)
    store.locks(THEIRS).take(KEYS[1:], timeout=0, stopping=never)
    assert store.locks(OURS).release_of(["run-1"]) == 2
    assert store.held() == {"dynamodb": {KEYS[1]}, "lockfile": {KEYS[1]}}


def note_of(store: Store, serial: int = 3) -> Note:
    modules = {
        "00-base": ModuleNote("base", KEYS[0], f"lineage of {KEYS[0]}", serial),
        "01-top": ModuleNote("top", KEYS[1]),
    }
    lineage = "11111111-2222-3333-4444-555555555555"
    return Note(
        "run-1", "shop", "dev", "apply", "ann@desk", "then", lineage, "composed/run-1.tfstate", store.backend(), modules
    )


def document_of(note: Note, **names: tuple[str, ...]) -> Mapping[str, Any]:
    resources = [
        {**RESOURCE, "module": f"module.{identifier}", "name": name, "instances": [{}]}
        for identifier, found in names.items()
        for name in found
    ]
    content = Content({}, resources)
    return composed_state.to_document(content, terraform_version="1.11.4", serial=9, lineage=note.lineage)


def names(found: state.State | None) -> list[str]:
    assert found is not None
    return [entry["name"] for entry in found.resources]


def test_each_share_is_written_once_however_often_it_is_split(store: Store) -> None:
    store.put(KEYS[0], 3, "a")
    note = note_of(store)
    document = document_of(note, base=("a", "b"), top=("c",))
    assert unsplit.split(store.bench, store.clients, note, document) == ("00-base", "01-top")
    base, top = (store.read(key) for key in KEYS)
    assert base is not None
    assert top is not None
    assert (base.lineage, base.serial, names(base)) == (f"lineage of {KEYS[0]}", 4, ["a", "b"])
    assert (top.serial, names(top)) == (1, ["c"])
    # Killed between the object and its digest, then repeated.
    table = store.environment.lock_table
    lock_id = {"S": f"{store.environment.state_bucket}/{KEYS[1]}-md5"}
    store.clients.client("dynamodb").put_item(TableName=table, Item={"LockID": lock_id, "Digest": {"S": "old"}})
    assert unsplit.split(store.bench, store.clients, note, document) == ()
    assert (store.read(KEYS[0]), store.read(KEYS[1])) == (base, top)
    data = state.read_bytes(store.clients, store.environment.state_bucket, KEYS[1])
    assert data is not None
    assert store.digest(KEYS[1]) == hashlib.md5(data).hexdigest()


def test_what_the_plan_leaves_alone_is_not_written(store: Store) -> None:
    store.put(KEYS[0], 3, "a")
    note = note_of(store)
    only_top = {**note.modules, "00-base": replace(note.modules["00-base"], changes=False)}
    document = document_of(note, base=("refreshed",), top=("c",))
    assert unsplit.split(store.bench, store.clients, replace(note, modules=only_top), document) == ("01-top",)
    assert names(store.read(KEYS[0])) == ["a"]


def test_a_state_that_has_gone_on_is_left_alone_and_the_others_are_written(store: Store) -> None:
    store.put(KEYS[0], 5, "somebody's")
    note = note_of(store)
    with pytest.raises(TfgenError, match="the state of 00-base is no longer what the run began with"):
        unsplit.split(store.bench, store.clients, note, document_of(note, base=("a",), top=("c",)))
    assert names(store.read(KEYS[0])) == ["somebody's"]
    assert names(store.read(KEYS[1])) == ["c"]


def test_a_copy_says_all_that_another_machine_needs(store: Store) -> None:
    note = note_of(store)
    document = document_of(note, top=("c",))
    composed_object.put_copy(store.clients, note, document)
    [found] = unsplit.find(store.project, store.environment, store.clients)
    assert found.alive, "it has just given a sign of life"
    assert found.file is None
    assert json.loads(json.dumps(found.document)) == document
    assert replace(found.note, expires=0.0) == note
    with pytest.raises(TfgenError, match="is at work") as caught:
        unsplit.settle(store.bench, store.clients, ["00-base"], goes_on=False)
    assert "it counts as dead in" in caught.value.hint
    unsplit.settle(store.bench, store.clients, ["03-aside"], goes_on=False)


def test_another_machine_splits_what_a_dead_one_left(store: Store) -> None:
    store.put(KEYS[0], 3, "a")
    note = note_of(store)
    store.locks(OURS).take(KEYS, timeout=0, stopping=never)
    composed_object.put_copy(store.clients, note, document_of(note, base=("a", "b"), top=("c",)))
    bucket, s3 = store.environment.state_bucket, store.clients.client("s3")
    document = json.loads(s3.get_object(Bucket=bucket, Key=note.key)["Body"].read())
    document["tfgen"]["expires"] = 0.0
    s3.put_object(Bucket=bucket, Key=note.key, Body=json.dumps(document).encode())
    for modules, goes_on in ((["00-base", "01-top"], False), (["00-base"], True)):
        with pytest.raises(TfgenError, match="did not get to writing") as caught:
            unsplit.settle(store.bench, store.clients, modules, goes_on=goes_on)
        assert caught.value.hint == "tfgen state recover run-1 --env dev writes them, once that machine is gone"
    unsplit.settle(store.bench, store.clients, ["00-base"], goes_on=False, only="run")
    assert (names(store.read(KEYS[0])), names(store.read(KEYS[1]))) == (["a", "b"], ["c"])
    assert store.held() == {}
    assert unsplit.find(store.project, store.environment, store.clients) == ()
    with pytest.raises(UsageError, match="no run 'run' left a composed state in dev"):
        unsplit.settle(store.bench, store.clients, ["00-base"], goes_on=False, only="run")
