"""The order API: parses requests, shapes answers, counts and logs."""

from __future__ import annotations

import functools
import os
from datetime import UTC, datetime
from http import HTTPStatus
from typing import Any

import changes
import idempotency
import listing
import logic
import reports
from aws_lambda_powertools import Logger
from aws_lambda_powertools.event_handler import APIGatewayRestResolver, Response
from aws_lambda_powertools.event_handler.exceptions import NotFoundError
from aws_lambda_powertools.logging import correlation_paths
from aws_lambda_powertools.utilities.typing import LambdaContext
from common import clients, metrics, settings
from idempotency import Answer
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
signer = listing.Signer(store)
reports_bucket = settings.text(os.environ, "REPORTS_BUCKET_NAME")


@functools.cache
def s3() -> Any:
    """Make the client that signs links, at the first request that needs it."""
    return clients.client("s3")


@app.post("/orders")
def post_order() -> Response[str]:
    """Place an order."""
    placed = logic.place_order(submission(), store, config, datetime.now(UTC))
    answer = answered(placed, "OrdersAccepted", "order accepted")
    path = app.current_event["requestContext"].get("path") or "/orders"
    answer.headers["Location"] = f"{path.rstrip('/')}/{placed.order_id}"
    return answer


@app.get("/orders")
def get_orders() -> Response[str]:
    """List orders of a customer."""
    query = app.current_event.get("multiValueQueryStringParameters") or {}
    return Response(HTTPStatus.OK, "application/json", listing.list_orders(query, store, signer))


@app.get("/orders/<order_id>")
def get_order(order_id: str) -> Response[str]:
    """Read an order."""
    return Response(HTTPStatus.OK, "application/json", logic.find_order(order_id, store))


@app.post("/orders/<order_id>/cancel")
def post_cancellation(order_id: str) -> Response[str]:
    """Cancel an order."""
    answer = changes.cancel(order_id, submission(), store, config, datetime.now(UTC))
    return answered(answer, "OrdersCancelled", "order cancelled")


@app.post("/orders/<order_id>/refunds")
def post_refund(order_id: str) -> Response[str]:
    """Refund a part of an order."""
    answer = changes.refund(order_id, submission(), store, config, datetime.now(UTC))
    return answered(answer, "OrdersRefunded", "order refunded")


@app.get("/reports/<day>")
def get_report(day: str) -> Response[str]:
    """Hand out links to a report."""
    return Response(HTTPStatus.OK, "application/json", reports.find_report(day, store, reports_bucket, s3))


def submission() -> idempotency.Submission:
    """Return what the caller sent."""
    event = app.current_event
    return idempotency.Submission(
        body=event.body,
        base64=bool(event.is_base64_encoded),
        content_type=event.headers.get("content-type"),
        idempotency_key=event.headers.get("idempotency-key"),
        principal=idempotency.principal(event["requestContext"].get("identity") or {}),
    )


def answered(answer: Answer, metric: str, message: str) -> Response[str]:
    """Shape the answer to an accepted request, new or repeated."""
    metrics.count("OrdersReplayed" if answer.replayed else metric)
    logger.info("order replayed" if answer.replayed else message, extra={"order_id": answer.order_id})
    headers: dict[str, str | list[str]] = {"Idempotency-Replayed": "true"} if answer.replayed else {}
    return Response(answer.status, "application/json", answer.body, headers)


def refuse(problem: Problem) -> Response[str]:
    """Answer with a problem document."""
    event = app.current_event
    if (event.http_method, event.path) == ("POST", "/orders") and problem.status < HTTPStatus.INTERNAL_SERVER_ERROR:
        metrics.count("OrdersRejected")
    facts = {"status": problem.status, "code": problem.code, "issues": len(problem.issues)}
    logger.info("request refused", extra=facts)
    correlation_id = event["requestContext"]["requestId"]
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
