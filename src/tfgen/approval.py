"""What was approved, and whether what is about to happen is still that.

An approval knows addresses, actions and hashes of planned values, never the values: it may be kept in a file and
taken to another machine. It is compared with the real plan of a module just before that is applied.
"""

from __future__ import annotations

import hashlib
import json
import secrets
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from tfgen.changes import (
    CREATE,
    DELETE,
    FORGET,
    NO_OP,
    REPLACE,
    UPDATE,
    AttributeChange,
    ComposedPlan,
    ModuleChanges,
    OutputChange,
    ResourceChange,
)
from tfgen.errors import TfgenError

VERSION = 1
UNKNOWN = "unknown"
NULL = "null"

_WEAKER: Mapping[str, frozenset[str]] = {
    # What may happen in place of what was approved; nothing at all always may.
    REPLACE: frozenset({REPLACE, UPDATE}),
    UPDATE: frozenset({UPDATE}),
    CREATE: frozenset({CREATE}),
    DELETE: frozenset({DELETE, FORGET}),
}
_DONE = {
    CREATE: "created",
    UPDATE: "changed in place",
    REPLACE: "replaced",
    DELETE: "destroyed",
    FORGET: "forgotten",
    "import": "imported",
    "move": "moved",
}
_SCRYPT = {"n": 2**14, "r": 8, "p": 1, "dklen": 16}


@dataclass(frozen=True)
class ApprovedResource:
    """What may happen to one resource.

    Attributes:
        action: create, update, replace, delete, forget, import or move.
        actions: As terraform lists them: the order of a replacement counts.
        values: Attribute path → `unknown`, `null` or a hash of the planned value.
        previous_address: Where a move may come from.
        importing: Hash of the id it may be imported by.
    """

    action: str
    actions: tuple[str, ...]
    values: Mapping[str, str] = field(default_factory=dict)
    previous_address: str = ""
    importing: str = ""


@dataclass(frozen=True)
class ApprovedModule:
    """What may happen to one module.

    Attributes:
        resources: By address, with the key of a deposed object behind it.
        outputs: Output → `delete`, `unknown`, `null` or a hash of the planned value.
    """

    resources: Mapping[str, ApprovedResource] = field(default_factory=dict)
    outputs: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Approval:
    """What somebody said yes to.

    Attributes:
        project: The project's name.
        environment: The environment's name.
        account: The account it is for.
        verb: `apply` or `destroy`.
        salt: Mixed into each hash.
        modules: By full name; only those with changes.
    """

    project: str
    environment: str
    account: str
    verb: str
    salt: str
    modules: Mapping[str, ApprovedModule]


@dataclass(frozen=True)
class Difference:
    """Something that would happen and was not approved.

    Attributes:
        module: The module's full name.
        subject: An address, or `output NAME`.
        message: What is different; holds no values.
    """

    module: str
    subject: str
    message: str

    def __str__(self) -> str:
        return f"{self.subject}: {self.message}"


def approve(plan: ComposedPlan, *, project: str, environment: str, account: str, verb: str = "apply") -> Approval:
    """Note what a plan would do."""
    salt = secrets.token_hex(16)
    modules = {name: _module(changes, salt) for name, changes in plan.modules.items() if changes.changed}
    return Approval(project, environment, account, verb, salt, modules)


def compare(approval: Approval, planned: ModuleChanges) -> tuple[Difference, ...]:
    """Compare what is about to happen to a module with what was approved.

    An unknown may become known, a planned null may be filled by the provider, an action may shrink to nothing and
    a replacement to an update. Anything that is added or stronger is a difference.

    Args:
        approval: What was approved.
        planned: The module's real plan.

    Returns:
        The substantive differences; none if the plan may be applied.
    """
    module = approval.modules.get(planned.name, ApprovedModule())
    found: list[Difference] = []
    for resource in planned.resources:
        message = _compare_resource(module.resources.get(_key(resource)), resource, approval.salt)
        if message:
            found.append(Difference(planned.name, _key(resource), message))
    for output in planned.changed_outputs:
        message = _compare_output(module.outputs.get(output.name), output, approval.salt)
        if message:
            found.append(Difference(planned.name, f"output {output.name}", message))
    return tuple(found)


