"""What became of each module, told from terraform's events and errors."""

from __future__ import annotations

import json
from collections.abc import Collection
from pathlib import Path

from tfgen.changes import ComposedPlan, Diagnostic, ModuleChanges, OutputChange, ResourceChange
from tfgen.compose import Applied
from tfgen.composed_results import Tracker, to_results
from tfgen.events import Event
from tfgen.planning import Counts
from tfgen.runner import CANCELLED, DONE, FAILED, SKIPPED, Result

NAMES = {"base": "00-base", "middle": "01-middle", "top": "02-top"}
ERROR = Diagnostic("01-middle", "terraform/01-middle/main.tf:3:1", "it broke", "mend it", address="aws_x.a")


def change(name: str, actions: tuple[str, ...] = ("create",)) -> ResourceChange:
    return ResourceChange(name, "aws_x.a", "aws_x", actions)


def plan(**kinds: tuple[str, ...]) -> ComposedPlan:
    actions = {name: kinds.get(identifier, ("create",)) for identifier, name in NAMES.items()}
    return ComposedPlan({name: ModuleChanges(name, resources=(change(name, kind),)) for name, kind in actions.items()})


def event(kind: str, address: str, action: str = "create") -> str:
    hook = {"resource": {"addr": address}, "action": action}
    return json.dumps({"type": kind, "@message": f"{address}: said", "hook": hook})


def applied(status: int, *problems: Diagnostic, error: str = "") -> Applied:
    return Applied(status, problems, error, error, Path("composed-apply.log"))


def results(
    shown: ComposedPlan, ended: Applied, *lines: str, written: Collection[str] = (), interrupted: bool = False
) -> dict[str, Result]:
    tracker = Tracker(NAMES, lambda _event: None)
    for line in lines:
        tracker.feed(line)
    return to_results(shown, tracker, ended, written, interrupted=interrupted, seconds=1.0)


def test_all_is_done_where_terraform_says_so() -> None:
    found = results(
        plan(base=("delete", "create")), applied(0), event("apply_complete", "module.base.aws_x.a", "delete")
    )
    assert [item.status for item in found.values()] == [DONE] * 3
    assert found["00-base"].counts == Counts(destroy=1)
    assert found["00-base"].plan is not None
    assert found["00-base"].plan.counts == Counts(add=1, destroy=1)


def test_an_error_is_its_modules_own_and_the_rest_is_named_after_it() -> None:
    found = results(plan(), applied(1, ERROR, error="all"), event("apply_complete", "module.base.aws_x.a"))
    assert {name: item.status for name, item in found.items()} == {
        "00-base": DONE,
        "01-middle": FAILED,
        "02-top": SKIPPED,
    }
    assert (found["01-middle"].reason, found["01-middle"].hint) == ("aws_x.a: it broke", "mend it")
    assert (found["02-top"].reason, found["02-top"].cause) == ("01-middle failed", "01-middle")


def test_a_replacement_is_not_whole_with_its_first_half() -> None:
    half = event("apply_complete", "module.base.aws_x.a", "delete")
    found = results(plan(base=("delete", "create")), applied(1, ERROR), half)
    assert found["00-base"].status == SKIPPED
    assert found["00-base"].counts == Counts(destroy=1)


def test_a_terraform_that_fell_silently_is_the_first_unfinished_modules_failure() -> None:
    found = results(plan(), applied(-9, error="killed"), event("apply_complete", "module.base.aws_x.a"))
    assert [item.status for item in found.values()] == [DONE, FAILED, SKIPPED]
    assert found["01-middle"].reason == "killed"


def test_an_interruption_is_nobodys_failure() -> None:
    done = event("apply_complete", "module.base.aws_x.a")
    found = results(plan(), applied(1, ERROR), done, interrupted=True)
    assert [item.status for item in found.values()] == [DONE, CANCELLED, CANCELLED]


def test_a_module_of_outputs_only_is_done_once_its_state_is_written() -> None:
    outputs = {"v": OutputChange("v", "create")}
    shown = ComposedPlan(
        {"00-base": ModuleChanges("00-base", outputs=outputs), **dict(list(plan().modules.items())[1:])}
    )
    assert results(shown, applied(1, ERROR), written=["00-base"])["00-base"].status == DONE
    assert results(shown, applied(1, ERROR))["00-base"].status == SKIPPED


def test_what_terraform_says_is_told_of_the_module_in_its_own_words() -> None:
    told: list[Event] = []
    tracker = Tracker(NAMES, told.append)
    for line in ("no json", "[]", '{"type": "version"}', event("apply_start", "module.other.aws_x.a")):
        tracker.feed(line)
    tracker.feed(event("apply_errored", "module.top.aws_x.a"))
    assert [(item.module, item.text) for item in told] == [("02-top", "aws_x.a: said")]
    assert tracker.failed == {"02-top"}
