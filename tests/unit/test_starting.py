from __future__ import annotations

import os
from pathlib import Path

import pytest
import yaml

from tests.support.projects import snapshot
from tfgen import starting, workflow
from tfgen.assets import config_root
from tfgen.errors import SpecError, TfgenError
from tfgen.starting import NewProject, create_project


def test_a_new_project_is_the_reference_one(tmp_path: Path) -> None:
    files = create_project(tmp_path / "new", NewProject())
    assert set(files) == {name for name in snapshot(tmp_path / "new") if not name.endswith("/")}
    assert {"config/project.yaml", "config/environments/local.yaml", ".gitignore", "README.md"} <= set(files)
    assert any(name.startswith("lambdas/order_processor/tests/") for name in files)
    assert not [name for name in files if "__pycache__" in name or name.endswith(".pyc")]
    for name in ("project.yaml", "environments/dev.yaml"):
        made = yaml.safe_load((tmp_path / "new" / "config" / name).read_text())
        assert made == yaml.safe_load((config_root() / name).read_text())


def test_names_take_the_place_of_the_references_and_comments_stay(tmp_path: Path) -> None:
    create_project(tmp_path / "new", NewProject("book-shop", "Ada's team: shop", "eu-west-1", "123456789012"))
    spec = tmp_path / "new" / "config" / "project.yaml"
    value = yaml.safe_load(spec.read_text())
    assert (value["project"], value["owner"], value["region"]) == ("book-shop", "Ada's team: shop", "eu-west-1")
    assert spec.read_text().startswith("# ")
    dev = yaml.safe_load((spec.parent / "environments" / "dev.yaml").read_text())
    assert dev["account"] == "123456789012"
    assert dev["state"]["bucket"] == "book-shop-dev-tfstate-123456789012"


@pytest.mark.parametrize(
    "owner", ["no", "null", "true", "2026-11-23", "1e3", "~", "a: b", "#x", "é", "'", "data-team", " x "]
)
def test_any_owner_is_read_back_as_it_was_given(tmp_path: Path, owner: str) -> None:
    create_project(tmp_path / "new", NewProject(owner=owner))
    assert workflow.load_project(tmp_path / "new").project.owner == owner


def test_a_new_project_resolves_and_renders(tmp_path: Path) -> None:
    create_project(tmp_path / "new", NewProject("book-shop"))
    loaded = workflow.load_project(tmp_path / "new")
    assert loaded.project.name == "book-shop"
    assert [module.name for module in loaded.project.modules][:3] == ["backend-config", "00-foundation", "01-iam"]


@pytest.mark.parametrize(
    ("project", "flag"),
    [
        (NewProject(name="Book Shop"), "--project-name"),
        (NewProject(name="x" * 40), "--project-name"),
        (NewProject(owner=""), "--owner"),
        (NewProject(owner="two\nlines"), "--owner"),
        (NewProject(region="europe"), "--region"),
        (NewProject(account="1234"), "--account"),
        (NewProject(account="000000000000"), "--account"),
    ],
)
def test_a_name_that_cannot_be_is_refused_by_its_flag(tmp_path: Path, project: NewProject, flag: str) -> None:
    with pytest.raises(SpecError) as caught:
        create_project(tmp_path / "new", project)
    assert [problem.where for problem in caught.value.problems] == [flag]
    assert not (tmp_path / "new").exists()


def test_an_empty_folder_is_filled_and_stays_the_same_folder(tmp_path: Path) -> None:
    folder = tmp_path / "empty"
    folder.mkdir()
    before = folder.stat().st_ino
    create_project(folder, NewProject())
    assert folder.stat().st_ino == before, "a shell that stands in it must not lose its folder"
    assert sorted(path.name for path in folder.iterdir()) == [".gitignore", "README.md", "config", "lambdas"]


def test_a_folder_with_anything_in_it_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "mine.txt").write_text("mine")
    with pytest.raises(TfgenError, match="not empty") as caught:
        create_project(tmp_path, NewProject())
    assert (caught.value.where, caught.value.code) == (str(tmp_path), "not-empty")
    assert list(snapshot(tmp_path)) == ["mine.txt"]


def test_a_file_in_the_folders_place(tmp_path: Path) -> None:
    (tmp_path / "new").write_text("mine")
    with pytest.raises(TfgenError, match="this is a file"):
        create_project(tmp_path / "new", NewProject())
    with pytest.raises(TfgenError, match="cannot create the project"):
        create_project(tmp_path / "new" / "deeper", NewProject())
    assert snapshot(tmp_path) == {"new": b"mine"}


@pytest.mark.parametrize("exists", [True, False])
def test_a_failure_in_the_middle_leaves_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, exists: bool) -> None:
    folder = tmp_path / "new"
    if exists:
        folder.mkdir()

    def full(*_: object, **__: object) -> None:
        raise OSError(28, os.strerror(28))

    monkeypatch.setattr(starting.shutil, "copytree", full)
    with pytest.raises(TfgenError, match="No space left"):
        create_project(folder, NewProject())
    assert snapshot(tmp_path) == ({"new/": b""} if exists else {})
