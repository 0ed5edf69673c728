"""`tfgen schema`: the JSON Schema of the spec, for editors."""

from __future__ import annotations

import json

from tfgen.commands._options import command, refuse_json
from tfgen.commands._output import answer
from tfgen.settings import Settings, find_root


@command(name="schema")
def cli(settings: Settings) -> None:
    """Print the JSON Schema of the spec, with the settings of every blueprint in reach."""
    refuse_json(settings, "schema")
    from tfgen import workflow
    from tfgen.errors import TfgenError

    try:
        root = find_root(settings)[0]
    except TfgenError:
        root = settings.directory
    answer(json.dumps(workflow.compose_schema(root), indent=2, ensure_ascii=False))
