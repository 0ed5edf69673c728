"""A deployed project that grows by `tfgen add-module`, and a way to see that its functions were called."""

from __future__ import annotations

import json
import re
import time
import uuid
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, TypeVar

from tests.support.project import TestProject

PREFIX = "ecommerce-analytics-local"
PATIENCE = 45.0

# What every function of these tests does with what it is given: it notes that it was there, with its own role.
LOGIC = '''
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

_UNVERSIONED = re.compile(r"(^|/)(\.tfgen/(?!manifest)|\.terraform/|artifacts/)")

T = TypeVar("T")


@dataclass(frozen=True)
class Module:
    """A module to add: what `tfgen add-module` is told."""

    name: str
    blueprint: str
    settings: Mapping[str, Any]

    @property
    def words(self) -> list[str]:
        """The command line: texts as they are, anything else as YAML, which JSON is."""
        values = {key: value if isinstance(value, str) else json.dumps(value) for key, value in self.settings.items()}
        pairs = [f"{key}={value}" for key, value in values.items()]
        return ["add-module", self.name, "--blueprint", self.blueprint, *(w for pair in pairs for w in ("--set", pair))]


@dataclass(frozen=True)
class Grown:
    """The project, and what its tests do with it."""

    project: TestProject

    def add(self, module: Module, logic: str = "") -> None:
        """Add a module; its function gets code that notes each call."""
        self.project.tfgen(*module.words)
        if module.blueprint == "lambda":
            folder = self.project.root / "lambdas" / module.name.partition("-")[2].replace("-", "_")
            assert (folder / "handler.py").is_file()
            (folder / "logic.py").write_text(LOGIC + logic)

    def apply(self) -> list[str]:
        """Apply the project and return the modules that were changed."""
        done = self.project.json("apply", "--env", "local", "--auto-approve", "--parallelism", "3")
        return sorted(name for name, module in done["modules"].items() if module["status"] == "done")

    def client(self, service: str) -> Any:
        """Return a client of the emulator, as root."""
        return self.project.client(service)

    def noted(self, mark: str, service: str) -> Any:
        """Wait until a function has noted a mark, and return what it was given."""

        def look() -> Any:
            key = {"pk": {"S": mark}, "sk": {"S": service}}
            return self.client("dynamodb").get_item(TableName=f"{PREFIX}-ledger", Key=key).get("Item")

        item = wait_for(look)
        assert item, f"{service} was not called with {mark}\n{self.log(service)}"
        return json.loads(item["given"]["S"])

    def log(self, service: str) -> str:
        """Return the log of a function."""
        group = f"/aws/lambda/{PREFIX}-{service}"
        events = self.client("logs").filter_log_events(logGroupName=group)["events"]
        return "\n".join(event["message"] for event in events)

    def heard(self, url: str, text: str) -> str:
        """Wait for a message with a text in a queue."""

        def look() -> str:
            answer = self.client("sqs").receive_message(QueueUrl=url, MaxNumberOfMessages=10, WaitTimeSeconds=1)
            bodies = [message["Body"] for message in answer.get("Messages", ())]
            return next((body for body in bodies if text in body), "")

        return wait_for(look)

    def versioned(self) -> dict[str, bytes]:
        """Return every file that is under version control, and the manifest, by path."""
        files = {path.relative_to(self.project.root).as_posix(): path for path in self.project.root.rglob("*")}
        return {
            name: path.read_bytes() for name, path in files.items() if path.is_file() and not _UNVERSIONED.search(name)
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
