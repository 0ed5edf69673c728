"""The order API through the real gateway: what it promises, every status it documents, and what it never stores."""

from __future__ import annotations

import contextlib
import json
import time
import urllib.request
from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any

import pytest

from tests.support.functions import another_version
from tests.support.order_api import OrderApi, Reply
from tests.support.project import TestProject
from tests.support.proxy import Answer, Call, Proxy, json_error, times

PREFIX = "ecommerce-analytics-local"
FUNCTION = f"{PREFIX}-order-processor"
ITEM = {"sku": "BOOK-1", "name": "Atlas", "category": "books", "quantity": 2, "unit_price": "12.50"}


def order(customer: str = "api-customer", **changes: Any) -> dict[str, Any]:
    return {"customer_id": customer, "currency": "USD", "items": [ITEM], **changes}


@pytest.fixture(scope="module")
def api(deployed: TestProject) -> OrderApi:
    return OrderApi.of(deployed)


def place(api: OrderApi, key: str, **changes: Any) -> str:
    answer = api.post("/orders", order(**changes), key)
    assert answer.status == 201, answer
    return str(answer.document["order_id"])


def stored(project: TestProject) -> set[str]:
    """Return the keys of what requests store; marks of mails come and go meanwhile."""
    dynamodb = project.client("dynamodb")
    found = [
        item
        for name in (f"{PREFIX}-orders", f"{PREFIX}-idempotency")
        for page in dynamodb.get_paginator("scan").paginate(TableName=name)
        for item in page["Items"]
    ]
    return {str(item["pk"]["S"]) for item in found if not item["pk"]["S"].startswith("REPORT#")}


def test_the_life_of_an_order(api: OrderApi) -> None:
    order_id = place(api, "life", customer="life", shipping="5.00")
    first = api.post(f"/orders/{order_id}/refunds", {"amount": "10.00", "reason": "scratched"}, "life")
    again = api.post(f"/orders/{order_id}/refunds", {"amount": "10.00", "reason": "scratched"}, "life")
    assert (first.status, again.status, again.content) == (201, 201, first.content)
    assert (first.headers.get("Idempotency-Replayed"), again.headers["Idempotency-Replayed"]) == (None, "true")
    assert api.post(f"/orders/{order_id}/refunds", {"amount": "20.01", "reason": "all"}, "more").status == 422
    cancelled = api.post(f"/orders/{order_id}/cancel", {"reason": "lost"}, "life")
    assert (cancelled.status, cancelled.document["status"], cancelled.document["amount"]) == (200, "CANCELLED", "20.00")
    found = api.get(f"/orders/{order_id}").document
    assert (found["status"], found["refunded"], found["total"], found["version"]) == ("CANCELLED", "10.00", "30.00", 3)
    refused = api.post(f"/orders/{order_id}/cancel", {"reason": "again"}, "again")
    assert (refused.status, refused.code) == (409, "illegal_transition")


def test_a_customers_orders_come_in_pages_that_only_the_service_can_turn(api: OrderApi) -> None:
    placed = [place(api, f"pages-{number}", customer="pages/ü") for number in range(5)]
    found: list[str] = []
    page = api.get("/orders", customer_id="pages/ü", limit="2").document
    cursor = page["next_cursor"]
    while True:
        found += [entry["order_id"] for entry in page["orders"]]
        if "next_cursor" not in page:
            break
        page = api.get("/orders", customer_id="pages/ü", limit="2", cursor=page["next_cursor"]).document
    assert found == placed[::-1]
    for query in (
        {"customer_id": "somebody", "cursor": cursor},
        {"customer_id": "pages/ü", "cursor": cursor[:-4] + "AAAA"},
        {"customer_id": "pages/ü", "cursor": "eyJwayI6Ik9SREVSIzEifQ"},
    ):
        refused = api.get("/orders", **query)
        assert (refused.status, refused.code) == (400, "invalid_cursor")


def test_a_report_is_linked_to(api: OrderApi, deployed: TestProject) -> None:
    assert (api.get("/reports/1999-02-01").status, api.get("/reports/2999-01-01").status) == (404, 404)
    payload = json.dumps({"report_date": "1999-02-01"}).encode()
    invoke = deployed.client("lambda").invoke
    invoke(FunctionName=f"{PREFIX}-report-generator", Qualifier="live", Payload=payload)
    found = api.get("/reports/1999-02-01").document
    assert (found["report_date"], found["version"]) == ("1999-02-01", 1)
    with urllib.request.urlopen(found["files"]["report.json"], timeout=10) as answer:
        assert json.load(answer)["report_date"] == "1999-02-01"


