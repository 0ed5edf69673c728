"""What a composed plan says, as data: read from terraform's plan JSON, split by the project's modules.

The format is the one of "JSON Output Format" in Terraform's documentation, versions 1.x.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from tfgen.errors import TfgenError

NO_OP = "no-op"
CREATE = "create"
UPDATE = "update"
DELETE = "delete"
REPLACE = "replace"
MOVE = "move"
IMPORT = "import"
FORGET = "forget"
READ = "read"

ERROR = "error"
WARNING = "warning"

OUTPUT_SEPARATOR = "-"
"""Between a module's identifier, which has no hyphen, and an output's name in the scratch root."""

_MODULE = re.compile(r"^module\.([A-Za-z_][\w-]*)(?:\.|$)")
_INDEX = re.compile(r"\[(?:\"(?:[^\"\\]|\\.)*\"|\d+)\]")
_MISSING = object()

_ELSEWHERE: Mapping[str, frozenset[str]] = {
    # Attributes that have resources of their own; a change of those shows there.
    "aws_iam_role": frozenset({"inline_policy", "managed_policy_arns"}),
    "aws_s3_bucket": frozenset(
        {
            "acceleration_status", "acl", "cors_rule", "grant", "lifecycle_rule", "logging",
            "object_lock_configuration", "policy", "replication_configuration", "request_payer",
            "server_side_encryption_configuration", "versioning", "website",
        }
    ),
    "aws_security_group": frozenset({"egress", "ingress"}),
    "aws_sns_topic": frozenset({"policy"}),
    "aws_sqs_queue": frozenset({"policy", "redrive_allow_policy", "redrive_policy"}),
}  # fmt: skip

Step = str | int
Readers = Mapping[str, Mapping[str, tuple[str, ...]]]
"""Module → output → the modules that read it."""


@dataclass(frozen=True)
class AttributeChange:
    """One value of a resource that changes.

    Attributes:
        path: Where it is in the resource: `tags.Name`, `vpc_config[0].subnet_ids`.
        before: The value now; None if there is none, or if it is sensitive.
        after: The planned value; None if there is none, if it is unknown, or if it is sensitive.
        unknown: True if terraform knows the value after the apply only.
        sensitive: True if it must not be shown.
        forces_replacement: True if the resource is replaced because of it.
        hidden: Both values of a sensitive attribute, for comparing and never for showing.
    """

    path: str
    before: Any
    after: Any
    unknown: bool = False
    sensitive: bool = False
    forces_replacement: bool = False
    hidden: tuple[Any, Any] | None = field(default=None, repr=False)


@dataclass(frozen=True)
class ResourceChange:
    """What is planned for one resource.

    Attributes:
        module: Full name of its module, `02-storage`.
        address: Its address in the module, `aws_s3_bucket.data`.
        type: Its type, `aws_s3_bucket`.
        actions: As terraform lists them: `("delete", "create")` is a replacement.
        attributes: The values that change.
        reason: Why terraform replaces, deletes or reads it, in terraform's word; may be empty.
        previous_address: Its address before a move; empty if it was not moved.
        importing: The id it is imported by; empty if it is not imported.
        deposed: Key of a deposed object that is deleted; empty for the object itself.
    """

    module: str
    address: str
    type: str
    actions: tuple[str, ...]
    attributes: tuple[AttributeChange, ...] = ()
    reason: str = ""
    previous_address: str = ""
    importing: str = ""
    deposed: str = ""

    @property
    def action(self) -> str:
        """One word: create, update, delete, replace, forget, or import or move where nothing else happens."""
        if len(self.actions) > 1:
            return REPLACE if DELETE in self.actions else CREATE
        if self.actions[0] != NO_OP:
            return self.actions[0]
        return IMPORT if self.importing else MOVE

    @property
    def loses(self) -> bool:
        """True if what exists now is gone afterwards."""
        return DELETE in self.actions

    @property
    def forced_by(self) -> tuple[AttributeChange, ...]:
        """The attributes that make terraform replace it."""
        return tuple(attribute for attribute in self.attributes if attribute.forces_replacement)


@dataclass(frozen=True)
class OutputChange:
    """What becomes of an output.

    Attributes:
        name: Its name.
        action: no-op, create, update or delete.
        known: False if the value is known after the apply only, in whole or in part.
        sensitive: True if it must not be shown.
        before: The value now; None if there is none, or if it is sensitive.
        after: The planned value; None if there is none, if it is not known, or if it is sensitive.
    """

    name: str
    action: str
    known: bool = True
    sensitive: bool = False
    before: Any = None
    after: Any = None


@dataclass(frozen=True)
class ModuleChanges:
    """What is planned for one module.

    Attributes:
        name: Its full name.
        composed: False if it was planned by itself.
        resources: Every resource that something happens to, moves, imports and forgets included.
        outputs: All outputs by name, unchanged ones too.
        deferred: Data sources that can be read during the apply only.
        error: Why it could not be planned; empty if it was.
        note: What a reader should know: that it was planned by itself and why, say.
    """

    name: str
    composed: bool = True
    resources: tuple[ResourceChange, ...] = ()
    outputs: Mapping[str, OutputChange] = field(default_factory=dict)
    deferred: tuple[str, ...] = ()
    error: str = ""
    note: str = ""

    @property
    def add(self) -> int:
        """How many resources are created; replacements are counted by themselves."""
        return self._count(CREATE)

    @property
    def change(self) -> int:
        """How many are changed in place."""
        return self._count(UPDATE)

    @property
    def destroy(self) -> int:
        """How many are destroyed; replacements are counted by themselves."""
        return self._count(DELETE)

    @property
    def replace(self) -> int:
        """How many are destroyed and created again."""
        return self._count(REPLACE)

    @property
    def changed_outputs(self) -> tuple[OutputChange, ...]:
        """The outputs that are not left as they are."""
        return tuple(output for output in self.outputs.values() if output.action != NO_OP)

    @property
    def changed(self) -> bool:
        """True if an apply of the module would do anything, be it in its state only."""
        return bool(self.resources or self.changed_outputs)

    def _count(self, action: str) -> int:
        return sum(resource.action == action for resource in self.resources)


@dataclass(frozen=True)
class Diagnostic:
    """An error or a warning, at its place in the user's tree.

    Attributes:
        module: The module it concerns; empty if it concerns the project.
        where: File below the project with line and column.
        message: What is wrong.
        hint: The next step; may be empty.
        address: The resource it concerns, relative to the module; may be empty.
        severity: `error` or `warning`.
        template: For a rendered file, the template and its line; may be empty.
        spec: For a rendered file, the module's entry in the spec; may be empty.
    """

    module: str
    where: str
    message: str
    hint: str = ""
    address: str = ""
    severity: str = ERROR
    template: str = ""
    spec: str = ""


@dataclass(frozen=True)
class ComposedPlan:
    """The plan of the whole project.

    Attributes:
        modules: What is planned, by module name, in order.
        drift: What was changed outside terraform, in the same shape; only modules that drifted.
        problems: Errors and warnings.
        readers: Who reads which output.
        complete: True if everything could be planned.
        format_version: Of terraform's plan document.
        terraform_version: Of the terraform that planned.
    """

    modules: Mapping[str, ModuleChanges]
    drift: Mapping[str, ModuleChanges] = field(default_factory=dict)
    problems: tuple[Diagnostic, ...] = ()
    readers: Readers = field(default_factory=dict)
    complete: bool = True
    format_version: str = ""
    terraform_version: str = ""

    @property
    def errors(self) -> tuple[Diagnostic, ...]:
        """The problems that are errors."""
        return tuple(problem for problem in self.problems if problem.severity == ERROR)

    @property
    def changed(self) -> bool:
        """True if an apply would do anything."""
        return any(module.changed for module in self.modules.values())


def read_plan(document: Mapping[str, Any], modules: Mapping[str, str]) -> ComposedPlan:
    """Read the plan of a scratch root.

    Args:
        document: What `terraform show -json` printed.
        modules: The composed modules in order: identifier, as in `module.<identifier>` → full name.

    Raises:
        TfgenError: The document has a format that is not known.
    """
    version = _check_format(document)
    changes = _by_module(document.get("resource_changes") or ())
    outputs = _outputs(document, modules)
    planned = {
        name: ModuleChanges(
            name=name,
            resources=tuple(_resources(changes.get(identifier, ()), identifier, name)),
            outputs=outputs.get(name, {}),
            deferred=tuple(_deferred(changes.get(identifier, ()), identifier)),
        )
        for identifier, name in modules.items()
    }
    drifted = _by_module(document.get("resource_drift") or ())
    configured = dict(_configured(document.get("configuration", {}).get("root_module", {}), "")) if drifted else {}
    drift = {
        name: ModuleChanges(name=name, resources=found)
        for identifier, name in modules.items()
        if (found := tuple(_drifted(drifted.get(identifier, ()), configured, identifier, name)))
    }
    complete = not document.get("errored", False)
    return ComposedPlan(
        modules=planned,
        drift=drift,
        complete=complete,
        format_version=version,
        terraform_version=str(document.get("terraform_version", "")),
    )


def read_module_plan(document: Mapping[str, Any], name: str) -> tuple[ModuleChanges, ModuleChanges | None]:
    """Read the plan of one module that was planned by itself; returns its changes and its drift.

    Raises:
        TfgenError: The document has a format that is not known.
    """
    _check_format(document)
    changes = document.get("resource_changes") or ()
    outputs = {key: _output(key, change) for key, change in (document.get("output_changes") or {}).items()}
    planned = ModuleChanges(
        name=name,
        composed=False,
        resources=tuple(_resources(changes, "", name)),
        outputs=outputs,
        deferred=tuple(_deferred(changes, "")),
    )
    configured = dict(_configured(document.get("configuration", {}).get("root_module", {}), ""))
    drift = tuple(_drifted(document.get("resource_drift") or (), configured, "", name))
    return planned, ModuleChanges(name=name, composed=False, resources=drift) if drift else None


def split_address(address: str) -> tuple[str, str]:
    """Split an address of the scratch root into the module's identifier and the address inside it."""
    match = _MODULE.match(address)
    return (match[1], address[match.end() :]) if match else ("", address)


