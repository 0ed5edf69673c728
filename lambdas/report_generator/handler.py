"""The daily report: started by the schedule, by a request event, or directly."""

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
dynamodb = clients.client("dynamodb", read_timeout=20, attempts=5)
s3 = clients.client("s3", read_timeout=60, attempts=5)


@logger.inject_lambda_context(clear_state=True)
def handler(event: dict[str, Any], context: LambdaContext) -> dict[str, Any]:
    """Entry point; a failure is raised, so that the retries and the dead-letter queue of the caller work."""
    now = datetime.now(UTC)
    try:
        request = logic.wanted(event, config.zone, now)
        results = logic.run_all(
            request, config, dynamodb, s3, now, lambda: context.get_remaining_time_in_millis() / 1000
        )
    except Exception:
        logger.exception("report failed")
        raise
    # counted for an unchanged report too: the alarm asks whether the report of the day exists
    metrics.count("ReportGenerated")
    for result in results:
        logger.info("report ready", extra={**asdict(result), "force": request.force})
    first, *others = (asdict(result) for result in results)
    return {**first, "others": others}
