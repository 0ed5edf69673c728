"""Mails and announces a report when its manifest arrives in the bucket."""

from __future__ import annotations

import os
from dataclasses import asdict
from datetime import UTC, datetime
from typing import Any

import logic
from aws_lambda_powertools import Logger
from aws_lambda_powertools.utilities.typing import LambdaContext
from common import clients, metrics

logger = Logger()
config = logic.Settings.load(os.environ)
# one attempt for the mail: a repeated call whose first answer was lost would send a second mail
services = logic.Clients(
    s3=clients.client("s3"),
    dynamodb=clients.client("dynamodb", read_timeout=5),
    sesv2=clients.client("sesv2", attempts=1),
    sns=clients.client("sns"),
)


@logger.inject_lambda_context(correlation_id_path="id", clear_state=True)
def handler(event: dict[str, Any], _context: LambdaContext) -> dict[str, Any]:
    """Entry point; a failure is raised, so that the retries and the dead-letter queue work."""
    try:
        manifest = logic.manifest_of(event, config.bucket)
        result = logic.run(manifest, config, services, datetime.now(UTC))
    except Exception:
        logger.exception("notification failed")
        raise
    if result.mailed:
        metrics.count("ReportMailed")
    logger.info("report notified", extra=asdict(result))
    return asdict(result)
