"""Plan, apply, destroy, outputs and exec over modules of built-in resources, states in the emulator."""

from __future__ import annotations

from dataclasses import replace

import pytest

from tests.support.fixture_project import body, make_module
from tfgen import deployment, locking, state
from tfgen.deployment import Choices
from tfgen.errors import TfgenError, UsageError
from tfgen.events import Event
from tfgen.runner import Question

pytestmark = [pytest.mark.terraform, pytest.mark.emulator]

CHAIN = {"00-base": (), "01-left": ("00-base",), "02-right": ("00-base",), "03-top": ("01-left", "02-right")}
AUTO = Choices(auto_approve=True, parallelism=2)


def statuses(run):
    return {result.module: result.status for result in run.results}


def test_a_project_is_planned_applied_looked_into_and_destroyed(make_project, environment, bucket, caller, clients):
    project = make_project(CHAIN)

    first = deployment.plan(project, environment, caller, Choices(parallelism=2))
    assert statuses(first) == {
        "00-base": "planned",
        "01-left": "waiting",
        "02-right": "waiting",
        "03-top": "waiting",
    }
    assert first.results[3].reason == "apply 01-left and 02-right first"
    assert "terraform_data.this will be created" in first.results[0].text
    assert first.differs

    events: list[Event] = []
    run = deployment.apply(project, environment, replace(caller, on_event=events.append), AUTO)
    assert run.ok
    assert set(statuses(run).values()) == {"done"}
    assert run.results[0].counts.add == 1
    starts = [event.module for event in events if event.kind == "start"]
    ends = [event.module for event in events if event.kind == "end"]
    assert starts[0] == "00-base"
    assert starts[-1] == "03-top"
    assert starts.index("02-right") < 3
    assert set(starts) == set(ends) == set(CHAIN)

    files = [path for path in run.directory.rglob("*") if path.is_file()]
    for path in files:
        assert path.stat().st_mode & 0o777 == 0o600, path
    assert {path.suffix for path in run.directory.iterdir()} == {".log", ".jsonl", ""}, "plans and outputs are gone"

    again = deployment.apply(project, environment, caller, AUTO)
    assert set(statuses(again).values()) == {"unchanged"}
    assert not list(again.directory.glob("*-init.log")), "nothing was initialised twice"

    found = deployment.outputs(project, environment, caller)
    assert found["03-top"]["value"].value == "v1+v1+v1+v1+v1"

    code = deployment.execute(
        project, environment, caller, "00-base", ["terraform", "plan", "-detailed-exitcode", "-input=false"]
    )
    assert code == 0

    with pytest.raises(TfgenError, match="01-left, 02-right and 03-top read what would be destroyed") as error:
        deployment.destroy(project, environment, caller, replace(AUTO, modules=("00-base",)))
    assert "--with-dependents" in error.value.hint

    gone = deployment.destroy(project, environment, caller, replace(AUTO, modules=("01-left",), related=True))
    assert statuses(gone) == {"01-left": "done", "03-top": "done"}
    rest = deployment.destroy(project, environment, caller, AUTO)
    assert statuses(rest) == {"00-base": "done", "02-right": "done"}
    assert not any(
        state.read_state(clients, environment.state_bucket, module.state_key).applied for module in project.modules
    )


def test_a_changed_module_is_followed_by_those_that_read_it(make_project, environment, bucket, caller):
    project = make_project(CHAIN)
    assert deployment.apply(project, environment, caller, AUTO).ok
    main = project.tree / "00-base" / "main.tf"
    main.write_text(main.read_text().replace('"v1"', '"v2"'))
    run = deployment.apply(project, environment, caller, AUTO)
    assert set(statuses(run).values()) == {"done"}
    assert deployment.outputs(project, environment, caller)["01-left"]["value"].value == "v1+v2"


