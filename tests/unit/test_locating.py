from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from tests.support.fixture_project import make_environment, make_project
from tfgen.gathering import gather_files
from tfgen.locating import Locator, template_of
from tfgen.model import Project
from tfgen.scratch import Scratch
from tfgen.wiring import ROOT_FILE, wire

MARK = "# Rendered by tfgen from storage/main.tf; change the spec or the blueprint instead.\n\n"
TEMPLATE = 'resource "aws_x" "a" {\n  size = {{ settings.size | hcl }}\n  name = local.name\n}\n'


@pytest.fixture
def project(tmp_path: Path) -> Project:
    environment = make_environment("local", "bucket", endpoint="http://127.0.0.1:1")
    project = make_project(tmp_path, environment, {"00-base": (), "01-top": ("00-base",)})
    (tmp_path / "config").mkdir()
    (tmp_path / "config" / "project.yaml").write_text("version: 1\nmodules:\n  00-base: {}\n  01-top: {}\n")
    (tmp_path / "templates" / "storage").mkdir(parents=True)
    (tmp_path / "templates" / "storage" / "main.tf.j2").write_text(TEMPLATE)
    return project


@pytest.fixture
def locator(project: Project) -> Locator:
    gathered = gather_files(project, project.environments["local"])
    return Locator(Scratch(project, project.work / "composed" / "local"), wire(gathered.parts, {}))


def diagnostic(filename: str, line: int, **more: Any) -> dict[str, Any]:
    place = {"filename": filename, "start": {"line": line, "column": 3}}
    return {"severity": "error", "summary": "Wrong", "detail": "it is", "range": place, **more}


def test_a_file_of_a_module_is_named_in_the_users_tree(locator: Locator) -> None:
    found = locator.locate(diagnostic("../01-top/x.tf", 7, address="module.top.aws_x.a"))
    assert (found.module, found.where, found.address) == ("01-top", "terraform/01-top/x.tf:7:3", "aws_x.a")
    assert found.message == "Wrong: it is"


def test_a_generated_line_leads_to_the_line_it_was_made_from(locator: Locator, project: Project) -> None:
    root = locator.wiring.contents[ROOT_FILE].decode().split("\n")
    number = next(index for index, line in enumerate(root, 1) if line.startswith("  project_name ="))
    found = locator.locate(diagnostic("main.tf", number))
    assert (found.module, found.where) == ("00-base", "terraform/environments/local.tfvars:3")


def test_a_rendered_file_leads_to_its_template_and_the_spec(locator: Locator, project: Project) -> None:
    (project.tree / "01-top" / "big.tf").write_text(MARK + TEMPLATE.replace("{{ settings.size | hcl }}", "12"))
    found = locator.locate(diagnostic("../01-top/big.tf", 4))
    assert found.template == "templates/storage/main.tf.j2:2"
    assert found.spec == "config/project.yaml:4:3"


def test_a_users_own_file_has_no_template(project: Project) -> None:
    assert template_of(project, project.tree / "01-top" / "main.tf", 1) == ""


def test_nothing_of_the_scratch_root_shows(locator: Locator) -> None:
    detail = (
        f'var.upstream_base has no "x"; see ../00-base/a.tf:1 and {locator.scratch.root}/b, {locator.scratch.tree}/c'
    )
    found = locator.locate(diagnostic("../01-top/main.tf", 1, detail=detail))
    assert found.message == (
        'Wrong: data.terraform_remote_state.base.outputs has no "x"; '
        "see terraform/00-base/a.tf:1 and terraform/b, terraform/c"
    )


def test_keys_that_are_not_known_name_what_to_apply_first(locator: Locator) -> None:
    snippet = {"code": "for_each = toset(local.base.ids)", "values": []}
    raw = diagnostic("../01-top/main.tf", 1, summary="Invalid for_each argument", snippet=snippet)
    assert "tfgen apply --module 00-base" in locator.locate(raw).hint


def test_a_diagnostic_without_a_place(locator: Locator) -> None:
    found = locator.locate({"severity": "error", "summary": "Gone"})
    assert (found.module, found.where, found.message) == ("", "", "Gone")


def test_a_warning_about_backends_is_noise(locator: Locator) -> None:
    assert locator.is_noise({"severity": "warning", "summary": "Backend configuration ignored"})
    assert not locator.is_noise({"severity": "error", "summary": "Backend configuration ignored"})
