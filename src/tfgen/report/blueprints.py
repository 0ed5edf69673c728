"""The catalogue of blueprints, as text and as data."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from textwrap import wrap
from typing import Any

from tfgen.blueprint import Blueprint
from tfgen.catalogue import Listed

_WIDTH = 118


def show_catalogue(listed: Sequence[Listed]) -> Iterator[str]:
    """Yield the lines of the catalogue: what each blueprint is for, its settings, how to add one."""
    width = max((len(item.name) for item in listed), default=0)
    indent = " " * (width + 2)
    for item in listed:
        blueprint = item.blueprint
        own = " (the project's own)" if item.origin == "project" else ""
        if blueprint is None:
            yield f"{item.name:<{width}}  not valid: {item.problem}"
            continue
        yield from _wrapped(f"{blueprint.summary}{own}", f"{item.name:<{width}}  ", indent)
        if names := list(blueprint.settings.get("properties", {})):
            yield from _wrapped(f"settings: {', '.join(names)}", indent, indent)
        commands = [f"tfgen add-module {example.add}" for example in blueprint.examples]
        yield indent + ("one per project" if blueprint.once else (commands or [f"tfgen add-module {item.name}"])[0])


def show_blueprint(listed: Listed) -> Iterator[str]:
    """Yield everything about one blueprint."""
    blueprint = listed.blueprint
    if blueprint is None:
        return
    yield f"{listed.name}: {blueprint.summary}"
    yield f"from: {listed.folder}"
    yield f"reads: {', '.join(blueprint.reads) or 'nothing'}"
    if blueprint.functions:
        names = (name.replace("{module}", "<module>") for name in blueprint.functions)
        yield f"functions: {', '.join(f'lambdas/{name}/' for name in names)}"
    if blueprint.once:
        yield "a project has one module of it"
    properties: Mapping[str, Mapping[str, Any]] = blueprint.settings.get("properties", {})
    if properties:
        yield "settings (* may differ per environment):"
    width = max((len(name) for name in properties), default=0) + 1
    for name, part in properties.items():
        mark = "*" if part.get("varies") else " "
        yield f"  {name + mark:<{width}}  {_kind(part)}{_default(blueprint, name, part)}"
        if part.get("description"):
            yield f"  {'':<{width}}  {part['description']}"
    for example in blueprint.examples:
        yield f"for {example.purpose}:"
        yield f"  tfgen add-module {example.add}"


def describe(listed: Listed) -> dict[str, Any]:
    """Return one blueprint as data."""
    blueprint = listed.blueprint
    document: dict[str, Any] = {"name": listed.name, "origin": listed.origin, "folder": str(listed.folder)}
    if blueprint is None:
        return {**document, "valid": False, "problem": listed.problem}
    return {
        **document,
        "valid": True,
        "summary": blueprint.summary,
        "reads": list(blueprint.reads),
        "functions": list(blueprint.functions),
        "once": blueprint.once,
        "settings": dict(blueprint.settings),
        "examples": [
            {"for": example.purpose, "command": f"tfgen add-module {example.add}"} for example in blueprint.examples
        ],
    }


def _wrapped(text: str, first: str, others: str) -> list[str]:
    return wrap(text, _WIDTH, initial_indent=first, subsequent_indent=others, break_long_words=False)


def _kind(part: Mapping[str, Any]) -> str:
    if "enum" in part:
        return " | ".join(json.dumps(item) if not isinstance(item, str) else item for item in part["enum"])
    kind = part.get("type", "any")
    text = kind if isinstance(kind, str) else " or ".join(kind)
    low, high = part.get("minimum"), part.get("maximum")
    if low is not None and high is not None:
        return f"{text} from {low} to {high}"
    return f"{text} from {low}" if low is not None else f"{text} to {high}" if high is not None else text


def _default(blueprint: Blueprint, name: str, part: Mapping[str, Any]) -> str:
    if name in blueprint.settings.get("required", ()):
        return ", must be given"
    if "when" in part:
        wanted = " and ".join(f"{other} {' or '.join(map(str, values))}" for other, values in part["when"].items())
        rest = f", default {json.dumps(part['default'])}" if "default" in part else ", must be given"
        return f", with {wanted}{rest}"
    return f", default {json.dumps(part['default'], ensure_ascii=False)}" if "default" in part else ""
