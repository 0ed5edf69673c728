from __future__ import annotations

from tfgen.errors import Interrupted, SpecError, TfgenError, UsageError


def test_an_error_carries_reason_place_next_step_and_code() -> None:
    error = TfgenError("wrong", hint="do this", where="a.yaml:1:2", code="spec")
    assert (str(error), error.message, error.hint, error.where, error.code) == (
        "wrong",
        "wrong",
        "do this",
        "a.yaml:1:2",
        "spec",
    )


def test_a_spec_error_counts_its_problems() -> None:
    one, two = TfgenError("a"), TfgenError("b")
    assert str(SpecError([one])) == "1 problem in the spec"
    error = SpecError([one, two])
    assert (str(error), error.problems, error.code) == ("2 problems in the spec", (one, two), "spec")


def test_codes_of_the_other_kinds() -> None:
    assert UsageError("x", hint="y").code == "usage"
    assert Interrupted().code == "interrupted"
