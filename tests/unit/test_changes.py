from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from tfgen.changes import AttributeChange, OutputChange, ResourceChange, read_module_plan, read_plan, split_address
from tfgen.errors import TfgenError

SAMPLE = Path(__file__).parent / "samples" / "plan.json"


@pytest.fixture
def document() -> Any:
    """A plan of terraform 1.11.4: module.a with moved, replaced, created and destroyed resources."""
    return json.loads(SAMPLE.read_text())


def resources(document: Any) -> dict[str, ResourceChange]:
    plan = read_plan(document, {"a": "00-a"})
    return {change.address: change for change in plan.modules["00-a"].resources}


def attributes(change: ResourceChange) -> dict[str, AttributeChange]:
    return {attribute.path: attribute for attribute in change.attributes}


def test_counts_are_those_of_the_module(document: Any) -> None:
    plan = read_plan(document, {"a": "00-a", "b": "01-b"})
    first = plan.modules["00-a"]
    assert (first.add, first.change, first.destroy, first.replace) == (2, 1, 1, 1)
    assert list(plan.modules) == ["00-a", "01-b"]
    assert not plan.modules["01-b"].changed
    assert plan.changed
    assert plan.complete
    assert plan.format_version == "1.2"


def test_addresses_are_relative_to_the_module(document: Any) -> None:
    assert set(resources(document)) == {
        "terraform_data.moved",
        "terraform_data.still",
        'terraform_data.t["p"]',
        'terraform_data.t["q"]',
        'terraform_data.t["r"]',
    }


def test_a_replacement_names_what_forces_it_and_why(document: Any) -> None:
    change = resources(document)['terraform_data.t["p"]']
    assert change.action == "replace"
    assert change.loses
    assert change.reason == "replace_because_cannot_update"
    assert [(item.path, item.before, item.after) for item in change.forced_by] == [("triggers_replace", "one", "two")]


def test_a_sensitive_value_is_not_in_what_is_shown(document: Any) -> None:
    secret = attributes(resources(document)['terraform_data.t["p"]'])["input.s"]
    assert (secret.sensitive, secret.before, secret.after) == (True, None, None)
    assert secret.hidden == ("secret", "secret2")
    assert "secret2" not in repr(secret)


def test_an_unknown_value_is_marked(document: Any) -> None:
    change = attributes(resources(document)["terraform_data.still"])
    assert change["id"].unknown
    assert change["input.a"].after == [1, 2]
    assert change['input["b-c"]'].after == "x"


def test_a_move_names_the_old_address(document: Any) -> None:
    change = resources(document)["terraform_data.moved"]
    assert (change.action, change.previous_address) == ("update", "terraform_data.n")


def test_outputs_lose_the_module_prefix(document: Any) -> None:
    outputs = read_plan(document, {"a": "00-a"}).modules["00-a"].outputs
    assert outputs["plain"] == OutputChange("plain", "create", after="p")
    assert outputs["soon"] == OutputChange("soon", "create", known=False)
    assert outputs["v"] == OutputChange("v", "update", known=False, sensitive=True)


@pytest.mark.parametrize(
    ("actions", "extra", "word"),
    [
        (["no-op"], {"importing": {"id": "i-1"}}, "import"),
        (["forget"], {}, "forget"),
        (["create", "delete"], {}, "replace"),
    ],
)
def test_state_only_changes_have_a_word(actions: list[str], extra: dict[str, Any], word: str) -> None:
    change = {"actions": actions, "before": None, "after": None, **extra}
    entry = {"address": "module.a.x_y.z", "mode": "managed", "type": "x_y", "change": change}
    plan = read_plan({"format_version": "1.2", "resource_changes": [entry]}, {"a": "00-a"})
    assert [item.action for item in plan.modules["00-a"].resources] == [word]


def test_data_sources_are_listed_only_if_they_wait_for_the_apply() -> None:
    entries = [
        {"address": f"module.a.data.x_y.{name}", "mode": "data", "type": "x_y", "change": {"actions": [action]}}
        for name, action in (("now", "no-op"), ("later", "read"))
    ]
    plan = read_plan({"format_version": "1.2", "resource_changes": entries}, {"a": "00-a"})
    assert plan.modules["00-a"].deferred == ("data.x_y.later",)
    assert plan.modules["00-a"].resources == ()


def test_a_list_of_another_length_changes_as_a_whole() -> None:
    change = {
        "actions": ["update"],
        "before": {"rules": [{"port": 1}], "same": [{"a": 1}]},
        "after": {"rules": [{"port": 1}, {"port": 2}], "same": [{"a": 2}]},
        "after_unknown": {},
    }
    entry = {"address": "x_y.z", "mode": "managed", "type": "x_y", "change": change}
    planned, _ = read_module_plan({"format_version": "1.2", "resource_changes": [entry]}, "00-a")
    found = {item.path: (item.before, item.after) for item in planned.resources[0].attributes}
    assert found == {"rules": ([{"port": 1}], [{"port": 1}, {"port": 2}]), "same[0].a": (1, 2)}
    assert not planned.composed


def test_another_format_is_refused() -> None:
    with pytest.raises(TfgenError, match=r"plan format 2\.0"):
        read_plan({"format_version": "2.0"}, {})


def test_an_errored_plan_is_not_complete() -> None:
    assert not read_plan({"format_version": "1.2", "errored": True}, {}).complete


def test_addresses_are_split_at_the_first_module() -> None:
    assert split_address("module.api_ingestion.module.x.aws_a.b") == ("api_ingestion", "module.x.aws_a.b")
    assert split_address("aws_a.b") == ("", "aws_a.b")


def drifted(kind: str, before: dict[str, Any], after: dict[str, Any], *configured: str) -> list[str]:
    change = {"actions": ["update"], "before": before, "after": after, "after_unknown": {}}
    entry = {"address": f'module.a.{kind}.z["k"]', "mode": "managed", "type": kind, "change": change}
    resource = {"address": f"{kind}.z", "expressions": {name: {} for name in configured}}
    root = {"module_calls": {"a": {"module": {"resources": [resource]}}}}
    document = {"format_version": "1.2", "resource_drift": [entry], "configuration": {"root_module": root}}
    drift = read_plan(document, {"a": "00-a"}).drift
    return [item.path for change in drift["00-a"].resources for item in change.attributes] if drift else []


def test_drift_is_what_somebody_changed() -> None:
    assert drifted("x_y", {"size": 1, "tags": None}, {"size": 2, "tags": {"a": "b"}}, "tags") == ["size", "tags.a"]


def test_what_a_provider_fills_in_is_no_drift() -> None:
    assert drifted("x_y", {"layers": None, "rules": []}, {"layers": [], "rules": ["r"]}) == []
    assert drifted("aws_s3_bucket", {"versioning": [{"enabled": False, "x": 1}]}, {"versioning": []}) == []


def test_what_was_deleted_outside_is_drift() -> None:
    change = {"actions": ["delete"], "before": {"a": None}, "after": None}
    entry = {"address": "module.a.x_y.z", "mode": "managed", "type": "x_y", "change": change}
    plan = read_plan({"format_version": "1.2", "resource_drift": [entry]}, {"a": "00-a"})
    assert [item.action for item in plan.drift["00-a"].resources] == ["delete"]
