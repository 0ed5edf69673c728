"""A module that cannot be composed is planned by itself and marked; the rest stays composed."""

from __future__ import annotations

import pytest

from tests.integration.composed.conftest import Apply, Compose, MakeProject
from tests.support.fixture_project import body, make_module
from tfgen.model import Project

NAMES = {"00-base": (), "01-other": (), "02-top": ("00-base", "01-other")}
FILE = 'output "text" {\n  value = file("${path.module}/files/note.txt")\n}\n'
CONSTRAINT = 'terraform {\n  required_providers {\n    aws = { source = "hashicorp/aws", version = "%s" }\n  }\n}\n'


@pytest.fixture
def project(make_project: MakeProject, bucket: str) -> Project:
    bodies = {name: body(make_module(name, reads), name) for name, reads in NAMES.items()}
    project: Project = make_project(NAMES, bodies=bodies)
    for name in ("00-base", "01-other"):
        (project.tree / name / "files").mkdir()
        (project.tree / name / "files" / "note.txt").write_text("the same\n")
        (project.tree / name / "extra.tf").write_text(FILE)
    return project


def test_files_of_one_name_and_content_are_shared(project: Project, compose: Compose) -> None:
    plan = compose(project)
    assert plan.errors == ()
    assert all(item.composed for item in plan.modules.values())
    assert plan.modules["01-other"].outputs["text"].after == "the same\n"


def test_a_file_that_differs_sets_its_module_apart(project: Project, compose: Compose, apply: Apply) -> None:
    (project.tree / "01-other" / "files" / "note.txt").write_text("its own\n")
    plan = compose(project)
    assert plan.errors == ()
    assert {name: item.composed for name, item in plan.modules.items()} == {
        "00-base": True,
        "01-other": False,
        "02-top": True,
    }
    other = plan.modules["01-other"]
    assert (other.add, other.outputs["text"].after) == (1, "its own\n")
    assert "files/note.txt" in other.note
    unknown = {item.path for item in plan.modules["02-top"].resources[0].attributes if item.unknown}
    assert "input" in unknown
    apply(project)
    plan = compose(project)
    assert not plan.changed
    assert plan.modules["02-top"].outputs["value"].after == "02-top+00-base+01-other"


def test_a_version_constraint_that_no_other_module_has(project: Project, compose: Compose) -> None:
    for name in NAMES:
        version = "5.1.0" if name == "01-other" else "~> 5.100"
        (project.tree / name / "versions.tf").write_text(CONSTRAINT % version)
    plan = compose(project)
    assert {name: item.composed for name, item in plan.modules.items()} == {
        "00-base": True,
        "01-other": False,
        "02-top": True,
    }
    assert "5.1.0" in plan.modules["01-other"].note
    assert [item.module for item in plan.errors] == ["01-other"]
    assert not plan.complete
    assert plan.modules["00-base"].add == plan.modules["02-top"].add == 1


def test_a_module_from_outside_of_the_project(project: Project, compose: Compose, plan_each: Apply) -> None:
    outside = project.root.parent / f"{project.root.name}-outside"
    outside.mkdir()
    (outside / "main.tf").write_text('resource "terraform_data" "far" {\n}\n')
    source = f"../../../{outside.name}"
    (project.tree / "01-other" / "call.tf").write_text(f'module "far" {{\n  source = "{source}"\n}}\n')
    plan = compose(project)
    assert plan.errors == ()
    assert plan.modules["01-other"].note == f"planned by itself: it calls {source}, outside of the project"
    assert plan.modules["01-other"].add == 2
    assert plan.modules["00-base"].composed
    assert {result.module: result.counts.add for result in plan_each(project).results}["01-other"] == 2


def test_a_module_named_by_its_absolute_path_is_composed(project: Project, compose: Compose) -> None:
    outside = project.root.parent / f"{project.root.name}-absolute"
    outside.mkdir()
    (outside / "main.tf").write_text('resource "terraform_data" "far" {\n}\n')
    (project.tree / "01-other" / "call.tf").write_text(f'module "far" {{\n  source = "{outside}"\n}}\n')
    plan = compose(project)
    assert plan.errors == ()
    assert all(item.composed for item in plan.modules.values())
    assert plan.modules["01-other"].add == 2
