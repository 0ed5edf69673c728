from __future__ import annotations

import pytest

from tests.support.cli import Cli
from tests.support.growing import add_queue
from tests.support.projects import ProjectFolder
from tfgen.commands import add_module


@pytest.fixture
def growing(project: ProjectFolder, cli: Cli) -> ProjectFolder:
    add_queue(project)
    project.render()
    return project


def test_it_says_what_it_did_and_what_comes_next(cli: Cli, growing: ProjectFolder) -> None:
    done = cli("add-module", "invoices", "--blueprint", "queue", "--set", "days=5", cwd=growing.root)
    assert (done.code, done.out) == (0, "04-invoices added: blueprint queue\n")
    lines = done.err.splitlines()
    assert lines[0] == "changed  config/project.yaml"
    assert lines[1].startswith("created  terraform/04-invoices/ (")
    assert "created  terraform/environments/*/04-invoices.tfvars (2 files)" in lines
    assert "changed  terraform/README.md" in lines
    assert lines[-1] == "next: tfgen apply --module 04-invoices"
    assert cli("render", "--check", cwd=growing.root).code == 0


def test_code_that_was_edited_before_is_packaged_after_all(cli: Cli, growing: ProjectFolder) -> None:
    growing.write(
        "templates/job/blueprint.yaml",
        "summary: A function.\nreads: []\nfunctions: [worker]\nsettings: {type: object, properties: {}}\n",
    )
    growing.write("templates/job/main.tf.j2", 'resource "terraform_data" "job" {\n  input = "worker"\n}\n')
    growing.write("lambdas/requirements.txt", "")
    growing.write("lambdas/worker/handler.py", "answer = 1\n")
    assert cli("add-module", "job", cwd=growing.root).code == 0
    package = growing.tree / "04-job" / "artifacts" / "worker.zip"
    for number, words in enumerate((["add-module", "queue"], ["remove-module", "queue"])):
        growing.write("lambdas/worker/handler.py", f"answer = {number + 42}\n")
        assert cli(*words).code == 0
        assert cli("render").code == 0
        assert f"answer = {number + 42}".encode() in package.read_bytes()


def test_a_dry_run_shows_the_lines(cli: Cli, growing: ProjectFolder) -> None:
    before = growing.snapshot()
    done = cli("add-module", "queue", "--dry-run", cwd=growing.root)
    assert done.code == 0
    assert "+  04-queue:\n+    blueprint: queue\n" in done.out
    assert done.out.endswith("04-queue would be added: blueprint queue\n")
    assert growing.snapshot() == before


def test_the_document(cli: Cli, growing: ProjectFolder) -> None:
    document = cli("add-module", "queue", "--reads", "network,store", "--json", cwd=growing.root)
    assert document.code == 1  # network is not used by the templates
    assert document.document["error"]["problems"][0]["where"] == "04-queue"
    done = cli("add-module", "queue", "--set", "mode=slow", "--json", cwd=growing.root).document
    assert (done["version"], done["module"], done["blueprint"], done["frame"]) == (1, "04-queue", "queue", True)
    assert done["entry"] == {"blueprint": "queue", "settings": {"mode": "slow"}}
    assert done["spec"] == "config/project.yaml"
    assert "terraform/04-queue/main.tf" in done["created"]
    assert done["changed"] == ["terraform/README.md"]
    assert done["functions"] == {"added": [], "kept": []}
    assert done["next"] == "tfgen apply --module 04-queue"


@pytest.mark.parametrize(
    "words",
    [
        (),
        ("quue",),
        ("front-desk",),
        ("x", "--blueprint", "quue"),
        ("queue", "--number", "03"),
        ("queue", "--before", "03"),
        ("queue", "--set", "dayz=3"),
        ("queue", "--set", "days=30"),
        ("queue", "--reads", "nobody"),
        ("08-hand", "--adopt"),
    ],
)
def test_bad_input_is_explained_and_nothing_is_written(
    cli: Cli, growing: ProjectFolder, words: tuple[str, ...]
) -> None:
    before = growing.snapshot()
    cli("add-module", *words, cwd=growing.root).assert_explained()
    assert growing.snapshot() == before


def test_on_a_terminal_it_asks_for_what_is_missing(
    cli: Cli, growing: ProjectFolder, monkeypatch: pytest.MonkeyPatch
) -> None:
    growing.change("templates/queue/blueprint.yaml", "settings:\n", "settings:\n  required: [days]\n")
    answers = iter(["invoices", "queue", "6"])
    asked: list[str] = []

    def prompt(text: str, **_options: object) -> str:
        asked.append(text)
        return next(answers)

    monkeypatch.setattr(add_module, "can_ask", lambda _settings: True)
    monkeypatch.setattr(add_module.click, "prompt", prompt)
    growing.render()
    assert cli("add-module", cwd=growing.root).out == "04-invoices added: blueprint queue\n"
    assert asked == ["Name of the module", "Blueprint", "days (Days a message waits)"]
    assert "days: 6" in growing.spec.read_text()


def test_on_a_terminal_it_asks_for_what_an_answer_makes_necessary(
    cli: Cli, growing: ProjectFolder, monkeypatch: pytest.MonkeyPatch
) -> None:
    more = "settings:\n  required: [kind]\n  properties:\n"
    more += "    kind: {type: string, enum: [plain, late], description: Kind}\n"
    more += "    delay: {type: integer, when: {kind: [late]}, description: Seconds}\n"
    growing.change("templates/queue/blueprint.yaml", "settings:\n  properties:\n", more)
    answers = {"kind (Kind)": "late", "delay (Seconds)": "5"}
    monkeypatch.setattr(add_module, "can_ask", lambda _settings: True)
    monkeypatch.setattr(add_module.click, "prompt", lambda text, **_options: answers.pop(text))
    growing.render()
    assert cli("add-module", "invoices", "--blueprint", "queue", cwd=growing.root).code == 0
    assert not answers
    assert "delay: 5" in growing.spec.read_text()


def test_a_foreign_folder_is_named_until_it_is_adopted(cli: Cli, growing: ProjectFolder) -> None:
    growing.write("templates/empty/blueprint.yaml", "summary: x\nsettings: {}\n")
    growing.write("terraform/08-hand/main.tf", 'resource "terraform_data" "a" {}\n')
    for _ in range(2):
        done = cli("render", cwd=growing.root)
        assert done.code == 0
        assert "warning: terraform/08-hand/ is foreign" in done.err
        assert "tfgen add-module 08-hand --adopt" in done.err
    refused = cli("add-module", "08-hand", cwd=growing.root)
    refused.assert_explained()
    assert "tfgen add-module 08-hand --adopt" in refused.err
    adopted = cli("add-module", "08-hand", "--adopt", cwd=growing.root)
    assert adopted.out == "08-hand adopted: blueprint empty\n"
    assert "kept     terraform/08-hand/ (1 file, unchanged)" in adopted.err
    assert "foreign" not in cli("render", cwd=growing.root).err
