"""JSON Schema, the part that specs need: every problem with its path, did-you-mean, and defaults.

The `jsonschema` package would cost more than half of a whole `tfgen render` to import (docs/decisions/0003);
a test holds this reading of the keywords against it.
"""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from difflib import get_close_matches
from itertools import combinations
from typing import Any

Schema = Mapping[str, Any]

_TYPES: Mapping[str, tuple[type, ...]] = {
    "string": (str,),
    "integer": (int,),
    "number": (int, float),
    "boolean": (bool,),
    "array": (list,),
    "object": (dict,),
    "null": (type(None),),
}
_NAMES = {
    str: "text",
    int: "a whole number",
    float: "a number",
    bool: "true or false",
    list: "a list",
    dict: "a mapping",
    type(None): "empty",
}
_EXAMPLES = {
    "string": 'write a text, in quotes if it looks like something else: "12"',
    "integer": "write a whole number: 3",
    "number": "write a number: 0.5",
    "boolean": "write true or false",
    "array": "write a list: [a, b]",
    "object": "write a mapping: {key: value}",
    "null": "leave it empty",
}
_EMAIL = re.compile(r"[^@\s<>\",;]+@[A-Za-z0-9-]+(\.[A-Za-z0-9-]+)+")
_ARN = re.compile(r"arn:aws[a-z-]*:[a-z0-9-]+:[a-z0-9-]*:([0-9]{12})?:.+")
_AWS_ID = re.compile(r"[a-z]+-[0-9a-f]{8,17}")
_OUTPUT = re.compile(r"(|[a-z][a-z0-9]*(-[a-z0-9]+)*\.[A-Za-z_][A-Za-z0-9_]*)")


@dataclass(frozen=True)
class Problem:
    """One violation of a schema.

    Attributes:
        path: Where in the value.
        message: What is wrong.
        hint: What would be right.
        key: True if the key at `path` is the problem rather than its value.
    """

    path: tuple[str | int, ...]
    message: str
    hint: str = ""
    key: bool = False


def validate(value: Any, schema: Schema, path: tuple[str | int, ...] = ()) -> Iterator[Problem]:
    """Yield every problem of `value` under `schema`, outermost first."""
    kinds = _kinds(schema)
    if kinds and not _is_any(value, kinds):
        wanted = " or ".join(_expected(kind) for kind in kinds)
        yield Problem(path, f"{_name(value)} where {wanted} is wanted", _help(schema, _EXAMPLES[kinds[0]]))
        return
    if "enum" in schema and not any(_same(value, item) for item in schema["enum"]):
        yield Problem(path, f"{value!r} is not one of the values", _choice(value, schema["enum"]))
        return
    if isinstance(value, dict):
        yield from _object(value, schema, path)
    elif isinstance(value, list):
        yield from _array(value, schema, path)
    elif isinstance(value, str):
        yield from _string(value, schema, path)
    elif isinstance(value, int | float) and not isinstance(value, bool):
        yield from _number(value, schema, path)


def with_defaults(value: Any, schema: Schema) -> Any:
    """Return `value` with the schema's defaults filled in for what is missing, at every depth."""
    if not isinstance(value, dict):
        return value
    properties: Mapping[str, Schema] = schema.get("properties", {})
    filled = {}
    for name, part in properties.items():
        if name in value:
            filled[name] = with_defaults(value[name], part)
        elif "default" in part:
            filled[name] = with_defaults(part["default"], part)
    others = {name: with_defaults(item, _part(schema, name)) for name, item in value.items() if name not in properties}
    return {**filled, **others}


def applies(part: Schema, settings: Mapping[str, Any]) -> bool:
    """True if a setting counts beside the others: its `when` names values that they have, or it has none."""
    return all(settings.get(name) in values for name, values in part.get("when", {}).items())


