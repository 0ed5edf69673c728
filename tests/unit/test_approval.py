from __future__ import annotations

import json
from typing import Any

import pytest

from tfgen import approval
from tfgen.approval import Approval
from tfgen.changes import AttributeChange, ComposedPlan, ModuleChanges, OutputChange, ResourceChange
from tfgen.errors import TfgenError

NAME = "02-storage"
ADDRESS = "aws_s3_bucket.data"
CREATE, UPDATE, DELETE = ("create",), ("update",), ("delete",)
REPLACE, REPLACE_NEW_FIRST = ("delete", "create"), ("create", "delete")
NO_OP, FORGET = ("no-op",), ("forget",)


def known(path: str, after: Any, before: Any = None) -> AttributeChange:
    return AttributeChange(path, before, after)


def unknown(path: str) -> AttributeChange:
    return AttributeChange(path, None, None, unknown=True)


def secret(path: str, after: Any) -> AttributeChange:
    return AttributeChange(path, None, None, sensitive=True, hidden=("old", after))


def change(actions: tuple[str, ...], *attributes: AttributeChange, **rest: Any) -> ResourceChange:
    return ResourceChange(NAME, rest.pop("address", ADDRESS), "aws_s3_bucket", actions, attributes, **rest)


def module(*resources: ResourceChange, outputs: tuple[OutputChange, ...] = ()) -> ModuleChanges:
    return ModuleChanges(NAME, resources=resources, outputs={output.name: output for output in outputs})


def approve(changes: ModuleChanges) -> Approval:
    plan = ComposedPlan({NAME: changes})
    return approval.approve(plan, project="shop", environment="local", account="000000000000")


def differences(approved: ModuleChanges, planned: ModuleChanges) -> list[str]:
    """Compare, through the document that a file holds."""
    saved = approval.from_document(json.dumps(approval.to_document(approve(approved))).encode(), where="file")
    return [str(difference) for difference in approval.compare(saved, planned)]


SAME = [
    ("the same", change(CREATE, known("bucket", "a")), change(CREATE, known("bucket", "a"))),
    ("an unknown stays unknown", change(CREATE, unknown("id")), change(CREATE, unknown("id"))),
    ("an unknown becomes known", change(UPDATE, unknown("id")), change(UPDATE, known("id", "x"))),
    ("an unknown becomes a secret", change(UPDATE, unknown("id")), change(UPDATE, secret("id", "x"))),
    ("part of an unknown becomes known", change(UPDATE, unknown("a")), change(UPDATE, known("a[0].b", 1))),
    ("unknown parts become a whole", change(UPDATE, unknown("a.b"), unknown("a.c")), change(UPDATE, known("a", [1]))),
    ("an unknown turns out as unchanged", change(UPDATE, unknown("id"), known("b", 1)), change(UPDATE, known("b", 1))),
    ("a null is filled in an update", change(UPDATE, known("arn", None, "x")), change(UPDATE, known("arn", "y"))),
    ("a null is filled in something new", change(CREATE, known("b", 1)), change(CREATE, known("b", 1), known("c", 2))),
    ("an update shrinks to nothing", change(UPDATE, known("b", 1)), None),
    ("a creation shrinks to nothing", change(CREATE, known("b", 1)), None),
    ("a destruction shrinks to nothing", change(DELETE), None),
    ("a replacement shrinks to nothing", change(REPLACE, known("b", 1)), None),
    ("a replacement becomes an update", change(REPLACE, known("b", 1)), change(UPDATE, known("b", 1))),
    ("the new one comes first", change(REPLACE, known("b", 1)), change(REPLACE_NEW_FIRST, known("b", 1))),
    ("a destruction becomes a forget", change(DELETE), change(FORGET)),
    ("a move is a move", change(NO_OP, previous_address="a.b"), change(NO_OP, previous_address="a.b")),
    ("an update with a move only moves", change(UPDATE, known("b", 1), previous_address="a.b"),
     change(NO_OP, previous_address="a.b")),
    ("an import is an import", change(NO_OP, importing="i-1"), change(NO_OP, importing="i-1")),
    ("a secret stays", change(UPDATE, secret("p", "x")), change(UPDATE, secret("p", "x"))),
    ("JSON is laid out in another way", change(UPDATE, known("policy", '{"a": 1, "b": [2]}')),
     change(UPDATE, known("policy", '{"b":[2],"a":1}'))),
    ("a deposed object goes", change(DELETE, deposed="ab12"), change(DELETE, deposed="ab12")),
]  # fmt: skip