def _check_format(document: Mapping[str, Any]) -> str:
    version = str(document.get("format_version", ""))
    if version.partition(".")[0] != "1":
        raise TfgenError(
            f"plan format {version or 'without a version'} is not known to this tfgen",
            hint="it was written by a newer terraform: upgrade tfgen, or use another terraform",
            code="plan-format",
        )
    return version


def _resources(entries: Sequence[Mapping[str, Any]], identifier: str, module: str) -> Iterator[ResourceChange]:
    for _, change in _resource_entries(entries, identifier, module):
        yield change


def _resource_entries(
    entries: Sequence[Mapping[str, Any]], identifier: str, module: str
) -> Iterator[tuple[Mapping[str, Any], ResourceChange]]:
    for entry in entries:
        change = entry["change"]
        actions = tuple(change["actions"])
        address = _inside(entry["address"], identifier)
        if address is None or entry.get("mode") == "data":
            continue
        previous = _inside(entry.get("previous_address", ""), identifier) or ""
        importing = change.get("importing")
        if actions == (NO_OP,) and not previous and not importing:
            continue
        yield (
            entry,
            ResourceChange(
                module=module,
                address=address,
                type=entry["type"],
                actions=actions,
                attributes=tuple(_attributes(change)),
                reason=entry.get("action_reason", ""),
                previous_address=previous,
                importing=str(importing.get("id") or importing.get("identity") or "?") if importing else "",
                deposed=entry.get("deposed", ""),
            ),
        )


