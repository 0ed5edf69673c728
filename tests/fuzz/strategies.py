"""Random specs: valid ones by the blueprints' own schemas, with texts that try to be code; and broken ones."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from hypothesis import strategies as st

from tfgen.assets import template_roots
from tfgen.blueprint import Blueprint, list_blueprints, load_blueprint

ROOT = Path(__file__).resolve().parents[2]

_PIECES = (
    "${",
    "%{",
    "$${",
    "%%{",
    "}",
    "{",
    "$",
    "%",
    '"',
    "'",
    "\\",
    "\n",
    "\r",
    "\t",
    "<<EOF\n",
    "<<-EOT\n",
    "EOF",
    "#",
    "//",
    "/*",
    "*/",
    "`",
    "\u2028",
    "\u2029",
    "\u202e",
    "\u2066",
    "\ufeff",
    "\u200b",
    "\x00",
    "\x07",
    "\x1b[2J",
    "\x85",
    "\x7f",
    '${file("/etc/passwd")}',
    "%{ for x in [1] }",
    "{{ 7 * 7 }}",
    "{% raw %}",
    "{#",
    "\\u0041",
    "\\n",
    "é",
    "\U0001f980",
    "a",
    "b ",
)

evil_texts = st.one_of(
    st.lists(st.sampled_from(_PIECES), min_size=1, max_size=6).map("".join),
    st.text(st.characters(exclude_categories=("Cs",)), min_size=1, max_size=30),
)
lines = evil_texts.map(lambda text: "".join(c for c in text if not (ord(c) < 0x20 or 0x7F <= ord(c) <= 0x9F)) or "x")

words = st.from_regex(r"[a-z][a-z0-9]{0,7}(-[a-z0-9]{1,5}){0,2}", fullmatch=True)
names = words.filter(lambda text: len(text) <= 24)

_FORMATS = {
    "cidr": st.builds("10.{}.0.0/{}".format, st.integers(0, 255), st.integers(16, 24)),
    "email": st.sampled_from(("someone@example.com", "a.b+c@example.org", "x'y%z@example.com")),
    "time-zone": st.sampled_from(("UTC", "Europe/Berlin", "America/New_York", "Asia/Tokyo")),
    "arn": st.sampled_from(("arn:aws:iam::123456789012:role/name", "arn:aws:sns:eu-west-1:123456789012:${x}")),
    "aws-id": st.sampled_from(("vpc-0a1b2c3d", "subnet-0123456789abcdef0")),
    "output": st.sampled_from(
        (
            "storage.orders_table_arn",
            "storage.orders_table_name",
            "storage.reports_bucket_name",
            "foundation.kms_key_arn",
            "notification.alerts_topic_arn",
            "iam.sender",
            "storage.nothing",
            "nowhere.x",
            "",
        )
    ),
}


@cache
def blueprints() -> Mapping[str, Blueprint]:
    """Every shipped blueprint."""
    return {name: load_blueprint(name, folder) for name, folder in list_blueprints(template_roots(ROOT)).items()}


def values(schema: Mapping[str, Any]) -> st.SearchStrategy[Any]:
    """Return values that are valid, or nearly so, under a blueprint's schema."""
    if "enum" in schema:
        return st.sampled_from(schema["enum"])
    kinds = schema.get("type", "string")
    kind = kinds if isinstance(kinds, str) else kinds[0]
    if kind == "object":
        return _objects(schema)
    if kind == "array":
        most = min(schema.get("maxItems", 3), schema.get("minItems", 0) + 3)
        items = values(schema.get("items", {}))
        return st.lists(items, min_size=schema.get("minItems", 0), max_size=most, unique_by=repr)
    if kind == "boolean":
        return st.booleans()
    if kind in ("integer", "number"):
        least = schema.get("minimum", -(10**6))
        most = schema.get("maximum", max(least, 0) + 10**6)
        whole = (
            st.integers(math.ceil(least), math.floor(most)) if math.ceil(least) <= math.floor(most) else st.nothing()
        )
        return whole if kind == "integer" else st.one_of(whole, st.floats(least, most))
    if kind == "null":
        return st.none()
    return _texts(schema)


