from __future__ import annotations

from pathlib import Path

import pytest

from tests.support.projects import ProjectFolder, snapshot
from tfgen import workflow
from tfgen.assets import template_roots, templates_root
from tfgen.errors import TfgenError


def test_own_templates_come_before_the_shipped_ones(tmp_path: Path) -> None:
    assert template_roots(tmp_path) == (tmp_path / "templates", templates_root())
    assert template_roots(templates_root().parent) == (templates_root(),)


def test_loading_and_previewing_write_nothing(project: ProjectFolder) -> None:
    before = project.snapshot()
    loaded = workflow.load_project(project.root)
    result = workflow.preview(loaded)
    assert list(workflow.differences(loaded, result))
    assert project.snapshot() == before
    assert result.changes.is_stale


def test_only_terraform_is_written(project: ProjectFolder) -> None:
    before = project.snapshot()
    result = workflow.render(workflow.load_project(project.root))
    assert {name: data for name, data in project.snapshot().items() if not name.startswith("terraform/")} == before
    assert result.changes.created == tuple(result.tree.files)


def test_a_stale_tree_blocks_with_its_counts(project: ProjectFolder) -> None:
    project.render()
    assert not workflow.require_fresh(workflow.load_project(project.root)).changes.is_stale
    project.change("config/project.yaml", "10.1.0.0/16", "10.2.0.0/16")
    with pytest.raises(TfgenError) as caught:
        workflow.require_fresh(workflow.load_project(project.root))
    assert caught.value.code == "stale"
    assert "the rendered tree is stale: 0 created, 1 changed, " in caught.value.message
    assert caught.value.hint == "tfgen render"


def test_a_template_error_writes_nothing(project: ProjectFolder) -> None:
    project.render()
    project.write("templates/front-desk/main.tf.j2", "a = {{ settings.nope | hcl }}\n")
    project.change("config/project.yaml", "10.1.0.0/16", "10.2.0.0/16")
    before = snapshot(project.tree)
    with pytest.raises(TfgenError) as caught:
        project.render()
    assert caught.value.where == "templates/front-desk/main.tf.j2:1"
    assert snapshot(project.tree) == before


def test_the_schema_covers_every_blueprint_in_reach(project: ProjectFolder) -> None:
    schema = workflow.compose_schema(project.root)
    module = schema["properties"]["modules"]["additionalProperties"]
    names = {part["const"] for part in module["properties"]["blueprint"]["oneOf"]}
    assert {"store", "front-desk", "foundation", "monitoring"} <= names
