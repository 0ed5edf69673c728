from __future__ import annotations

import pytest

from tests.support.cli import Cli
from tests.support.growing import add_queue, differing
from tests.support.projects import ProjectFolder


@pytest.fixture
def growing(project: ProjectFolder) -> ProjectFolder:
    add_queue(project)
    project.render()
    return project


def test_it_is_the_inverse_and_says_what_it_does_not_know(cli: Cli, growing: ProjectFolder) -> None:
    before = growing.snapshot()
    cli("add-module", "queue", cwd=growing.root)
    done = cli("remove-module", "queue", cwd=growing.root)
    assert (done.code, done.out) == (0, "04-queue removed\n")
    lines = done.err.splitlines()
    assert lines[:1] == ["changed  config/project.yaml"]
    assert lines[1].startswith("removed  terraform/04-queue/ (")
    assert "not looked at: dev. If 04-queue is applied there, its resources stay:" in lines
    assert "tfgen destroy --module 04-queue --env dev" in lines[-1]
    differences = differing(before, growing.snapshot())
    assert set(differences) <= {".tfgen/", ".tfgen/rendered.json"}


def test_a_dry_run_and_the_document(cli: Cli, growing: ProjectFolder) -> None:
    cli("add-module", "queue", cwd=growing.root)
    growing.change("config/project.yaml", "  04-queue:", "  # for the accountants\n  04-queue:")
    growing.write("terraform/04-queue/own.tf", "# mine\n")
    growing.write("terraform/04-queue/.terraform/providers/x", "fetched")
    before = growing.snapshot()
    shown = cli("remove-module", "queue", "--dry-run", cwd=growing.root)
    assert "-  04-queue:\n-    blueprint: queue\n" in shown.out
    assert "left     the comment above it, config/project.yaml:" in shown.err
    assert "left     terraform/04-queue/own.tf: yours" in shown.err
    assert "left     terraform/04-queue/.terraform/: what terraform init fetched" in shown.err
    assert growing.snapshot() == before
    document = cli("remove-module", "queue", "--json", cwd=growing.root).document
    assert (document["module"], document["dry_run"]) == ("04-queue", False)
    assert "terraform/04-queue/main.tf" in document["removed"]
    assert document["left"] == ["terraform/04-queue/own.tf", "terraform/04-queue/.terraform"]
    assert (document["applied"], document["not_looked_at"]) == ({}, ["dev"])


@pytest.mark.parametrize("name", ["store", "backend-config", "nothing"])
def test_what_cannot_go_is_explained(cli: Cli, growing: ProjectFolder, name: str) -> None:
    before = growing.snapshot()
    cli("remove-module", name, cwd=growing.root).assert_explained()
    assert growing.snapshot() == before