def _by_module(entries: Sequence[Mapping[str, Any]]) -> dict[str, list[Mapping[str, Any]]]:
    found: dict[str, list[Mapping[str, Any]]] = {}
    for entry in entries:
        found.setdefault(split_address(entry["address"])[0], []).append(entry)
    return found


def _drifted(
    entries: Sequence[Mapping[str, Any]], configured: Mapping[str, frozenset[str]], identifier: str, module: str
) -> Iterator[ResourceChange]:
    """Yield what changed outside terraform; what a provider only fills in when it reads is no change.

    A resource is often read for the first time by the plan after its apply. Values appear then that nobody set: they
    count only where the configuration sets them, or where there was another value before.
    """
    for entry, change in _resource_entries(entries, identifier, module):
        named = configured.get(_INDEX.sub("", entry["address"]), frozenset())
        elsewhere = _ELSEWHERE.get(change.type, frozenset())
        kept = tuple(
            item
            for item in change.attributes
            if not (_is_empty(item.before) and _is_empty(item.after) and not item.sensitive)
            and (
                (top := re.split(r"[.\[]", item.path, maxsplit=1)[0]) in named
                or (top not in elsewhere and not _is_empty(item.before))
            )
        )
        if kept or change.loses:
            yield replace(change, attributes=kept)


def _configured(module: Mapping[str, Any], prefix: str) -> Iterator[tuple[str, frozenset[str]]]:
    """Yield each resource's address without indexes, and the arguments that the configuration sets."""
    for resource in module.get("resources") or ():
        yield prefix + resource["address"], frozenset(resource.get("expressions") or ())
    for name, call in (module.get("module_calls") or {}).items():
        yield from _configured(call.get("module", {}), f"{prefix}module.{name}.")


def _is_empty(value: Any) -> bool:
    return value is None or value is False or value in ("", 0) or value == [] or value == {}


def _deferred(entries: Sequence[Mapping[str, Any]], identifier: str) -> Iterator[str]:
    for entry in entries:
        address = _inside(entry["address"], identifier)
        if address is not None and entry.get("mode") == "data" and READ in entry["change"]["actions"]:
            yield address


