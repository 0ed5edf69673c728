from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from tests.support.fixture_project import make_environment
from tests.support.fixture_project import make_project as make_fixture
from tfgen import approving, composition
from tfgen.changes import ComposedPlan, Diagnostic, ModuleChanges, ResourceChange
from tfgen.deployment import Choices
from tfgen.errors import PlanError, TfgenError
from tfgen.model import Environment, Project

CHAIN = {"00-base": (), "01-middle": ("00-base",), "02-top": ("01-middle",), "03-aside": ()}
LATER = Diagnostic("01-middle", "terraform/01-middle/main.tf:3:1", "Invalid for_each argument: it is not known yet")
MISTAKE = Diagnostic("01-middle", "terraform/01-middle/main.tf:3:1", "Unsupported attribute", hint="look")


@pytest.fixture
def project(tmp_path: Path) -> Project:
    environment = make_environment("local", "bucket", endpoint="http://127.0.0.1:1")
    return make_fixture(tmp_path, environment, CHAIN)


def changes(name: str, action: str = "create", kind: str = "terraform_data", **rest: Any) -> ModuleChanges:
    return ModuleChanges(name, resources=(ResourceChange(name, f"{kind}.this", kind, (action,)),), **rest)


def make_plan(*problems: Diagnostic, quiet: tuple[str, ...] = ()) -> ComposedPlan:
    modules = {name: ModuleChanges(name) if name in quiet else changes(name) for name in CHAIN}
    return ComposedPlan(modules, problems=problems, complete=not problems)


def test_a_whole_plan_is_one_stage_of_what_changes(project: Project) -> None:
    assert composition._stage(make_plan(quiet=("00-base",)), project) == {"01-middle", "02-top", "03-aside"}
    assert composition._stage(make_plan(quiet=tuple(CHAIN)), project) == frozenset()


def test_what_must_wait_leaves_its_readers_out_of_the_stage(project: Project) -> None:
    assert composition._stage(make_plan(LATER), project) == {"00-base", "03-aside"}


def test_a_mistake_stops_everything_at_its_place(project: Project) -> None:
    plan = make_plan(replace(MISTAKE, template="templates/middle/main.tf.j2:2", spec="config/project.yaml:9"))
    assert composition._stage(plan, project) == frozenset()
    with pytest.raises(TfgenError) as caught:
        approving.refuse_errors(plan)
    assert (caught.value.where, caught.value.hint) == (MISTAKE.where, "look")
    origin = "rendered from templates/middle/main.tf.j2:2, config/project.yaml:9"
    assert caught.value.message == f"Unsupported attribute\n  {origin}"


def test_all_mistakes_are_named_at_once(project: Project) -> None:
    plan = make_plan(LATER, MISTAKE)
    left_over = changes("03-aside", error="its state cannot be read")
    plan = replace(plan, modules={**plan.modules, "03-aside": left_over})
    assert composition._stage(plan, project) == frozenset()
    with pytest.raises(PlanError, match="3 problems in the plan") as caught:
        approving.refuse_errors(plan)
    assert [problem.message for problem in caught.value.problems] == [
        LATER.message,
        "Unsupported attribute",
        "its state cannot be read",
    ]
    assert [bool(problem.hint) for problem in caught.value.problems] == [False, True, True], "and what to do next"


def test_a_warning_is_no_mistake(project: Project) -> None:
    warned = ComposedPlan(make_plan().modules, problems=(Diagnostic("", "", "mind", severity="warning"),))
    assert composition._stage(warned, project) == set(CHAIN)
    approving.refuse_errors(warned)


def test_half_a_plan_cannot_be_approved_beforehand(project: Project) -> None:
    environment = project.environments["local"]
    approved = composition.approve(make_plan(), project, environment)
    assert (approved.project, approved.environment, approved.account) == ("shop", "local", "000000000000")
    with pytest.raises(TfgenError, match="cannot be approved beforehand"):
        composition.approve(make_plan(LATER), project, environment)


@pytest.mark.parametrize("allowed", ["aws_s3_bucket.this", "00-base:aws_s3_bucket.this"])
def test_lost_data_is_refused_before_the_first_change(allowed: str) -> None:
    account = Environment("prod", "123456789012", None, "us-east-1", "bucket", "lock")
    plan = ComposedPlan({"00-base": changes("00-base", "delete", "aws_s3_bucket")})
    with pytest.raises(TfgenError, match="would lose data: 00-base: aws_s3_bucket") as caught:
        approving.guard_losses(account, plan, Choices())
    assert "--allow-destroy 'aws_s3_bucket.this'" in caught.value.hint
    approving.guard_losses(account, plan, Choices(allow_destroy=(allowed,)))
    approving.guard_losses(make_environment("local", "b", endpoint="http://127.0.0.1:1"), plan, Choices())