def test_one_module_alone_wants_what_it_reads_and_touches_nothing_else(
    make_project, environment, bucket, caller, clients
):
    project = make_project(CHAIN)
    with pytest.raises(TfgenError, match="00-base, 01-left and 02-right have not been applied") as error:
        deployment.apply(project, environment, caller, replace(AUTO, modules=("03-top",)))
    assert error.value.hint.endswith("tfgen apply --module 03-top --with-dependencies")

    run = deployment.apply(project, environment, caller, replace(AUTO, modules=("01-left",), related=True))
    assert statuses(run) == {"00-base": "done", "01-left": "done"}, run
    with pytest.raises(TfgenError, match=r"^02-right has not been applied; 03-top needs what it gives$"):
        deployment.apply(project, environment, caller, replace(AUTO, modules=("03-top",)))

    before = state.read_bytes(clients, bucket, "00-base/terraform.tfstate")
    run = deployment.apply(project, environment, caller, replace(AUTO, modules=("02-right",)))
    assert statuses(run) == {"02-right": "done"}
    assert state.read_bytes(clients, bucket, "00-base/terraform.tfstate") == before


def test_modules_that_do_not_depend_on_each_other_overlap(make_project, environment, bucket, caller, tmp_path):
    wait = f"touch {tmp_path}/$ME; for i in $(seq 100); do [ -e {tmp_path}/$OTHER ] && exit 0; sleep 0.1; done; exit 1"
    bodies = {
        "00-one": body(make_module("00-one"), script=f"ME=one; OTHER=two; {wait}"),
        "01-two": body(make_module("01-two"), script=f"ME=two; OTHER=one; {wait}"),
    }
    project = make_project({"00-one": (), "01-two": ()}, bodies=bodies)
    assert deployment.apply(project, environment, caller, AUTO).ok, "each waited for the other to run"


def test_a_failed_module_skips_its_descendants_and_lets_its_siblings_finish(make_project, environment, bucket, caller):
    modules = {**CHAIN, "04-alone": ()}
    bodies = {"01-left": body(make_module("01-left", ("00-base",)), script="echo the disk is on fire >&2; exit 3")}
    project = make_project(modules, bodies=bodies)
    run = deployment.apply(project, environment, caller, AUTO)
    assert not run.ok
    assert statuses(run) == {
        "00-base": "done",
        "01-left": "failed",
        "02-right": "done",
        "03-top": "skipped",
        "04-alone": "done",
    }
    results = {result.module: result for result in run.results}
    assert results["03-top"].cause == "01-left"
    assert "the disk is on fire" in results["01-left"].reason
    assert results["01-left"].reason.count("local-exec provisioner error") == 1
    assert results["01-left"].log is not None
    assert "the disk is on fire" in results["01-left"].log.read_text()


def test_only_a_yes_applies(make_project, environment, bucket, caller):
    project = make_project({"00-base": (), "01-left": ("00-base",), "02-alone": ()})
    asked: list[Question] = []

    def ask(question: Question) -> bool:
        asked.append(question)
        return question.module == "02-alone"

    run = deployment.apply(project, environment, caller, Choices(parallelism=2), ask)
    assert statuses(run) == {"00-base": "cancelled", "01-left": "cancelled", "02-alone": "done"}
    assert {question.module for question in asked} == {"00-base", "02-alone"}
    assert all("terraform_data.this will be created" in question.text for question in asked)


def test_without_a_terminal_nothing_is_asked(make_project, environment, bucket, caller):
    project = make_project({"00-base": ()})
    with pytest.raises(UsageError) as error:
        deployment.apply(project, environment, caller, Choices())
    assert "--auto-approve" in error.value.hint


def test_what_follows_the_dashes_goes_to_one_terraform(make_project, environment, bucket, caller):
    project = make_project({"00-base": (), "01-alone": ()})
    assert deployment.apply(project, environment, caller, AUTO).ok
    replace_it = replace(AUTO, modules=("00-base",), extra=("-replace=terraform_data.this",))
    run = deployment.apply(project, environment, caller, replace_it)
    assert [change.action for change in run.results[0].plan.changes] == ["replace"]
    with pytest.raises(UsageError, match="exactly one module"):
        deployment.apply(project, environment, caller, replace(replace_it, modules=()))