def find_outputs(
    value: Any, schema: Schema, path: tuple[str | int, ...] = ()
) -> Iterator[tuple[str, tuple[str | int, ...]]]:
    """Yield each output of another module that settings name (`format: output`), with its place."""
    if isinstance(value, str):
        if value and schema.get("format") == "output":
            yield value, path
    elif isinstance(value, list):
        for index, item in enumerate(value):
            yield from find_outputs(item, schema.get("items", {}), (*path, index))
    elif isinstance(value, dict):
        for name, item in value.items():
            part = _part(schema, name)
            if applies(part, value):
                yield from find_outputs(item, part, (*path, name))


def map_outputs(value: Any, schema: Schema, change: Callable[[str], Any]) -> Any:
    """Return settings with each output that they name replaced by what `change` makes of it."""
    if isinstance(value, str):
        return change(value) if value and schema.get("format") == "output" else value
    if isinstance(value, list):
        return [map_outputs(item, schema.get("items", {}), change) for item in value]
    if isinstance(value, dict):
        return {name: map_outputs(item, _part(schema, name), change) for name, item in value.items()}
    return value


def _part(schema: Schema, name: str) -> Schema:
    """Return the schema of one key of a mapping."""
    if name in schema.get("properties", {}):
        return dict(schema["properties"][name])
    for pattern, part in schema.get("patternProperties", {}).items():
        if _fits(name, pattern):
            return dict(part)
    extra = schema.get("additionalProperties")
    return dict(extra) if isinstance(extra, Mapping) else {}


def check_schema(schema: Any, path: tuple[str | int, ...] = ()) -> Iterator[Problem]:
    """Yield what is wrong with a schema itself: keywords that `validate` would ignore or stumble over."""
    found = list(_structure_problems(schema, path))
    yield from found
    if not found:
        yield from _default_problems(schema, path)


def _structure_problems(schema: Any, path: tuple[str | int, ...]) -> Iterator[Problem]:
    if not isinstance(schema, dict):
        yield Problem(path, f"{_name(schema)} where a schema is wanted", "write a mapping: {type: string}")
        return
    yield from _keyword_problems(schema, path)
    for place, part in _parts(schema):
        yield from _structure_problems(part, (*path, *place))


def _default_problems(schema: Schema, path: tuple[str | int, ...]) -> Iterator[Problem]:
    if "default" in schema:
        yield from validate(schema["default"], schema, (*path, "default"))
    for place, part in _parts(schema):
        yield from _default_problems(part, (*path, *place))


def _parts(schema: Schema) -> Iterator[tuple[tuple[str, ...], Any]]:
    """Yield the schemas inside a schema, each with its place."""
    for group in ("properties", "patternProperties"):
        for name, part in _mapping_of(schema, group).items():
            yield (group, name), part
    for single in ("items", "additionalProperties"):
        if isinstance(schema.get(single), dict):
            yield (single,), schema[single]


def _mapping_of(schema: Schema, group: str) -> Mapping[str, Any]:
    found = schema.get(group, {})
    return found if isinstance(found, dict) else {}


def _keyword_problems(schema: Schema, path: tuple[str | int, ...]) -> Iterator[Problem]:
    for keyword, value in schema.items():
        place = (*path, keyword)
        if keyword not in _KEYWORDS:
            yield Problem(place, f"unknown keyword '{keyword}'", _choice(keyword, sorted(_KEYWORDS)), key=True)
            continue
        found = list(validate(value, _KEYWORDS[keyword], place))
        yield from found
        expressions = {"pattern": [value], "patternProperties": value}.get(keyword, ())
        for expression in () if found else expressions:
            try:
                re.compile(expression)
            except re.error as error:
                yield Problem(place, f"{expression!r} is not a regular expression: {error}", "such as ^[a-z]+$")


def suggest(word: str, words: Sequence[str]) -> str:
    """Return `did you mean 'x'?` for the nearest of `words`, else the list of them."""
    return _choice(word, words)


def _same(left: Any, right: Any) -> bool:
    """Compare as JSON does: true is not 1, but 1.0 is."""
    if isinstance(left, list) and isinstance(right, list):
        return len(left) == len(right) and all(map(_same, left, right))
    if isinstance(left, dict) and isinstance(right, dict):
        return left.keys() == right.keys() and all(_same(item, right[name]) for name, item in left.items())
    return isinstance(left, bool) == isinstance(right, bool) and bool(left == right)


