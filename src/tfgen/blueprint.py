"""Blueprints as data: a folder with `blueprint.yaml` and templates; no Python is needed to add one."""

from __future__ import annotations

import copy
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tfgen.errors import SpecError, TfgenError
from tfgen.schema import Schema, check_schema, suggest, validate
from tfgen.spec import SPEC_SCHEMA
from tfgen.yamldoc import Document, load_document

SHARED = "_shared"
SCAFFOLD = "scaffold"
_FILE = "blueprint.yaml"
_TEST = ".tftest.hcl.j2"
_MODULE = "{module}"
_SHARED_TEMPLATES = (
    "README.md.j2",
    "backend.tf.j2",
    "locals.tf.j2",
    "providers.tf.j2",
    "remote_state.tf.j2",
    "versions.tf.j2",
)

_RUNBOOK: Schema = {
    "type": "object",
    "additionalProperties": False,
    "required": ["id", "title", "meaning", "first_look", "command"],
    "properties": {
        "id": {"type": "string", "pattern": "^[a-z0-9-]+$", "description": "an anchor: words joined by hyphens"},
        **{name: {"type": "string", "minLength": 1} for name in ("title", "meaning", "first_look", "command")},
    },
}
_FUNCTION: Schema = {
    "type": "string",
    "pattern": r"^([a-z][a-z0-9_]*|\{module\})(\{module\}|[a-z0-9_])*$",
    "description": "a folder under lambdas/: lower-case words joined by underscores; {module} is the module's name",
}
_EXAMPLE: Schema = {
    "type": "object",
    "additionalProperties": False,
    "required": ["for", "add"],
    "properties": {
        "for": {"type": "string", "minLength": 1, "description": "what the example is for"},
        "add": {"type": "string", "minLength": 1, "description": "what follows `tfgen add-module`"},
    },
}
_GLOBALS = ("project", "region", "owner", "state_bucket", "state_lock_table")
_NAMES: Schema = {"type": "array", "items": {"type": "string", "minLength": 1}, "uniqueItems": True}
_FACT: Schema = {
    "type": "object",
    "additionalProperties": False,
    "required": ["change", "apply", "risk"],
    "properties": {
        **{name: {"type": "string", "minLength": 1} for name in ("change", "apply", "risk")},
        **dict.fromkeys(("settings", "attributes", "removed", "reads", "outputs"), _NAMES),
        "code": {"type": "boolean"},
        "loses_data": {"type": "boolean"},
    },
}
_SCHEMA: Schema = {
    "type": "object",
    "additionalProperties": False,
    "required": ["summary", "settings"],
    "properties": {
        "summary": {"type": "string", "minLength": 1},
        "reads": {"type": "array", "items": {"type": "string"}, "uniqueItems": True},
        "functions": {"type": "array", "items": _FUNCTION, "uniqueItems": True},
        "once": {"type": "boolean"},
        "name_limit": {"type": "integer", "minimum": 8},
        "examples": {"type": "array", "items": _EXAMPLE},
        "settings": {"type": "object"},
        "samples": {"type": "object"},
        "facts": {"type": "array", "items": _FACT},
        "redeploy": {"type": "string"},
        "rollback": {"type": "string"},
        "holds": {"type": "string"},
        "runbooks": {"type": "array", "items": _RUNBOOK},
    },
}


@dataclass(frozen=True)
class Runbook:
    """What to do when an alarm fires; a section of the module's README.

    Attributes:
        id: Anchor of the section, which the alarm's description names.
        title: The alarm in words.
        meaning: What the alarm says.
        first_look: Where to look first.
        command: A command that shows it.
    """

    id: str
    title: str
    meaning: str
    first_look: str
    command: str


