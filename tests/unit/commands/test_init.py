from __future__ import annotations

from pathlib import Path

import pytest

from tests.support.cli import Cli
from tests.support.projects import snapshot
from tfgen import workflow


def test_a_project_is_made_without_questions_where_nobody_can_answer(cli: Cli, tmp_path: Path) -> None:
    told = cli("init", "shop", "--project-name", "book-shop", "--region", "eu-west-1", cwd=tmp_path)
    assert told.code == 0
    assert told.out.endswith(f"files created in {tmp_path / 'shop'}\n")
    assert "next: cd shop && tfgen render" in told.err
    project = workflow.load_project(tmp_path / "shop").project
    assert (project.name, project.region, project.owner) == ("book-shop", "eu-west-1", "data-engineering-team")


def test_the_next_step_can_be_typed_as_it_is_printed(cli: Cli, tmp_path: Path) -> None:
    (tmp_path / "sub").mkdir()
    assert "next: cd 'sub/my shop' && tfgen render" in cli("-C", "sub", "init", "my shop", cwd=tmp_path).err


def test_as_a_document(cli: Cli, tmp_path: Path) -> None:
    told = cli("init", "shop", "--json", cwd=tmp_path)
    assert told.document["project"] == "ecommerce-analytics"
    assert "config/project.yaml" in told.document["files"]


def test_on_a_terminal_it_asks_for_what_was_not_given(
    cli: Cli, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    answers = iter(["book-shop", "", "eu-west-1"])
    monkeypatch.setattr("sys.stdin.isatty", lambda: True, raising=False)
    monkeypatch.setattr("sys.stderr.isatty", lambda: True, raising=False)
    monkeypatch.setattr("click.termui.visible_prompt_func", lambda _: next(answers))
    told = cli("init", "shop", cwd=tmp_path)
    assert told.code == 0
    project = workflow.load_project(tmp_path / "shop").project
    assert (project.name, project.owner, project.region) == ("book-shop", "data-engineering-team", "eu-west-1")


def test_quiet(cli: Cli, tmp_path: Path) -> None:
    assert cli("init", "shop", "-q", cwd=tmp_path).err == ""


def test_an_occupied_folder_is_refused(cli: Cli, tmp_path: Path) -> None:
    (tmp_path / "mine").write_text("")
    told = cli("init", ".", cwd=tmp_path)
    told.assert_explained()
    assert str(tmp_path) in told.err
    assert list(snapshot(tmp_path)) == ["mine"]


def test_every_wrong_name_is_told_at_once(cli: Cli, tmp_path: Path) -> None:
    told = cli("init", "shop", "--project-name", "Book Shop", "--account", "12", cwd=tmp_path)
    told.assert_explained()
    assert "--project-name: " in told.err
    assert "--account: " in told.err
    assert snapshot(tmp_path) == {}
