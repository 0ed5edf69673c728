from __future__ import annotations

import random

import pytest

from tfgen import retries
from tfgen.retries import find_transient

PREFIX = "Error: creating SQS Queue (x): operation error SQS: CreateQueue, https response error "


@pytest.mark.parametrize(
    ("error", "name"),
    [
        (PREFIX + "StatusCode: 400, RequestID: 1, api error ThrottlingException: Rate exceeded", "throttling"),
        (PREFIX + "StatusCode: 503, RequestID: 1, api error SlowDown: Please reduce", "throttling"),
        (PREFIX + "StatusCode: 500, RequestID: 1, api error InternalError: We", "server error"),
        (PREFIX + "StatusCode: 503, RequestID: 1, api error ServiceUnavailable: no", "server error"),
        ('Error: Get "http://127.0.0.1/": dial tcp 127.0.0.1:1: connect: connection refused', "connection"),
        ("Error: read tcp 1.2.3.4:5: read: connection\nreset by peer", "connection"),
        ("Error: Failed to install provider: 502 Bad Gateway", "registry"),
        (
            "Error: creating Lambda Function: api error InvalidParameterValueException: The role defined for the "
            "function cannot be assumed by Lambda.",
            "IAM propagation",
        ),
        ("Error: api error OperationAborted: A conflicting conditional operation is currently in progress", "conflict"),
    ],
)
def test_what_passes_by_itself_is_known(error: str, name: str) -> None:
    found = find_transient(error)
    assert found is not None
    assert found.name == name


@pytest.mark.parametrize(
    "error",
    [
        "",
        "Error: who knows",
        PREFIX + "StatusCode: 403, RequestID: 1, api error AccessDenied: Access Denied",
        PREFIX + "StatusCode: 500, RequestID: 1, api error AccessDenied: strange, but a refusal",
        PREFIX + "StatusCode: 400, api error ValidationException: one or more errors",
        PREFIX + "StatusCode: 400, api error ExpiredToken: The provided token has expired",
        "Error: Error acquiring the state lock\n\nConditionalCheckFailedException: The conditional request failed",
        "Error: creating IAM Role: EntityAlreadyExists: StatusCode: 500",
        "Error: Unsupported argument\n\non main.tf line 500",
        "Error: api error LimitExceededException: too many",
    ],
)
def test_what_stays_is_not_tried_again(error: str) -> None:
    assert find_transient(error) is None


def test_one_error_that_stays_is_enough() -> None:
    throttled = PREFIX + "StatusCode: 400, api error ThrottlingException: Rate exceeded"
    denied = "Error: api error AccessDenied: no"
    assert find_transient(f"{throttled}\n\n{throttled}") is not None
    assert find_transient(f"{throttled}\n\n{denied}") is None
    assert find_transient(f"{denied}\n\n{throttled}") is None


def test_delays_grow_are_jittered_and_bounded() -> None:
    draws = [[retries.choose_delay(attempt, random.Random(seed)) for attempt in range(1, 9)] for seed in range(50)]
    for attempt in range(8):
        seen = [delays[attempt] for delays in draws]
        longest = min(retries.LONGEST_SECONDS, retries.FIRST_SECONDS * 2**attempt)
        assert all(longest / 2 <= delay <= longest for delay in seen)
        assert len(set(seen)) > 10
