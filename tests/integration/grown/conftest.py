"""One small deployed project that the tests in this folder let grow; they run on one worker, in file order."""

from __future__ import annotations

import json
import re
import time
import uuid
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

import pytest
import yaml

from tests.support.project import TestProject, make_test_project
from tfgen.assets import lambdas_root, templates_root
from tfgen.scaffold import plan_functions
from tfgen.templating import Templates
from tfgen.workflow import load_project

PREFIX = "ecommerce-analytics-local"
PATIENCE = 45.0
_BASE = ("backend-config", "00-foundation", "01-iam", "02-storage", "05-notification")

# What every function of these tests does with what it is given: it notes that it was there, with its own role.
_LOGIC = '''
import json
import os
import re
from typing import Any

from common import clients

ledger = clients.client("dynamodb")


class InvalidError(Exception):
    """Never raised here."""


def run(*given: Any) -> dict[str, Any]:
    text = json.dumps(given, default=str)
    mark = re.search("mark-[0-9a-f]+", text)[0]
    item = {"pk": mark, "sk": os.environ["POWERTOOLS_SERVICE_NAME"], "given": text}
    ledger.put_item(TableName=os.environ["LEDGER"], Item=clients.encode(item))
    return {"mark": mark, **extra(text)}


def extra(text: str) -> dict[str, Any]:
    return {}
'''

T = TypeVar("T")


@pytest.hookimpl(tryfirst=True)  # the group must be known before pytest-xdist deals the tests out
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if "integration/grown" in str(item.path):
            item.add_marker(pytest.mark.xdist_group("grown"))
            item.add_marker(pytest.mark.terraform)
            item.add_marker(pytest.mark.emulator)


@dataclass(frozen=True)
class Grown:
    """The project, and what its tests do with it."""

    project: TestProject

    def add(self, modules: Mapping[str, Mapping[str, Any]], logic: str = "") -> None:
        """Write modules into the spec and render; functions get code that notes each call."""
        path = self.project.root / "config" / "project.yaml"
        spec = yaml.safe_load(path.read_text())
        spec["modules"] |= {name: json.loads(json.dumps(module)) for name, module in modules.items()}
        path.write_text(yaml.safe_dump(spec, sort_keys=False))
        loaded = load_project(self.project.root)
        for module in loaded.project.modules:
            if module.name in modules:
                templates = Templates([templates_root()])
                blueprint = loaded.blueprints[module.blueprint]
                code = plan_functions(loaded.project, module, blueprint, templates, lambdas_root())
                for name, content in code.files.items():
                    target = self.project.root / name
                    target.parent.mkdir(parents=True, exist_ok=True)
                    target.write_bytes((_LOGIC + logic).encode() if target.name == "logic.py" else content)
        self.project.tfgen("render")

    def apply(self) -> list[str]:
        """Apply the project and return the modules that were changed."""
        done = self.project.json("apply", "--env", "local", "--auto-approve", "--parallelism", "3")
        return sorted(name for name, module in done["modules"].items() if module["status"] == "done")

    def client(self, service: str) -> Any:
        """Return a client of the emulator, as root."""
        return self.project.client(service)

    def output(self, module: str, name: str) -> Any:
        """Return an output of a module."""
        return json.loads(self.project.tfgen("output", module, name, "--json").stdout)["value"]

    def noted(self, mark: str, service: str) -> dict[str, Any]:
        """Wait until a function has noted a mark, and return what it was given."""

        def look() -> Any:
            key = {"pk": {"S": mark}, "sk": {"S": service}}
            return self.client("dynamodb").get_item(TableName=f"{PREFIX}-ledger", Key=key).get("Item")

        item = wait_for(look)
        assert item, f"{service} was not called with {mark}\n{self.log(service)}"
        given: dict[str, Any] = json.loads(item["given"]["S"])
        return given

    def log(self, service: str) -> str:
        """Return the log of a function."""
        group = f"/aws/lambda/{PREFIX}-{service}"
        events = self.client("logs").filter_log_events(logGroupName=group)["events"]
        return "\n".join(event["message"] for event in events)

    def snapshot(self) -> dict[str, bytes]:
        """Return what is under version control: every file of the project, by path."""
        return {
            str(path.relative_to(self.project.root)): path.read_bytes()
            for path in self.project.root.rglob("*")
            if path.is_file() and not re.search(r"(^|/)(\.tfgen/(?!manifest)|\.terraform/|artifacts/)", str(path.relative_to(self.project.root)))
        }


def wait_for(look: Callable[[], T]) -> T:
    """Look until something is there."""
    deadline = time.monotonic() + PATIENCE
    while not (found := look()) and time.monotonic() < deadline:
        time.sleep(0.2)
    return found


def new_mark() -> str:
    """Return a text by which one call is known."""
    return f"mark-{uuid.uuid4().hex}"


@pytest.fixture(scope="session")
def grown(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Grown]:
    """The lower layers and the notification module, deployed."""
    project = make_test_project(tmp_path_factory.mktemp("grown") / "project")
    path = project.root / "config" / "project.yaml"
    spec = yaml.safe_load(path.read_text())
    spec["modules"] = {name: spec["modules"][name] for name in _BASE}
    path.write_text(yaml.safe_dump(spec, sort_keys=False))
    project.tfgen("render")
    grown = Grown(project)
    assert grown.apply() == sorted(_BASE)
    yield grown
    project.tfgen("local", "down")


@pytest.fixture(scope="session")
def alerts(grown: Grown) -> str:
    """URL of a queue that gets what the alerts topic is told."""
    sqs, topic = grown.client("sqs"), f"arn:aws:sns:us-east-1:000000000000:{PREFIX}-alerts"
    url: str = sqs.create_queue(QueueName="alerts-heard")["QueueUrl"]
    arn = "arn:aws:sqs:us-east-1:000000000000:alerts-heard"
    statement = {"Effect": "Allow", "Principal": {"Service": "sns.amazonaws.com"}, "Action": "sqs:SendMessage", "Resource": arn}
    policy = json.dumps({"Version": "2012-10-17", "Statement": [statement]})
    sqs.set_queue_attributes(QueueUrl=url, Attributes={"Policy": policy})
    grown.client("sns").subscribe(TopicArn=topic, Protocol="sqs", Endpoint=arn)
    return url


def hear(grown: Grown, url: str, text: str) -> str:
    """Wait for a message with a text in a queue."""

    def look() -> str:
        answer = grown.client("sqs").receive_message(QueueUrl=url, MaxNumberOfMessages=10, WaitTimeSeconds=1)
        bodies = [message["Body"] for message in answer.get("Messages", ())]
        return next((body for body in bodies if text in body), "")

    return wait_for(look)