def _has_repeats(values: Sequence[Any]) -> bool:
    if all(isinstance(item, str) for item in values):
        return len(set(values)) < len(values)
    return any(_same(*pair) for pair in combinations(values, 2))


def _fits(text: str, pattern: str) -> bool:
    """Search as ECMA 262 does: `$` is the end, not the place before a last line break."""
    if pattern.endswith("$") and not pattern.endswith("\\$"):
        pattern = pattern[:-1] + r"\Z"
    return re.search(pattern, text) is not None


def _help(schema: Schema, otherwise: str) -> str:
    return str(schema.get("description") or otherwise)


def _kinds(schema: Schema) -> tuple[str, ...]:
    kind = schema.get("type", ())
    return (kind,) if isinstance(kind, str) else tuple(kind)


def _is_any(value: Any, kinds: Sequence[str]) -> bool:
    if isinstance(value, bool):
        return "boolean" in kinds
    return any(isinstance(value, _TYPES[kind]) for kind in kinds)


def _expected(kind: str) -> str:
    return _NAMES[_TYPES[kind][-1]]


def _name(value: Any) -> str:
    if isinstance(value, str):
        return f"the text {value!r}" if len(value) <= 40 else "text"
    if isinstance(value, bool):
        return "true" if value else "false"
    return repr(value) if isinstance(value, int | float) else _NAMES[type(value)]


def _choice(word: Any, words: Sequence[Any]) -> str:
    names = [str(item) for item in words]
    near = get_close_matches(str(word), names, n=1, cutoff=0.6)
    if near:
        return f"did you mean '{near[0]}'?"
    return f"one of: {', '.join(names)}" if names else ""


def _object(value: dict[str, Any], schema: Schema, path: tuple[str | int, ...]) -> Iterator[Problem]:
    properties: Mapping[str, Schema] = schema.get("properties", {})
    patterns: Mapping[str, Schema] = schema.get("patternProperties", {})
    for name in schema.get("required", ()):
        if name not in value:
            yield Problem(path, f"'{name}' is missing", _help(properties.get(name, {}), f"add {name}: …"))
    if len(value) < schema.get("minProperties", 0):
        yield Problem(path, "the mapping is empty", _help(schema, "add a key"))
    for name, item in value.items():
        parts = [properties[name]] if name in properties else []
        parts += [part for pattern, part in patterns.items() if _fits(name, pattern)]
        extra = schema.get("additionalProperties", True)
        for part in parts:
            yield from validate(item, part, (*path, name))
        if not parts and isinstance(extra, Mapping):
            yield from validate(item, extra, (*path, name))
        elif not parts and not extra:
            fitting = f"a key fits {' or '.join(patterns)}" if patterns else "take it out: no key is wanted here"
            hint = _choice(name, sorted(properties)) or fitting
            yield Problem((*path, name), f"unknown key '{name}'", hint, key=True)


def _array(value: list[Any], schema: Schema, path: tuple[str | int, ...]) -> Iterator[Problem]:
    least, most = schema.get("minItems", 0), schema.get("maxItems", len(value))
    if len(value) < least:
        yield Problem(path, f"at least {least} items are wanted", _help(schema, "add some"))
    if len(value) > most:
        yield Problem(path, f"at most {most} items are allowed", _help(schema, "take some out"))
    if schema.get("uniqueItems") and _has_repeats(value):
        yield Problem(path, "an item stands twice", "take one of them out")
    for index, item in enumerate(value):
        yield from validate(item, schema.get("items", {}), (*path, index))