@dataclass(frozen=True)
class Fact:
    """What one kind of change means: a line of the README, and an answer of `tfgen impact --since`.

    Attributes:
        change: The change in words, Markdown.
        apply: What has to be applied, in words.
        risk: What it risks, in words.
        settings: Settings whose change this is; also project, region, owner, state_bucket and
            state_lock_table.
        attributes: Resource types, or `type.attribute`, whose change this is.
        removed: Resource types of which one disappears.
        reads: Outputs of other modules whose change this is: `foundation.vpc_id`.
        code: The code of one of its functions changes.
        outputs: Outputs that have another value afterwards; `*` for all.
        loses_data: The change destroys something that holds data.
    """

    change: str
    apply: str
    risk: str
    settings: tuple[str, ...] = ()
    attributes: tuple[str, ...] = ()
    removed: tuple[str, ...] = ()
    reads: tuple[str, ...] = ()
    code: bool = False
    outputs: tuple[str, ...] = ()
    loses_data: bool = False


@dataclass(frozen=True)
class Example:
    """A module that somebody might add.

    Attributes:
        purpose: What it is for.
        add: The words after `tfgen add-module`.
    """

    purpose: str
    add: str


@dataclass(frozen=True)
class Blueprint:
    """A folder from which modules are rendered.

    Attributes:
        name: The folder's name.
        folder: Where it is.
        summary: What a module of it is for, one line.
        reads: Short names of the modules whose outputs its templates read.
        functions: Lambda functions it ships; `{module}` stands for the module's identifier.
        once: A project has one module of it.
        name_limit: Most characters of `<project>-<environment>-<module>`; None for any number.
        examples: Modules that somebody might add.
        settings: JSON Schema of its settings; `varies: true` marks those that differ per environment.
        templates: File names of its templates, sorted.
        tests: File names of the templates of its Terraform tests, in `tests/`, sorted.
        samples: Output → the value that tests of its readers take for it, where its name does not tell.
        holds: Markdown: what a module of it holds.
        facts: Which changes force redeployment of what, one by one.
        redeploy: Markdown: what else is to be said about that.
        rollback: Markdown: how to roll back.
        runbooks: One per alarm.
    """

    name: str
    folder: Path
    summary: str
    reads: tuple[str, ...]
    functions: tuple[str, ...]
    once: bool
    name_limit: int | None
    examples: tuple[Example, ...]
    settings: Schema
    templates: tuple[str, ...]
    tests: tuple[str, ...]
    samples: Mapping[str, Any]
    holds: str
    facts: tuple[Fact, ...]
    redeploy: str
    rollback: str
    runbooks: tuple[Runbook, ...]

    @property
    def varying(self) -> tuple[str, ...]:
        """Names of the settings that may differ per environment."""
        properties: Mapping[str, Schema] = self.settings.get("properties", {})
        return tuple(name for name, part in properties.items() if part.get("varies"))

    def functions_of(self, identifier: str) -> tuple[str, ...]:
        """Return the names of the functions that a module of that identifier has."""
        return tuple(function.replace(_MODULE, identifier) for function in self.functions)


def list_blueprints(roots: Sequence[Path]) -> dict[str, Path]:
    """Return the folder of every blueprint; a folder in an earlier root replaces its namesakes."""
    found: dict[str, Path] = {}
    for root in roots:
        if root.is_dir():
            for folder in sorted(root.iterdir()):
                if folder.name != SHARED and (folder / _FILE).is_file():
                    found.setdefault(folder.name, folder)
    return dict(sorted(found.items()))


def load_blueprint(name: str, folder: Path) -> Blueprint:
    """Read one blueprint.

    Raises:
        TfgenError: Its `blueprint.yaml` is missing or unreadable.
        SpecError: It is not valid; all problems at once.
    """
    document = load_document(folder / _FILE, f"templates/{name}/{_FILE}")
    problems = [
        document.problem(problem.message, problem.path, hint=problem.hint, key=problem.key)
        for problem in validate(document.value, _SCHEMA)
    ]
    if not problems:
        problems = [*_settings_problems(document), *_facts_problems(document), *_template_problems(name, folder)]
    if problems:
        raise SpecError(problems)
    return _blueprint(name, folder, document.value)


