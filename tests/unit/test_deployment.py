from __future__ import annotations

import json
from dataclasses import replace

import pytest

from tests.support.fixture_project import make_environment, make_project
from tfgen import bootstrap, deployment, execution, leases
from tfgen.aws import Aws
from tfgen.deployment import Caller, Choices, Place
from tfgen.errors import TfgenError, UsageError
from tfgen.execution import Bench
from tfgen.mirror import ProviderSource
from tfgen.model import BACKEND_CONFIG
from tfgen.planning import Counts, Plan
from tfgen.process import Children

MODULES = {BACKEND_CONFIG: (), "00-base": (), "01-top": ("00-base",)}


@pytest.fixture
def environment():
    return make_environment("dev", "states", endpoint="http://127.0.0.1:1")


@pytest.fixture
def project(tmp_path, environment):
    return make_project(tmp_path, environment, MODULES)


@pytest.fixture
def bench(project, environment, tmp_path):
    return Bench(
        project=project,
        environment=environment,
        binary="terraform",
        version="1.11.4",
        env={"PATH": "/usr/bin"},
        caller={},
        providers=ProviderSource(None, None, True, ""),
        run_dir=tmp_path / "run",
        children=Children(),
    )


def test_everything_needs_backend_config(project):
    assert deployment.module_graph(project) == {
        BACKEND_CONFIG: (),
        "00-base": (BACKEND_CONFIG,),
        "01-top": (BACKEND_CONFIG, "00-base"),
    }


def test_without_backend_config_nothing_needs_it(project):
    smaller = replace(project, modules=project.modules[1:])
    assert deployment.module_graph(smaller) == {"00-base": (), "01-top": ("00-base",)}


@pytest.mark.parametrize(
    ("command", "changes"),
    [
        (["terraform", "plan"], False),
        (["terraform", "state", "list"], False),
        (["terraform", "state", "rm", "x"], True),
        (["terraform", "apply"], True),
        (["terraform"], True),
        (["aws", "s3", "ls"], True),
    ],
)
def test_only_readings_of_terraform_are_known_to_change_nothing(command, changes):
    assert deployment._may_change(command) is changes


def test_a_typed_terraform_gets_backend_and_variables(bench, project):
    base, backend = project.module("00-base"), project.module(BACKEND_CONFIG)
    found = deployment._terraform_arguments(bench, base, ["terraform", "plan"])
    assert found["TF_CLI_ARGS_init"] == "-backend-config=../environments/dev.s3.tfbackend"
    assert found["TF_CLI_ARGS_plan"] == "-var-file=../environments/dev.tfvars"
    assert found["TF_CLI_ARGS_apply"] == "-var-file=../environments/dev.tfvars"
    saved = deployment._terraform_arguments(bench, base, ["terraform", "apply", "-auto-approve", "saved.tfplan"])
    assert "TF_CLI_ARGS_apply" not in saved, "a saved plan takes no variables"
    assert "TF_CLI_ARGS_init" not in deployment._terraform_arguments(bench, backend, ["terraform", "init"])


def test_usage_is_checked_before_anything_is_opened(project, environment):
    caller = Caller(variables={}, start_emulator=lambda: pytest.fail("nothing is started"))
    auto = Choices(auto_approve=True)
    with pytest.raises(UsageError, match="exactly one module"):
        deployment.apply(project, environment, caller, replace(auto, extra=("-replace=x",)))
    with pytest.raises(UsageError, match="nobody can be asked"):
        deployment.destroy(project, environment, caller, Choices())
    with pytest.raises(UsageError, match="takes everything down"):
        deployment.destroy(project, environment, caller, replace(auto, with_backend=True, modules=("00-base",)))


@pytest.mark.parametrize("verb", [deployment.apply, deployment.destroy])
def test_one_process_at_a_time_changes_a_module(project, environment, verb):
    caller = Caller(variables={"PATH": ""}, start_emulator=lambda: pytest.fail("nothing is started"))
    auto = Choices(auto_approve=True)
    claim = leases.make_claim("1", "apply", ["00-base"], [])
    with leases.hold_here(project.work, environment.name, claim, timeout=0, stopping=lambda: False):
        with pytest.raises(TfgenError, match="another tfgen works on 00-base in environment dev: apply by") as busy:
            verb(project, environment, caller, auto)
        assert busy.value.code == "busy"
        with pytest.raises(TfgenError, match="terraform is not on PATH"):
            verb(project, replace(environment, name="other"), caller, auto)
    with pytest.raises(TfgenError, match="terraform is not on PATH"):
        verb(project, environment, caller, auto)


def test_a_missing_terraform_stops_before_the_emulator_starts(project, environment):
    caller = Caller(variables={"PATH": ""}, start_emulator=lambda: pytest.fail("nothing is started"))
    embedded = replace(environment, embedded=True)
    with pytest.raises(TfgenError, match="terraform is not on PATH"):
        deployment.plan(project, embedded, caller, Choices())


def test_a_folder_that_cannot_be_written_is_explained(project, environment):
    project.work.write_text("in the way")
    caller = Caller(variables={"PATH": "", "TFGEN_PROVIDER_MIRROR": ""})
    with pytest.raises(TfgenError, match="cannot write") as error:
        deployment.plan(project, environment, caller, Choices())
    assert error.value.where == str(project.work)
    with pytest.raises(TfgenError, match="cannot write"):
        deployment.outputs(project, environment, caller)


@pytest.mark.parametrize("in_bucket", [True, False])
def test_the_state_bucket_is_not_emptied_before_a_yes(bench, project, monkeypatch, in_bucket):
    """Wherever the state of backend-config is: in its bucket, or where typed commands left it."""
    module = project.module(BACKEND_CONFIG)
    folder = bench.folder(module)
    folder.mkdir(parents=True)
    if not in_bucket:
        resource = {"mode": "managed", "type": "aws_s3_bucket", "name": "state", "instances": []}
        document = {"version": 4, "serial": 1, "lineage": "x", "outputs": {}, "resources": [resource]}
        (folder / bootstrap.LOCAL_STATE).write_text(json.dumps(document))
    bench.run_dir.mkdir()
    monkeypatch.setattr(bootstrap, "prepare", lambda *_, **__: in_bucket)
    monkeypatch.setattr(bootstrap, "bring_back", lambda *_: pytest.fail("the bucket was emptied"))
    monkeypatch.setattr(execution, "plan", lambda *_, **__: Plan(Counts(destroy=1), changed=True))
    monkeypatch.setattr(execution, "show", lambda *_: "the plan")
    asked = []
    result = deployment._destroy_backend(
        Place(bench, Aws({}), ()), module, Choices(), lambda doomed, _plan, _saved: bool(asked.append(doomed.name))
    )
    assert asked == [BACKEND_CONFIG]
    assert result.status == "cancelled"


def test_names_are_listed_as_people_do():
    assert deployment.join_names(["a"]) == "a"
    assert deployment.join_names(["a", "b", "c"]) == "a, b and c"
