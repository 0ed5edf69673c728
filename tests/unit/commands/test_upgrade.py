from __future__ import annotations

import json
from collections.abc import Callable, Iterator

import pytest

from tests.support.cli import Cli
from tests.support.projects import ProjectFolder
from tfgen.manifest import MANIFEST

STORE, DESK = "terraform/02-store/main.tf", "terraform/03-front-desk/main.tf"
OWN = "terraform/02-store/own.tf"


@pytest.fixture
def rendered(cli: Cli, project: ProjectFolder) -> ProjectFolder:
    """A rendered project with an edit in one file, whose templates have changed since, elsewhere in it."""
    cli("render", cwd=project.root)
    project.change(STORE, "shelves = 3", "shelves = 4")
    project.change("templates/store/main.tf.j2", "protect = var.protect", "protect = var.protect\n    new = 1")
    project.change("templates/front-desk/main.tf.j2", '"desk"', '"big_desk"')
    project.change("templates/front-desk/outputs.tf.j2", "terraform_data.desk.id", "terraform_data.big_desk.id")
    return project


Answers = Callable[..., list[str]]


@pytest.fixture
def answers(monkeypatch: pytest.MonkeyPatch) -> Iterator[Answers]:
    """Sit at a terminal and say these things; what is left unsaid comes back."""
    left: list[str] = []

    def say(*words: str) -> list[str]:
        left.extend(words)
        monkeypatch.setattr("sys.stdin.isatty", lambda: True, raising=False)
        monkeypatch.setattr("sys.stderr.isatty", lambda: True, raising=False)
        monkeypatch.setattr("click.termui.visible_prompt_func", lambda _: left.pop(0))
        return left

    yield say
    assert left == []


def test_yes_merges_and_says_what_became_of_each_file(cli: Cli, rendered: ProjectFolder) -> None:
    told = cli("upgrade", "--yes", cwd=rendered.root)
    assert told.code == 0, told
    assert "the templates changed\n" in told.out
    assert f"  merged   {STORE}\n" in told.out
    assert f"  changed  {DESK}\n" in told.out
    assert told.out.endswith("2 changed, 1 merged\n".replace("2 changed", f"{told.out.count('  changed  ')} changed"))
    text = (rendered.root / STORE).read_text()
    assert "shelves = 4" in text
    assert "new = 1" in text
    assert cli("render", "--check").code == 0
    assert cli("upgrade").out.endswith("1 kept\n")


@pytest.mark.parametrize("flag", ["--dry-run", "--diff"])
def test_looking_writes_nothing(cli: Cli, rendered: ProjectFolder, flag: str) -> None:
    before = rendered.snapshot()
    told = cli("upgrade", flag, cwd=rendered.root)
    assert told.code == 0
    assert f"merged   {STORE}" in told.out
    assert ("+    new = 1" in told.out) == (flag == "--diff")
    assert "-    shelves = 4" not in told.out
    assert rendered.snapshot() == before


def test_where_nobody_can_be_asked_it_names_the_flag(cli: Cli, rendered: ProjectFolder) -> None:
    before = rendered.snapshot()
    told = cli("upgrade", cwd=rendered.root)
    told.assert_explained()
    assert "--edited merge, mine or new" in told.err
    told = cli("upgrade", "--edited", "merge")
    assert told.code == 1
    assert "add --yes, or --dry-run" in told.err
    assert cli("upgrade", "--json").document["error"]["code"] == "cannot-ask"
    assert rendered.snapshot() == before


@pytest.mark.parametrize(
    ("way", "shelves", "new", "copied"), [("merge", 4, True, True), ("mine", 4, False, False), ("new", 3, True, True)]
)
def test_each_edited_file_is_asked_about(
    cli: Cli, rendered: ProjectFolder, answers: Answers, way: str, shelves: int, new: bool, copied: bool
) -> None:
    answers("diff", way, "y")
    told = cli("upgrade", cwd=rendered.root)
    assert told.code == 0, told
    assert "-    shelves = 4" in told.err
    text = (rendered.root / STORE).read_text()
    assert (f"shelves = {shelves}" in text, "new = 1" in text) == (True, new)
    assert ("copies of what you had: " in told.err) == copied
    assert cli("render", "--check").code == 0


@pytest.mark.parametrize("said", [["stop"], ["merge", "n"]])
def test_no_is_an_answer(cli: Cli, rendered: ProjectFolder, answers: Answers, said: list[str]) -> None:
    before = rendered.snapshot()
    answers(*said)
    told = cli("upgrade", cwd=rendered.root)
    assert told.code == 1
    assert "nothing was written" in told.err
    assert rendered.snapshot() == before


def test_conflicts_are_written_named_and_block_until_they_are_resolved(cli: Cli, rendered: ProjectFolder) -> None:
    rendered.change("templates/store/main.tf.j2", "{{ settings.shelves }}", "{{ settings.shelves }} + 1")
    told = cli("upgrade", "--yes", cwd=rendered.root)
    assert told.code == 1
    assert f"  conflict  {STORE}\n" in told.out
    assert f"{STORE}:7: 1 file has conflicts to resolve: 02-store/main.tf\n" in told.err
    for words in (["render"], ["render", "--merge"], ["upgrade", "--yes"], ["check"], ["plan", "--allow-stale"]):
        told = cli(*words)
        assert (told.code, f"{STORE}:7: 1 file has" in told.err) == (1, True), told
    assert cli("render", "--check").code == 2
    text = (rendered.root / STORE).read_text()
    (rendered.root / STORE).write_text(
        "".join(x for x in text.splitlines(True) if x[:4] not in ("<<<<", "====", ">>>>"))
    )
    assert cli("render").out.endswith(", 1 kept\n")


def test_as_a_document(cli: Cli, rendered: ProjectFolder) -> None:
    document = cli("upgrade", "--json", "--yes", cwd=rendered.root).document
    assert {"path": "02-store/main.tf", "state": "merged"} in document["upgrade"]["files"]
    assert document["upgrade"]["written"] is True
    assert document["upgrade"]["from"]["templates"] != document["upgrade"]["to"]["templates"]
    assert document["upgrade"]["copies"].startswith(str(rendered.root / ".tfgen" / "backups"))
    again = cli("upgrade", "--json").document
    assert again["upgrade"]["from"] == again["upgrade"]["to"] == document["upgrade"]["to"]


def test_a_new_version_is_noted_though_no_file_changes(cli: Cli, project: ProjectFolder) -> None:
    cli("render", cwd=project.root)
    manifest = json.loads((project.tree / MANIFEST).read_text())
    version = manifest["rendered_by"]["tfgen"]
    manifest["rendered_by"]["tfgen"] = "0.0.1"
    (project.tree / MANIFEST).write_text(json.dumps(manifest))
    told = cli("upgrade")
    assert told.out == f"rendered by tfgen 0.0.1; this is {version}\nevery file is up to date\n"
    assert json.loads((project.tree / MANIFEST).read_text())["rendered_by"]["tfgen"] == version
    assert cli("upgrade").out == f"tfgen {version}\nevery file is up to date\n"


def test_what_is_in_the_way_is_named_before_anybody_is_asked(cli: Cli, rendered: ProjectFolder) -> None:
    rendered.write(OWN, "# mine\n")
    rendered.write("templates/store/own.tf.j2", "# theirs\n")
    told = cli("upgrade", "--yes", cwd=rendered.root)
    assert told.code == 1
    assert "1 file in the way, not written by tfgen: 02-store/own.tf" in told.err
    assert (rendered.root / OWN).read_text() == "# mine\n"
