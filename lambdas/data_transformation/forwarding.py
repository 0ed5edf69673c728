"""Handing changes of the orders table to Firehose: in batches, in order, and none forgotten."""

from __future__ import annotations

import json
import random
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

BATCH_RECORDS = 500
BATCH_BYTES = 3_500_000  # Firehose takes 4 MiB in one call
_ATTEMPTS = 4
_PAUSE = 0.1


@dataclass(frozen=True)
class Change:
    """A new version of an order: its place in the stream, and its item as DynamoDB writes it."""

    sequence_number: str
    data: bytes


def changes(records: Iterable[Mapping[str, Any]]) -> Iterator[Change]:
    """Pick the orders out of a stream's records; what else lives in the table is none of ours."""
    for record in records:
        change = record["dynamodb"]
        image, keys = change.get("NewImage"), change["Keys"]
        if image is None or not keys["pk"]["S"].startswith("ORDER#") or keys["sk"]["S"] != "META":
            continue
        yield Change(change["SequenceNumber"], json.dumps(image, separators=(",", ":")).encode())


def forward(
    found: Sequence[Change], client: Any, stream: str, *, pause: Callable[[float], None] = time.sleep
) -> str | None:
    """Put changes into a delivery stream.

    Args:
        found: The changes, in the stream's order.
        client: Firehose client.
        stream: Name of the delivery stream.
        pause: Waits between attempts.

    Returns:
        The sequence number from which on the batch is to come again; None if all arrived. What arrives twice does
        no harm: readers take each version of an order once.
    """
    for batch in _batches(found):
        refused = _put(batch, client, stream, pause)
        if refused is not None:
            return refused
    return None


def _put(batch: Sequence[Change], client: Any, stream: str, pause: Callable[[float], None]) -> str | None:
    left = list(batch)
    for attempt in range(_ATTEMPTS):
        if attempt:
            pause(random.uniform(0.5, 1) * _PAUSE * 2**attempt)  # noqa: S311 - spreads retries, no secret
        answer = client.put_record_batch(DeliveryStreamName=stream, Records=[{"Data": change.data} for change in left])
        results = answer["RequestResponses"]
        left = [change for change, result in zip(left, results, strict=True) if "ErrorCode" in result]
        if not left:
            return None
    return left[0].sequence_number


def _batches(found: Sequence[Change]) -> Iterator[list[Change]]:
    batch: list[Change] = []
    size = 0
    for change in found:
        if batch and (len(batch) == BATCH_RECORDS or size + len(change.data) > BATCH_BYTES):
            yield batch
            batch, size = [], 0
        batch.append(change)
        size += len(change.data)
    if batch:
        yield batch