DEEP = b'{"customer_id":' + b"[" * 2000 + b"]" * 2000 + b"}"
BAD_BODIES: dict[str, tuple[int, Any]] = {
    "number as float": (400, order(tax=1.5)),
    "quantity as float": (400, order(items=[{**ITEM, "quantity": 1.5}])),
    "negative amount": (400, order(shipping="-1.00")),
    "huge amount": (400, order(shipping="9" * 13)),
    "NaN": (400, b'{"customer_id":"c","currency":"USD","items":[],"tax":NaN}'),
    "NaN as text": (400, order(tax="NaN")),
    "two currencies": (400, order(items=[{**ITEM, "currency": "EUR"}])),
    "list of currencies": (400, order(currency=["USD", "EUR"])),
    "101 lines": (400, order(items=[ITEM] * 101)),
    "unknown field": (400, order(coupon="FREE")),
    "UTF-16": (400, json.dumps(order()).encode("utf-16")),
    "Latin-1": (400, json.dumps(order("M\u00fcller"), ensure_ascii=False).encode("latin-1")),
    "deep": (400, DEEP),
    "twice the same property": (400, b'{"customer_id":"a","customer_id":"b","currency":"USD","items":[{}]}'),
    "megabyte of text": (400, order("x" * 1_000_000)),
    "megabyte of space": (413, json.dumps(order()).encode() + b" " * 1_000_000),
    "no such currency": (422, order(currency="XXX")),
    "too many decimals": (422, order(currency="JPY", shipping="1.50")),
    "wrong total": (422, order(total="1.00")),
    "date in the future": (422, order(placed_at="2999-01-01T00:00:00Z")),
    "date that does not exist": (422, order(placed_at="2026-02-30T00:00:00Z")),
}


@pytest.mark.parametrize("name", list(BAD_BODIES))
def test_bad_orders_are_refused_each_time_alike_and_leave_nothing(
    api: OrderApi, deployed: TestProject, name: str
) -> None:
    status, body = BAD_BODIES[name]
    before = stored(deployed)
    answers = [api.post("/orders", body, f"bad-{name}") for _ in range(2)]
    assert [answer.status for answer in answers] == [status, status]
    for answer in answers:
        assert answer.headers["Content-Type"] == "application/problem+json"
    first, second = ({**answer.document, "correlation_id": ""} for answer in answers)
    assert first == second
    assert stored(deployed) == before


@pytest.mark.parametrize("text", ["<script>alert(1)</script>", "=HYPERLINK(1)", "{{7*7}}${7*7}", "' OR 1=1 --"])
def test_what_looks_like_code_is_kept_as_it_is(api: OrderApi, text: str) -> None:
    order_id = place(api, f"code {text}", customer=text, items=[{**ITEM, "name": text, "sku": text}])
    found = api.get(f"/orders/{order_id}").document
    assert (found["customer_id"], found["items"][0]["name"], found["items"][0]["sku"]) == (text, text, text)


def throttled(project: TestProject) -> contextlib.AbstractContextManager[None]:
    @contextlib.contextmanager
    def limits() -> Iterator[None]:
        outputs = project.outputs()["03-api-ingestion"]
        where = {"restApiId": outputs["api_id"], "stageName": outputs["api_stage_name"]}
        update = project.client("apigateway").update_stage
        before = project.client("apigateway").get_stage(**where)["methodSettings"]["*/*"]

        def put(rate: float, burst: int) -> None:
            values = {"rateLimit": rate, "burstLimit": burst}
            operations = [
                {"op": "replace", "path": f"/*/*/throttling/{name}", "value": str(value)}
                for name, value in values.items()
            ]
            update(**where, patchOperations=operations)

        put(0.1, 1)
        try:
            yield
        finally:
            put(before["throttlingRateLimit"], before["throttlingBurstLimit"])

    return limits()


def spoilt(api: OrderApi, project: TestProject, fault: Answer, operation: str, variables: Any = None) -> Reply:
    with Proxy(project.endpoint) as proxy:
        proxy.rules.append(lambda call: fault if call.operation == operation else None)
        with another_version(project, FUNCTION, AWS_ENDPOINT_URL_DYNAMODB=proxy.endpoint, **(variables or {})):
            answer = api.post("/orders", order(), f"spoilt-{time.time_ns()}")
        assert proxy.answered or variables
    return answer


def _conflict() -> Answer:
    reasons = '[{"Code":"None"},{"Code":"TransactionConflict"},{"Code":"None"}]'
    refused = json_error(400, "TransactionCanceledException")
    return replace(refused, body=refused.body[:-1] + f', "CancellationReasons": {reasons}}}'.encode())


@contextlib.contextmanager
def impatient(project: TestProject, milliseconds: int) -> Iterator[None]:
    """Let the gateway wait less long for the function that places orders."""
    gateway, api = project.client("apigateway"), project.outputs()["03-api-ingestion"]["api_id"]
    [resource] = [one for one in gateway.get_resources(restApiId=api)["items"] if one["path"] == "/orders"]
    where = {"restApiId": api, "resourceId": resource["id"], "httpMethod": "POST"}
    before = gateway.get_integration(**where)["timeoutInMillis"]

    def wait(value: int) -> None:
        operation = {"op": "replace", "path": "/timeoutInMillis", "value": str(value)}
        gateway.update_integration(**where, patchOperations=[operation])

    wait(milliseconds)
    try:
        yield
    finally:
        wait(before)


