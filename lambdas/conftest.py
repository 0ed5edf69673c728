"""Runs each test module with the imports of the function it belongs to.

In a zip every function has its own `handler` and `logic` at the root, so the same names mean different
files in different functions. Before a function's tests are imported or run, its folder is put on the
path and its modules take the places of the other functions' modules.
"""

from __future__ import annotations

import importlib
import io
import json
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

ROOT = Path(__file__).parent
sys.path.insert(0, str(ROOT))  # for `common` and `fakes`
_shelves: dict[Path, dict[str, ModuleType]] = {}
_active: list[Path] = []


def _function_of(path: Path) -> Path | None:
    parts = path.relative_to(ROOT).parts if path.is_relative_to(ROOT) else ()
    return ROOT / parts[0] if len(parts) > 1 and parts[0] != "common" else None


def _switch_to(path: Path) -> None:
    folder = _function_of(path)
    if folder is None or _active == [folder]:
        return
    if _active:
        _shelves[_active[0]] = _shelve(_active[0])
        sys.path.remove(str(_active[0]))
    sys.path.insert(0, str(folder))
    sys.modules.update(_shelves.pop(folder, {}))
    _active[:] = [folder]


def _shelve(folder: Path) -> dict[str, ModuleType]:
    mine = {
        name: module
        for name, module in sys.modules.items()
        if (file := getattr(module, "__file__", None)) and Path(file).parent == folder
    }
    for name in mine:
        del sys.modules[name]
    return mine


def pytest_collectstart(collector: pytest.Collector) -> None:
    """Give a test module the imports of its function."""
    if isinstance(collector, pytest.Module):
        _switch_to(collector.path)


@pytest.hookimpl(tryfirst=True)
def pytest_runtest_setup(item: pytest.Item) -> None:
    """Give a test the imports of its function."""
    _switch_to(item.path)


@pytest.fixture(autouse=True)
def _environment(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing of the caller's AWS settings is seen, and no credentials are looked for."""
    for name in ("AWS_PROFILE", "AWS_ENDPOINT_URL", "AWS_SESSION_TOKEN", "LOG_LEVEL"):
        monkeypatch.delenv(name, raising=False)
    values = {
        "AWS_DEFAULT_REGION": "eu-central-1",
        "AWS_REGION": "eu-central-1",
        "AWS_ACCESS_KEY_ID": "test",
        "AWS_SECRET_ACCESS_KEY": "test",
        "AWS_EC2_METADATA_DISABLED": "true",
        "AWS_CONFIG_FILE": "/dev/null",
        "AWS_SHARED_CREDENTIALS_FILE": "/dev/null",
        "POWERTOOLS_METRICS_NAMESPACE": "shop-test",
        "BUSINESS_TIME_ZONE": "Europe/Berlin",
        "DAY_SHARDS": "4",
        "IDEMPOTENCY_TTL_HOURS": "24",
        "ORDERS_TABLE_NAME": "orders",
        "IDEMPOTENCY_TABLE_NAME": "idempotency",
        "REPORTS_BUCKET_NAME": "reports",
        "SENDER": "reports@example.com",
        "RECIPIENTS": "ann@example.com, bob@example.com",
        "CONFIGURATION_SET_NAME": "reports",
        "REPORTS_TOPIC_ARN": "arn:aws:sns:eu-central-1:123456789012:reports",
    }
    for name, value in values.items():
        monkeypatch.setenv(name, value)


@dataclass(frozen=True)
class Loaded:
    """A handler module, and where its log goes."""

    module: ModuleType
    stream: io.StringIO

    def log(self) -> list[dict[str, Any]]:
        """Return the log's entries."""
        return [json.loads(line) for line in self.stream.getvalue().splitlines()]


@pytest.fixture
def load_handler(monkeypatch: pytest.MonkeyPatch) -> Callable[[str], Loaded]:
    """Return a function that imports the handler afresh, as a cold start does, under a service's name."""

    def load(service: str) -> Loaded:
        monkeypatch.setenv("POWERTOOLS_SERVICE_NAME", service)
        module = importlib.reload(importlib.import_module("handler"))
        loaded = Loaded(module, io.StringIO())
        for handler in module.logger.handlers:  # they outlive the test that made them
            monkeypatch.setattr(handler, "stream", loaded.stream)
        return loaded

    return load
