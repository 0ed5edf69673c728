from __future__ import annotations

import pytest
from click.shell_completion import ShellComplete

from tests.support.projects import ProjectFolder
from tfgen.cli import group


def complete(*words: str, last: str = "") -> list[str]:
    shell = ShellComplete(group, {}, "tfgen", "_TFGEN_COMPLETE")
    return [item.value for item in shell.get_completions(list(words), last)]


def test_commands(project: ProjectFolder) -> None:
    assert {"render", "init"} <= set(complete())
    assert complete(last="ren") == ["render"]


@pytest.mark.parametrize("place", [("--env",), ("graph", "--env")])
def test_environments(project: ProjectFolder, monkeypatch: pytest.MonkeyPatch, place: tuple[str, ...]) -> None:
    monkeypatch.chdir(project.root)
    assert complete(*place) == ["dev", "local"]
    assert complete(*place, last="d") == ["dev"]


def test_modules_come_from_the_rendered_tree(project: ProjectFolder, monkeypatch: pytest.MonkeyPatch) -> None:
    project.render()
    monkeypatch.chdir(project.root)
    assert complete("plan", "--module", last="store") == ["02-store"]
    assert complete("plan", "--module") == ["00-network", "02-store", "03-front-desk", "backend-config"]


@pytest.mark.parametrize("module", ["02", "store", "02-store", "terraform/02-store/"])
def test_outputs_come_from_the_module_however_it_is_named(project: ProjectFolder, module: str) -> None:
    project.render()
    place = ("-C", str(project.root))
    told = complete(*place, "output", module)
    assert told == complete(*place, "output", "02-store") != []
    assert complete(*place, "output", "07") == []


def test_the_folder_given_before_counts(project: ProjectFolder) -> None:
    assert complete("-C", str(project.root), "graph", "--env") == ["dev", "local"]


def test_a_tab_never_fails(tmp_path: object, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir("/")
    assert complete("--env") == []
    assert complete("plan", "--module") == []
