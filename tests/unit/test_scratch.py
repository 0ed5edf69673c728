from __future__ import annotations

import os
from pathlib import Path

import pytest

from tests.support.fixture_project import make_environment, make_project
from tfgen.gathering import Gathered, gather_files
from tfgen.model import Project
from tfgen.scratch import (
    Scratch,
    find_conflicts,
    open_scratch,
    remove_leftovers,
    write_scratch,
    write_state,
)
from tfgen.wiring import wire

LOCK = 'provider "registry.terraform.io/hashicorp/aws" {\n  version = "5.100.0"\n  hashes = [\n    "h1:x",\n  ]\n}\n'


@pytest.fixture
def project(tmp_path: Path) -> Project:
    environment = make_environment("local", "bucket", endpoint="http://127.0.0.1:1")
    return make_project(tmp_path, environment, {"00-base": (), "01-top": ("00-base",)})


def gather(project: Project) -> Gathered:
    return gather_files(project, project.environments["local"])


def write(project: Project) -> Scratch:
    with open_scratch(project, "local") as scratch:
        parts = gather(project).parts
        write_scratch(scratch, [part.files for part in parts], wire(parts, {}))
        assert (scratch.root / "main.tf").is_file()
    assert not (scratch.root / "main.tf").exists(), "it spells out values"
    return scratch


def test_it_mirrors_the_project(project: Project) -> None:
    (project.root / "config").mkdir()
    (project.tree / "00-base" / "files").mkdir()
    (project.tree / "00-base" / "files" / "a.txt").write_text("a")
    (project.tree / "00-base" / "own.auto.tfvars").write_text("")
    scratch = write(project)
    assert (scratch.mirror / "config").is_symlink()
    assert (scratch.tree / "environments").is_symlink()
    assert (scratch.tree / "00-base" / "main.tf").is_symlink()
    assert not (scratch.tree / "00-base" / "backend.tf").is_symlink()
    assert not (scratch.tree / "00-base" / "own.auto.tfvars").exists()
    assert (scratch.root / "files" / "a.txt").read_text() == "a"


def test_the_modules_own_tests_are_no_tests_of_the_scratch_root(project: Project) -> None:
    for name in ("tests", "fixtures"):
        (project.tree / "00-base" / name).mkdir()
    (project.tree / "00-base" / "tests" / "plan.tftest.hcl").write_text("")
    (project.tree / "00-base" / "mine.tftest.hcl").write_text("")
    (project.tree / "00-base" / "fixtures" / "a.txt").write_text("a")
    scratch = write(project)
    assert (scratch.root / "fixtures" / "a.txt").exists()
    assert not (scratch.root / "tests").exists()
    assert not (scratch.root / "mine.tftest.hcl").exists()


def test_a_called_module_is_a_folder_of_its_own(project: Project) -> None:
    (project.tree / "shared" / "inner").mkdir(parents=True)
    (project.tree / "shared" / "inner" / "main.tf").write_text("")
    (project.tree / "00-base" / "call.tf").write_text('module "x" {\n  source = "../shared/inner"\n}\n')
    scratch = write(project)
    assert not (scratch.tree / "shared" / "inner").is_symlink()
    assert (scratch.tree / "shared" / "inner" / "main.tf").is_symlink()


def test_folders_of_several_modules_are_laid_over_each_other(project: Project) -> None:
    for name in ("00-base", "01-top"):
        (project.tree / name / "artifacts").mkdir()
        (project.tree / name / "artifacts" / f"{name}.zip").write_text(name)
    scratch = write(project)
    assert {path.name for path in (scratch.root / "artifacts").iterdir()} == {"00-base.zip", "01-top.zip"}


def test_files_that_differ_are_a_conflict_where_they_are_used(project: Project) -> None:
    for name in ("00-base", "01-top"):
        (project.tree / name / "note.txt").write_text(name)
    assert find_conflicts(list(gather(project).files.values())) == {}
    (project.tree / "01-top" / "use.tf").write_text('output "x" {\n  value = file("note.txt")\n}\n')
    assert list(find_conflicts(list(gather(project).files.values()))) == ["01-top"]


def test_state_is_for_the_users_eyes_and_gone_afterwards(project: Project) -> None:
    with open_scratch(project, "local") as scratch:
        scratch.root.mkdir(parents=True)
        write_state(scratch, {"version": 4})
        assert scratch.state.stat().st_mode & 0o777 == scratch.plan.stat().st_mode & 0o777 == 0o600
        assert (project.work / "composed").stat().st_mode & 0o777 == 0o700
    assert not scratch.state.exists()
    assert not scratch.plan.exists()


def test_what_a_killed_run_left_is_removed_and_a_running_one_is_left_alone(project: Project) -> None:
    with open_scratch(project, "dev") as running:
        running.root.mkdir(parents=True)
        write_state(running, {})
        left = Scratch(project, project.work / "composed" / "local")
        left.root.mkdir(parents=True)
        write_state(left, {})
        (project.work / "composed" / "local.lock").touch()
        remove_leftovers(project)
        assert not left.state.exists()
        assert running.state.exists()


def test_a_module_locked_to_another_version_is_set_apart(project: Project) -> None:
    for name in ("00-base", "01-top"):
        (project.tree / name / ".terraform.lock.hcl").write_text(LOCK)
    third = LOCK.replace("5.100.0", "5.99.0")
    (project.tree / "01-top" / ".terraform.lock.hcl").write_text(third)
    assert "5.99.0" in gather(project).apart["01-top"]


@pytest.mark.skipif(os.name == "nt", reason="no flock")
def test_two_names_do_not_wait_for_each_other(project: Project) -> None:
    with open_scratch(project, "local"), open_scratch(project, "check"):
        pass
