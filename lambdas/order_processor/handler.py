"""POST /orders and GET /orders/{id} behind the REST API."""

from __future__ import annotations

import os
from datetime import UTC, datetime
from http import HTTPStatus
from typing import Any

import logic
from aws_lambda_powertools import Logger
from aws_lambda_powertools.event_handler import APIGatewayRestResolver, Response
from aws_lambda_powertools.event_handler.exceptions import NotFoundError
from aws_lambda_powertools.logging import correlation_paths
from aws_lambda_powertools.utilities.typing import LambdaContext
from common import clients, metrics, settings
from problems import MEDIA_TYPE, Problem
from store import Store, Unavailable

logger = Logger()
app = APIGatewayRestResolver()
config = logic.Settings.load(os.environ)
store = Store(
    client=clients.client("dynamodb", read_timeout=2, attempts=2),
    orders=settings.text(os.environ, "ORDERS_TABLE_NAME"),
    idempotency=settings.text(os.environ, "IDEMPOTENCY_TABLE_NAME"),
)


@app.post("/orders")
def post_order() -> Response[str]:
    """Place an order."""
    event = app.current_event
    submission = logic.Submission(
        body=event.body,
        base64=bool(event.is_base64_encoded),
        content_type=event.headers.get("content-type"),
        idempotency_key=event.headers.get("idempotency-key"),
        principal=logic.principal(event["requestContext"].get("identity") or {}),
    )
    placed = logic.place_order(submission, store, config, datetime.now(UTC))
    metrics.count("OrdersReplayed" if placed.replayed else "OrdersAccepted")
    logger.info("order replayed" if placed.replayed else "order accepted", extra={"order_id": placed.order_id})
    path = event["requestContext"].get("path") or "/orders"
    headers = {"Location": f"{path.rstrip('/')}/{placed.order_id}"}
    if placed.replayed:
        headers["Idempotency-Replayed"] = "true"
    return Response(placed.status, "application/json", placed.body, headers)


@app.get("/orders/<order_id>")
def get_order(order_id: str) -> Response[str]:
    """Read an order."""
    return Response(HTTPStatus.OK, "application/json", logic.find_order(order_id, store))


def refuse(problem: Problem) -> Response[str]:
    """Answer with a problem document."""
    if app.current_event.http_method == "POST" and problem.status < HTTPStatus.INTERNAL_SERVER_ERROR:
        metrics.count("OrdersRejected")
    facts = {"status": problem.status, "code": problem.code, "issues": len(problem.issues)}
    logger.info("request refused", extra=facts)
    correlation_id = app.current_event["requestContext"]["requestId"]
    return Response(problem.status, MEDIA_TYPE, problem.document(correlation_id), problem.headers())


def be_busy(error: Unavailable) -> Response[str]:
    """Ask for patience."""
    logger.warning("table unavailable", extra={"cause": str(error)})
    return refuse(logic.unavailable())


def fail(_error: Exception) -> Response[str]:
    """Answer for a defect: the trace goes to the log, the caller gets the id to find it by."""
    logger.exception("request failed")
    return refuse(Problem(500, "internal_error", "The request failed for a reason that is not yours."))


def not_found(_error: NotFoundError) -> Response[str]:
    """Answer for a path that is not served."""
    return refuse(Problem(404, "no_such_route", "There is nothing at this path."))


app.exception_handler(Problem)(refuse)
app.exception_handler(Unavailable)(be_busy)
app.exception_handler(Exception)(fail)
app.not_found(not_found)


@logger.inject_lambda_context(correlation_id_path=correlation_paths.API_GATEWAY_REST, clear_state=True)
def handler(event: dict[str, Any], context: LambdaContext) -> dict[str, Any]:
    """Entry point."""
    return app.resolve(event, context)
