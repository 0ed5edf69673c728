"""Reads the stream of the orders table; the second function made of this folder."""

from __future__ import annotations

import os
from typing import Any

import forwarding
from aws_lambda_powertools import Logger
from aws_lambda_powertools.utilities.typing import LambdaContext
from common import clients, settings

logger = Logger()
delivery_stream = settings.text(os.environ, "DELIVERY_STREAM_NAME")
firehose = clients.client("firehose", read_timeout=20, attempts=3)


@logger.inject_lambda_context(clear_state=True)
def handler(event: dict[str, Any], _context: LambdaContext) -> dict[str, Any]:
    """Entry point; answers from where on Lambda is to try again."""
    found = list(forwarding.changes(event["Records"]))
    refused = forwarding.forward(found, firehose, delivery_stream)
    if refused is not None:
        logger.error("not all changes were taken", extra={"from": refused, "changes": len(found)})
        return {"batchItemFailures": [{"itemIdentifier": refused}]}
    logger.info("changes handed on", extra={"records": len(event["Records"]), "changes": len(found)})
    return {"batchItemFailures": []}
