"""What passes by itself is tried again, and noted; what stays is not."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from tests.support.faulty import Faulty, is_state
from tests.support.proxy import Answer, Call, Rule, json_error, times, xml_error


def writes_lock(call: Call) -> bool:
    return call.target.endswith(".PutItem") and b"01-middle/terraform.tfstate" in call.body and b"Info" in call.body


def when(concerns: Callable[[Call], bool], answer: Answer) -> Rule:
    return lambda call: answer if concerns(call) else None


def reads_state(call: Call) -> bool:
    """True where terraform reads what 01-middle needs; tfgen reads it as well, with boto3, which tries by itself."""
    if "boto" in call.headers.get("user-agent", "").lower():
        return False
    return call.method == "GET" and call.path.partition("?")[0].endswith("/00-base/terraform.tfstate")


SLOW = pytest.mark.slow


@pytest.mark.parametrize(
    ("rule", "pattern"),
    [
        # Terraform's backend tries five times by itself; what gets through to us is more than that.
        pytest.param(times(9, when(reads_state, xml_error(503, "SlowDown"))), "throttling", marks=SLOW),
        pytest.param(times(9, when(reads_state, xml_error(500, "InternalError"))), "server error", marks=SLOW),
        pytest.param(times(9, when(reads_state, Answer())), "connection", marks=SLOW),
        pytest.param(times(12, when(writes_lock, json_error(400, "ThrottlingException"))), "throttling", marks=SLOW),
    ],
)
def test_what_passes_is_tried_again_and_noted(faulty: Faulty, rule: Rule, pattern: str) -> None:
    faulty.apply("--module", "00")
    faulty.proxy.rules.append(rule)
    done = faulty.apply("--module", "01")
    retries = faulty.entries("retry")
    assert retries, done.stderr
    assert {entry["pattern"] for entry in retries} == {pattern}
    assert all(entry["module"] == "01-middle" and entry["error"] and entry["delay"] > 0 for entry in retries)
    assert f": {pattern}, again in " in done.stderr
    assert faulty.locks() == ()
    faulty.proxy.rules.clear()
    faulty.apply()
    faulty.assert_whole()


def test_a_lock_whose_answer_was_lost_is_nobody_elses_once_or_twice(faulty: Faulty) -> None:
    asked: list[bytes] = []

    def lose(call: Call) -> Answer | None:
        if not writes_lock(call) or call.body in asked or len(asked) == 2:
            return None
        asked.append(call.body)
        return Answer(lose=True)

    faulty.apply("--module", "00")
    faulty.proxy.rules.append(lose)
    done = faulty.apply("--module", "01")
    assert "lost answer to a lock, again in" in done.stderr
    assert [entry["pattern"] for entry in faulty.entries("retry")] == ["lost answer to a lock"] * 2
    assert faulty.locks() == ()


@pytest.mark.parametrize(
    "answer",
    [
        xml_error(403, "AccessDenied"),
        pytest.param(xml_error(403, "ExpiredToken"), marks=SLOW),
        pytest.param(xml_error(403, "InvalidAccessKeyId"), marks=SLOW),
    ],
)
def test_a_refusal_is_not_tried_again(faulty: Faulty, answer: Answer) -> None:
    faulty.apply("--module", "00")

    faulty.proxy.rules.append(when(reads_state, answer))
    faulty.apply("--module", "01", code=1)
    assert faulty.entries("retry") == []
    faulty.proxy.rules.clear()
    faulty.apply("--resume")
    faulty.apply()
    faulty.assert_whole()


def test_a_token_that_expires_in_the_middle_loses_nothing(faulty: Faulty) -> None:
    def expired(call: Call) -> Answer | None:
        if is_state(call, "01-middle"):
            return xml_error(400, "ExpiredToken", "The provided token has expired.")
        return None

    faulty.proxy.rules.append(expired)
    failed = faulty.apply(code=1)
    assert "the credentials have expired" in failed.stderr or "errored.tfstate" in failed.stderr
    left = faulty.root / "terraform" / "01-middle" / "errored.tfstate"
    assert left.exists()
    assert "errored.tfstate holds the state of 01-middle" in faulty.tfgen("plan", code=None).stderr
    assert "errored.tfstate holds the state of 01-middle" in faulty.tfgen("output", code=None).stderr
    faulty.proxy.rules.clear()
    held = faulty.locks()
    if held:
        faulty.tfgen("unlock", "01", "--id", held[0].id)
    refused = faulty.apply(code=1)
    assert "tfgen apply --resume puts it in its place" in refused.stderr
    assert left.exists()
    resumed = faulty.apply("--resume")
    assert "putting the state of 01-middle into its bucket" in resumed.stderr
    assert not left.exists()
    gate = (faulty.gates / "01-middle.begun").stat()
    faulty.assert_whole()
    assert (faulty.gates / "01-middle.begun").stat().st_mtime_ns == gate.st_mtime_ns, "nothing was made twice"
