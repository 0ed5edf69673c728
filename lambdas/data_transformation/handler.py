"""Firehose calls this between taking records and writing them: order versions in, order lines out."""

from __future__ import annotations

import os
from typing import Any

import logic
from aws_lambda_powertools import Logger
from aws_lambda_powertools.utilities.typing import LambdaContext
from common import clients, metrics
from pseudonyms import Pseudonyms

logger = Logger()
config = logic.Settings.load(os.environ)
pseudonyms = Pseudonyms(clients.client("kms", read_timeout=5, attempts=3), config.pseudonym_key)


@logger.inject_lambda_context(clear_state=True)
def handler(event: dict[str, Any], _context: LambdaContext) -> dict[str, Any]:
    """Entry point; what cannot be read is answered as failed and waits under errors/, the rest goes on."""
    answers = [logic.transform(record, config.zone, pseudonyms.of) for record in event["records"]]
    failed = [answer["recordId"] for answer in answers if answer["result"] == "ProcessingFailed"]
    if failed:
        metrics.count("RecordsRefused", len(failed))
        logger.error("records without a readable order", extra={"record_ids": failed})
    logger.info("records transformed", extra={"records": len(answers), "refused": len(failed)})
    return {"records": answers}
