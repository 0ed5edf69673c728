from __future__ import annotations

import click
import pytest
from click.shell_completion import ShellComplete

from tests.support.cli import Cli
from tests.support.growing import add_queue
from tests.support.projects import ProjectFolder
from tfgen.cli import group


def test_the_catalogue_has_settings_and_an_example(cli: Cli, project: ProjectFolder) -> None:
    add_queue(project)
    for words in (("blueprints",), ("blueprints", "list")):
        lines = cli(*words, cwd=project.root).out.splitlines()
        at = next(index for index, line in enumerate(lines) if line.startswith("queue "))
        assert lines[at].endswith("a queue (the project's own)")
        assert lines[at + 1].strip() == "settings: days, mode, tags, limits, peer"
        assert lines[at + 2].strip() == "tfgen add-module invoices --blueprint queue --set mode=slow"
        at = next(index for index, line in enumerate(lines) if line.startswith("iam "))
        assert "one per project" in lines[at + 2]
        assert max(map(len, lines)) < 300


def test_one_is_shown_with_what_each_setting_takes(cli: Cli, project: ProjectFolder) -> None:
    add_queue(project)
    out = cli("blueprints", "show", "queue", cwd=project.root).out
    assert "queue: a queue\n" in out
    assert "reads: store\n" in out
    assert "  days*    integer from 1 to 14, default 4\n           Days a message waits\n" in out
    assert '  mode     fast | slow, default "fast"\n' in out
    assert "for a slow one:\n  tfgen add-module invoices --blueprint queue --set mode=slow\n" in out


def test_the_documents(cli: Cli, project: ProjectFolder) -> None:
    add_queue(project)
    project.write("templates/broken/blueprint.yaml", "summary: x\n")
    found = {item["name"]: item for item in cli("blueprints", "--json", cwd=project.root).document["blueprints"]}
    assert found["broken"]["valid"] is False
    assert found["queue"]["origin"] == "project"
    assert found["queue"]["settings"]["properties"]["days"]["default"] == 4
    assert found["queue"]["examples"] == [
        {"for": "a slow one", "command": "tfgen add-module invoices --blueprint queue --set mode=slow"}
    ]
    shown = cli("blueprints", "show", "queue", "--json", cwd=project.root).document["blueprint"]
    assert shown == found["queue"]


def test_one_is_begun_and_one_is_copied(cli: Cli, project: ProjectFolder) -> None:
    done = cli("blueprints", "new", "audit-log", cwd=project.root)
    assert (done.code, done.out) == (0, "templates/audit-log: 4 files\n")
    assert done.err.endswith("next: tfgen add-module audit-log\n")
    document = cli("blueprints", "copy", "iam", "--json", cwd=project.root).document
    assert "templates/iam/blueprint.yaml" in document["files"]
    cli("blueprints", "copy", "iam", cwd=project.root).assert_explained()
    cli("blueprints", "new", "iam", cwd=project.root).assert_explained()
    cli("blueprints", "show", "imm", cwd=project.root).assert_explained()


@pytest.mark.parametrize(
    ("words", "incomplete", "expected"),
    [
        (["add-module"], "que", {"queue"}),
        (["add-module", "x", "--blueprint"], "que", {"queue"}),
        (["add-module", "x", "--before"], "front", {"03-front-desk"}),
        (["remove-module"], "front", {"03-front-desk"}),
        (["blueprints", "show"], "data-tr", {"data-transformation"}),
        (["blueprints", "copy"], "ia", {"iam"}),
    ],
)
def test_tab_completes(
    project: ProjectFolder, monkeypatch: pytest.MonkeyPatch, words: list[str], incomplete: str, expected: set[str]
) -> None:
    add_queue(project)
    project.render()
    monkeypatch.chdir(project.root)
    completer = ShellComplete(group, {}, "tfgen", "_TFGEN_COMPLETE")
    found = {item.value for item in completer.get_completions(words, incomplete)}
    assert expected <= found
    assert all(incomplete in value for value in found)
    assert isinstance(group, click.Group)
