"""The functions of the order pipeline: what a day's report, a request and a cold start cost.

`python -m tests.benchmarks.pipeline PART …` is one measurement in a process of its own: nothing else is in its memory.
"""

from __future__ import annotations

import importlib
import io
import json
import os
import resource
import statistics
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from datetime import UTC, date, datetime
from decimal import Decimal
from pathlib import Path
from types import SimpleNamespace
from typing import Any

from tests.benchmarks.stage import Stage

ROOT = Path(__file__).parents[2]
LAMBDAS = ROOT / "lambdas"
DAY = date(2026, 11, 23)
SHARDS, PAGE, LINES = 10, 250, 3


@dataclass(frozen=True)
class Day:
    """What a day's report took.

    Attributes:
        orders: How many were fed in.
        orders_per_second: From raw bodies to uploaded files, per second of one processor.
        parser_per_second: What botocore alone makes of the same bodies.
        aggregation_per_second: The sums alone.
        peak_megabytes: Largest memory of the process.
    """

    orders: int
    orders_per_second: float
    parser_per_second: float
    aggregation_per_second: float
    peak_megabytes: float


def measure_day(orders: int) -> Day:
    """Make the report of a day of so many three-line orders, in a process of its own."""
    return Day(**_spawn("day", str(orders)))


def measure_request(count: int = 500) -> float:
    """Return the milliseconds of its own that the order processor takes for a new order."""
    return float(_spawn("request", str(count))["milliseconds"])


def measure_start(times: int = 7) -> tuple[float, float]:
    """Return the seconds to import the order processor's handler, and to import boto3 and make one client."""
    turns = [(_start("import handler"), _start("import boto3; boto3.client('dynamodb')")) for _ in range(times)]
    handler, floor = zip(*turns, strict=True)
    return min(handler), min(floor)  # the least disturbed ones


def show_pipeline(_stage: Stage) -> None:
    """Print what the functions cost."""
    print("\nThe order pipeline")
    day = measure_day(1_000_000)
    print(f"  report, {day.orders:,} orders of {LINES} lines from raw Query bodies, one processor")
    print(f"    whole         {day.orders_per_second:>9,.0f} orders/s   (at least 6,000)")
    print(f"    botocore only {day.parser_per_second:>9,.0f} orders/s")
    print(f"    sums only     {day.aggregation_per_second:>9,.0f} orders/s   (at least 20,000)")
    print(f"    memory        {day.peak_megabytes:>9,.0f} MB         (at most 256)")
    print(f"    a 15-minute Lambda ends at {day.orders_per_second * 840:,.0f} orders")
    print(f"  order processor, a new order, own time {measure_request():.2f} ms (at most 3)")
    handler, floor = measure_start()
    print(f"  import of its handler {handler:.2f} s, boto3 with one client {floor:.2f} s")
    print(f"    ratio {handler / floor:.2f} (at most 1.5)")


def _spawn(*words: str) -> dict[str, Any]:
    done = subprocess.run(
        [sys.executable, "-m", "tests.benchmarks.pipeline", *words],
        cwd=ROOT,
        env=_environment(),
        capture_output=True,
        text=True,
        check=True,
    )
    found: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return found


def _start(code: str) -> float:
    code += "; import os; os._exit(0)"  # an end is no part of it: Lambda knows none
    path = os.pathsep.join((str(LAMBDAS / "order_processor"), str(LAMBDAS)))
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    subprocess.run([sys.executable, "-c", code], env={**_environment(), "PYTHONPATH": path}, check=True)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


