"""The contract of the order API is one: document, gateway models and function say the same."""

from __future__ import annotations

import copy
import importlib
import json
import re
import sys
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from types import ModuleType
from typing import Any

import jsonschema
import pytest
import yaml
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tfgen.workflow import load_project, preview

ROOT = Path(__file__).parents[2]
FUNCTION = ROOT / "lambdas" / "order_processor"
NOW = datetime(2026, 11, 23, 12, 0, tzinfo=UTC)
ORDER = {
    "customer_id": "customer-1",
    "currency": "USD",
    "items": [{"sku": "mug", "name": "Mug", "category": "kitchen", "quantity": 2, "unit_price": "12.50"}],
    "discount": "1.00",
    "placed_at": "2026-11-23T11:00:00Z",
}
GOOD = {"CreateOrder": ORDER, "CancelOrder": {"reason": "late"}, "RefundOrder": {"amount": "1.00", "reason": "broken"}}
JUNK: list[Any] = [
    *(None, True, False, 0, 1, -1, 0.5, 10**30, [], {}, [1], {"a": 1}),
    *("", " ", "x", "EUR", "eur", "12.5", "-1", "1e9", "NaN", "1.23456", "9" * 13, "\u00a0", "\t", "a\u0085b"),
    *("=1+1", "{{7*7}}", "<script>", "\U0001f600", "x" * 64, "x" * 65, "x" * 201, "2026-11-23T11:00:00+01:00"),
    *("2026-11-23", "2026-11-23 11:00:00Z", "\uff11\uff12"),
]


@pytest.fixture(scope="module")
def files() -> dict[str, str]:
    rendered = preview(load_project(ROOT)).tree.files
    prefix = "03-api-ingestion/"
    return {name.removeprefix(prefix): file.content.decode() for name, file in rendered.items() if prefix in name}


@pytest.fixture(scope="module")
def document(files: dict[str, str]) -> dict[str, Any]:
    loaded: dict[str, Any] = yaml.safe_load(files["openapi.yaml"])
    return loaded


@pytest.fixture(scope="module")
def validation() -> Iterator[ModuleType]:
    """The function's own check, imported as its zip imports it."""
    before, path = set(sys.modules), list(sys.path)
    sys.path[:0] = [str(FUNCTION), str(FUNCTION.parent)]
    try:
        yield importlib.import_module("validation")
    finally:
        sys.path[:] = path
        for name in set(sys.modules) - before:
            if name.partition(".")[0] in {"common", "problems", "validation"}:
                del sys.modules[name]


def test_every_route_is_an_operation_of_the_document(files: dict[str, str], document: dict[str, Any]) -> None:
    operations = {
        (verb.upper(), re.sub(r"(?<!^)(?=[A-Z])", "_", operation["operationId"]).lower())
        for path in document["paths"].values()
        for verb, operation in path.items()
    }
    routes = re.findall(r"^    (\w+) = \{\n      http_method +=\s\"(\w+)\"", files["main.tf"], re.MULTILINE)
    assert {(method, name) for name, method in routes} == operations
    assert len(routes) == 6


def test_every_refusal_of_the_function_is_documented(files: dict[str, str], document: dict[str, Any]) -> None:
    source = "\n".join(path.read_text() for path in FUNCTION.glob("*.py"))
    refusals = re.findall(r'Problem\(\s*(\d{3}), "(\w+)"', source)
    statuses = {
        status
        for path in document["paths"].values()
        for operation in path.values()
        for status in operation["responses"]
    }
    assert {status for status, _ in refusals} <= statuses
    shared = {"400", "409", "422"}
    undocumented = [code for status, code in refusals if status in shared and code not in files["openapi.yaml"]]
    assert undocumented == []
    assert len(refusals) >= 15


def _verdict(act: Callable[[], object], problem: type[Exception]) -> int:
    try:
        act()
    except problem as error:
        return int(error.status)  # type: ignore[attr-defined]
    return 200


@st.composite
def bodies(draw: st.DrawFn, good: Any) -> Any:
    """A body with one to three places changed for the worse, or for nothing."""
    body = copy.deepcopy(good)
    for _ in range(draw(st.integers(1, 3))):
        place, steps = body, draw(st.integers(0, 3))
        for _ in range(steps):
            inner = [value for value in (place.values() if isinstance(place, dict) else place) if value]
            inner = [value for value in inner if isinstance(value, dict | list)]
            if not inner:
                break
            place = draw(st.sampled_from(inner))
        junk = copy.deepcopy(draw(st.sampled_from(JUNK)))
        if isinstance(place, list):
            place[draw(st.integers(0, len(place) - 1))] = junk
        else:
            name = draw(st.sampled_from([*place, "unknown"]))
            if draw(st.booleans()):
                place[name] = junk
            else:
                place.pop(name, None)
    return body


@pytest.mark.parametrize("name", list(GOOD))
@settings(
    deadline=None,
    max_examples=400,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(data=st.data())
def test_gateway_and_function_refuse_the_same_bodies(
    data: st.DataObject, name: str, document: dict[str, Any], validation: ModuleType
) -> None:
    body = data.draw(bodies(GOOD[name]))
    check = {
        "CreateOrder": lambda value: validation.check(value, NOW),
        "CancelOrder": validation.check_cancellation,
        "RefundOrder": validation.check_refund,
    }[name]
    text = json.dumps(body)

    def judge() -> None:
        check(validation.parse(text, "application/json"))

    refused = _verdict(judge, validation.Problem) == 400
    schema = document["components"]["schemas"][name]
    assert refused == (not jsonschema.Draft4Validator(schema).is_valid(body)), body


def test_the_schemas_use_only_what_draft_4_knows(document: dict[str, Any]) -> None:
    for name in GOOD:
        schema = document["components"]["schemas"][name]
        jsonschema.Draft4Validator.check_schema(schema)
        assert not re.search(r"\$ref|const|exclusive|contains|format", json.dumps(schema))


def test_every_figure_of_the_report_names_its_source() -> None:
    told = (ROOT / "docs" / "reports.md").read_text(encoding="utf-8")
    figures = (ROOT / "lambdas" / "report_generator" / "figures.py").read_text(encoding="utf-8")
    document = figures[figures.index("def _document(") : figures.index("def _local(")]
    names = set(re.findall(r'^            "(\w+)":', document, re.MULTILINE)) | {"orders", "units", "gross"}
    assert len(names) >= 15
    cells = "\n".join(line.split("|")[1] for line in told.splitlines() if line.startswith("|"))
    assert {name for name in names if f"`{name}`" not in cells} == set()
