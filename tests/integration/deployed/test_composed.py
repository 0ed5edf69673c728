"""What was planned for the empty account against what the apply then made, attribute by attribute."""

from __future__ import annotations

import json
import os
import re
import subprocess
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest

from tests.support.emulator import start_emulator
from tests.support.processes import PROVIDER, watch
from tests.support.project import TFGEN, TestProject
from tfgen import deployment, workflow
from tfgen.changes import ComposedPlan
from tfgen.compose import compose_plan
from tfgen.deployment import Caller
from tfgen.state import State

MODULES = [
    "00-foundation",
    "01-iam",
    "02-storage",
    "03-api-ingestion",
    "04-event-processing",
    "05-notification",
    "06-monitoring",
    "07-data-transformation",
]


def compose(root: Path, *, endpoint: str | None = None, **options: bool) -> ComposedPlan:
    project = workflow.load_project(root).project
    kept = {name: os.environ[name] for name in ("PATH", "HOME") if name in os.environ}
    caller = Caller(kept, endpoint=endpoint)
    place = deployment.open_place(project, project.environments["local"], caller, changes=False)
    return compose_plan(place.bench, place.clients, **options)


@pytest.fixture(scope="module")
def empty(deployed: TestProject, tmp_path_factory: pytest.TempPathFactory) -> ComposedPlan:
    """The same project planned where nothing at all exists."""
    with start_emulator(tmp_path_factory.mktemp("empty")) as emulator:
        return compose(deployed.root, endpoint=emulator.endpoint)


@pytest.fixture(scope="module")
def made(deployed: TestProject) -> Mapping[str, Mapping[str, Mapping[str, Any]]]:
    """What exists: module → address → attributes."""
    project = workflow.load_project(deployed.root).project
    kept = {name: os.environ[name] for name in ("PATH", "HOME") if name in os.environ}
    environment = project.environments["local"]
    place = deployment.open_place(project, environment, Caller(kept), changes=False)
    states = deployment.read_states(project, environment, place.clients)
    return {name: dict(_instances(state)) for name, state in states.items() if state is not None}


def test_after_apply_nothing_changes_and_nothing_drifted(deployed: TestProject) -> None:
    plan = compose(deployed.root)
    assert list(plan.modules) == MODULES
    changed = {name: (item.resources, item.changed_outputs) for name, item in plan.modules.items()}
    assert changed == dict.fromkeys(MODULES, ((), ()))
    assert plan.problems == ()
    refreshed = compose(deployed.root, refresh_only=True)
    assert refreshed.drift == {}
    assert not refreshed.changed


def test_one_provider_process_serves_all(deployed: TestProject) -> None:
    process = subprocess.Popen(
        [TFGEN, "plan", "--env", "local"],
        cwd=deployed.root,
        env=deployed.environment,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    samples = watch(process)
    assert process.returncode == 0
    assert max(sample.count(PROVIDER) for sample in samples) == 1


def test_an_empty_account_shows_every_resource(empty: ComposedPlan, made: Mapping[str, Any]) -> None:
    assert empty.complete
    assert empty.problems == ()
    for name in MODULES:
        planned = {change.address: change.action for change in empty.modules[name].resources}
        assert planned == dict.fromkeys(made[name], "create"), name


def test_every_planned_value_came_true(empty: ComposedPlan, made: Mapping[str, Any]) -> None:
    wrong = [
        (name, change.address, item.path, item.after)
        for name in MODULES
        for change in empty.modules[name].resources
        for item in change.attributes
        if not item.unknown
        and not item.sensitive
        and not _came_true(item.after, _at(made[name][change.address], item.path))
    ]
    assert wrong == []


def test_what_one_module_gives_another_waits_for_is_unknown_and_never_made_up(empty: ComposedPlan) -> None:
    outputs = {name: empty.modules[name].outputs for name in MODULES}
    assert not outputs["00-foundation"]["vpc_id"].known
    assert outputs["02-storage"]["orders_table_name"].after == "ecommerce-analytics-local-orders"
    function = next(
        change
        for change in empty.modules["03-api-ingestion"].resources
        if change.address == "aws_lambda_function.order_processor"
    )
    unknown = {item.path for item in function.attributes if item.unknown}
    assert {"role", "vpc_config[0].subnet_ids"} & unknown or "vpc_config" in unknown


def _instances(state: State) -> Iterator[tuple[str, Mapping[str, Any]]]:
    for entry in state.resources:
        if entry["mode"] == "managed":
            for instance in entry["instances"]:
                index = f"[{json.dumps(instance['index_key'])}]" if "index_key" in instance else ""
                prefix = f"{entry['module']}." if entry.get("module") else ""
                yield f"{prefix}{entry['type']}.{entry['name']}{index}", instance["attributes"]


def _at(attributes: Any, path: str) -> Any:
    found = attributes
    for name, quoted, index in re.findall(r'([A-Za-z_]\w*)|\[("(?:[^"\\]|\\.)*")\]|\[(\d+)\]', path):
        if isinstance(found, Mapping):
            found = found.get(name or json.loads(quoted or '""'))
        elif isinstance(found, list) and index and int(index) < len(found):
            found = found[int(index)]
        else:
            return None
    if isinstance(found, Mapping) and found.keys() == {"value", "type"}:
        return found["value"]
    return found


def _came_true(planned: Any, real: Any) -> bool:
    """A planned null may be filled by the provider; JSON documents are compared as such; sets have no order."""
    if planned is None or planned == real:
        return True
    if isinstance(planned, Mapping) and isinstance(real, Mapping):
        return all(_came_true(value, real.get(key)) for key, value in planned.items())
    if isinstance(planned, list) and isinstance(real, list):
        return len(planned) == len(real) and all(any(_came_true(item, other) for other in real) for item in planned)
    if isinstance(planned, str) and isinstance(real, str):
        try:
            return bool(json.loads(planned) == json.loads(real))
        except ValueError:
            return False
    return False
