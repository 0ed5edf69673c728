"""Who reads what, and whether the states have it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pytest

from tests.support.projects import ProjectFolder
from tfgen import workflow
from tfgen.contracts import Reading, compare_states, find_unread
from tfgen.state import Output, State

APPLIED: Mapping[str, Mapping[str, Any]] = {
    "00-network": {"network_id": "net-1", "password": "hidden"},
    "02-store": {"table": "orders", "table_arn": "arn:aws:x"},
}


def state(outputs: Mapping[str, Any], attributes: Mapping[str, Any] | None = None) -> State:
    entry = {
        "mode": "managed",
        "type": "terraform_data",
        "name": "store",
        "instances": [{"attributes": attributes or {"id": "some-id"}}],
    }
    return State(1, "lineage", {name: Output(value, "string", False) for name, value in outputs.items()}, [entry])


def read(project: ProjectFolder, states: Mapping[str, State | None]) -> dict[str, Reading]:
    loaded = workflow.load_project(project.root)
    tree = workflow.preview(loaded).tree
    found = compare_states(tree, workflow.user_files(loaded.project), states)
    return {f"{reading.reader} {reading.read}.{reading.output}": reading for reading in found}


def statuses(project: ProjectFolder, states: Mapping[str, State | None]) -> dict[str, str]:
    return {name: reading.status for name, reading in read(project, states).items()}


def test_what_no_module_reads(project: ProjectFolder) -> None:
    project.change("templates/front-desk/main.tf.j2", "table = local.store.table\n", "table = null\n")
    assert find_unread(project.preview().tree) == {
        "backend-config": ("state_bucket",),
        "02-store": ("table",),
        "03-front-desk": ("desk",),
    }


def test_each_output_that_is_read_is_told(project: ProjectFolder) -> None:
    states = {name: state(outputs) for name, outputs in APPLIED.items()}
    assert statuses(project, states) == {
        "02-store 00-network.network_id": "present",
        "02-store 00-network.password": "present",
        "03-front-desk 02-store.table": "present",
        "03-front-desk 02-store.table_arn": "present",
    }


@pytest.mark.parametrize("missing", [None, State(1, "", {}, ())])
def test_a_module_that_was_never_applied(project: ProjectFolder, missing: State | None) -> None:
    found = read(project, {"00-network": missing, "02-store": state(APPLIED["02-store"])})
    assert found["02-store 00-network.password"].status == "missing"
    assert "tfgen apply --module 00-network --with-dependencies" in found["02-store 00-network.password"].hint
    assert found["03-front-desk 02-store.table"].status == "present"


def test_an_output_that_is_newer_than_the_state(project: ProjectFolder) -> None:
    found = read(project, {"00-network": state(APPLIED["00-network"]), "02-store": state({"table": "orders"})})
    reading = found["03-front-desk 02-store.table_arn"]
    assert reading.status == "missing"
    assert "tfgen apply --module 02-store" in reading.hint


def test_a_null_is_told_from_what_is_missing(project: ProjectFolder) -> None:
    """Terraform writes no null output into a state; what the output names is null there."""
    states = {"00-network": state(APPLIED["00-network"]), "02-store": state({"table": "orders"}, {"id": None})}
    reading = read(project, states)["03-front-desk 02-store.table_arn"]
    assert reading.status == "null"
    assert "no null" in reading.hint
    states["02-store"] = state({"table": "orders", "table_arn": None})
    assert statuses(project, states)["03-front-desk 02-store.table_arn"] == "null"


def test_an_output_that_is_written_as_null(project: ProjectFolder) -> None:
    project.render()
    project.write("terraform/02-store/mine.tf", 'output "nothing" {\n  value = null\n}\n')
    project.change("templates/front-desk/main.tf.j2", "local.store.table_arn", "local.store.nothing")
    states = {name: state(outputs) for name, outputs in APPLIED.items()}
    assert statuses(project, states)["03-front-desk 02-store.nothing"] == "null"


def test_a_key_of_a_resource_counts(project: ProjectFolder) -> None:
    project.render()
    text = 'output "second" {\n  value = terraform_data.many["b"].output\n}\n'
    project.write("terraform/02-store/mine.tf", text)
    project.change("templates/front-desk/main.tf.j2", "local.store.table_arn", "local.store.second")
    instances = [
        {"index_key": "a", "attributes": {"output": None}},
        {"index_key": "b", "attributes": {"output": "x"}},
    ]
    entry = {"mode": "managed", "type": "terraform_data", "name": "many", "instances": instances}
    states = {"00-network": state(APPLIED["00-network"]), "02-store": State(1, "", {}, [entry])}
    assert statuses(project, states)["03-front-desk 02-store.second"] == "missing"
    instances[1]["attributes"] = {"output": None}
    assert statuses(project, states)["03-front-desk 02-store.second"] == "null"


def test_whoever_reads_a_state_as_a_whole_reads_every_output(project: ProjectFolder) -> None:
    project.render()
    text = (
        'data "terraform_remote_state" "n" {\n  backend = "s3"\n  config = {\n'
        '    key = "00-network/terraform.tfstate"\n  }\n}\n'
        "locals {\n  all = data.terraform_remote_state.n.outputs\n}\n"
    )
    project.write("terraform/03-front-desk/mine.tf", text)
    found = statuses(project, {name: state(outputs) for name, outputs in APPLIED.items()})
    assert {name for name in found if "00-network" in name and name.startswith("03")} == {
        "03-front-desk 00-network.network_id",
        "03-front-desk 00-network.password",
    }
    assert "00-network" not in find_unread(project.preview().tree)
