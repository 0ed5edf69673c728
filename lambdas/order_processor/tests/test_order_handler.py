"""The function as the API calls it: status, headers, body, metrics, log."""

from __future__ import annotations

import json
from collections.abc import Callable
from types import ModuleType, SimpleNamespace
from typing import Any

import pytest
from fakes import FakeDynamoDB, client_error

CONTEXT = SimpleNamespace(
    function_name="order-processor",
    memory_limit_in_mb=512,
    invoked_function_arn="arn:aws:lambda:eu-central-1:123456789012:function:order-processor:live",
    aws_request_id="request-1",
    get_remaining_time_in_millis=lambda: 10_000,
)
ORDER = {
    "customer_id": "secret-customer",
    "currency": "USD",
    "items": [{"sku": "secret-sku", "category": "books", "quantity": 1, "unit_price": "12.50"}],
}


@pytest.fixture
def loaded(monkeypatch: pytest.MonkeyPatch, load_handler: Callable[[str], Any]) -> Any:
    loaded = load_handler("order-processor")
    store = loaded.module.Store(FakeDynamoDB(), "orders", "idempotency")
    monkeypatch.setattr(loaded.module, "store", store)
    return loaded


@pytest.fixture
def function(loaded: Any) -> ModuleType:
    module: ModuleType = loaded.module
    return module


def call(function: ModuleType, method: str = "POST", path: str = "/orders", **changes: Any) -> dict[str, Any]:
    event: dict[str, Any] = {
        "httpMethod": method,
        "path": path,
        "headers": {"Content-Type": "application/json", "Idempotency-Key": "k-1"},
        "multiValueHeaders": {},
        "queryStringParameters": None,
        "requestContext": {
            "requestId": "correlation-1",
            "path": f"/live{path}",
            "identity": {"userArn": "arn:aws:iam::123456789012:user/shop"},
        },
        "body": json.dumps(ORDER),
        "isBase64Encoded": False,
    }
    answer: dict[str, Any] = function.handler({**event, **changes}, CONTEXT)
    return answer


def header(answer: dict[str, Any], name: str) -> str | None:
    values = answer["multiValueHeaders"].get(name)
    return None if values is None else str(values[0])


def counted(output: str) -> dict[str, tuple[str, str]]:
    found = {}
    for line in output.splitlines():
        record = json.loads(line)
        for directive in record.get("_aws", {}).get("CloudWatchMetrics", []):
            assert directive["Dimensions"] == [["service"]]
            for metric in directive["Metrics"]:
                found[metric["Name"]] = (directive["Namespace"], record["service"])
    return found


def test_an_order_is_created(function: ModuleType, capsys: pytest.CaptureFixture[str]) -> None:
    answer = call(function)
    order_id = json.loads(answer["body"])["order_id"]
    assert answer["statusCode"] == 201
    assert header(answer, "Content-Type") == "application/json"
    assert header(answer, "Location") == f"/live/orders/{order_id}"
    assert header(answer, "Idempotency-Replayed") is None
    assert counted(capsys.readouterr().out) == {"OrdersAccepted": ("shop-test", "order-processor")}


def test_a_replay_says_so(function: ModuleType, capsys: pytest.CaptureFixture[str]) -> None:
    first = call(function)
    capsys.readouterr()
    again = call(function)
    assert (again["statusCode"], again["body"]) == (first["statusCode"], first["body"])
    assert header(again, "Idempotency-Replayed") == "true"
    assert header(again, "Location") == header(first, "Location")
    assert counted(capsys.readouterr().out) == {"OrdersReplayed": ("shop-test", "order-processor")}


def test_a_refusal_is_a_problem_document(function: ModuleType, capsys: pytest.CaptureFixture[str]) -> None:
    answer = call(function, body='{"customer_id":"c"}')
    assert answer["statusCode"] == 400
    assert header(answer, "Content-Type") == "application/problem+json"
    assert json.loads(answer["body"]) == {
        "type": "about:blank",
        "title": "Bad Request",
        "status": 400,
        "code": "invalid_order",
        "detail": "The order does not have the required form.",
        "correlation_id": "correlation-1",
        "errors": [
            {"pointer": "#/currency", "detail": "is required"},
            {"pointer": "#/items", "detail": "is required"},
        ],
    }
    assert counted(capsys.readouterr().out) == {"OrdersRejected": ("shop-test", "order-processor")}


def test_a_missing_key_is_refused(function: ModuleType) -> None:
    answer = call(function, headers={})
    assert json.loads(answer["body"])["code"] == "idempotency_key_required"


def test_an_order_can_be_read(function: ModuleType) -> None:
    order_id = json.loads(call(function)["body"])["order_id"]
    answer = call(function, "GET", f"/orders/{order_id}", body=None)
    assert answer["statusCode"] == 200
    assert json.loads(answer["body"])["items"][0]["unit_price"] == "12.50"


@pytest.mark.parametrize("path", ["/orders/01ARZ3NDEKTSV4RRFFQ69G5FAV", "/orders/x", "/nothing"])
def test_what_is_not_there_is_not_found(function: ModuleType, path: str, capsys: pytest.CaptureFixture[str]) -> None:
    answer = call(function, "GET", path, body=None)
    assert answer["statusCode"] == 404
    assert json.loads(answer["body"])["correlation_id"] == "correlation-1"
    assert counted(capsys.readouterr().out) == {}


def test_a_throttled_table_is_503_with_retry_after(function: ModuleType, capsys: pytest.CaptureFixture[str]) -> None:
    function.store.client.failures["transact_write_items"] = [client_error("ThrottlingException")]
    answer = call(function)
    assert answer["statusCode"] == 503
    assert header(answer, "Retry-After") == "2"
    assert counted(capsys.readouterr().out) == {}


def test_a_defect_is_500_with_the_trace_in_the_log(loaded: Any, function: ModuleType) -> None:
    function.store.client.failures["transact_write_items"] = [client_error("ValidationException")]
    answer = call(function)
    assert answer["statusCode"] == 500
    assert "ValidationException" not in answer["body"]
    assert any(entry["level"] == "ERROR" and "Traceback" in entry["exception"] for entry in loaded.log())


def test_the_log_tells_nothing_of_the_customer(
    loaded: Any, function: ModuleType, capsys: pytest.CaptureFixture[str]
) -> None:
    call(function)
    call(function)
    call(function, body=json.dumps({**ORDER, "secret_property": 1}))
    function.store.client.failures["transact_write_items"] = [client_error("ValidationException")]
    call(function, headers={"Idempotency-Key": "secret-key"})
    output = capsys.readouterr()
    messages = [entry["message"] for entry in loaded.log()]
    assert messages == [
        "order accepted",
        "order replayed",
        "request refused",
        "request failed",
        "request refused",
    ]
    for word in ("secret-customer", "secret-sku", "secret_property", "secret-key"):
        assert word not in output.out + output.err + loaded.stream.getvalue()
    assert loaded.log()[0]["correlation_id"] == "correlation-1"
    assert loaded.log()[0]["service"] == "order-processor"