def _texts(schema: Mapping[str, Any]) -> st.SearchStrategy[str]:
    if schema.get("format") in _FORMATS:
        return _FORMATS[schema["format"]]
    least, most = schema.get("minLength", 0), schema.get("maxLength", 60)
    if "pattern" in schema:
        alphabet = st.characters(codec="utf-8", exclude_categories=("Cs",))
        # In Python `$` also stands before a last line break; in a schema it does not.
        pattern = schema["pattern"].removesuffix("$") + r"\Z"
        made = st.from_regex(pattern, alphabet=alphabet)
        return made.filter(lambda text: least <= len(text) <= most)
    return evil_texts.map(lambda text: text[:most].ljust(least, "x"))


def _objects(schema: Mapping[str, Any]) -> st.SearchStrategy[dict[str, Any]]:
    properties = schema.get("properties", {})
    required = {name: values(part) for name, part in properties.items() if name in schema.get("required", ())}
    optional = {name: values(part) for name, part in properties.items() if name not in required}
    fixed = st.fixed_dictionaries(required, optional=optional)
    extra = schema.get("additionalProperties")
    if isinstance(extra, Mapping):
        more = st.dictionaries(st.one_of(words, evil_texts), values(extra), max_size=3)
        return st.builds(lambda one, other: {**other, **one}, fixed, more)
    return fixed


@dataclass(frozen=True)
class Case:
    """A project: its spec, its environments, and blueprints of its own."""

    spec: dict[str, Any]
    environments: dict[str, dict[str, Any]]
    templates: dict[str, str]


_LABELS = """\
summary: {summary}
settings:
  properties:
    label: {{type: string, default: x}}
    labels: {{type: array, items: {{type: string}}, default: []}}
    table: {{type: object, additionalProperties: {{type: string}}, default: {{}}}}
    late: {{type: string, default: x, varies: true}}
"""
_MAIN = """\
resource "terraform_data" "this" {
  input = {
    label  = {{ settings.label | hcl }}
    inside = "before ${var.environment} {{ settings.label | text }} after"
    labels = {{ settings.labels | hcl(4) }}
    table  = {{ settings.table | hcl(4) }}
    late   = var.late
  }
}
"""
_VARIABLES = """\
variable "late" {
  description = "Late."
  type        = string
  default     = {{ settings.late | hcl }}
}
"""
_OUTPUTS = """\
output "label" {
  description = {{ settings.label | hcl }}
  value       = terraform_data.this.id
}
"""


def own_templates(summary: str = "labels") -> dict[str, str]:
    """Return the files of a blueprint that prints every kind of text."""
    files = {"blueprint.yaml": _LABELS.format(summary=summary), "main.tf.j2": _MAIN}
    return {
        f"own/{name}": text
        for name, text in {**files, "variables.tf.j2": _VARIABLES, "outputs.tf.j2": _OUTPUTS}.items()
    }


_own_settings = st.fixed_dictionaries(
    {},
    optional={
        "label": evil_texts,
        "labels": st.lists(evil_texts, max_size=4),
        "table": st.dictionaries(evil_texts, evil_texts, max_size=4),
        "late": evil_texts,
    },
)


@st.composite
def cases(draw: st.DrawFn) -> Case:
    """Draw a project that is valid, or nearly so: some of the shipped blueprints, and one of its own."""
    known = blueprints()
    base = ("backend-config", "foundation", "iam", "storage", "api-ingestion", "event-processing", "notification")
    base = (*base, "monitoring")[: draw(st.integers(1, len(base) + 1))]
    modules: dict[str, Any] = {}
    for number, name in enumerate(base):
        module = f"{number - 1:02d}-{name}" if number else name
        modules[module] = {"blueprint": name, "settings": draw(values(known[name].settings))}
    others = [name for name, blueprint in known.items() if name not in base and not blueprint.once]
    numbers = draw(st.lists(st.integers(20, 9999), max_size=3, unique=True))
    for number in sorted(numbers):
        name = draw(st.sampled_from([*others, "own", "own"]))
        settings = draw(_own_settings if name == "own" else values(known[name].settings))
        modules[f"{number:0{draw(st.integers(2, 4))}d}-{draw(words)}"] = {"blueprint": name, "settings": settings}
    spec = {
        "version": 1,
        "project": draw(names),
        "owner": draw(lines),
        "region": draw(st.sampled_from(("eu-west-1", "us-gov-west-1", "ap-southeast-3"))),
        "tags": draw(st.dictionaries(evil_texts, evil_texts, max_size=3)),
        "state": {"key_prefix": draw(st.sampled_from(("", "a/", "a/b.c/", "../", "./", "..//")))},
        "modules": modules,
    }
    return Case(spec, draw(_environments(modules)), own_templates())


