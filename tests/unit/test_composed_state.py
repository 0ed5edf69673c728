from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tfgen.composed_state import StatePart, content_of, merge_states, split_state, to_bytes, to_document
from tfgen.errors import TfgenError
from tfgen.state import Output, State, parse_state

AWS = 'provider["registry.terraform.io/hashicorp/aws"]'


def resource(name: str, **extra: Any) -> dict[str, Any]:
    return {"mode": "managed", "type": "aws_x", "name": name, "provider": AWS, "instances": [{}], **extra}


def make_state(*resources: dict[str, Any], **outputs: Output) -> State:
    return State(serial=7, lineage="l", outputs=outputs, resources=resources)


def merge(*parts: StatePart) -> dict[str, Any]:
    return merge_states(parts, terraform_version="1.11.4")


def test_resources_move_below_their_module() -> None:
    nested = resource("b", module="module.inner")
    merged = merge(StatePart("storage", make_state(resource("a"), nested)), StatePart("iam", make_state(resource("a"))))
    assert [(item["module"], item["name"]) for item in merged["resources"]] == [
        ("module.storage", "a"),
        ("module.storage.module.inner", "b"),
        ("module.iam", "a"),
    ]
    assert merged["version"] == 4
    assert merged["check_results"] is None


def test_dependencies_move_too_and_remote_state_is_dropped() -> None:
    entry = resource("a", instances=[{"dependencies": ["aws_x.b", "data.terraform_remote_state.iam"]}])
    data = {"mode": "data", "type": "terraform_remote_state", "name": "iam", "provider": "", "instances": []}
    merged = merge(StatePart("storage", make_state(entry, data)))
    assert [item["instances"] for item in merged["resources"]] == [[{"dependencies": ["module.storage.aws_x.b"]}]]


def test_outputs_are_mirrored() -> None:
    shown, hidden = Output("v", "string", False), Output("s", "string", True)
    merged = merge(StatePart("storage", make_state(shown=shown, hidden=hidden)))
    assert merged["outputs"] == {
        "storage-shown": {"value": "v", "type": "string"},
        "storage-hidden": {"value": "s", "type": "string", "sensitive": True},
    }


def test_a_provider_belongs_to_the_root_unless_the_module_keeps_it() -> None:
    own = (("registry.terraform.io/hashicorp/aws", "east"),)
    state = make_state(
        resource("a"), resource("b", provider=f"{AWS}.east"), resource("c", provider=f"module.inner.{AWS}")
    )
    merged = merge(StatePart("storage", state, own))
    assert [item["provider"] for item in merged["resources"]] == [
        AWS,
        f"module.storage.{AWS}.east",
        f"module.storage.module.inner.{AWS}",
    ]


# And back.

IDENTIFIERS = ("api", "api_ingestion", "storage")
NAMES = st.sampled_from(["a", "b", "c"])
TEXTS = st.sampled_from(["", "v", "ä→\U0001f600", "<&>", 10**17, None, [1.5, {"k": True}]])
INDEX = st.one_of(st.none(), st.integers(0, 3), st.sampled_from(["x", 'q"uo.te', "ümlaut"]))
INNER = st.sampled_from(["", "module.inner", 'module.inner["k.v"].module.deep', "module.api"])


@st.composite
def instances(draw: st.DrawFn) -> dict[str, Any]:
    found: dict[str, Any] = {"schema_version": draw(st.integers(0, 2)), "attributes": {"id": draw(TEXTS)}}
    index = draw(INDEX)
    if index is not None:
        found["index_key"] = index
    for key, value in {
        "status": "tainted",
        "deposed": "0a1b2c3d",
        "private": "bnVsbA==",
        "create_before_destroy": True,
    }.items():
        found |= {key: value} if draw(st.booleans()) else {}
    needs = draw(st.sets(st.sampled_from(["aws_x.a", "data.aws_y.b", "module.inner.aws_x.c", "module.api.aws_x.a"])))
    return {**found, "dependencies": sorted(needs)} if needs else found