def to_document(approval: Approval) -> dict[str, Any]:
    """Return an approval as a JSON document."""
    return {
        "version": VERSION,
        "kind": "tfgen-approval",
        "project": approval.project,
        "environment": approval.environment,
        "account": approval.account,
        "verb": approval.verb,
        "salt": approval.salt,
        "modules": {
            name: {
                "resources": {
                    address: {
                        "action": resource.action,
                        "actions": list(resource.actions),
                        "values": dict(resource.values),
                        "previous_address": resource.previous_address,
                        "importing": resource.importing,
                    }
                    for address, resource in module.resources.items()
                },
                "outputs": dict(module.outputs),
            }
            for name, module in approval.modules.items()
        },
    }


def from_document(data: bytes, *, where: str) -> Approval:
    """Read an approval that was saved.

    Raises:
        TfgenError: It is not one, or of another version.
    """
    try:
        document = json.loads(data)
        if document["kind"] != "tfgen-approval":
            raise KeyError("kind")  # noqa: TRY301 - told below, like all that makes the file unusable
        if document["version"] == VERSION:
            return _from_document(document)
    except (ValueError, KeyError, TypeError, AttributeError):
        raise TfgenError(
            "this is not what `tfgen plan --save` writes", where=where, hint="tfgen plan --save FILE", code="approval"
        ) from None
    raise TfgenError(
        f"approvals of version {document['version']} are not known to this tfgen",
        where=where,
        hint="save it again with this version: tfgen plan --save FILE",
        code="approval",
    )


def check_place(approval: Approval, *, project: str, environment: str, account: str, where: str) -> None:
    """Refuse an approval that is for something else.

    Raises:
        TfgenError: It was given for another project, environment or account, or for a destroy.
    """
    given = (approval.project, approval.environment, approval.account, approval.verb)
    wanted = (project, environment, account, "apply")
    if given != wanted:
        raise TfgenError(
            f"what was approved is {_in_words(given)}; this is {_in_words(wanted)}",
            where=where,
            hint="save the plan of this place: tfgen plan --save FILE",
            code="approval",
        )


def _in_words(place: tuple[str, str, str, str]) -> str:
    project, environment, account, verb = place
    return f"{verb} of project {project} in {environment}, account {account}"


def _from_document(document: Mapping[str, Any]) -> Approval:
    modules = {
        str(name): ApprovedModule(
            resources={
                str(address): ApprovedResource(
                    action=str(item["action"]),
                    actions=tuple(str(action) for action in item["actions"]),
                    values={str(path): str(token) for path, token in item["values"].items()},
                    previous_address=str(item["previous_address"]),
                    importing=str(item["importing"]),
                )
                for address, item in module["resources"].items()
            },
            outputs={str(output): str(token) for output, token in module["outputs"].items()},
        )
        for name, module in document["modules"].items()
    }
    project, environment, account, verb, salt = (
        str(document[name]) for name in ("project", "environment", "account", "verb", "salt")
    )
    return Approval(project, environment, account, verb, salt, modules)


def _module(changes: ModuleChanges, salt: str) -> ApprovedModule:
    return ApprovedModule(
        resources={_key(resource): _resource(resource, salt) for resource in changes.resources},
        outputs={output.name: _output_token(output, salt) for output in changes.changed_outputs},
    )


def _resource(change: ResourceChange, salt: str) -> ApprovedResource:
    return ApprovedResource(
        action=change.action,
        actions=change.actions,
        values={attribute.path: _token(attribute, salt) for attribute in change.attributes},
        previous_address=change.previous_address,
        importing=_hash(change.importing, salt) if change.importing else "",
    )


def _key(change: ResourceChange) -> str:
    return f"{change.address} (deposed {change.deposed})" if change.deposed else change.address


