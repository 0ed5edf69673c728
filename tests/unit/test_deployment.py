from __future__ import annotations

import threading
from dataclasses import replace

import pytest

from tests.support.fixture_project import make_environment, make_project
from tfgen import deployment, execution
from tfgen.deployment import Caller, Choices
from tfgen.errors import TfgenError, UsageError
from tfgen.execution import Bench
from tfgen.mirror import ProviderSource
from tfgen.model import BACKEND_CONFIG
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


def test_a_module_has_its_place_in_each_environment(bench, project):
    base, backend = project.module("00-base"), project.module(BACKEND_CONFIG)
    assert bench.folder(base) == project.tree / "00-base"
    assert bench.folder(backend) == project.work / "env" / "dev" / BACKEND_CONFIG
    assert bench.module_env(base)["TF_DATA_DIR"] == str(project.work / "env" / "dev" / "00-base" / "data")
    assert bench.backend_file(base) == "../environments/dev.s3.tfbackend"
    assert bench.var_files(base) == ("../environments/dev.tfvars",)
    own = project.tree / "environments" / "dev"
    own.mkdir()
    (own / "00-base.tfvars").write_text("")
    assert bench.var_files(base) == ("../environments/dev.tfvars", "../environments/dev/00-base.tfvars")
    assert bench.backend_file(backend) == "../../../../terraform/environments/dev.s3.tfbackend"


def test_what_decides_init_changes_its_digest_and_nothing_else_does(bench, project):
    base = project.module("00-base")
    folder = bench.folder(base)

    def digest() -> str:
        return execution._init_digest(bench, base, bench.backend_file(base))

    first = digest()
    (folder / "more.tf").write_text('resource "terraform_data" "x" {}\n')
    assert digest() == first
    for name, text in {
        "module.tf": 'module "m" {\n  source = "../m"\n}\n',
        ".terraform.lock.hcl": "# lock\n",
        "backend.tf": 'terraform {\n  backend "s3" {\n    key = "other"\n  }\n}\n',
    }.items():
        before = digest()
        (folder / name).write_text(text)
        assert digest() != before, name
    before = digest()
    (project.tree / "environments" / "dev.s3.tfbackend").write_text('bucket = "another"\n')
    assert digest() != before


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


def test_a_missing_terraform_stops_before_the_emulator_starts(project, environment):
    caller = Caller(variables={"PATH": ""}, start_emulator=lambda: pytest.fail("nothing is started"))
    embedded = replace(environment, embedded=True)
    with pytest.raises(TfgenError, match="terraform is not on PATH"):
        deployment.plan(project, embedded, caller, Choices())


def test_names_are_listed_as_people_do():
    assert deployment._list(["a"]) == "a"
    assert deployment._list(["a", "b", "c"]) == "a, b and c"


def test_a_bench_holds_one_lock_for_downloads(bench):
    assert isinstance(bench._downloading, type(threading.Lock()))