def _environment() -> dict[str, str]:
    return {
        "PATH": os.environ["PATH"],
        "AWS_ACCESS_KEY_ID": "bench",
        "AWS_SECRET_ACCESS_KEY": "bench",
        "AWS_REGION": "us-east-1",
        "AWS_DEFAULT_REGION": "us-east-1",
        "AWS_CONFIG_FILE": os.devnull,
        "AWS_SHARED_CREDENTIALS_FILE": os.devnull,
        "ORDERS_TABLE_NAME": "orders",
        "IDEMPOTENCY_TABLE_NAME": "idempotency",
        "REPORTS_BUCKET_NAME": "reports",
        "BUSINESS_TIME_ZONE": "Europe/Berlin",
        "DAY_SHARDS": str(SHARDS),
        "IDEMPOTENCY_TTL_HOURS": "24",
        "POWERTOOLS_SERVICE_NAME": "bench",
        "POWERTOOLS_METRICS_NAMESPACE": "bench",
        "POWERTOOLS_LOG_LEVEL": "CRITICAL",
    }


class _Table:
    """Stands where botocore sends requests: answers with raw bodies, as DynamoDB does."""

    def __init__(self, orders: int) -> None:
        self.pages = max(orders // (SHARDS * PAGE), 1)
        self.templates: dict[str, bytes] = {}
        self.made = 0.0
        self.last = b""

    def send(self, request: Any) -> Any:
        from botocore.awsrequest import AWSResponse

        began = time.process_time()
        wanted = json.loads(request.body)
        operation = request.headers["X-Amz-Target"].decode().rpartition(".")[2]
        body = self.query(wanted) if operation == "Query" else b"{}"
        self.made += time.process_time() - began
        return AWSResponse(request.url, 200, {}, SimpleNamespace(stream=lambda: iter([body]), read=lambda: body))

    def query(self, wanted: dict[str, Any]) -> bytes:
        partition = wanted["ExpressionAttributeValues"][":partition"]["S"]
        if wanted.get("Select") == "COUNT" or not partition.startswith("DAY#"):
            return b'{"Items":[],"Count":0,"ScannedCount":0}'
        page = int(wanted.get("ExclusiveStartKey", {}).get("pk", {}).get("S", "0"))
        shard = partition.rpartition("#")[2]
        second = page * 82_000 // self.pages
        at = f"2026-11-23T{second // 3600:02d}:{second // 60 % 60:02d}:{second % 60:02d}"
        name = f"{page:06d}{int(shard):04d}".encode()
        body = self.template(wanted).replace(b"@PAGE@", name).replace(b"@TIME@", at.encode())
        self.last = body
        if page + 1 == self.pages:
            return body
        return body[:-1] + b',"LastEvaluatedKey":{"pk":{"S":"%d"}}}' % (page + 1)

    def template(self, wanted: dict[str, Any]) -> bytes:
        names = wanted["ProjectionExpression"]
        if names not in self.templates:
            attributes = [wanted["ExpressionAttributeNames"][name] for name in names.split(", ")]
            items = [{name: item[name] for name in attributes} for item in map(_order, range(PAGE))]
            page = {"Items": items, "Count": PAGE, "ScannedCount": PAGE}
            self.templates[names] = json.dumps(page, separators=(",", ":")).encode()
        return self.templates[names]


def _order(number: int) -> dict[str, Any]:
    lines = [
        {
            "M": {
                "sku": {"S": f"SKU-{(number * 7 + line * 13) % 2000:05d}"},
                "category": {"S": f"category-{(number + line) % 30}"},
                "quantity": {"N": str(1 + (number + line) % 4)},
                "amount": {"N": f"{10 + (number * 31 + line) % 90}.{number % 100:02d}"},
            }
        }
        for line in range(LINES)
    ]
    subtotal = sum(Decimal(line["M"]["amount"]["N"]) for line in lines)  # type: ignore[index]
    order_id = f"01ORDER@PAGE@{number:09d}"
    texts = {
        "pk": f"ORDER#{order_id}",
        "sk": "META",
        "gsi1pk": "DAY#2026-11-23#0",
        "gsi1sk": f"@TIME@.{number:03d}Z#{order_id}",
        "order_id": order_id,
        "status": "PLACED",
        "currency": ("EUR", "USD", "JPY")[number % 3] if number % 3 < 2 else "EUR",
        "customer_id": f"customer-{number}",
        "customer_kind": "new" if number % 3 else "returning",
        "business_day": "2026-11-23",
        "created_at": f"@TIME@.{number:03d}Z",
        "updated_at": f"@TIME@.{number:03d}Z",
    }
    numbers = {
        "subtotal": subtotal,
        "discount": 0,
        "shipping": "4.90",
        "tax": "1.50",
        "total": subtotal + Decimal("6.40"),
        "version": 1,
        "refunded": 0,
        "refund_count": 0,
    }
    return {
        **{name: {"S": value} for name, value in texts.items()},
        **{name: {"N": str(value)} for name, value in numbers.items()},
        "lines": {"L": lines},
    }


class _Sink:
    """Takes files as S3 does, and keeps nothing."""

    def put_object(self, **arguments: Any) -> None:
        while arguments["Body"].read(1 << 20):
            pass


def _day(orders: int) -> dict[str, Any]:
    from common import clients

    logic = importlib.import_module("logic")
    table, client = _Table(orders), clients.client("dynamodb")
    client._endpoint.http_session = table
    config = logic.Settings.load(os.environ)
    now = datetime(2026, 11, 24, 3, 15, tzinfo=UTC)
    began = time.process_time()
    result = logic.run(logic.Request(DAY), config, client, _Sink(), now)
    took = time.process_time() - began - table.made
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    body = table.last
    return asdict(
        Day(
            orders=result.input_count,
            orders_per_second=result.input_count / took,
            parser_per_second=_rate(lambda: _parse(client, body)),
            aggregation_per_second=_rate(_adding(client, body, config.zone)),
            peak_megabytes=peak,
        )
    )


def _rate(act: Callable[[], object], times: int = 80) -> float:
    began = time.process_time()
    for _ in range(times):
        act()
    return times * PAGE / (time.process_time() - began)


def _parse(client: Any, body: bytes) -> Any:
    from botocore.parsers import create_parser

    shape = client.meta.service_model.operation_model("Query").output_shape
    return create_parser("json").parse({"status_code": 200, "headers": {}, "body": body}, shape)


def _adding(client: Any, body: bytes, zone: Any) -> Callable[[], object]:
    figures, orders = importlib.import_module("figures"), importlib.import_module("orders")
    decoded = [orders.order_of(item) for item in _parse(client, body)["Items"]]
    aggregation = figures.Aggregation(DAY, zone)

    def add() -> None:
        for order in decoded:
            aggregation.add(order)

    return add


class _Silent:
    """A DynamoDB client whose calls take no time."""

    def __getattr__(self, _name: str) -> Callable[..., dict[str, Any]]:
        return lambda **_: {}


def _request(count: int) -> dict[str, Any]:
    handler = importlib.import_module("handler")
    handler.store = handler.Store(_Silent(), "orders", "idempotency")
    item = {"sku": "mug", "name": "Mug", "category": "kitchen", "quantity": 2, "unit_price": "12.50"}
    body = json.dumps({"customer_id": "c-1", "currency": "EUR", "items": [item] * LINES, "tax": "3.10"})
    context = SimpleNamespace(function_name="f", memory_limit_in_mb=512, invoked_function_arn="arn", aws_request_id="r")
    took, output, sys.stdout = [], sys.stdout, io.StringIO()
    for number in range(count):
        event = {
            "httpMethod": "POST",
            "path": "/orders",
            "headers": {"Content-Type": "application/json", "Idempotency-Key": str(number)},
            "multiValueHeaders": {},
            "requestContext": {"requestId": "r", "path": "/live/orders", "identity": {"userArn": "arn"}},
            "body": body,
        }
        began = time.process_time()
        answer = handler.handler(event, context)
        took.append(time.process_time() - began)
        if answer["statusCode"] != 201:
            raise RuntimeError(answer["body"])
    sys.stdout = output
    return {"milliseconds": statistics.median(took) * 1000}


if __name__ == "__main__":
    function = {"day": "report_generator", "request": "order_processor"}[sys.argv[1]]
    sys.path[:0] = [str(LAMBDAS / function), str(LAMBDAS)]
    print(json.dumps({"day": _day, "request": _request}[sys.argv[1]](int(sys.argv[2]))))
