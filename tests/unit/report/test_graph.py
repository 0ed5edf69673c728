from __future__ import annotations

from tests.support.projects import ProjectFolder
from tfgen.report import graph


def test_the_three_drawings(project: ProjectFolder) -> None:
    modules, edges = project.load().modules, project.preview().tree.edges
    assert graph.to_mermaid(modules, edges) == (
        "graph TD\n"
        '  backend_config["backend-config"]\n'
        '  network["00-network"]\n'
        '  store["02-store"]\n'
        '  front_desk["03-front-desk"]\n'
        "  network --> store\n"
        "  store --> front_desk"
    )
    dot = graph.to_dot(modules, edges).splitlines()
    assert dot[0] == "digraph project {"
    assert '  "02-store" -> "03-front-desk" [label="table\\ntable_arn"];' in dot
    assert dot[-1] == "}"
    document = graph.to_document(modules, edges)
    assert [edge["from"] for edge in document["edges"]] == ["02-store", "03-front-desk"]
