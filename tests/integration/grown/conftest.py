"""One small deployed project that the tests in this folder let grow; they run on one worker, in file order."""

from __future__ import annotations

import json
from collections.abc import Iterator

import pytest
import yaml

from tests.support.grown import PREFIX, Grown
from tests.support.project import make_test_project

_BASE = ("backend-config", "00-foundation", "01-iam", "02-storage", "05-notification")


@pytest.hookimpl(tryfirst=True)  # the group must be known before pytest-xdist deals the tests out
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if "integration/grown" in str(item.path):
            item.add_marker(pytest.mark.xdist_group("grown"))
            item.add_marker(pytest.mark.terraform)
            item.add_marker(pytest.mark.emulator)


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
    statement = {
        "Effect": "Allow",
        "Principal": {"Service": "sns.amazonaws.com"},
        "Action": "sqs:SendMessage",
        "Resource": arn,
    }
    policy = json.dumps({"Version": "2012-10-17", "Statement": [statement]})
    sqs.set_queue_attributes(QueueUrl=url, Attributes={"Policy": policy})
    grown.client("sns").subscribe(TopicArn=topic, Protocol="sqs", Endpoint=arn)
    return url
