"""`tfgen output`: outputs from the states."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from pathlib import PurePosixPath
from typing import TYPE_CHECKING, Any

import click

from tfgen.commands import _runs
from tfgen.commands._options import command, complete_module, completion_flags
from tfgen.commands._output import answer, answer_json
from tfgen.errors import TfgenError, UsageError
from tfgen.settings import Settings, find_root, read_settings

if TYPE_CHECKING:
    from tfgen.state import Output


def _complete_output(context: click.Context, parameter: click.Parameter, incomplete: str) -> list[str]:
    del parameter
    try:
        root, _ = find_root(read_settings(completion_flags(context)))
        module = PurePosixPath((context.params.get("module") or "").rstrip("/")).name
        found = (root / "terraform").glob("*/outputs.tf")
        paths = [
            path
            for path in found
            if re.fullmatch(rf"(\d+-)?{re.escape(module)}|{re.escape(module)}-.*", path.parent.name)
        ]
        text = "".join(path.read_text(encoding="utf-8") for path in paths)
    except Exception:
        return []
    return sorted({name for name in re.findall(r'^output "([^"]+)"', text, re.M) if name.startswith(incomplete)})


@command(name="output")
@click.argument("module", required=False, shell_complete=complete_module)
@click.argument("name", required=False, shell_complete=_complete_output)
@click.option("--raw", is_flag=True, help="The bare value of one string, number or bool.")
def cli(settings: Settings, module: str | None, name: str | None, raw: bool) -> None:
    """Show outputs: of all modules, of one, or a single one. Read from the states, without terraform."""
    from tfgen import deployment
    from tfgen.select import describe_place

    if raw and name is None:
        raise UsageError("--raw needs a module and the name of an output", hint="tfgen output MODULE NAME --raw")
    if raw and settings.json:
        raise UsageError("--raw and --json exclude each other", hint="give one of them")
    opened = _runs.open_project(settings)
    wanted = [opened.module(module).name] if module else []
    with _runs.at_place(settings, opened) as (caller, _progress):
        found = deployment.outputs(opened.project, opened.environment, caller, wanted)
        place = {"environment": opened.environment.name, "place": describe_place(opened.environment)}
        if name is not None:
            _print_one(settings, wanted[0], name, found[wanted[0]], raw=raw, place=place)
        elif settings.json:
            answer_json({**place, "outputs": {key: _documents(outputs) for key, outputs in found.items()}})
        else:
            _print_all(found, single=module is not None)


def _print_one(
    settings: Settings,
    module: str,
    name: str,
    outputs: Mapping[str, Output],
    *,
    raw: bool,
    place: Mapping[str, str],
) -> None:
    if name not in outputs:
        from tfgen.schema import suggest

        raise TfgenError(f"{module} has no output '{name}'", hint=suggest(name, sorted(outputs)), code="no-output")
    output = outputs[name]
    if raw:
        if isinstance(output.value, (dict, list)) or output.value is None:
            raise UsageError(f"{name} is not a string, number or bool", hint="use --json")
        answer(output.value if isinstance(output.value, str) else json.dumps(output.value))
    elif settings.json:
        answer_json({**place, "output": {"module": module, "name": name, **_document(output, hide=False)}})
    else:
        answer(_text(output))


def _print_all(found: Mapping[str, Mapping[str, Output]], *, single: bool) -> None:
    for module, outputs in found.items():
        if not single:
            answer(f"{module}:")
        for name, output in sorted(outputs.items()):
            answer(f"{'' if single else '  '}{name} = {_text(output)}")


def _documents(outputs: Mapping[str, Output]) -> dict[str, Any]:
    return {name: _document(output, hide=True) for name, output in sorted(outputs.items())}


def _document(output: Output, *, hide: bool) -> dict[str, Any]:
    value = None if hide and output.sensitive else output.value
    return {"value": value, "type": output.type, "sensitive": output.sensitive}


def _text(output: Output) -> str:
    return "<sensitive>" if output.sensitive else json.dumps(output.value, ensure_ascii=False)