@st.composite
def _environments(draw: st.DrawFn, modules: Mapping[str, Any]) -> dict[str, dict[str, Any]]:
    known = blueprints()
    found: dict[str, dict[str, Any]] = {
        "local": {"endpoint": "http://127.0.0.1:4566", "state": {"bucket": "b-local-tfstate", "lock_table": "locks"}}
    }
    for name in draw(st.lists(words.filter(lambda text: len(text) <= 16 and text != "local"), max_size=2, unique=True)):
        overlay = {}
        for module, value in modules.items():
            if value["blueprint"] == "own":
                overlay[module] = draw(st.fixed_dictionaries({}, optional={"late": evil_texts}))
            elif draw(st.booleans()):
                properties = known[value["blueprint"]].settings.get("properties", {})
                varying = {key: values(part) for key, part in properties.items() if part.get("varies")}
                overlay[module] = draw(st.fixed_dictionaries({}, optional=varying))
        found[name] = {
            "account": draw(st.from_regex(r"[0-9]{12}", fullmatch=True)),
            "credentials": ["profile"],
            "state": {
                "bucket": "b-other-tfstate",
                "lock_table": draw(st.from_regex(r"[A-Za-z0-9_.-]{3,9}", fullmatch=True)),
            },
            "modules": overlay,
        }
    return found


scalars = st.one_of(
    st.none(), st.booleans(), st.integers(), st.floats(), evil_texts, st.dates(), st.datetimes(), st.binary(max_size=4)
)
anything = st.recursive(
    scalars,
    lambda inner: st.one_of(
        st.lists(inner, max_size=3), st.dictionaries(st.one_of(words, evil_texts, st.integers()), inner, max_size=3)
    ),
    max_leaves=8,
)


@st.composite
def broken_cases(draw: st.DrawFn) -> Case:
    """Draw a project in which something was replaced by anything at all."""
    case = draw(cases())
    document: Any = draw(st.sampled_from((case.spec, *case.environments.values())))
    for _ in range(draw(st.integers(1, 3))):
        target = document
        while isinstance(target, dict | list) and target and draw(st.integers(0, 3)):
            key = draw(st.sampled_from(sorted(target, key=repr) if isinstance(target, dict) else range(len(target))))
            if not isinstance(target[key], dict | list) or not target[key] or not draw(st.integers(0, 2)):
                target[key] = draw(anything)
                break
            target = target[key]
        else:
            if isinstance(target, dict):
                target[draw(st.one_of(words, evil_texts))] = draw(anything)
    return case


_JINJA = (
    "{{ settings.label }}",
    "{{ settings.label | hcl }}",
    "{{ settings | hcl }}",
    "{{ nothing.x | hcl }}",
    "{% for x in modules %}",
    "{% endfor %}",
    "{% if settings.label %}",
    "{% endif %}",
    "{% include '_shared/locals.tf.j2' %}",
    "{% include '../../../../etc/passwd' %}",
    "{% include '/etc/passwd' %}",
    "{{ module.__class__.__mro__ }}",
    "{{ project.root | hcl }}",
    "{% macro m() %}",
    "{% endmacro %}",
    "{{ 1 / 0 }}",
    "{{ 'a' * 10 }}",
    "{% import 'x' as y %}",
    "{{ [] | first }}",
    "{% set x = 1 %}",
    "{#",
    "#}",
    "{{",
    "}}",
    'resource "terraform_data" "x" {\n',
    "}\n",
    "local.storage.x\n",
    "local.x.y\n",
    'output "o" {\n',
    "value = 1\n",
    "{{ 'x' | ident }}",
    "{{ '../x' | ident }}",
    "{{ none | hcl }}",
    "{{ module.reads | first }}",
    "{{ x.y.z }}",
    "{{ range(3) | hcl }}",
    "{{ cycler(1) }}",
    "é",
    "\x00",
    "{{ settings.label.upper() | hcl }}",
    "{{ settings.items() | hcl }}",
    "{{ namespace() | hcl }}",
)
template_texts = st.lists(st.one_of(st.sampled_from(_JINJA), evil_texts), max_size=6).map("".join)
