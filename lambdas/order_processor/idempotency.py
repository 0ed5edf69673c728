"""What makes a repeated request harmless: the key of a request, and the record of its first answer."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from common.clients import Item
from problems import Problem


@dataclass(frozen=True)
class Submission:
    """A request that changes something, as it came."""

    body: str | None
    content_type: str | None
    idempotency_key: str | None
    principal: str
    base64: bool = False


@dataclass(frozen=True)
class Answer:
    """The answer to an accepted request; the same again when the request is repeated."""

    status: int
    body: str
    order_id: str
    replayed: bool


@dataclass(frozen=True)
class Ticket:
    """One request's place in the table of records.

    Attributes:
        key: A hash of caller, route and Idempotency-Key.
        payload_hash: Tells another body under the same key.
        now: When the request came.
        lifetime: How long the first answer is given again.
    """

    key: str
    payload_hash: str
    now: datetime
    lifetime: timedelta

    def record(self, status: int, body: str, order_id: str) -> dict[str, Any]:
        """Return the item that remembers an answer."""
        return {
            "pk": self.key,
            "payload_hash": self.payload_hash,
            "status_code": status,
            "response": body,
            "order_id": order_id,
            "expires_at": int((self.now + self.lifetime).timestamp()),
        }

    def replay(self, record: Item | None) -> Answer | None:
        """Return the first answer, or None if the key is free (again).

        Raises:
            Problem: The key was used with another body.
        """
        if record is None or record["expires_at"] <= int(self.now.timestamp()):
            return None
        if record["payload_hash"] != self.payload_hash:
            detail = "This Idempotency-Key was used with another body."
            raise Problem(422, "idempotency_key_reused", detail)
        return Answer(int(record["status_code"]), record["response"], record["order_id"], replayed=True)


def key_of(submission: Submission, route: str) -> str:
    """Return the key of a request's record.

    Raises:
        Problem: The header is missing or too long.
    """
    value = (submission.idempotency_key or "").strip()
    if not value:
        raise Problem(400, "idempotency_key_required", "The header Idempotency-Key is required.")
    if len(value) > 255 or not value.isprintable():
        raise Problem(400, "invalid_idempotency_key", "The header Idempotency-Key must have 1 to 255 characters.")
    return hashlib.sha256("\n".join((submission.principal, route, value)).encode()).hexdigest()


def hash_of(body: Mapping[str, Any]) -> str:
    """Return a hash of a body that does not depend on the order of its properties."""
    return hashlib.sha256(json.dumps(body, sort_keys=True, separators=(",", ":")).encode()).hexdigest()


def principal(identity: Mapping[str, Any]) -> str:
    """Name the caller: sessions of one role are one caller, so a retry may come from another.

    Args:
        identity: `requestContext.identity` of the API's event.
    """
    arn = str(identity.get("userArn") or identity.get("caller") or "anonymous")
    if ":assumed-role/" in arn:
        return arn.rpartition("/")[0]
    return arn


def in_progress() -> Problem:
    """Return the answer while the same request is being processed elsewhere."""
    detail = "A request with this Idempotency-Key is still being processed."
    return Problem(409, "request_in_progress", detail, retry_after=1)
