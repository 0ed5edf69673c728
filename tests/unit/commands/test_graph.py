from __future__ import annotations

from tests.support.cli import Cli
from tests.support.projects import ProjectFolder


def test_each_format(cli: Cli, project: ProjectFolder) -> None:
    told = cli("graph", cwd=project.root)
    assert told.out.startswith("graph TD\n")
    assert cli("graph", "--format", "mermaid").out == told.out
    assert cli("graph", "--format", "dot").out.startswith("digraph project {\n")
    assert cli("graph", "--format", "json").document == cli("graph", "--json").document


def test_json_holds_the_edges_with_the_outputs_that_are_used(cli: Cli, project: ProjectFolder) -> None:
    document = cli("graph", "--json", cwd=project.root).document
    assert document["edges"] == [
        {"from": "02-store", "to": "00-network", "outputs": ["network_id", "password"]},
        {"from": "03-front-desk", "to": "02-store", "outputs": ["table", "table_arn"]},
    ]
    assert document["modules"][2] == {"name": "02-store", "short_name": "store", "blueprint": "store"}


def test_contradicting_formats(cli: Cli, project: ProjectFolder) -> None:
    told = cli("graph", "--json", "--format", "dot", cwd=project.root)
    assert (told.code, told.document["error"]["code"]) == (1, "usage")


def test_nothing_is_written(cli: Cli, project: ProjectFolder) -> None:
    before = project.snapshot()
    cli("graph", cwd=project.root)
    assert project.snapshot() == before
