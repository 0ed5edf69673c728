"""Many clients, a bad network, a table that throttles: what is accepted is stored once and reported, to the cent."""

from __future__ import annotations

import http.client
import json
import random
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from typing import Any

import pytest

from tests.support.analytics import ZONE
from tests.support.functions import another_version
from tests.support.order_api import OrderApi
from tests.support.project import TestProject
from tests.support.proxy import Answer, Call, Proxy, Rule, json_error

PREFIX = "ecommerce-analytics-local"
ORDERS, REPORTS = f"{PREFIX}-orders", f"{PREFIX}-reports-000000000000"
MAX_ATTEMPTS = 40


@dataclass
class Books:
    """What the clients were told: order id → total, by Idempotency-Key and by currency."""

    accepted: dict[str, tuple[str, str, Decimal]] = field(default_factory=dict)
    answers: int = 0
    cut: int = 0
    lock: threading.Lock = field(default_factory=threading.Lock)

    def note(self, key: str, document: Any) -> None:
        entry = (document["order_id"], document["currency"], Decimal(document["total"]))
        with self.lock:
            self.answers += 1
            assert self.accepted.setdefault(key, entry) == entry, f"{key} was answered with two orders"


def _orders(count: int, seed: int, run: str) -> list[tuple[str, dict[str, Any]]]:
    """Return keys and bodies, a fifth of them repeated, in no order."""
    source = random.Random(seed)
    made = []
    for number in range(count):
        currency = source.choice(("USD", "EUR", "JPY", "KWD"))
        digits = {"JPY": 0, "KWD": 3}.get(currency, 2)
        price = f"{Decimal(source.randrange(1, 10**6)).scaleb(-digits):f}"
        lines = [
            {"sku": f"L-{source.randrange(50)}", "category": f"c{source.randrange(5)}", "unit_price": price}
            | {"quantity": source.randrange(1, 9)}
            for _ in range(source.randrange(1, 4))
        ]
        customer = f"{run}-{source.randrange(count // 4 + 1)}"
        made.append((f"{run}-{number}", {"customer_id": customer, "currency": currency, "items": lines}))
    made += source.sample(made, count // 5)
    source.shuffle(made)
    return made


def _place(api: OrderApi, key: str, body: Any, books: Books, source: random.Random) -> None:
    """Place an order as a client does that gives up early now and then, and repeats until it has an answer."""
    headers = {"Content-Type": "application/json", "Idempotency-Key": key}
    for _ in range(MAX_ATTEMPTS):
        impatient = source.random() < 0.05
        try:
            answer = api.send("POST", "/orders", json.dumps(body).encode(), headers, timeout=0.03 if impatient else 60)
        except (OSError, http.client.HTTPException):
            with books.lock:
                books.cut += 1
            continue
        if answer.status == 201:
            books.note(key, answer.document)
            return
        assert answer.status in {409, 429, 502, 503, 504}, answer
    raise AssertionError(f"{key} was never accepted")


def _spoil(source: random.Random) -> Rule:
    def spoil(call: Call) -> Answer | None:
        if call.operation != "TransactWriteItems":
            return None
        draw = source.random()
        if draw < 0.02:
            return json_error(500, "InternalServerError")
        if draw < 0.05:
            return json_error(400, "ThrottlingException")
        return Answer(lose=True) if draw < 0.08 else None

    return spoil


@contextmanager
def _unthrottled(project: TestProject) -> Iterator[None]:
    outputs = project.outputs()["03-api-ingestion"]
    where = {"restApiId": outputs["api_id"], "stageName": outputs["api_stage_name"]}
    client = project.client("apigateway")
    before = client.get_stage(**where)["methodSettings"]["*/*"]

    def put(rate: float, burst: int) -> None:
        values = {"rateLimit": rate, "burstLimit": burst}
        operations = [
            {"op": "replace", "path": f"/*/*/throttling/{name}", "value": str(value)} for name, value in values.items()
        ]
        client.update_stage(**where, patchOperations=operations)

    put(5000, 5000)
    try:
        yield
    finally:
        put(before["throttlingRateLimit"], before["throttlingBurstLimit"])


def _stored(project: TestProject, run: str) -> dict[str, tuple[str, Decimal]]:
    pages = project.client("dynamodb").get_paginator("scan").paginate(TableName=ORDERS, ConsistentRead=True)
    return {
        item["order_id"]["S"]: (item["currency"]["S"], Decimal(item["total"]["N"]))
        for page in pages
        for item in page["Items"]
        if item["sk"]["S"] == "META" and item.get("customer_id", {}).get("S", "").startswith(f"{run}-")
    }


def _report(project: TestProject, day: str) -> dict[str, Any]:
    payload = json.dumps({"report_date": day}).encode()
    invoked = project.client("lambda").invoke(
        FunctionName=f"{PREFIX}-report-generator", Qualifier="live", Payload=payload
    )
    result = json.load(invoked["Payload"])
    assert "FunctionError" not in invoked, result
    key = result["manifest_key"].replace("manifest.json", "report.json")
    content: dict[str, Any] = json.load(project.client("s3").get_object(Bucket=REPORTS, Key=key)["Body"])
    return content


def _all_of_the_day(project: TestProject, day: str) -> dict[str, Decimal]:
    totals: dict[str, Decimal] = {}
    pages = project.client("dynamodb").get_paginator("scan").paginate(TableName=ORDERS, ConsistentRead=True)
    for page in pages:
        for item in page["Items"]:
            if item["sk"]["S"] == "META" and item.get("business_day", {}).get("S") == day and "lines" in item:
                code = item["currency"]["S"]
                totals[code] = totals.get(code, Decimal(0)) + Decimal(item["total"]["N"])
    return totals


def _load(project: TestProject, count: int, clients: int, seed: int) -> None:
    api, books, source = OrderApi.of(project), Books(), random.Random(seed)
    began, run = datetime.now(ZONE).date(), f"load-{seed}-{time.time_ns()}"
    with (
        Proxy(project.endpoint) as proxy,
        another_version(project, f"{PREFIX}-order-processor", AWS_ENDPOINT_URL_DYNAMODB=proxy.endpoint),
        _unthrottled(project),
        ThreadPoolExecutor(clients) as pool,
    ):
        proxy.rules.append(_spoil(source))
        running = [pool.submit(_place, api, key, body, books, source) for key, body in _orders(count, seed, run)]
        _report(project, began.isoformat())  # while orders arrive
        for one in running:
            one.result()
        assert proxy.answered
    told = {order_id: (currency, total) for order_id, currency, total in books.accepted.values()}
    assert len(told) == count
    assert _stored(project, run) == told
    if datetime.now(ZONE).date() != began:
        pytest.skip("midnight passed: the day's report is not that of all orders")
    reported = {
        code: Decimal(figures["total"]) for code, figures in _report(project, began.isoformat())["currencies"].items()
    }
    assert reported == _all_of_the_day(project, began.isoformat())


def test_nothing_is_lost_doubled_or_miscounted(deployed: TestProject) -> None:
    _load(deployed, count=100, clients=8, seed=1)


@pytest.mark.slow
def test_nothing_is_lost_doubled_or_miscounted_of_five_thousand(deployed: TestProject) -> None:
    _load(deployed, count=5000, clients=50, seed=2)


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(10, 20))
def test_nothing_is_lost_doubled_or_miscounted_in_ten_runs(deployed: TestProject, seed: int) -> None:
    _load(deployed, count=500, clients=50, seed=seed)
