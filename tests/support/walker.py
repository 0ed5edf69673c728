"""Runs a function's code in this process with the credentials of its role, one walk at a time.

Started as `python -m tests.support.walker <folder of all functions> <key of WALKS>` with the function's environment.
Each line of the input names a walk and its facts; each line of the output says whether it came through, and why not.
"""

from __future__ import annotations

import base64
import importlib
import json
import sys
import urllib.request
import uuid
from collections.abc import Callable, Mapping
from pathlib import Path
from types import SimpleNamespace
from typing import Any

Facts = Mapping[str, Any]
Walk = Callable[[Any, Facts], None]

_CONTEXT = SimpleNamespace(
    function_name="walker",
    memory_limit_in_mb=512,
    invoked_function_arn="arn:aws:lambda:us-east-1:000000000000:function:walker:live",
    aws_request_id="walker",
    get_remaining_time_in_millis=lambda: 600_000,
)
_ITEM = {"sku": "WALK", "category": "walks", "quantity": 1, "unit_price": "10.00"}


class StumbleError(Exception):
    """A walk did not come through."""


def _call(
    function: Any, method: str, path: str, expected: int, body: Any = None, key: str = "", **query: str
) -> dict[str, Any]:
    event = {
        "httpMethod": method,
        "path": path,
        "headers": {"Content-Type": "application/json", **({"Idempotency-Key": key} if key else {})},
        "multiValueHeaders": {},
        "queryStringParameters": query or None,
        "multiValueQueryStringParameters": {name: [value] for name, value in query.items()} or None,
        "requestContext": {"requestId": "walk", "path": f"/live{path}", "identity": {"userArn": "walker"}},
        "body": None if body is None else json.dumps(body),
        "isBase64Encoded": False,
    }
    answer = function.handler(event, _CONTEXT)
    if answer["statusCode"] != expected:
        raise StumbleError(f"{method} {path}: {answer['statusCode']} {answer['body']}")
    document: dict[str, Any] = json.loads(answer["body"])
    return document


def _place(function: Any, customer: str = "", key: str = "") -> str:
    order = {"customer_id": customer or uuid.uuid4().hex, "currency": "USD", "items": [_ITEM]}
    return str(_call(function, "POST", "/orders", 201, order, key or uuid.uuid4().hex)["order_id"])


def _place_again(function: Any, _facts: Facts) -> None:
    customer = uuid.uuid4().hex
    _place(function, customer)
    _place(function, customer)


def _repeat(function: Any, _facts: Facts) -> None:
    customer = key = uuid.uuid4().hex
    if _place(function, customer, key) != _place(function, customer, key):
        raise StumbleError("the repeated request made another order")


def _read(function: Any, _facts: Facts) -> None:
    _call(function, "GET", f"/orders/{_place(function)}", 200)


def _list(function: Any, _facts: Facts) -> None:
    listing = importlib.import_module("listing")
    listing.SECRET_NAME = f"walk-{uuid.uuid4().hex}"  # so that the secret is made anew
    customer = uuid.uuid4().hex
    for _ in range(2):
        _place(function, customer)
    page = _call(function, "GET", "/orders", 200, customer_id=customer, limit="1")
    _call(function, "GET", "/orders", 200, customer_id=customer, limit="1", cursor=page["next_cursor"])


def _refund(function: Any, _facts: Facts) -> None:
    body = {"amount": "1.00", "reason": "walk"}
    _call(function, "POST", f"/orders/{_place(function)}/refunds", 201, body, "walk")


def _cancel(function: Any, _facts: Facts) -> None:
    _call(function, "POST", f"/orders/{_place(function)}/cancel", 200, {"reason": "walk"}, "walk")


def _link(function: Any, facts: Facts) -> None:
    links = _call(function, "GET", f"/reports/{facts['day']}", 200)["files"]
    with urllib.request.urlopen(links["report.json"], timeout=10) as answer:
        answer.read()


def _report(function: Any, facts: Facts) -> None:
    function.handler({"report_date": facts["day"], "force": True}, _CONTEXT)


def _compare(function: Any, facts: Facts) -> None:
    result = function.handler({"report_date": facts["day"], "force": True}, _CONTEXT)
    key = result["manifest_key"].replace("manifest.json", "report.json")
    body = function.s3.get_object(Bucket=function.config.bucket, Key=key)["Body"].read()
    if not json.loads(body)["trends"]["USD"]["days_known"]:
        raise StumbleError("the report knows no earlier day")


def _mail(function: Any, facts: Facts) -> None:
    result = function.handler(facts["event"], _CONTEXT)
    if not (result["mailed"] and result["announced"]):
        raise StumbleError(json.dumps(result))


def _transform(function: Any, facts: Facts) -> None:
    event = {"records": [{"recordId": "1", "data": base64.b64encode(json.dumps(facts["image"]).encode()).decode()}]}
    [answer] = function.handler(event, _CONTEXT)["records"]
    if answer["result"] != "Ok":
        raise StumbleError(answer["result"])


def _hand_on(function: Any, facts: Facts) -> None:
    image = facts["image"]
    keys = {name: image[name] for name in ("pk", "sk")}
    change = {"NewImage": image, "Keys": keys, "SequenceNumber": "1"}
    failures = function.handler({"Records": [{"dynamodb": change}]}, _CONTEXT)["batchItemFailures"]
    if failures:
        raise StumbleError("the delivery stream did not take the change")


WALKS: dict[str, dict[str, Walk]] = {
    "order_processor": {
        "place an order": lambda function, _: (_place(function), None)[1],
        "place another order": _place_again,
        "repeat a request": _repeat,
        "read an order": _read,
        "list a customer's orders": _list,
        "refund an order": _refund,
        "cancel an order": _cancel,
        "link to a report": _link,
    },
    "report_generator": {"make a report": _report, "compare with earlier days": _compare},
    "notifier": {"mail and announce a report": _mail},
    "data_transformation": {"transform a record": _transform},
    "data_transformation.stream": {"hand a change on": _hand_on},
}
"""The walks of each function, in the order in which they are tried."""


def main(lambdas: Path, name: str) -> None:
    """Serve walks until the input ends."""
    folder, _, module = name.partition(".")
    sys.path[:0] = [str(lambdas / folder), str(lambdas)]
    walks = WALKS[name]
    function = importlib.import_module(module or "handler")
    function.logger.setLevel("CRITICAL")
    output = sys.stdout
    sys.stdout = sys.stderr  # metrics are printed
    for line in sys.stdin:
        facts = json.loads(line)
        try:
            importlib.reload(function).logger.setLevel("CRITICAL")  # a cold start
            walks[facts["walk"]](function, facts)
            answer = ""
        except Exception as error:
            answer = f"{type(error).__name__}: {error}"
        output.write(base64.b64encode(answer.encode()).decode() + "\n")
        output.flush()


if __name__ == "__main__":
    main(Path(sys.argv[1]), sys.argv[2])