def _compare_resource(approved: ApprovedResource | None, change: ResourceChange, salt: str) -> str:
    """Return what is different, or nothing."""
    doing = _DONE.get(change.action, change.action)
    if approved is None:
        return f"would be {doing}, which was not approved"
    if change.importing and (not approved.importing or approved.importing != _hash(change.importing, salt)):
        return "would be imported by another id" if approved.importing else "would be imported, which was not approved"
    if change.previous_address and change.previous_address != approved.previous_address:
        return f"would be moved from {change.previous_address}, which was not approved"
    if not _may_happen(approved, change):
        return f"would be {doing}; approved was: {_DONE.get(approved.action, approved.action)}"
    if change.action == REPLACE and (change.actions, approved.actions) == ((DELETE, CREATE), (CREATE, DELETE)):
        return "would be destroyed before its replacement is there; approved was the other order"
    if change.action in (CREATE, UPDATE, REPLACE):
        return _compare_values(approved, change, salt)
    return ""


def _may_happen(approved: ApprovedResource, change: ResourceChange) -> bool:
    if change.actions == (NO_OP,):
        # It only moves or is imported, which was looked at before.
        return True
    return change.action in _WEAKER.get(approved.action, frozenset({approved.action}))


def _compare_values(approved: ApprovedResource, change: ResourceChange, salt: str) -> str:
    strange = [item.path for item in change.attributes if not _is_approved(approved, item, salt)]
    if not strange:
        return ""
    few = ", ".join(strange[:3]) + (f" and {len(strange) - 3} more" if len(strange) > 3 else "")
    return f"other values than approved: {few}"


def _is_approved(approved: ApprovedResource, attribute: AttributeChange, salt: str) -> bool:
    token = approved.values.get(attribute.path)
    if token is not None:
        return token in (UNKNOWN, NULL) or token == _token(attribute, salt)
    if related := _related(approved, attribute.path):
        return all(other in (UNKNOWN, NULL) for other in related)
    # Of something new, what is not listed was planned as null; of something that exists, as unchanged.
    return approved.action == CREATE


def _related(approved: ApprovedResource, path: str) -> list[str]:
    """Return the tokens of what encloses a path, and of its parts: the same value, cut up in another way."""
    return [
        token
        for other, token in approved.values.items()
        if path.startswith((f"{other}.", f"{other}[")) or other.startswith((f"{path}.", f"{path}["))
    ]


def _compare_output(approved: str | None, output: OutputChange, salt: str) -> str:
    token = _output_token(output, salt)
    if approved is None:
        return "would change, which was not approved"
    if approved == token or (approved in (UNKNOWN, NULL) and token != DELETE):
        return ""
    return "would be removed, which was not approved" if token == DELETE else "would get another value than approved"


def _output_token(output: OutputChange, salt: str) -> str:
    if output.action == DELETE:
        return DELETE
    if output.sensitive:
        return NULL
    return _value_token(output.after, salt) if output.known else UNKNOWN


def _token(attribute: AttributeChange, salt: str) -> str:
    if attribute.unknown:
        return UNKNOWN
    if attribute.sensitive:
        value = attribute.hidden[1] if attribute.hidden else None
        return NULL if value is None else f"scrypt:{_slow_hash(value, salt)}"
    return _value_token(attribute.after, salt)


def _value_token(value: Any, salt: str) -> str:
    return NULL if value is None else _hash(value, salt)


def _hash(value: Any, salt: str) -> str:
    return hashlib.sha256(f"{salt}{_canonical(value)}".encode()).hexdigest()[:32]


def _slow_hash(value: Any, salt: str) -> str:
    """Hash a secret so that guessing it from a file would be dear."""
    return hashlib.scrypt(_canonical(value).encode(), salt=salt.encode(), **_SCRYPT).hex()


def _canonical(value: Any) -> str:
    """Print a value so that equal ones look equal; a JSON document in a string counts as what it says."""
    return json.dumps(_parsed(value), sort_keys=True, separators=(",", ":"), ensure_ascii=False)


def _parsed(value: Any) -> Any:
    if isinstance(value, str) and value[:1] in ("{", "["):
        try:
            return {"json": json.loads(value)}
        except ValueError:
            return value
    return value
