"""backend-config: from a local state into its own bucket, and back."""

from __future__ import annotations

from dataclasses import replace

import pytest

from tests.support.fixture_project import make_project as write_project
from tfgen import bootstrap, deployment, execution, state
from tfgen.deployment import Choices
from tfgen.errors import TfgenError
from tfgen.model import BACKEND_CONFIG

pytestmark = [pytest.mark.terraform, pytest.mark.emulator]

MODULES = {BACKEND_CONFIG: (), "00-base": ()}
AUTO = Choices(auto_approve=True, parallelism=2)
LIGHT = {
    BACKEND_CONFIG: 'resource "terraform_data" "state" {\n  input = "made"\n}\noutput "made" {\n  value = "made"\n}\n'
}
"""A backend-config without the AWS provider, for a bucket that is there already: ten times as fast."""
BACKEND_ONLY = replace(AUTO, modules=(BACKEND_CONFIG,))


class Killed(BaseException):
    """Stands for SIGKILL: nothing after it runs."""


def statuses(run):
    return {result.module: result.status for result in run.results}


def kill_at(monkeypatch, owner, name, *, after: bool):
    real = getattr(owner, name)

    def dying(*arguments, **options):
        if after:
            real(*arguments, **options)
        raise Killed

    monkeypatch.setattr(owner, name, dying)


def bootstrap_alone(project, environment, caller):
    """Run backend-config in this thread, so that a kill is a kill."""
    place = deployment.open_place(project, environment, caller, changes=True)
    return deployment.apply_module(place, project.module(BACKEND_CONFIG), BACKEND_ONLY, lambda *_: True)


def test_from_nothing_to_nothing(make_project, environment, caller, clients, tmp_path):
    project = make_project(MODULES)
    work = project.work / "env" / "local" / BACKEND_CONFIG

    run = deployment.apply(project, environment, caller, AUTO)
    assert statuses(run) == {BACKEND_CONFIG: "done", "00-base": "done"}, run
    found = state.read_state(clients, environment.state_bucket, f"{BACKEND_CONFIG}/terraform.tfstate")
    assert found is not None
    assert environment.state_bucket in found.buckets().values()
    assert (work / bootstrap.OVERRIDE).exists()
    assert not (work / bootstrap.LOCAL_STATE).exists()
    assert not (project.tree / BACKEND_CONFIG / bootstrap.OVERRIDE).exists()

    # Typed commands see the same truth.
    typed = project.tree / BACKEND_CONFIG / bootstrap.LOCAL_STATE
    assert typed.stat().st_mode & 0o777 == 0o600
    assert state.read_local(typed) == found

    again = deployment.apply(project, environment, caller, AUTO)
    assert set(statuses(again).values()) == {"unchanged"}
    assert (
        deployment.execute(project, environment, caller, BACKEND_CONFIG, ["terraform", "plan", "-detailed-exitcode"])
        == 0
    )

    # A second clone on another machine has nothing but the tree and the bucket.
    clone = write_project(tmp_path / "clone", environment, MODULES)
    fresh = deployment.apply(clone, environment, caller, AUTO)
    assert set(statuses(fresh).values()) == {"unchanged"}

    # An object in a bucket of the project does not keep it from being taken down.
    clients.client("s3").put_object(Bucket=environment.state_bucket, Key="stray", Body=b"x")
    gone = deployment.destroy(project, environment, caller, replace(AUTO, with_backend=True))
    assert statuses(gone) == {BACKEND_CONFIG: "done", "00-base": "done"}, gone
    assert not state.bucket_exists(clients, environment.state_bucket)
    assert environment.lock_table not in clients.client("dynamodb").list_tables()["TableNames"]
    assert not (project.work / "env" / "local").exists()
    assert not typed.exists()

    assert deployment.destroy(project, environment, caller, replace(AUTO, with_backend=True)).ok


