from __future__ import annotations

from typing import Any

from tfgen.composed_state import StatePart, merge_states
from tfgen.state import Output, State

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