def test_a_held_lock_is_explained(make_project, environment, bucket, caller, clients):
    project = make_project({"00-base": ()})
    assert deployment.apply(project, environment, caller, AUTO).ok
    info = (
        '{"ID":"11111111-2222-3333-4444-555555555555","Operation":"OperationTypeApply","Info":"","Who":"ann@desk",'
        f'"Version":"1.11.4","Created":"2026-11-23T10:00:00Z","Path":"{bucket}/00-base/terraform.tfstate"}}'
    )
    clients.client("dynamodb").put_item(
        TableName=environment.lock_table,
        Item={"LockID": {"S": f"{bucket}/00-base/terraform.tfstate"}, "Info": {"S": info}},
    )
    assert [lock.info["Who"] for lock in state.list_locks(clients, bucket, environment.lock_table)] == ["ann@desk"]
    with pytest.raises(TfgenError, match="is not ready, one thing to mend") as refused:
        deployment.apply(project, environment, caller, AUTO)
    assert refused.value.code == "preflight"
    assert "00-base is locked: OperationTypeApply by ann@desk" in refused.value.message
    assert "tfgen unlock 00-base --id 11111111-2222-3333-4444-555555555555" in refused.value.message


def test_an_upstream_output_that_is_gone_is_explained(make_project, environment, bucket, caller):
    project = make_project({"00-base": (), "01-left": ("00-base",)})
    assert deployment.apply(project, environment, caller, replace(AUTO, modules=("00-base",))).ok
    main = project.tree / "01-left" / "main.tf"
    main.write_text(main.read_text().replace("outputs.value", "outputs.other"))
    run = deployment.apply(project, environment, caller, replace(AUTO, modules=("01-left",)))
    assert run.results[0].status == "failed"
    assert "tfgen apply --module 01-left --with-dependencies" in run.results[0].hint


def test_a_module_that_was_never_rendered_is_refused(make_project, environment, bucket, caller):
    project = make_project({"00-base": ()})
    broken = replace(project, modules=(*project.modules, make_module("01-new")))
    with pytest.raises(TfgenError, match="01-new is not rendered"):
        deployment.apply(broken, environment, caller, AUTO)


def test_a_module_changed_by_hand_is_initialised_again(make_project, environment, bucket, caller):
    project = make_project({"00-base": ()})
    assert deployment.apply(project, environment, caller, AUTO).ok
    inner = project.tree / "00-base" / "inner"
    inner.mkdir()
    (inner / "main.tf").write_text('resource "terraform_data" "x" {}\n')
    (project.tree / "00-base" / "extra.tf").write_text('module "inner" {\n  source = "./inner"\n}\n')
    run = deployment.apply(project, environment, caller, AUTO)
    assert statuses(run) == {"00-base": "done"}


def test_a_killed_terraform_is_told_as_such_and_its_lock_named_next_time(
    make_project, environment, bucket, caller, clients
):
    # The provisioner kills the terraform that started it, as an out-of-memory killer would.
    killed = body(make_module("00-base"), script="kill -9 $PPID")
    project = make_project({"00-base": ()}, bodies={"00-base": killed})
    result = deployment.apply(project, environment, caller, AUTO).results[0]
    assert result.status == "failed"
    assert result.reason.startswith("terraform was ended by signal 9")
    assert "repeat the command" in result.hint

    (lock, *_) = state.list_locks(clients, bucket, environment.lock_table)
    with pytest.raises(TfgenError, match=f"tfgen unlock 00-base --id {lock.id}"):
        deployment.apply(project, environment, caller, AUTO)
    (removed,) = locking.unlock(project, environment, caller, project.module("00-base"), lock.id, None)
    assert (removed.kinds, removed.gone) == (("dynamodb", "lockfile"), True)
    assert state.list_locks(clients, bucket, environment.lock_table) == ()