OTHER = [
    ("something new", None, change(CREATE, known("b", 1)), "would be created, which was not approved"),
    ("something is destroyed", None, change(DELETE), "would be destroyed, which was not approved"),
    ("a move", None, change(NO_OP, previous_address="a.b"), "would be moved, which was not approved"),
    ("an import", None, change(NO_OP, importing="i-1"), "would be imported, which was not approved"),
    ("an update becomes a replacement", change(UPDATE, known("b", 1)), change(REPLACE, known("b", 1)),
     "would be replaced; approved was: changed in place"),
    ("an update becomes a destruction", change(UPDATE, known("b", 1)), change(DELETE),
     "would be destroyed; approved was: changed in place"),
    ("a creation becomes a replacement", change(CREATE, known("b", 1)), change(REPLACE, known("b", 1)),
     "would be replaced; approved was: created"),
    ("a replacement becomes a destruction", change(REPLACE, known("b", 1)), change(DELETE),
     "would be destroyed; approved was: replaced"),
    ("a forget becomes a destruction", change(FORGET), change(DELETE), "would be destroyed; approved was: forgotten"),
    ("a move becomes an update", change(NO_OP, previous_address="a.b"),
     change(UPDATE, known("b", 1), previous_address="a.b"), "would be changed in place; approved was: moved"),
    ("the old one goes first", change(REPLACE_NEW_FIRST, known("b", 1)), change(REPLACE, known("b", 1)),
     "would be destroyed before its replacement is there; approved was the other order"),
    ("another value", change(UPDATE, known("b", 1)), change(UPDATE, known("b", 2)),
     "other values than approved: b"),
    ("a value instead of a text", change(UPDATE, known("b", 1)), change(UPDATE, known("b", "1")),
     "other values than approved: b"),
    ("another value in something new", change(CREATE, known("b", 1)), change(CREATE, known("b", 2)),
     "other values than approved: b"),
    ("a known value becomes unknown", change(UPDATE, known("b", 1)), change(UPDATE, unknown("b")),
     "other values than approved: b"),
    ("a known value becomes null", change(UPDATE, known("b", 1)), change(UPDATE, known("b", None, 0)),
     "other values than approved: b"),
    ("one attribute more", change(UPDATE, known("b", 1)), change(UPDATE, known("b", 1), known("c", 1)),
     "other values than approved: c"),
    ("a whole becomes other parts", change(CREATE, known("a", [1])), change(CREATE, known("a.b", 1)),
     "other values than approved: a.b"),
    ("known parts become a whole", change(UPDATE, known("a.b", 1), unknown("a.c")), change(UPDATE, known("a", [1])),
     "other values than approved: a"),
    ("a neighbour with the same beginning", change(UPDATE, unknown("tag")), change(UPDATE, known("tags", 1)),
     "other values than approved: tags"),
    ("many", change(UPDATE, known("z", 1)), change(UPDATE, *(known(name, 1) for name in "abcde")),
     "other values than approved: a, b, c and 2 more"),
    ("another secret", change(UPDATE, secret("p", "x")), change(UPDATE, secret("p", "y")),
     "other values than approved: p"),
    ("an update with another move", change(UPDATE, known("b", 1)),
     change(UPDATE, known("b", 1), previous_address="x.y"),
     "would be moved from x.y, which was not approved"),
    ("another id", change(NO_OP, importing="i-1"), change(NO_OP, importing="i-2"),
     "would be imported by another id"),
    ("another deposed object", change(DELETE, deposed="ab12"), change(DELETE, deposed="cd34"),
     "would be destroyed, which was not approved"),
    ("the object instead of the deposed one", change(DELETE, deposed="ab12"), change(DELETE),
     "would be destroyed, which was not approved"),
]  # fmt: skip


