"""A composed apply of a project whose state bucket is not there yet."""

from __future__ import annotations

import pytest

from tests.support.faulty import Faulty
from tfgen import state


@pytest.mark.slow
def test_backend_config_is_planned_once_and_the_plan_that_was_shown_is_applied(bootstrapping: Faulty) -> None:
    bootstrapping.apply("--composed")
    steps = [entry["step"] for entry in bootstrapping.entries("step-begin") if entry["module"] == "backend-config"]
    assert [steps.count(step) for step in ("plan", "apply")] == [1, 1], steps
    found = state.read_state(bootstrapping.clients(), bootstrapping.bucket, "backend-config/terraform.tfstate")
    assert found is not None
    assert found.applied
    bootstrapping.assert_whole()
    bootstrapping.tfgen("destroy", "--composed", "--auto-approve", "--with-backend")
