"""The user's YAML: `config/project.yaml` and `config/environments/*.yaml`, read with positions."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from tfgen.errors import SpecError, TfgenError
from tfgen.schema import Schema, validate
from tfgen.yamldoc import Document, load_document, parse_document

SPEC_FILE = Path("config") / "project.yaml"

_NAME = r"^[a-z][a-z0-9]*(-[a-z0-9]+)*$"
CREDENTIALS = ("profile", "keys", "session_token", "role", "web_identity")

_ENVIRONMENT_NAME = re.compile(r"[a-z][a-z0-9-]{0,15}")
_ENVIRONMENT_HINT = "name the file with 1 to 16 lower-case letters, digits and hyphens: staging.yaml"

_TEXT_MAP: Schema = {"type": "object", "additionalProperties": {"type": "string", "maxLength": 256}}
_BUCKET: Schema = {
    "type": "string",
    "pattern": r"^[a-z0-9][a-z0-9-]{1,61}[a-z0-9]$",
    "description": "3 to 63 lower-case letters, digits and hyphens",
}
_TABLE: Schema = {
    "type": "string",
    "pattern": r"^[A-Za-z0-9_.-]{3,255}$",
    "description": "3 to 255 letters, digits, '_', '.' and '-'",
}
_REGION: Schema = {
    "type": "string",
    "pattern": r"^[a-z]{2}(-[a-z]+)+-[0-9]$",
    "description": "an AWS region such as eu-west-1",
}
_CONSTRAINT: Schema = {
    "type": "string",
    "pattern": r"^\s*(=|!=|>=|<=|>|<|~>)?\s*\d+(\.\d+){0,2}(\s*,\s*(=|!=|>=|<=|>|<|~>)?\s*\d+(\.\d+){0,2})*\s*$",
    "description": 'a version constraint such as "~> 5.100"',
}
_APPLY: Schema = {
    "type": "string",
    "enum": ["composed", "modules"],
    "description": "How the plan of the whole is applied: itself, in one terraform process, or module by module",
}
_LOCAL_NAME = r"^[a-z][a-z0-9-]*$"
_PROVIDER: Schema = {
    "type": "object",
    "additionalProperties": False,
    "required": ["source", "version"],
    "properties": {
        "source": {
            "type": "string",
            "pattern": r"^([a-z0-9.-]+/)?[A-Za-z0-9_-]+/[A-Za-z0-9_-]+$",
            "description": "a provider address such as hashicorp/random",
        },
        "version": _CONSTRAINT,
    },
}

ENVIRONMENT_SCHEMA: Schema = {
    "type": "object",
    "additionalProperties": False,
    "properties": {
        "account": {
            "type": "string",
            "pattern": r"^[0-9]{12}$",
            "description": 'the AWS account, twelve digits in quotes: "123456789012"',
        },
        "endpoint": {
            "type": "string",
            "pattern": r"^https?://[A-Za-z0-9.-]+(:[0-9]{1,5})?/?$",
            "description": "the URL of an AWS-compatible emulator: http://127.0.0.1:4566",
        },
        "embedded": {"type": "boolean", "description": "False if the emulator is started by somebody else"},
        "region": _REGION,
        "credentials": {
            "type": "array",
            "items": {"type": "string", "enum": list(CREDENTIALS)},
            "uniqueItems": True,
            "description": "Kinds of credentials that are let through to AWS",
        },
        "state": {
            "type": "object",
            "additionalProperties": False,
            "properties": {"bucket": _BUCKET, "lock_table": _TABLE},
        },
        "apply": _APPLY,
        "modules": {
            "type": "object",
            "additionalProperties": {"type": "object"},
            "description": "Values of settings that vary, by module",
        },
    },
}

SPEC_SCHEMA: Schema = {
    "$schema": "https://json-schema.org/draft/2020-12/schema",
    "title": "tfgen project spec",
    "type": "object",
    "additionalProperties": False,
    "required": ["version", "project", "owner", "region", "modules"],
    "properties": {
        "version": {"type": "integer", "enum": [1], "description": "Version of the spec's format"},
        "project": {
            "type": "string",
            "pattern": _NAME,
            "maxLength": 24,
            "description": "lower-case words joined by hyphens; it begins every resource name",
        },
        "owner": {
            "type": "string",
            "pattern": r"^[^\x00-\x1f\x7f-\x9f\ud800-\udfff]+$",
            "maxLength": 256,
            "description": "the value of the Owner tag, one line",
        },
        "region": _REGION,
        "tags": {**_TEXT_MAP, "description": "Tags beside Project, Module, Environment, ManagedBy and Owner"},
        "terraform": {
            "type": "object",
            "additionalProperties": False,
            "properties": {
                "required_version": {**_CONSTRAINT, "default": ">= 1.10, < 2.0"},
                "providers": {
                    "type": "object",
                    "description": "Version constraint of each provider; aws is always there",
                    "additionalProperties": False,
                    "patternProperties": {
                        _LOCAL_NAME: {**_PROVIDER, **_CONSTRAINT, "type": ["string", "object"]},
                    },
                },
            },
        },
        "state": {
            "type": "object",
            "additionalProperties": False,
            "properties": {
                "bucket": _BUCKET,
                "lock_table": _TABLE,
                "locking": {
                    "type": "array",
                    "minItems": 1,
                    "uniqueItems": True,
                    "items": {"type": "string", "enum": ["dynamodb", "lockfile"]},
                    "description": "How states are locked; both at once is allowed",
                },
                "key_prefix": {
                    "type": "string",
                    "pattern": r"^([A-Za-z0-9_.-]+/)*$",
                    "description": "Put before every state key; empty or ending in '/'",
                },
            },
        },
        "default_environment": {"type": "string", "pattern": _NAME},
        "apply": _APPLY,
        "modules": {
            "type": "object",
            "minProperties": 1,
            "additionalProperties": {
                "type": "object",
                "additionalProperties": False,
                "required": ["blueprint"],
                "properties": {
                    "blueprint": {"type": "string", "description": "Folder under templates/"},
                    "settings": {"type": "object", "description": "Settings of the blueprint"},
                    "reads": {
                        "type": "array",
                        "items": {"type": "string"},
                        "uniqueItems": True,
                        "description": "Modules read beside those of the blueprint",
                    },
                    "providers": {
                        "type": "object",
                        "additionalProperties": False,
                        "patternProperties": {_LOCAL_NAME: _PROVIDER},
                        "description": "Providers this module needs beside aws",
                    },
                    "frame": {
                        "type": "boolean",
                        "description": "False: nothing is rendered into the module's folder, its files are all yours",
                    },
                },
            },
        },
    },
}


@dataclass(frozen=True)
class Spec:
    """The project's YAML files, each valid by its own schema.

    Attributes:
        root: Folder of the project.
        path: The spec's file.
        document: `config/project.yaml`.
        environments: The environment files by environment name.
    """

    root: Path
    path: Path
    document: Document
    environments: Mapping[str, Document]


def load_spec(root: Path, path: Path | None = None, raw: bytes | None = None) -> Spec:
    """Read the spec and its environments.

    Args:
        root: Folder of the project.
        path: The spec's file; `config/project.yaml` below `root` if not given.
        raw: What is read in the place of the file's own text.

    Raises:
        TfgenError: The spec is missing or unreadable.
        SpecError: Anything is wrong in any of the files; all problems at once.
    """
    path = path or root / SPEC_FILE
    folder = path.parent / "environments"
    problems: list[TfgenError] = []
    document = _load(path, SPEC_SCHEMA, root, problems, raw)
    files = sorted(folder.glob("*.yaml")) if folder.is_dir() else []
    problems += [
        TfgenError(f"'{file.stem}' is not an environment's name", where=_shown(file, root), hint=_ENVIRONMENT_HINT)
        for file in files
        if not _ENVIRONMENT_NAME.fullmatch(file.stem)
    ]
    environments = {file.stem: _load(file, ENVIRONMENT_SCHEMA, root, problems) for file in files}
    if not environments:
        problems.append(TfgenError("there is no environment", where=_shown(folder, root), hint="tfgen init DIR"))
    if problems:
        raise SpecError(problems)
    return Spec(root, path, _present(document), {name: _present(part) for name, part in environments.items()})


def _load(
    path: Path, schema: Schema, root: Path, problems: list[TfgenError], raw: bytes | None = None
) -> Document | None:
    name = _shown(path, root)
    try:
        document = load_document(path, name) if raw is None else parse_document(raw, name)
    except SpecError as error:
        problems.extend(error.problems)
        return None
    found = [
        document.problem(problem.message, problem.path, hint=problem.hint, key=problem.key)
        for problem in validate(document.value, schema)
    ]
    problems.extend(found)
    return None if found else document


def _present(document: Document | None) -> Document:
    if document is None:
        raise AssertionError("a document without problems is always there")
    return document


def _shown(path: Path, root: Path) -> str:
    return str(path.relative_to(root)) if path.is_relative_to(root) else str(path)