def _settings_problems(document: Document) -> list[TfgenError]:
    schema = document.value["settings"]
    problems = [
        document.problem(problem.message, problem.path, hint=problem.hint, key=problem.key)
        for problem in check_schema(schema, ("settings",))
    ]
    for name, part in schema.get("properties", {}).items() if not problems else ():
        path = ("settings", "properties", name)
        if "default" not in part and "when" not in part and name not in schema.get("required", ()):
            hint = "give it a default, or name it in 'required'"
            problems.append(document.problem(f"the setting '{name}' has no default", path, hint=hint, key=True))
        if part.get("varies") and any(_names_outputs(part)):
            hint = "take out 'varies': which modules are read is the same in every environment"
            problems.append(
                document.problem(f"the setting '{name}' names outputs and varies", path, hint=hint, key=True)
            )
        for other in part.get("when", {}):
            if "enum" not in schema["properties"].get(other, {}):
                hint = "a setting that depends on another one names one with an enum"
                problems.append(document.problem(f"there is no choice '{other}'", (*path, "when"), hint=hint))
    return problems


def _names_outputs(part: Schema) -> Iterator[bool]:
    yield part.get("format") == "output"
    for inner in (*part.get("properties", {}).values(), *part.get("patternProperties", {}).values()):
        yield from _names_outputs(inner)
    for inner in (part.get("items"), part.get("additionalProperties")):
        if isinstance(inner, Mapping):
            yield from _names_outputs(inner)


def _facts_problems(document: Document) -> list[TfgenError]:
    known = [*document.value["settings"].get("properties", {}), *_GLOBALS]
    return [
        document.problem(f"there is no setting '{setting}'", ("facts", index, "settings"), hint=suggest(setting, known))
        for index, fact in enumerate(document.value.get("facts", ()))
        for setting in fact.get("settings", ())
        if setting not in known
    ]


def _fact(item: Mapping[str, Any]) -> Fact:
    values: dict[str, Any] = {name: tuple(value) if isinstance(value, list) else value for name, value in item.items()}
    return Fact(**values)


def _template_problems(name: str, folder: Path) -> list[TfgenError]:
    hint = "choose another file name; to change what all modules have in common, put a file into templates/_shared/"
    return [
        TfgenError("this file is rendered from templates/_shared/", where=f"templates/{name}/{file}", hint=hint)
        for file in _SHARED_TEMPLATES
        if (folder / file).exists()
    ]


def _blueprint(name: str, folder: Path, value: Mapping[str, Any]) -> Blueprint:
    templates = sorted(path.name for path in folder.iterdir() if path.name.endswith(".j2"))
    return Blueprint(
        name=name,
        folder=folder,
        summary=value["summary"],
        reads=tuple(value.get("reads", ())),
        functions=tuple(value.get("functions", ())),
        once=value.get("once", False),
        name_limit=value.get("name_limit"),
        examples=tuple(Example(item["for"], item["add"]) for item in value.get("examples", ())),
        settings={"type": "object", "additionalProperties": False, **value["settings"]},
        templates=tuple(templates),
        tests=tuple(sorted(path.name for path in (folder / "tests").glob(f"*{_TEST}"))),
        samples=value.get("samples", {}),
        holds=value.get("holds", "").strip(),
        facts=tuple(_fact(item) for item in value.get("facts", ())),
        redeploy=value.get("redeploy", "").strip(),
        rollback=value.get("rollback", "").strip(),
        runbooks=tuple(Runbook(**item) for item in value.get("runbooks", ())),
    )


def describe_spec(blueprints: Sequence[Blueprint]) -> dict[str, Any]:
    """Return the JSON Schema of a spec whose modules may use these blueprints."""
    schema = copy.deepcopy(dict(SPEC_SCHEMA))
    module = schema["properties"]["modules"]["additionalProperties"]
    module["properties"]["blueprint"] = {
        "oneOf": [{"const": blueprint.name, "description": blueprint.summary} for blueprint in blueprints]
    }
    module["allOf"] = [
        {
            "if": {"properties": {"blueprint": {"const": blueprint.name}}},
            "then": {"properties": {"settings": dict(blueprint.settings)}},
        }
        for blueprint in blueprints
    ]
    return schema