def _inside(address: str, identifier: str) -> str | None:
    """Return the address as seen from the module; None if it is not in the module."""
    if not identifier:
        return address
    found, rest = split_address(address)
    return rest if found == identifier else None


def _outputs(document: Mapping[str, Any], modules: Mapping[str, str]) -> dict[str, dict[str, OutputChange]]:
    found: dict[str, dict[str, OutputChange]] = {}
    for key, change in (document.get("output_changes") or {}).items():
        identifier, _, name = key.partition(OUTPUT_SEPARATOR)
        if identifier in modules:
            found.setdefault(modules[identifier], {})[name] = _output(name, change)
    return found


def _output(name: str, change: Mapping[str, Any]) -> OutputChange:
    actions = change["actions"]
    known = not _any_true(change.get("after_unknown"))
    sensitive = bool(change.get("before_sensitive") is True or change.get("after_sensitive") is True)
    return OutputChange(
        name=name,
        action=actions[0] if len(actions) == 1 else UPDATE,
        known=known,
        sensitive=sensitive,
        before=None if sensitive else change.get("before"),
        after=change.get("after") if known and not sensitive else None,
    )


def _attributes(change: Mapping[str, Any]) -> Iterator[AttributeChange]:
    forcing = [tuple(path) for path in change.get("replace_paths") or ()]
    before, after = change.get("before"), change.get("after")
    unknown = change.get("after_unknown") or {}
    marks = (change.get("before_sensitive"), change.get("after_sensitive"))
    for name in _keys(before, after, unknown):
        yield from _compare(
            (name,), _at(before, name), _at(after, name), _at(unknown, name), _both(marks, name), forcing
        )


def _compare(
    path: tuple[Step, ...],
    before: Any,
    after: Any,
    unknown: Any,
    marks: tuple[Any, Any],
    forcing: Sequence[tuple[Step, ...]],
) -> Iterator[AttributeChange]:
    """Go down as far as both sides have the same structure; a list of another length changes as a whole."""
    sensitive = True in marks
    if not sensitive and unknown is not True and _is_alike(before, after, unknown):
        for key in _keys(before, after, unknown):
            inner = (*path, key)
            yield from _compare(inner, _at(before, key), _at(after, key), _at(unknown, key), _both(marks, key), forcing)
        return
    old, new = _value(before), _value(after)
    is_unknown = _any_true(unknown)
    if old == new and not is_unknown:
        return
    sensitive = any(_any_true(mark) for mark in marks)
    yield AttributeChange(
        path=_path(path),
        before=None if sensitive else old,
        after=None if sensitive or is_unknown else new,
        unknown=is_unknown,
        sensitive=sensitive,
        forces_replacement=any(_overlap(path, other) for other in forcing),
        hidden=(old, new) if sensitive else None,
    )


def _is_alike(before: Any, after: Any, unknown: Any) -> bool:
    if isinstance(after, Mapping) or (after is _MISSING and isinstance(unknown, Mapping) and unknown):
        return isinstance(before, Mapping) or _value(before) is None
    if isinstance(before, list) and isinstance(after, list):
        return len(before) == len(after) and all(isinstance(item, Mapping) for item in (*before, *after))
    return False


def _keys(*sides: Any) -> list[Any]:
    keys: dict[Any, None] = {}
    for side in sides:
        if isinstance(side, Mapping):
            keys |= dict.fromkeys(side)
        elif isinstance(side, list):
            keys |= dict.fromkeys(range(len(side)))
    return list(keys)


def _at(value: Any, key: Step) -> Any:
    if isinstance(value, Mapping):
        return value.get(key, _MISSING)
    if isinstance(value, list) and isinstance(key, int) and key < len(value):
        return value[key]
    return True if value is True else _MISSING


def _both(marks: tuple[Any, Any], key: Step) -> tuple[Any, Any]:
    return _at(marks[0], key), _at(marks[1], key)


def _value(value: Any) -> Any:
    return None if value is _MISSING else value


def _any_true(value: Any) -> bool:
    if isinstance(value, Mapping):
        return any(_any_true(item) for item in value.values())
    if isinstance(value, list):
        return any(_any_true(item) for item in value)
    return value is True


def _overlap(path: tuple[Step, ...], other: tuple[Step, ...]) -> bool:
    length = min(len(path), len(other))
    return path[:length] == other[:length]


def _path(steps: Sequence[Step]) -> str:
    text = str(steps[0])
    for step in steps[1:]:
        plain = isinstance(step, str) and re.fullmatch(r"[A-Za-z_]\w*", step)
        text += f".{step}" if plain else f"[{json.dumps(step)}]"
    return text
