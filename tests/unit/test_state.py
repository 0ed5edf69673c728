from __future__ import annotations

import json
from typing import Any

import pytest

from tfgen import state
from tfgen.errors import TfgenError


def document(**more: Any) -> bytes:
    return json.dumps({"version": 4, "serial": 3, "lineage": "l", "outputs": {}, "resources": []} | more).encode()


class MissingError(Exception):
    def __init__(self, code: str) -> None:
        super().__init__(code)
        self.response = {"Error": {"Code": code}}


class Clients:
    """Answers with one object, or fails with one code."""

    def __init__(self, answer: Any) -> None:
        self._answer = answer

    def client(self, _service: str) -> Clients:
        return self

    def __getattr__(self, _name: str) -> Any:
        def call(**_arguments: Any) -> Any:
            if isinstance(self._answer, Exception):
                raise self._answer
            return self._answer

        return call


def test_a_state_is_read():
    found = state.parse_state(
        document(
            outputs={"a": {"value": "x", "type": "string"}, "s": {"value": 1, "type": "number", "sensitive": True}},
            resources=[
                {
                    "mode": "managed",
                    "type": "aws_s3_bucket",
                    "name": "data",
                    "module": "module.m",
                    "instances": [
                        {"index_key": "raw", "attributes": {"bucket": "b-raw"}},
                        {"index_key": 0, "attributes": {"bucket": "b-0"}},
                    ],
                },
                {"mode": "data", "type": "aws_s3_bucket", "name": "d", "instances": [{"attributes": {"bucket": "no"}}]},
            ],
        ),
        where="s3://b/k",
    )
    assert found.serial == 3
    assert found.outputs["a"].value == "x"
    assert found.outputs["s"].sensitive
    assert found.buckets() == {
        'module.m.aws_s3_bucket.data["raw"]': "b-raw",
        "module.m.aws_s3_bucket.data[0]": "b-0",
    }
    assert found.applied


def test_what_was_destroyed_is_not_applied():
    assert not state.parse_state(document(), where="").applied
    only_data = document(resources=[{"mode": "data", "type": "t", "name": "n", "instances": []}])
    assert not state.parse_state(only_data, where="").applied
    assert state.parse_state(document(outputs={"a": {"value": 1, "type": "number"}}), where="").applied


@pytest.mark.parametrize("data", [b"", b"{", b"[]", b'{"version": 4}', b"\x00\x01"])
def test_a_damaged_state_is_refused(data):
    with pytest.raises(TfgenError, match="not a readable terraform state") as error:
        state.parse_state(data, where="s3://b/k")
    assert error.value.where == "s3://b/k"


def test_a_newer_format_is_refused():
    with pytest.raises(TfgenError, match="state format 5"):
        state.parse_state(document(version=5), where="")


@pytest.mark.parametrize("code", ["NoSuchKey", "NoSuchBucket"])
def test_a_missing_state_is_none(code):
    assert state.read_state(Clients(MissingError(code)), "b", "k") is None


def test_being_refused_is_not_missing():
    with pytest.raises(TfgenError, match="cannot read s3://b/k"):
        state.read_state(Clients(MissingError("AccessDenied")), "b", "k")


def test_a_local_state(tmp_path):
    path = tmp_path / "terraform.tfstate"
    assert state.read_local(path) is None
    path.write_bytes(b"")
    assert state.read_local(path) is None
    path.write_bytes(document())
    assert state.read_local(path).lineage == "l"


def test_a_bucket_of_another_project():
    tags = {"TagSet": [{"Key": "Module", "Value": "x"}, {"Key": "Project", "Value": "theirs"}]}
    with pytest.raises(TfgenError, match="bucket b belongs to project 'theirs', not to 'ours'"):
        state.check_bucket_owner(Clients(tags), "b", "ours")
    state.check_bucket_owner(Clients(tags), "b", "theirs")
    state.check_bucket_owner(Clients(MissingError("NoSuchBucket")), "b", "ours")
    state.check_bucket_owner(Clients({"TagSet": []}), "b", "ours")
