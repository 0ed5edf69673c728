"""`tfgen graph`: who reads whom."""

from __future__ import annotations

import click

from tfgen.commands._options import command
from tfgen.commands._output import answer, answer_json
from tfgen.settings import Settings, find_root


@command(name="graph")
@click.option(
    "--format",
    "form",
    type=click.Choice(["mermaid", "dot", "json"]),
    default=None,
    help="What to print; mermaid if not given.",
)
def cli(settings: Settings, form: str | None) -> None:
    """Show which module reads which outputs of which other."""
    from tfgen import workflow
    from tfgen.errors import UsageError
    from tfgen.report import graph

    if settings.json and form not in (None, "json"):
        raise UsageError(f"--json and --format {form} exclude each other", hint="give one of them")
    loaded = workflow.load_project(*find_root(settings))
    edges = workflow.preview(loaded).tree.edges
    modules = loaded.project.modules
    if settings.json or form == "json":
        answer_json(graph.to_document(modules, edges))
    else:
        answer(graph.to_dot(modules, edges) if form == "dot" else graph.to_mermaid(modules, edges))