@st.composite
def entries(draw: st.DrawFn) -> dict[str, Any]:
    inner, alias = draw(INNER), draw(st.sampled_from(["", ".east"]))
    # A nested module's own configuration, or the one of the module itself.
    own = draw(st.booleans()) if inner else False
    found = {"module": inner} if inner else {}
    return found | {
        "mode": draw(st.sampled_from(["managed", "data"])),
        "type": "aws_x",
        "name": draw(NAMES),
        "provider": f"{inner}.{AWS}" if own else f"{AWS}{alias}",
        "instances": draw(st.lists(instances(), max_size=3)),
    }


@st.composite
def states(draw: st.DrawFn) -> State:
    outputs = {
        name: Output(draw(TEXTS), "string", draw(st.booleans()))
        for name in draw(st.sets(st.sampled_from(["v", "a-b", "api_x"])))
    }
    found = draw(
        st.lists(entries(), max_size=4, unique_by=lambda item: (item.get("module"), item["mode"], item["name"]))
    )
    return State(serial=draw(st.integers(1, 9)), lineage="l", outputs=outputs, resources=found)


@settings(suppress_health_check=[HealthCheck.too_slow], deadline=None)
@given(st.lists(states(), min_size=3, max_size=3))
def test_what_is_merged_is_split_into_the_same_again(found: list[State]) -> None:
    own = (("registry.terraform.io/hashicorp/aws", "east"),)
    document = merge(*(StatePart(name, item, own) for name, item in zip(IDENTIFIERS, found, strict=True)))
    # Terraform sorts what it writes, over all modules.
    document["resources"].sort(key=lambda entry: (entry["module"], entry["mode"], entry["type"], entry["name"]))
    shares = split_state(json.loads(json.dumps(document)), IDENTIFIERS)
    assert shares == {name: content_of(item) for name, item in zip(IDENTIFIERS, found, strict=True)}


@settings(suppress_health_check=[HealthCheck.too_slow], deadline=None)
@given(states())
def test_a_share_is_a_state_again(found: State) -> None:
    content = content_of(found)
    document = to_document(content, terraform_version="1.11.4", serial=8, lineage="l")
    again = parse_state(to_bytes(document), where="s3://b/k")
    assert (again.serial, again.lineage) == (8, "l")
    assert content_of(again) == content


def test_dependencies_on_other_modules_stay_behind() -> None:
    needs = ["module.api.aws_x.b", "module.api_ingestion.aws_x.b", "module.storage.aws_x.a"]
    entry = resource("a", module="module.api", instances=[{"dependencies": needs}])
    [kept] = split_state({"resources": [entry]}, IDENTIFIERS)["api"].resources
    assert kept == resource("a", instances=[{"dependencies": ["aws_x.b"]}])
    lonely = resource("a", module="module.api", instances=[{"dependencies": needs[1:]}])
    assert split_state({"resources": [lonely]}, IDENTIFIERS)["api"].resources == [resource("a")]


def test_remote_state_data_makes_no_difference() -> None:
    data = {"mode": "data", "type": "terraform_remote_state", "name": "iam", "provider": "", "instances": []}
    entry = resource("a", instances=[{"dependencies": ["aws_x.b", "data.terraform_remote_state.iam"]}])
    without = resource("a", instances=[{"dependencies": ["aws_x.b"]}])
    assert content_of(make_state(data, entry)) == content_of(make_state(without))
    assert split_state({"resources": [{**data, "module": "module.api"}]}, ["api"])["api"].empty


@pytest.mark.parametrize(
    "document",
    [
        {"resources": [resource("a")]},
        {"resources": [resource("a", module="module.other")]},
        {"outputs": {"other-x": {"value": 1, "type": "number"}}},
    ],
)
def test_what_belongs_to_no_module_is_refused(document: dict[str, Any]) -> None:
    with pytest.raises(TfgenError, match="belongs to no module"):
        split_state(document, IDENTIFIERS)