def late(api: OrderApi, project: TestProject) -> Reply:
    """Order while the table takes longer than the gateway waits: the order is placed, and the next request finds it."""
    key, slow = f"late-{time.time_ns()}", Answer(delay=1.5, pass_on=True)
    with Proxy(project.endpoint) as proxy:
        with another_version(project, FUNCTION, AWS_ENDPOINT_URL_DYNAMODB=proxy.endpoint):
            api.get("/orders", customer_id=key)  # so that the start is over
            proxy.rules.append(times(1, lambda call: slow if call.operation == "TransactWriteItems" else None))
            with impatient(project, 1000):
                answer = api.post("/orders", order(key), key)
            again = api.post("/orders", order(key), key)
            assert again.status == 201
        assert len(api.get("/orders", customer_id=key).document["orders"]) == 1
    return answer


ANSWERS: dict[str, tuple[int, str, Callable[[OrderApi, TestProject], Reply]]] = {
    "created": (201, "", lambda api, _: api.post("/orders", order(), "status-201")),
    "ok": (200, "", lambda api, _: api.get("/orders", customer_id="api-customer")),
    "missing key": (400, "", lambda api, _: api.post("/orders", order(), None)),
    "missing customer": (400, "", lambda api, _: api.get("/orders")),
    "bad query": (400, "invalid_query", lambda api, _: api.get("/orders", customer_id="c", limit="0")),
    "bad date": (400, "invalid_date", lambda api, _: api.get("/reports/yesterday")),
    "unsigned": (403, "", lambda api, _: api.send("GET", "/orders", query={"customer_id": "c"}, signed=False)),
    "no order": (404, "order_not_found", lambda api, _: api.get("/orders/01ARZ3NDEKTSV4RRFFQ69G5FAV")),
    "other media": (
        415,
        "unsupported_media_type",
        lambda api, _: api.post("/orders", order(), "status-415", Content_Type="text/plain"),
    ),
    "in progress": (
        409,
        "request_in_progress",
        lambda api, project: spoilt(api, project, _conflict(), "TransactWriteItems"),
    ),
    "defect": (
        500,
        "internal_error",
        lambda api, project: spoilt(api, project, json_error(400, "ValidationException"), "TransactWriteItems"),
    ),
    "throttled table": (
        503,
        "busy",
        lambda api, project: spoilt(api, project, json_error(400, "ThrottlingException"), "TransactWriteItems"),
    ),
    "table that answers 500": (
        503,
        "busy",
        lambda api, project: spoilt(api, project, json_error(500, "InternalServerError"), "TransactWriteItems"),
    ),
    "function that does not start": (
        502,
        "",
        lambda api, project: spoilt(api, project, Answer(), "", {"BUSINESS_TIME_ZONE": "Nowhere"}),
    ),
    "gateway that waits no longer": (504, "", late),
}


@pytest.mark.parametrize("name", list(ANSWERS))
def test_every_documented_status_is_answered(api: OrderApi, deployed: TestProject, name: str) -> None:
    status, code, act = ANSWERS[name]
    answer = act(api, deployed)
    assert answer.status == status, answer
    assert answer.document.get("code", "") == code
    assert ("Retry-After" in answer.headers) == (code in {"busy", "request_in_progress"})
    if status >= 400 and status != 502:  # that one the emulator words itself, without the gateway responses
        assert answer.headers["Content-Type"] == "application/problem+json"
        assert answer.document["correlation_id"]


def test_the_gateway_asks_for_patience(api: OrderApi, deployed: TestProject) -> None:
    with throttled(deployed):
        answers = [api.get("/orders", customer_id="c") for _ in range(4)]
    refused = [answer for answer in answers if answer.status == 429]
    assert refused
    assert refused[0].headers["Retry-After"] == "1"
    assert refused[0].document["status"] == 429


def test_no_documented_status_is_left_out(deployed: TestProject) -> None:
    document = (deployed.root / "terraform" / "03-api-ingestion" / "openapi.yaml").read_text(encoding="utf-8")
    documented = {int(line.strip()[1:4]) for line in document.splitlines() if line.strip().startswith('"')}
    seen = {status for status, _, _ in ANSWERS.values()} | {status for status, _ in BAD_BODIES.values()} | {429}
    assert documented - seen == set()


def test_a_client_whose_connection_was_cut_gets_the_first_answer(api: OrderApi, deployed: TestProject) -> None:
    """The table took the order, the answer was lost on the way: once to the function, then to the client."""

    def cut(call: Call) -> Answer | None:
        return Answer(lose=True) if call.operation == "TransactWriteItems" else None

    with (
        Proxy(deployed.endpoint) as proxy,
        another_version(deployed, FUNCTION, AWS_ENDPOINT_URL_DYNAMODB=proxy.endpoint),
    ):
        proxy.rules.append(times(1, cut))
        first = api.post("/orders", order("cut"), "cut")
        again = api.post("/orders", order("cut"), "cut")
    assert (first.status, again.status, again.content) == (201, 201, first.content)
    assert len(api.get("/orders", customer_id="cut").document["orders"]) == 1
