from __future__ import annotations

import uuid
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.support.counted import Counted, make_counted
from tests.support.emulator import start_emulator
from tests.support.faulty import Faulty, make_faulty
from tests.support.proxy import Proxy


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if "integration/faults" in item.path.as_posix():
            item.add_marker(pytest.mark.terraform)
            item.add_marker(pytest.mark.emulator)


@pytest.fixture(scope="session")
def upstream(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    with start_emulator(tmp_path_factory.mktemp("emulator")) as emulator:
        yield emulator.endpoint


@pytest.fixture
def proxy(upstream: str) -> Iterator[Proxy]:
    with Proxy(upstream) as proxy:
        yield proxy


@pytest.fixture
def faulty(tmp_path: Path, proxy: Proxy) -> Faulty:
    """Three modules of built-in resources; bucket and lock table are there."""
    found = make_faulty(tmp_path / "project", proxy, f"st-{uuid.uuid4().hex[:12]}")
    _make_backend(found)
    return found


@pytest.fixture
def counted(tmp_path: Path, proxy: Proxy, upstream: str) -> Counted:
    """The same, with resources that can be counted."""
    found = make_counted(tmp_path / "project", proxy, upstream, f"st-{uuid.uuid4().hex[:12]}")
    _make_backend(found.faulty)
    return found


def _make_backend(faulty: Faulty) -> None:
    clients = faulty.clients()
    clients.client("s3").create_bucket(Bucket=faulty.bucket)
    clients.client("dynamodb").create_table(
        TableName=faulty.table,
        BillingMode="PAY_PER_REQUEST",
        KeySchema=[{"AttributeName": "LockID", "KeyType": "HASH"}],
        AttributeDefinitions=[{"AttributeName": "LockID", "AttributeType": "S"}],
    )


@pytest.fixture
def bootstrapping(tmp_path: Path, proxy: Proxy) -> Faulty:
    """The same with a backend-config that makes bucket and table."""
    return make_faulty(tmp_path / "project", proxy, f"st-{uuid.uuid4().hex[:12]}", backend=True)


MakeFaulty = Callable[..., Faulty]