@pytest.mark.parametrize(("approved", "planned"), [row[1:] for row in SAME], ids=[row[0] for row in SAME])
def test_what_was_approved_may_happen(approved: ResourceChange, planned: ResourceChange | None) -> None:
    assert differences(module(approved), module(*([planned] if planned else []))) == []


@pytest.mark.parametrize(("approved", "planned", "message"), [row[1:] for row in OTHER], ids=[row[0] for row in OTHER])
def test_anything_added_or_stronger_is_a_difference(
    approved: ResourceChange | None, planned: ResourceChange, message: str
) -> None:
    [found] = differences(module(*([approved] if approved else [])), module(planned))
    assert found.endswith(f": {message}")
    assert found.startswith(ADDRESS)


def test_other_resources_are_looked_at_one_by_one() -> None:
    approved = module(change(UPDATE, known("b", 1)), change(CREATE, address="a.new"))
    planned = module(change(UPDATE, known("b", 1)), change(CREATE, address="a.other"))
    assert differences(approved, planned) == ["a.other: would be created, which was not approved"]


def output(action: str, after: Any = None, **rest: Any) -> OutputChange:
    return OutputChange("name", action, after=after, **rest)


@pytest.mark.parametrize(
    ("approved", "planned", "message"),
    [
        (output("update", "a"), output("update", "a"), ""),
        (output("update", "a"), output("no-op", "a"), ""),
        (output("create", known=False), output("create", "a"), ""),
        (output("update", known=False), output("update", known=False), ""),
        (output("update", sensitive=True), output("update", sensitive=True), ""),
        (output("delete"), output("delete"), ""),
        (output("no-op", "a"), output("update", "b"), "would change, which was not approved"),
        (output("update", "a"), output("update", "b"), "would get another value than approved"),
        (output("update", "a"), output("update", known=False), "would get another value than approved"),
        (output("update", known=False), output("delete"), "would be removed, which was not approved"),
    ],
)
def test_outputs_are_part_of_what_was_approved(approved: OutputChange, planned: OutputChange, message: str) -> None:
    found = differences(module(outputs=(approved,)), module(outputs=(planned,)))
    assert found == ([f"output name: {message}"] if message else [])


def test_a_module_nobody_approved_may_do_nothing() -> None:
    approved = approve(ModuleChanges(NAME))
    assert approved.modules == {}
    assert approval.compare(approved, module(change(CREATE)))
    assert not approval.compare(approved, module())


def test_the_document_holds_no_value() -> None:
    text = json.dumps(
        approval.to_document(
            approve(
                module(
                    change(CREATE, known("b", "visible"), secret("p", "hunter2"), importing="i-visible"),
                    outputs=(output("create", "visible"),),
                )
            )
        )
    )
    assert "visible" not in text
    assert "hunter2" not in text
    assert "scrypt:" in text


def test_two_approvals_of_the_same_have_other_hashes() -> None:
    first, second = (approve(module(change(CREATE, known("b", 1)))) for _ in range(2))
    assert first.modules != second.modules


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (b"", "not what"),
        (b"[]", "not what"),
        (b"{}", "not what"),
        (b'{"kind": "tfgen-approval", "version": 1}', "not what"),
        (b'{"kind": "tfgen-approval", "version": 2}', "version 2"),
        (b'{"kind": "tfgen-approval", "version": 1, "modules": []}', "not what"),
    ],
)
def test_a_file_that_is_none_is_refused(data: bytes, message: str) -> None:
    with pytest.raises(TfgenError, match=message) as caught:
        approval.from_document(data, where="plan.approved")
    assert caught.value.where == "plan.approved"
    assert caught.value.hint


@pytest.mark.parametrize(
    "place", [("other", "local", "0" * 12), ("shop", "dev", "0" * 12), ("shop", "local", "1" * 12)]
)
def test_an_approval_is_for_one_place(place: tuple[str, str, str]) -> None:
    names = ("project", "environment", "account")
    approved = approve(module(change(CREATE)))
    approval.check_place(approved, project="shop", environment="local", account="0" * 12, where="f")
    with pytest.raises(TfgenError, match="what was approved is apply of project shop in local"):
        approval.check_place(approved, **dict(zip(names, place, strict=True)), where="f")
