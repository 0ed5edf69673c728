from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.support.projects import LOCAL, ProjectFolder
from tfgen import workflow


def count(project: ProjectFolder) -> int | None:
    return workflow.count_unchanged(project.root, project.spec)


@pytest.fixture
def rendered(project: ProjectFolder) -> ProjectFolder:
    project.write("lambdas/clerk/handler.py", "def handler(event, context): ...\n")
    project.write("templates/_shared/extra.j2", "")
    loaded = workflow.load_project(project.root)
    result = workflow.render(loaded)
    workflow.remember_render(loaded.project, len(result.tree.files))
    return project


def test_nothing_changed_is_seen_without_reading_the_spec(rendered: ProjectFolder) -> None:
    assert count(rendered) == len(rendered.preview().tree.files)


def test_never_rendered(project: ProjectFolder) -> None:
    assert count(project) is None


CHANGES: dict[str, Callable[[ProjectFolder], object]] = {
    "spec": lambda p: p.change("config/project.yaml", "10.1.0.0/16", "10.2.0.0/16"),
    "environment": lambda p: p.change("config/environments/dev.yaml", "false", "true"),
    "new environment": lambda p: p.write("config/environments/test.yaml", LOCAL),
    "removed environment": lambda p: (p.root / "config/environments/dev.yaml").unlink(),
    "template": lambda p: p.write("templates/store/main.tf.j2", "# other\n"),
    "new template": lambda p: p.write("templates/store/more.tf.j2", "# more\n"),
    "removed template": lambda p: (p.root / "templates/store/variables.tf.j2").unlink(),
    "new blueprint": lambda p: p.write("templates/extra/blueprint.yaml", "summary: x\nsettings: {}\n"),
    "shared template": lambda p: p.write("templates/_shared/extra.j2", "x"),
    "lambda source": lambda p: p.write("lambdas/clerk/handler.py", "# changed\n"),
    "new lambda file": lambda p: p.write("lambdas/clerk/logic.py", "# new\n"),
    "lambda requirements": lambda p: p.write("lambdas/requirements.txt", "x==1\n"),
    "edited output": lambda p: p.write("terraform/02-store/main.tf", "# edited\n"),
    "removed output": lambda p: (p.tree / "02-store/main.tf").unlink(),
    "removed module": lambda p: shutil.rmtree(p.tree / "02-store"),
    "new file of the user's": lambda p: p.write("terraform/02-store/own.tf", "# mine\n"),
    "redirected link": lambda p: _redirect(p.tree / "02-store/global.auto.tfvars"),
    "manifest": lambda p: p.write("terraform/.tfgen/manifest.json", "{}"),
    "removed manifest": lambda p: (p.tree / ".tfgen/manifest.json").unlink(),
    "damaged note": lambda p: p.write(".tfgen/rendered.json", "{"),
    "note of another kind": lambda p: p.write(".tfgen/rendered.json", "[]"),
    "removed note": lambda p: (p.root / ".tfgen/rendered.json").unlink(),
    "artifact": lambda p: p.write("terraform/02-store/artifacts/clerk.zip", "zip"),
}


def _redirect(link: Path) -> None:
    link.unlink()
    link.symlink_to("elsewhere")


@pytest.mark.parametrize("change", CHANGES)
def test_every_kind_of_change_is_noticed(rendered: ProjectFolder, change: str) -> None:
    assert count(rendered) is not None
    CHANGES[change](rendered)
    assert count(rendered) is None


LINKED = {
    "spec": ("config/project.yaml", "config/project.yaml", "# more\n"),
    "environment": ("config/environments/dev.yaml", "config/environments/dev.yaml", "# more\n"),
    "blueprint": ("templates/store", "templates/store/main.tf.j2", "# more\n"),
    "file of the user's": ("terraform/02-store/own.tf", "terraform/02-store/own.tf", "# more\n"),
}


@pytest.mark.parametrize("kind", LINKED)
def test_a_change_behind_a_link_is_noticed(project: ProjectFolder, kind: str) -> None:
    link, changed, text = LINKED[kind]
    if kind == "file of the user's":
        project.write(link, "# mine\n")
    target = project.root / "elsewhere"
    (project.root / link).rename(target)
    (project.root / link).symlink_to(target)
    loaded = workflow.load_project(project.root)
    result = workflow.render(loaded)
    workflow.remember_render(loaded.project, len(result.tree.files))
    assert count(project) is not None
    with (project.root / changed).open("a") as file:
        file.write(text)
    assert count(project) is None


def test_a_link_that_leads_back_up_does_no_harm(rendered: ProjectFolder) -> None:
    (rendered.root / "templates" / "up").symlink_to("..")
    assert count(rendered) is None


def test_what_terraform_leaves_behind_is_not_a_change(rendered: ProjectFolder) -> None:
    rendered.write("terraform/02-store/.terraform/providers/x", "")
    rendered.write("terraform/02-store/terraform.tfstate", "{}")
    rendered.write("lambdas/clerk/__pycache__/handler.pyc", "")
    assert count(rendered) is not None


def test_a_changed_tfgen_is_a_change(rendered: ProjectFolder, monkeypatch: pytest.MonkeyPatch) -> None:
    rendered.write("code/new.py", "")
    monkeypatch.setattr("tfgen.freshness._CODE", rendered.root / "code")
    assert count(rendered) is None


def test_another_spec_is_another_question(rendered: ProjectFolder) -> None:
    other = rendered.write("config/other.yaml", rendered.spec.read_text())
    assert workflow.count_unchanged(rendered.root, other) is None


def test_a_note_that_cannot_be_written_is_done_without(project: ProjectFolder) -> None:
    (project.root / ".tfgen").write_text("a file")
    loaded = workflow.load_project(project.root)
    workflow.remember_render(loaded.project, 1)
    assert count(project) is None
