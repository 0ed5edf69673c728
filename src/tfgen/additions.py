"""From the words of `tfgen add-module` to a module's name, its number and its entry in the spec."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Any

from tfgen.blueprint import Blueprint, load_blueprint
from tfgen.errors import SpecError, TfgenError, UsageError
from tfgen.model import BACKEND_CONFIG, Module, Project
from tfgen.resolve import name_problem
from tfgen.schema import Schema, applies, find_outputs, suggest, validate, with_defaults
from tfgen.select import resolve_module
from tfgen.yamldoc import parse_document

HANDWRITTEN = "empty"
"""The blueprint of a module whose Terraform is written by hand."""

_NUMBERED = re.compile(r"([0-9]+)-(.*)")
_DIGITS = re.compile(r"[0-9]{1,4}")
_HIGHEST = 9999


@dataclass(frozen=True)
class Wish:
    """What somebody asks for; empty where nothing was said.

    Attributes:
        name: A blueprint's name, a short name, or a full name.
        blueprint: The blueprint.
        number: The number.
        before: The module it shall come before.
        reads: Modules whose outputs its own files read.
        settings: `key=value` each.
        adopt: Take a folder over that is there already.
    """

    name: str
    blueprint: str = ""
    number: str = ""
    before: str = ""
    reads: tuple[str, ...] = ()
    settings: tuple[str, ...] = ()
    adopt: bool = False


@dataclass(frozen=True)
class Addition:
    """A module that is to be added.

    Attributes:
        name: Its full name.
        blueprint: What it is rendered from.
        entry: Its value in the spec.
    """

    name: str
    blueprint: Blueprint
    entry: Mapping[str, Any]


def resolve_addition(project: Project, folders: Mapping[str, Path], wish: Wish) -> Addition:
    """Find out what a wish means in a project.

    Args:
        project: The project as it is.
        folders: The folder of every blueprint.
        wish: What somebody asks for.

    Raises:
        UsageError: A name, number or module does not fit.
        SpecError: The blueprint is not valid, or settings do not fit it; all problems at once.
    """
    number, short_name = _split(wish)
    _check_name(project, short_name)
    blueprint = _blueprint(folders, wish, short_name)
    settings = parse_settings(wish.settings, blueprint)
    reads = tuple(dict.fromkeys(resolve_module(project, text).short_name for text in wish.reads))
    text = number or _free_number(project, blueprint, wish, settings, reads)
    _check_number(project, text)
    entry: dict[str, Any] = {"blueprint": blueprint.name}
    if added := [name for name in reads if name not in blueprint.reads]:
        entry["reads"] = added
    if settings:
        entry["settings"] = settings
    return Addition(f"{text}-{short_name}", blueprint, entry)


def parse_settings(texts: Sequence[str], blueprint: Blueprint) -> dict[str, Any]:
    """Read `key=value` pairs by a blueprint's schema; a dot leads into a mapping: `throttle.rate=5`.

    Raises:
        SpecError: A key is unknown or a value does not fit; all problems at once.
    """
    found: dict[str, Any] = {}
    problems: list[TfgenError] = []
    for text in texts:
        key, equals, value = text.partition("=")
        try:
            if not equals:
                raise _refused(text, "a setting is written key=value", f"--set {key}=…")
            _put(found, key.split("."), _value(value, _part(key, blueprint), key), key)
        except SpecError as error:
            problems += error.problems
        except UsageError as error:
            problems.append(error)
    for problem in validate(found, {**blueprint.settings, "required": []}):
        place = "--set " + ".".join(map(str, problem.path))
        problems.append(TfgenError(problem.message, hint=problem.hint, where=place, code="usage"))
    if problems:
        raise SpecError(problems)
    return found


def missing_settings(blueprint: Blueprint, texts: Sequence[str]) -> tuple[str, ...]:
    """Return the settings that a blueprint demands beside those that were given.

    Raises:
        SpecError: A setting that was given is unknown or does not fit.
    """
    given = parse_settings(texts, blueprint)
    filled = with_defaults(given, blueprint.settings)
    required = blueprint.settings.get("required", ())
    return tuple(
        name
        for name, part in blueprint.settings.get("properties", {}).items()
        if (name in required and name not in given) or (name not in filled and "when" in part and applies(part, filled))
    )


def find_blueprint(folders: Mapping[str, Path], name: str) -> Blueprint:
    """Return a blueprint by name.

    Raises:
        UsageError: There is none.
        SpecError: It is not valid.
    """
    if name not in folders:
        hint = f"{suggest(name, [other for other in folders if other != BACKEND_CONFIG])} (tfgen blueprints)"
        raise UsageError(f"there is no blueprint '{name}'", hint=hint)
    return load_blueprint(name, folders[name])


# names and numbers


def _split(wish: Wish) -> tuple[str, str]:
    """Return the number, empty if it is to be found, and the short name."""
    path = PurePosixPath(wish.name)
    if path.is_absolute() or path.parts[:-1] not in ((), ("terraform",)):
        raise UsageError(f"'{wish.name}' is not a module's name", hint="a name such as invoices or 08-invoices")
    name = path.name
    numbered = _NUMBERED.fullmatch(name)
    number, short_name = (numbered[1], numbered[2]) if numbered else ("", name)
    if number and not 2 <= len(number) <= 4:
        raise UsageError(f"'{number}' is not a module's number", hint="write 2 to 4 digits: 08-invoices")
    if wish.number:
        if not _DIGITS.fullmatch(wish.number):
            raise UsageError(f"'{wish.number}' is not a module's number", hint="write 2 to 4 digits: --number 08")
        if number and int(number) != int(wish.number):
            raise UsageError(f"the name says {number} and --number {wish.number}", hint="give one of them")
        number = number or wish.number.zfill(2)
    if number and wish.before:
        raise UsageError("a number and --before exclude each other", hint="give one of them")
    return number, short_name


def _check_name(project: Project, short_name: str) -> None:
    if problem := name_problem(short_name):
        message, hint = problem
        raise UsageError(message, hint=hint)
    for module in project.modules:
        if module.identifier == short_name.replace("-", "_"):
            hint = "choose another: tfgen add-module NAME --blueprint BLUEPRINT"
            raise UsageError(f"the name '{short_name}' is taken by {module.name}", hint=hint)


def _check_number(project: Project, number: str) -> None:
    for module in project.modules:
        if module.number and int(module.number) == int(number):
            hint = "leave the number out, and a free one is taken"
            raise UsageError(f"the number {number} is taken by {module.name}", hint=hint)


def _blueprint(folders: Mapping[str, Path], wish: Wish, short_name: str) -> Blueprint:
    name = wish.blueprint or (HANDWRITTEN if wish.adopt else short_name)
    if name == BACKEND_CONFIG:
        raise UsageError("a project has one backend-config", hint="name another blueprint")
    if not wish.blueprint and not wish.adopt and name not in folders:
        near = suggest(name, [other for other in folders if other != BACKEND_CONFIG])
        raise UsageError(f"'{name}' is no blueprint", hint=f"name one: --blueprint NAME; {near}")
    return find_blueprint(folders, name)


def _free_number(
    project: Project, blueprint: Blueprint, wish: Wish, settings: Mapping[str, Any], reads: Sequence[str]
) -> str:
    numbered = [module for module in project.modules if module.number]
    if not wish.before:
        highest = max(numbered, key=lambda module: int(module.number), default=None)
        if highest is None:
            return "00"
        if int(highest.number) == _HIGHEST:
            raise UsageError(f"there is no number above {highest.name}", hint="--before M, or --number N")
        return str(int(highest.number) + 1).zfill(len(highest.number))
    target = resolve_module(project, wish.before)
    if not target.number:
        raise UsageError(f"nothing comes before {target.name}", hint="name a module with a number")
    floor = _last_read(project, blueprint, settings, reads)
    lowest = int(floor.number) if floor else -1
    used = {int(module.number) for module in numbered}
    free = [number for number in range(lowest + 1, int(target.number)) if number not in used]
    if not free:
        after = f" and above {floor.name}, which it reads" if floor else ""
        hint = "leave out --before: a module may have any number above those it reads"
        raise UsageError(f"no number is left below {target.name}{after}", hint=hint)
    return str(free[-1]).zfill(len(target.number))


def _last_read(
    project: Project, blueprint: Blueprint, settings: Mapping[str, Any], reads: Sequence[str]
) -> Module | None:
    """Return the module with the highest number that a module of this kind reads."""
    named = [
        output.partition(".")[0]
        for output, _ in find_outputs(with_defaults(dict(settings), blueprint.settings), blueprint.settings)
    ]
    wanted = {*blueprint.reads, *reads, *named}
    found = [module for module in project.modules if module.number and {module.short_name, module.name} & wanted]
    return max(found, key=lambda module: int(module.number), default=None)


# settings


def _refused(where: str, message: str, hint: str) -> UsageError:
    return UsageError(message, hint=hint, where=f"--set {where}")


def _part(key: str, blueprint: Blueprint) -> Schema:
    """Return the schema of a setting by its dotted key."""
    part: Schema = blueprint.settings
    for name in key.split("."):
        properties: Mapping[str, Schema] = part.get("properties", {})
        extra = part.get("additionalProperties", True)
        if name in properties:
            part = properties[name]
        elif isinstance(extra, Mapping):
            part = extra
        elif extra and part is not blueprint.settings:
            part = {}
        else:
            hint = suggest(name, sorted(properties)) or "it has none"
            raise _refused(key, f"the blueprint '{blueprint.name}' has no setting '{key}'", hint)
    return part


def _value(text: str, part: Schema, key: str) -> Any:
    """Read a value as YAML, but a text where nothing but a text is wanted, and `a,b` where a list is."""
    if not text.isascii() and text.encode("utf-8", "replace") != text.encode("utf-8", "surrogateescape"):
        raise _refused(key, "the value is not UTF-8", "give it in UTF-8")
    kinds = {part["type"]} if isinstance(part.get("type"), str) else set(part.get("type", ()))
    if kinds == {"string"}:
        return text
    if kinds == {"array"} and not text.lstrip().startswith("["):
        return [_value(item.strip(), part.get("items", {}), key) for item in text.split(",") if item.strip()]
    return parse_document(text.encode(), f"--set {key}").value


def _put(found: dict[str, Any], path: Sequence[str], value: Any, key: str) -> None:
    *outer, last = path
    for name in outer:
        found = found.setdefault(name, {})
        if not isinstance(found, dict):
            raise _refused(key, f"'{name}' is given as a whole and in part", "give one of them")
    if last in found:
        raise _refused(key, f"'{key}' is given twice", "give it once")
    found[last] = value


def describe_settings(blueprint: Blueprint) -> Iterator[tuple[str, Schema, bool]]:
    """Yield each setting's name and schema, and whether it must be given."""
    for name, part in blueprint.settings.get("properties", {}).items():
        yield name, part, name in blueprint.settings.get("required", ())
