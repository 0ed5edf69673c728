"""The dependency graph as Mermaid, DOT and JSON."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from tfgen.model import Module
from tfgen.render import Edge


def to_document(modules: Sequence[Module], edges: Sequence[Edge]) -> dict[str, Any]:
    """Return the graph as plain data: modules in order, and who reads which outputs of whom."""
    return {
        "modules": [
            {"name": module.name, "short_name": module.short_name, "blueprint": module.blueprint} for module in modules
        ],
        "edges": [{"from": edge.reader, "to": edge.read, "outputs": list(edge.outputs)} for edge in edges],
    }


def to_mermaid(modules: Sequence[Module], edges: Sequence[Edge]) -> str:
    """Draw the graph for Markdown; an arrow goes from what is read to its reader, as data flows."""
    names = {module.name: module.identifier for module in modules}
    lines = ["graph TD"]
    lines += [f'  {module.identifier}["{module.name}"]' for module in modules]
    lines += [f"  {names[edge.read]} --> {names[edge.reader]}" for edge in edges]
    return "\n".join(lines)


def to_dot(modules: Sequence[Module], edges: Sequence[Edge]) -> str:
    """Draw the graph for Graphviz; labels are the outputs that are read."""
    lines = ["digraph project {", "  rankdir=TB;", "  node [shape=box];"]
    lines += [f'  "{module.name}";' for module in modules]
    lines += [f'  "{edge.read}" -> "{edge.reader}" [label="{_label(edge)}"];' for edge in edges]
    return "\n".join([*lines, "}"])


def _label(edge: Edge) -> str:
    return r"\n".join(edge.outputs)
