"""Approving the whole once, applying what changes, and stopping where it turns out to be more than that."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from pathlib import Path

import pytest

from tests.integration.composed.conftest import MakeProject
from tests.support.fixture_project import body, make_module
from tfgen import composition, deployment
from tfgen.aws import Aws
from tfgen.changes import ComposedPlan
from tfgen.composition import CONTINUE, Wishes
from tfgen.deployment import Caller, Choices, Run
from tfgen.errors import TfgenError
from tfgen.model import Environment, Project
from tfgen.runner import Question

CHAIN = {"00-base": (), "01-middle": ("00-base",), "02-top": ("01-middle",), "03-aside": ()}
ALL = list(CHAIN)


@dataclass
class User:
    """Somebody at a terminal: notes what is shown and asked, and answers."""

    answer: bool = True
    plans: list[ComposedPlan] = field(default_factory=list)
    questions: list[Question] = field(default_factory=list)
    before_answer: Callable[[], object] = lambda: None

    def approve(self, plan: ComposedPlan) -> bool:
        self.plans.append(plan)
        self.before_answer()
        return self.answer

    def ask(self, question: Question) -> bool:
        self.questions.append(question)
        return self.answer


@pytest.fixture
def commands(tmp_path: Path) -> Path:
    """The command lines of every terraform that was started, one to a line."""
    return tmp_path / "commands"


@pytest.fixture
def caller(tmp_path: Path, commands: Path) -> Caller:
    """Runs terraform through a script that notes its arguments."""
    script = tmp_path / "terraform"
    script.write_text(f'#!/bin/sh\necho "$*" >> {commands}\nexec {shutil.which("terraform")} "$@"\n')
    script.chmod(0o755)
    kept = {name: os.environ[name] for name in ("PATH", "HOME") if name in os.environ}
    return Caller({**kept, "TFGEN_TERRAFORM": str(script)})


@pytest.fixture
def chain(make_project: MakeProject, bucket: str) -> Project:
    project: Project = make_project(CHAIN)
    return project


def environment_of(project: Project) -> Environment:
    return next(iter(project.environments.values()))


def apply(project: Project, caller: Caller, user: User, **wishes: object) -> Run:
    chosen = Wishes(user.approve, **wishes)  # type: ignore[arg-type]
    return composition.apply(project, environment_of(project), caller, Choices(), chosen, user.ask)


def plan(project: Project, caller: Caller) -> ComposedPlan:
    return composition.plan(project, environment_of(project), caller, Choices())


def statuses(run: Run) -> dict[str, str]:
    return {result.module: result.status for result in run.results}


def change(project: Project, module: str, old: str, new: str) -> None:
    main = project.tree / module / "main.tf"
    text = main.read_text()
    assert old in text
    main.write_text(text.replace(old, new))


def test_one_approval_serves_all_and_only_what_changes_is_touched(
    chain: Project, caller: Caller, commands: Path
) -> None:
    user = User()
    assert statuses(apply(chain, caller, user)) == dict.fromkeys(ALL, "done")
    assert len(user.plans) == 1
    assert user.questions == []
    assert user.plans[0].complete

    commands.unlink()
    assert statuses(apply(chain, caller, user)) == dict.fromkeys(ALL, "unchanged")
    assert len(user.plans) == 1, "nothing is asked where nothing changes"
    started = [line.split()[0] for line in commands.read_text().splitlines()]
    assert started.count("plan") == 1
    assert not {"apply", "init"} & set(started)

    change(chain, "01-middle", '"v1"', '"v2"')
    commands.unlink()
    run = apply(chain, caller, user)
    assert statuses(run) == {"00-base": "unchanged", "01-middle": "done", "02-top": "done", "03-aside": "unchanged"}
    applied = [line for line in commands.read_text().splitlines() if line.startswith("apply")]
    assert len(applied) == 2
    assert not plan(chain, caller).changed


def test_a_no_changes_nothing(chain: Project, caller: Caller) -> None:
    user = User(answer=False)
    run = apply(chain, caller, user)
    assert set(statuses(run).values()) == {"cancelled"}
    assert not run.ok
    assert all(item.add == 1 for item in plan(chain, caller).modules.values())


def test_what_was_not_approved_is_asked_for_again(chain: Project, caller: Caller) -> None:
    more = 'resource "terraform_data" "more" {}\n'
    user = User(before_answer=lambda: (chain.tree / "03-aside" / "more.tf").write_text(more))
    run = apply(chain, caller, user)
    assert run.ok
    [question] = user.questions
    assert question.module == "03-aside"
    assert "terraform_data.more: would be created, which was not approved" in question.text


def test_without_anybody_to_ask_a_difference_stops_that_module_alone(chain: Project, caller: Caller) -> None:
    more = 'resource "terraform_data" "more" {}\n'
    user = User(before_answer=lambda: (chain.tree / "01-middle" / "more.tf").write_text(more))
    auto = Choices(auto_approve=True)
    run = composition.apply(chain, environment_of(chain), caller, auto, Wishes(user.approve), None)
    assert statuses(run)["00-base"] == statuses(run)["03-aside"] == "done"
    assert statuses(run)["02-top"] == "skipped"
    [failed] = [result for result in run.results if result.status == "failed"]
    assert (failed.module, failed.code) == ("01-middle", "difference")
    assert "not what was approved" in failed.reason
    assert "terraform_data.more: would be created" in failed.reason


def test_a_difference_may_be_accepted_beforehand(chain: Project, caller: Caller) -> None:
    more = 'resource "terraform_data" "more" {}\n'
    user = User(before_answer=lambda: (chain.tree / "03-aside" / "more.tf").write_text(more))
    auto = Choices(auto_approve=True)
    wishes = Wishes(user.approve, on_difference=CONTINUE)
    assert composition.apply(chain, environment_of(chain), caller, auto, wishes, None).ok
    assert not plan(chain, caller).changed


def test_an_approval_from_elsewhere_asks_nothing(chain: Project, caller: Caller) -> None:
    approved = composition.approve(plan(chain, caller), chain, environment_of(chain))
    user = User(answer=False)
    wishes = Wishes(user.approve, approved=approved)
    run = composition.apply(chain, environment_of(chain), caller, Choices(), wishes, None)
    assert statuses(run) == dict.fromkeys(ALL, "done")
    assert user.plans == []

    change(chain, "03-aside", '"v1"', '"v2"')
    with pytest.raises(TfgenError, match="this is not what was approved") as caught:
        composition.apply(chain, environment_of(chain), caller, Choices(), wishes, None)
    assert "03-aside: terraform_data.this: would be changed in place; approved was: created" in caught.value.message


def test_what_cannot_be_planned_whole_goes_in_stages(make_project: MakeProject, bucket: str, caller: Caller) -> None:
    later = body(make_module("01-each", ["00-base"])) + (
        'resource "terraform_data" "each" {\n'
        "  for_each = toset([data.terraform_remote_state.base.outputs.value])\n"
        "  input    = each.key\n"
        "}\n"
    )
    bodies = {"00-base": body(make_module("00-base")).replace("this.output", "this.id"), "01-each": later}
    project = make_project({"00-base": (), "01-each": ("00-base",), "02-aside": ()}, bodies=bodies)
    user = User()
    run = apply(project, caller, user)
    assert statuses(run) == dict.fromkeys(project_names(project), "done"), run.results
    assert len(user.plans) == 2
    assert not user.plans[0].complete
    assert user.plans[1].complete
    assert not plan(project, caller).changed


def project_names(project: Project) -> list[str]:
    return [module.name for module in project.modules]


def test_a_mistake_is_no_stage(chain: Project, caller: Caller) -> None:
    (chain.tree / "02-top" / "wrong.tf").write_text('resource "terraform_data" "x" {\n  input = local.nothing\n}\n')
    user = User()
    with pytest.raises(TfgenError, match="nothing") as caught:
        apply(chain, caller, user)
    assert caught.value.where.startswith("terraform/02-top/wrong.tf:2")
    assert user.plans == []


def test_everything_that_would_go_is_shown_once(chain: Project, caller: Caller) -> None:
    assert apply(chain, caller, User()).ok
    no, yes = User(answer=False), User()

    def destroy(user: User, **chosen: object) -> Run:
        choices = replace(Choices(), **chosen)  # type: ignore[arg-type]
        return composition.destroy(chain, environment_of(chain), caller, choices, Wishes(user.approve), user.ask)

    assert set(statuses(destroy(no)).values()) == {"cancelled"}
    assert [item.destroy for item in no.plans[0].modules.values()] == [1, 1, 1, 1]
    assert not plan(chain, caller).changed

    one = User()
    assert statuses(destroy(one, modules=("03-aside",))) == {"03-aside": "done"}
    assert [question.module for question in one.questions] == ["03-aside"], "one module shows its own plan"

    assert statuses(destroy(yes)) == dict.fromkeys(ALL[:3], "done")
    assert len(yes.plans) == 1
    assert list(yes.plans[0].modules) == ALL[:3]
    assert yes.questions == []


def test_without_anybody_to_ask_what_came_up_meanwhile_is_not_destroyed(
    chain: Project, caller: Caller, tmp_path: Path
) -> None:
    assert apply(chain, caller, User()).ok
    colleague = replace(chain, root=tmp_path / "clone")
    shutil.copytree(chain.root, colleague.root, symlinks=True, ignore=shutil.ignore_patterns(".tfgen"))
    (colleague.tree / "03-aside" / "more.tf").write_text('resource "terraform_data" "more" {}\n')

    def meanwhile() -> None:
        # Typed: the project lease keeps another tfgen away.
        typed = ["terraform", "apply", "-auto-approve"]
        assert deployment.execute(colleague, environment_of(chain), caller, "03-aside", typed) == 0

    user = User(before_answer=meanwhile)
    auto = Choices(auto_approve=True)
    run = composition.destroy(chain, environment_of(chain), caller, auto, Wishes(user.approve), None)
    assert statuses(run) == {**dict.fromkeys(ALL[:3], "done"), "03-aside": "failed"}
    [failed] = [result for result in run.results if result.status == "failed"]
    assert "terraform_data.more: would be destroyed, which was not approved" in failed.reason
    assert "repeat the command" in failed.hint


DRIFTING = """\
provider "aws" {
  region              = "us-east-1"
  allowed_account_ids = ["000000000000"]
}
resource "aws_s3_bucket" "mine" {
  bucket = "${var.state_bucket}-mine"
  tags   = { Owner = "team" }
}
resource "aws_s3_bucket_versioning" "mine" {
  bucket = aws_s3_bucket.mine.id
  versioning_configuration {
    status = "Enabled"
  }
}
output "value" {
  value = aws_s3_bucket.mine.id
}
"""


def test_drift_is_what_changed_outside_and_nothing_else(
    make_project: MakeProject, bucket: str, caller: Caller, clients: Aws
) -> None:
    project = make_project({"00-base": (), "01-other": ("00-base",)}, bodies={"00-base": DRIFTING})
    place = environment_of(project)
    assert apply(project, caller, User()).ok
    assert not composition.drift(project, place, caller, Choices()).drift

    change(project, "01-other", '"v1"', '"v2"')
    change(project, "00-base", 'Owner = "team"', 'Owner = "us", Cost = "1"')
    clients.client("s3").put_bucket_tagging(
        Bucket=f"{bucket}-mine", Tagging={"TagSet": [{"Key": "Owner", "Value": "somebody"}]}
    )
    found = composition.drift(project, place, caller, Choices())
    assert list(found.drift) == ["00-base"]
    [resource] = found.drift["00-base"].resources
    changed = {item.path: (item.before, item.after) for item in resource.attributes}
    assert changed["tags.Owner"] == ("team", "somebody"), "not what the configuration wants now"
    assert "tags.Cost" not in changed
    assert not any(changes.resources for changes in found.modules.values()), "what is not applied is no drift"
    assert deployment.outputs(project, place, caller)["00-base"]["value"].value == f"{bucket}-mine"

    planned = plan(project, caller)
    [resource] = planned.modules["00-base"].resources
    wanted = {item.path: (item.before, item.after) for item in resource.attributes}
    assert wanted["tags.Owner"] == ("somebody", "us")
    assert planned.modules["01-other"].change == 1
