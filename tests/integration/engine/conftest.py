from __future__ import annotations

import os
import uuid
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path

import pytest

from tests.support import fixture_project
from tests.support.emulator import start_emulator
from tfgen.aws import Aws
from tfgen.deployment import Caller
from tfgen.isolation import isolate
from tfgen.model import Environment, Project

MakeProject = Callable[..., Project]


@pytest.fixture(scope="session")
def endpoint(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    with start_emulator(tmp_path_factory.mktemp("emulator")) as emulator:
        yield emulator.endpoint


@pytest.fixture
def environment(endpoint: str) -> Environment:
    return fixture_project.make_environment("local", f"st-{uuid.uuid4().hex[:12]}", endpoint=endpoint)


@pytest.fixture
def clients(environment: Environment, tmp_path: Path) -> Aws:
    return Aws(isolate({}, environment, work=tmp_path / "clients").env)


@pytest.fixture
def bucket(environment: Environment, clients: Aws) -> str:
    """The state bucket and lock table, made without terraform."""
    clients.client("s3").create_bucket(Bucket=environment.state_bucket)
    clients.client("dynamodb").create_table(
        TableName=environment.lock_table,
        BillingMode="PAY_PER_REQUEST",
        KeySchema=[{"AttributeName": "LockID", "KeyType": "HASH"}],
        AttributeDefinitions=[{"AttributeName": "LockID", "AttributeType": "S"}],
    )
    return environment.state_bucket


@pytest.fixture
def make_project(tmp_path: Path, environment: Environment) -> MakeProject:
    def make(
        modules: Mapping[str, Sequence[str]], *, bodies: Mapping[str, str] | None = None, folder: str = "project"
    ) -> Project:
        root = tmp_path / folder
        root.mkdir(exist_ok=True)
        return fixture_project.make_project(root, environment, modules, bodies=bodies)

    return make


@pytest.fixture
def caller() -> Caller:
    return Caller(variables=dict(os.environ))
