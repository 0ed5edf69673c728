from __future__ import annotations

import threading

import pytest

from tests.support.fixture_project import make_environment, make_project
from tfgen import execution
from tfgen.execution import Bench
from tfgen.mirror import ProviderSource
from tfgen.model import BACKEND_CONFIG
from tfgen.process import Children
from tfgen.runner import StepFailed

MODULES = {BACKEND_CONFIG: (), "00-base": (), "01-top": ("00-base",)}


@pytest.fixture
def project(tmp_path):
    return make_project(tmp_path, make_environment("dev", "states", endpoint="http://127.0.0.1:1"), MODULES)


def make_bench(project, tmp_path, binary="terraform", *, downloads=False, on_event=lambda event: None) -> Bench:
    (tmp_path / "run").mkdir(exist_ok=True)
    (project.work / "plugin-cache").mkdir(parents=True, exist_ok=True)
    return Bench(
        project=project,
        environment=project.environments["dev"],
        binary=str(binary),
        version="1.11.4",
        env={"PATH": "/usr/bin:/bin"},
        caller={"HTTPS_PROXY": "http://proxy:3128"},
        providers=ProviderSource(None, None, not downloads, ""),
        run_dir=tmp_path / "run",
        children=Children(),
        on_event=on_event,
    )


@pytest.fixture
def bench(project, tmp_path):
    return make_bench(project, tmp_path)


def make_program(tmp_path, script: str):
    binary = tmp_path / "bin" / "terraform"
    binary.parent.mkdir()
    binary.write_text(f"#!/bin/sh\n{script}\n")
    binary.chmod(0o755)
    return binary


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


def test_providers_are_downloaded_by_one_module_at_a_time(project, tmp_path):
    # Two at once would find the folder there, and fail.
    cache = project.work / "plugin-cache"
    program = make_program(
        tmp_path,
        f'mkdir {tmp_path}/busy || exit 1\ntest -n "$HTTPS_PROXY" || exit 2\nsleep 0.2\n'
        f"mkdir -p {cache}/provider\necho {{}} > $TF_DATA_DIR/terraform.tfstate\nrmdir {tmp_path}/busy",
    )
    events = []
    bench = make_bench(project, tmp_path, program, downloads=True, on_event=events.append)
    threads = [
        threading.Thread(target=execution.init, args=(bench, project.module(name))) for name in ("00-base", "01-top")
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    for name in ("00-base", "01-top"):
        assert (bench.data_dir(project.module(name)) / "initialised").exists()
    assert [event.text for event in events if event.kind == "note"] == [
        "downloading the providers, once for all modules"
    ]

    events.clear()
    execution.init(bench, project.module("00-base"))
    assert events == [], "nothing changed, nothing is run"


def test_a_failed_init_is_not_taken_for_done(project, tmp_path):
    program = make_program(tmp_path, "printf '\\n╷\\n│ Error: no such bucket\\n╵\\n' >&2\nexit 1")
    bench = make_bench(project, tmp_path, program)
    base = project.module("00-base")
    with pytest.raises(StepFailed, match=r"^Error: no such bucket$") as error:
        execution.init(bench, base)
    assert error.value.log == tmp_path / "run" / "00-base-init.log"
    assert "Error: no such bucket" in error.value.log.read_text()
    assert not (bench.data_dir(base) / "initialised").exists()


def test_a_plan_file_is_private_and_does_not_stay(bench, project):
    with execution.plan_file(bench, "00-base") as path:
        assert path.stat().st_mode & 0o777 == 0o600
    assert not path.exists()