@pytest.mark.parametrize(
    ("owner", "name", "after"),
    [
        (execution, "plan", True),
        (execution, "apply", True),
        (bootstrap, "migrate", False),
        (bootstrap, "_write_override", True),
        (execution, "init", False),
        (bootstrap, "_forget_local", False),
        (bootstrap, "save_for_typing", False),
    ],
)
def test_killed_in_between_it_goes_on(
    make_project, environment, bucket, caller, clients, monkeypatch, owner, name, after
):
    project = make_project({BACKEND_CONFIG: ()}, bodies=LIGHT)
    with monkeypatch.context() as patch:
        if name == "init":
            # The second init is the one that migrates.
            real, calls = execution.init, []

            def dying(*arguments, **options):
                calls.append(1)
                if options.get("migrate"):
                    raise Killed
                real(*arguments, **options)

            patch.setattr(execution, "init", dying)
        else:
            kill_at(patch, owner, name, after=after)
        with pytest.raises(Killed):
            bootstrap_alone(project, environment, caller)
    run = deployment.apply(project, environment, caller, AUTO)
    assert run.ok, run
    again = deployment.apply(project, environment, caller, AUTO)
    assert statuses(again) == {BACKEND_CONFIG: "unchanged"}
    assert state.read_state(clients, environment.state_bucket, f"{BACKEND_CONFIG}/terraform.tfstate").applied
    assert not (project.work / "env" / "local" / BACKEND_CONFIG / bootstrap.LOCAL_STATE).exists()


def test_a_project_begun_with_typed_commands_is_taken_over(make_project, environment, caller, clients):
    project = make_project(MODULES)
    place = deployment.open_place(project, environment, caller, changes=True)
    folder = project.tree / BACKEND_CONFIG
    binary, env = place.bench.binary, dict(place.bench.env)
    variables = "-var-file=../environments/local.tfvars"
    from tfgen import process

    for argv in ([binary, "init"], [binary, "apply", "-auto-approve", variables]):
        done = process.run(argv, cwd=folder, env=env)
        assert done.returncode == 0, done.stderr
    backend = "-backend-config=../environments/local.s3.tfbackend"
    for argv in ([binary, "init", backend], [binary, "apply", "-auto-approve", variables]):
        done = process.run(argv, cwd=project.tree / "00-base", env=env)
        assert done.returncode == 0, done.stderr

    run = deployment.apply(project, environment, caller, AUTO)
    assert statuses(run) == {BACKEND_CONFIG: "unchanged", "00-base": "unchanged"}, run
    assert state.read_state(clients, environment.state_bucket, f"{BACKEND_CONFIG}/terraform.tfstate").applied

    # And the other way round: typed commands go on, then tfgen again.
    main = folder / "main.tf"
    main.write_text(main.read_text() + 'output "more" {\n  value = "typed"\n}\n')
    done = process.run([binary, "apply", "-auto-approve", variables], cwd=folder, env=env)
    assert "1 added" not in done.stdout
    assert done.returncode == 0, done.stderr
    run = deployment.apply(project, environment, caller, AUTO)
    assert statuses(run) == {BACKEND_CONFIG: "unchanged", "00-base": "unchanged"}
    assert deployment.outputs(project, environment, caller)[BACKEND_CONFIG]["more"].value == "typed"


def test_another_projects_bucket_is_refused(make_project, environment, bucket, caller, clients):
    clients.client("s3").put_bucket_tagging(
        Bucket=bucket, Tagging={"TagSet": [{"Key": "Project", "Value": "someone-else"}]}
    )
    project = make_project(MODULES)
    with pytest.raises(TfgenError, match="belongs to project 'someone-else', not to 'shop'"):
        deployment.apply(project, environment, caller, AUTO)


def test_killed_on_the_way_back_it_goes_on(make_project, environment, bucket, caller, clients, monkeypatch):
    project = make_project({BACKEND_CONFIG: ()}, bodies=LIGHT)
    assert deployment.apply(project, environment, caller, AUTO).ok
    place = deployment.open_place(project, environment, caller, changes=True)
    with monkeypatch.context() as patch:
        kill_at(patch, state, "empty_bucket", after=True)
        with pytest.raises(Killed):
            deployment.destroy_module(place, project.module(BACKEND_CONFIG), AUTO, lambda *_: True)
    run = deployment.destroy(project, environment, caller, replace(AUTO, with_backend=True))
    assert statuses(run) == {BACKEND_CONFIG: "done"}
    assert not (project.work / "env" / "local").exists()
    assert not state.list_states(clients, bucket)


def test_states_that_the_spec_does_not_know_keep_the_backend(make_project, environment, bucket, caller):
    project = make_project({**MODULES, "01-old": ()}, bodies=LIGHT)
    assert deployment.apply(project, environment, caller, AUTO).ok
    smaller = replace(project, modules=tuple(m for m in project.modules if m.name != "01-old"))
    with pytest.raises(TfgenError, match=r"01-old/terraform\.tfstate"):
        deployment.destroy(smaller, environment, caller, replace(AUTO, with_backend=True))
