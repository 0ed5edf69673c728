"""Which failures pass by themselves, as data, and how long to wait for that."""

from __future__ import annotations

import random
import re
from dataclasses import dataclass

ATTEMPTS = 4
"""How often a step is tried in all."""

FIRST_SECONDS = 1.0
LONGEST_SECONDS = 20.0


@dataclass(frozen=True)
class Transient:
    """A kind of failure that passes by itself.

    Attributes:
        name: What it is, for the journal and for people.
        pattern: What terraform and the provider say.
    """

    name: str
    pattern: re.Pattern[str]


def _kind(name: str, *parts: str) -> Transient:
    return Transient(name, re.compile("|".join(parts), re.IGNORECASE))


FIRST = (
    # It reads like a refusal and passes: a role is not known everywhere the moment it is made.
    _kind(
        "IAM propagation",
        r"role defined for the function cannot be assumed",
        r"The provided execution role does not have permissions",
        r"Invalid principal in policy",
        r"role\S* (?:is invalid or )?cannot be assumed",
        r"does not have (?:required )?permissions? to assume the role",
    ),
)

NEVER = re.compile(
    r"AccessDenied|Unauthorized|not authorized to perform|Forbidden|ExpiredToken|RequestExpired|token .*is expired"
    r"|InvalidClientTokenId|UnrecognizedClient|SignatureDoesNotMatch|ValidationException|ValidationError"
    r"|InvalidParameter|ConditionalCheckFailed|PreconditionFailed|AlreadyExists|already exists|AlreadyOwnedByYou"
    r"|ResourceInUse|LimitExceeded(?!.*rate)|QuotaExceeded"
    r"|Unsupported (?:argument|attribute|block)|Invalid (?:value|for_each)",
    re.IGNORECASE,
)
"""What stays as it is however often it is tried; it wins over everything below."""

THEN = (
    _kind(
        "throttling",
        r"\bThrottl\w+",
        r"TooManyRequests",
        r"RequestLimitExceeded",
        r"Rate exceeded",
        r"\bSlowDown\b",
        r"ProvisionedThroughputExceeded",
        r"StatusCode: 429",
    ),
    _kind(
        "server error",
        r"StatusCode: 50[0234]\b",
        r"\bInternal(?:Error|Failure|ServerError|ServerException|ServiceError|ServiceException)\b",
        r"ServiceUnavailable",
    ),
    _kind(
        "registry",
        r"could not connect to registry",
        r"registry service is unreachable",
        r"Failed to (?:query available provider packages|install provider).*(?:429|50[0234]|timeout|reset|refused|EOF)",
        r"Failed to retrieve the list of available versions",
    ),
    _kind(
        "connection",
        r"connection reset by peer",
        r"connection refused",
        r"\bunexpected EOF\b",
        r": EOF\b",
        r"i/o timeout",
        r"TLS handshake timeout",
        r"broken pipe",
        r"Client\.Timeout exceeded",
        r"temporary failure in name resolution",
        r"server closed idle connection",
    ),
    _kind(
        "conflict",
        r"OperationAborted",
        r"conflicting conditional operation",
        r"ConcurrentModification",
        r"TransactionConflict",
        r"ResourceConflictException.*in progress",
        r"An update is in progress for resource",
    ),
)


def find_transient(error: str) -> Transient | None:
    """Return what passes by itself; None if anything in an error is known to stay, or is not known at all."""
    found = [_classify(part) for part in _split(error)]
    if not found or any(item is None for item in found):
        return None
    return found[0]


def choose_delay(attempt: int, draw: random.Random | None = None) -> float:
    """Return how many seconds to wait after the attempt with this number, counted from 1; jittered."""
    longest = min(LONGEST_SECONDS, FIRST_SECONDS * 2.0 ** (attempt - 1))
    chosen: random.Random = draw or random.Random()  # noqa: S311 - only so that several do not keep step
    return longest * chosen.uniform(0.5, 1.0)


def _classify(error: str) -> Transient | None:
    # One message may wrap its lines anywhere.
    text = " ".join(error.split())
    for kind in FIRST:
        if kind.pattern.search(text):
            return kind
    if NEVER.search(text):
        return None
    return next((kind for kind in THEN if kind.pattern.search(text)), None)


def _split(error: str) -> list[str]:
    parts = re.split(r"^(?=Error: )", error, flags=re.MULTILINE)
    return [part for part in parts if part.strip()]