def _string(value: str, schema: Schema, path: tuple[str | int, ...]) -> Iterator[Problem]:
    least, most = schema.get("minLength", 0), schema.get("maxLength", len(value))
    if len(value) < least:
        message = f"at least {least} characters are wanted" if value else "the text is empty"
        yield Problem(path, message, _help(schema, "write more"))
    if len(value) > most:
        message = f"at most {most} characters are allowed, these are {len(value)}"
        yield Problem(path, message, _help(schema, "write less"))
    if "pattern" in schema and not _fits(value, schema["pattern"]):
        yield Problem(path, f"{value!r} does not fit", _help(schema, schema["pattern"]))
    if "format" in schema:
        check, example = _FORMATS[schema["format"]]
        if message := check(value):
            yield Problem(path, message, f"such as {example}")


def _number(value: float, schema: Schema, path: tuple[str | int, ...]) -> Iterator[Problem]:
    least, most = schema.get("minimum", value), schema.get("maximum", value)
    if value < least:
        yield Problem(path, f"{value} is less than {least}", _help(schema, f"write {least} or more"))
    if value > most:
        yield Problem(path, f"{value} is more than {most}", _help(schema, f"write {most} or less"))


def _cidr(value: str) -> str:
    try:
        network = ipaddress.IPv4Network(value)
    except ValueError as error:
        return f"{value!r} is not an IPv4 CIDR block: {error}"
    # Amazon VPC User Guide, "VPC CIDR blocks": between a /16 and a /28 netmask.
    return "" if 16 <= network.prefixlen <= 28 else f"{value!r} is outside /16 to /28, the sizes of a VPC"


def _time_zone(value: str) -> str:
    from zoneinfo import ZoneInfo

    try:
        ZoneInfo(value)
    except (OSError, ValueError, KeyError):
        return f"{value!r} is not an IANA time zone"
    return ""


def _matches(pattern: re.Pattern[str], what: str) -> Callable[[str], str]:
    return lambda value: "" if pattern.fullmatch(value) else f"{value!r} is not {what}"


_FORMATS: Mapping[str, tuple[Callable[[str], str], str]] = {
    "cidr": (_cidr, "10.0.0.0/16"),
    "email": (_matches(_EMAIL, "an e-mail address"), "reports@example.com"),
    "time-zone": (_time_zone, "Europe/Berlin"),
    "arn": (_matches(_ARN, "an ARN"), "arn:aws:iam::123456789012:role/name"),
    "aws-id": (_matches(_AWS_ID, "an id of AWS"), "vpc-0a1b2c3d"),
    "output": (_matches(_OUTPUT, "an output of a module"), "storage.orders_table_name"),
}

_COUNT: Schema = {"type": "integer", "minimum": 0}
_TEXTS: Schema = {"type": "array", "items": {"type": "string"}, "uniqueItems": True}
_KEYWORDS: Mapping[str, Schema] = {
    "$schema": {"type": "string"},
    "$id": {"type": "string"},
    "title": {"type": "string"},
    "description": {"type": "string"},
    "examples": {"type": "array"},
    "default": {},
    "type": {
        "type": ["string", "array"],
        "pattern": f"^({'|'.join(_TYPES)})$",
        "description": f"one of: {', '.join(_TYPES)}",
        "items": {"type": "string", "enum": [*_TYPES]},
    },
    "enum": {"type": "array", "minItems": 1},
    "pattern": {"type": "string"},
    "format": {"type": "string", "enum": [*_FORMATS]},
    "minLength": _COUNT,
    "maxLength": _COUNT,
    "minimum": {"type": "number"},
    "maximum": {"type": "number"},
    "items": {"type": "object"},
    "minItems": _COUNT,
    "maxItems": _COUNT,
    "uniqueItems": {"type": "boolean"},
    "properties": {"type": "object"},
    "patternProperties": {"type": "object"},
    "required": _TEXTS,
    "additionalProperties": {"type": ["boolean", "object"]},
    "minProperties": _COUNT,
    "varies": {"type": "boolean"},
    "when": {"type": "object", "minProperties": 1, "additionalProperties": {"type": "array", "minItems": 1}},
}
"""What `validate` understands, and what each keyword wants.

Two are ours. `varies`: the setting may differ per environment. `when`: it counts only where other settings have
one of these values (`{trigger: [schedule]}`); without a default it must then be given.
"""
