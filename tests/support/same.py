"""Two deployments of one project, compared by their states: all must be the same but what AWS makes up."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from typing import Any

MADE_UP = (
    r"\b(?:acl|dopt|eipalloc|eipassoc|eni|fl|igw|nat|pl|rtb|rtbassoc|sg|sgr|subnet|vpc|vpce)-[0-9a-f]{8,17}\b",
    r"\b[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}\b",
    r"\b(?:AIDA|ANPA|AROA)[A-Z0-9]{12,}\b",
    r"\brtbassoc-[0-9a-f]+\b",
)
"""What AWS gives an id: networks, keys and subscriptions, principals."""

ELSEWHERE = (
    r"\b\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d+)?(?:Z|[+-]\d\d:?\d\d)?",
    r"\b127\.0\.0\.1:\d+\b",
    r"(?<=-lambda-)\d{26}\b",
)
"""When something was made, where the emulator listens, and what terraform adds to a name prefix."""

OWN = frozenset(
    {
        ("aws_api_gateway_deployment", "id"),
        ("aws_api_gateway_model", "id"),
        ("aws_api_gateway_request_validator", "id"),
        ("aws_api_gateway_resource", "id"),
        ("aws_api_gateway_rest_api", "id"),
        ("aws_api_gateway_rest_api", "root_resource_id"),
        ("aws_iam_role", "unique_id"),
        ("aws_iam_policy", "policy_id"),
    }
)
"""Type and attribute: ids without a form of their own."""

LATER = frozenset(
    {
        ("aws_iam_policy_document", "id"),
        ("aws_s3_bucket", "logging"),
        ("aws_s3_bucket", "policy"),
        ("aws_s3_bucket", "server_side_encryption_configuration"),
        ("aws_s3_bucket", "versioning"),
    }
)
"""Type and attribute: what a bucket shows of its other resources once it is looked at again, and a hash over ids."""

_EMPTY = ("", "False")
"""What the provider writes for nothing at all, before or after it has looked."""

_PATTERN = re.compile("|".join(MADE_UP))
_ELSEWHERE = re.compile("|".join(ELSEWHERE))

Tree = Mapping[str, Any]


def canonical(states: Mapping[str, bytes]) -> dict[str, Tree]:
    """Return what states say with made-up ids replaced by the place that has them.

    Args:
        states: Key of the state → the object.

    Returns:
        Key and address → attributes and dependencies; key and `outputs` → outputs.
    """
    found = {place: content for key, data in sorted(states.items()) for place, content in _contents(key, data)}
    names: dict[str, str] = {}
    for listed in (False, True):
        for place, content in sorted(found.items()):
            for path, value, in_list in _texts(content):
                if in_list is listed and value is not None:
                    for text in _ids(place, path, value):
                        names.setdefault(text, f"<{place} {path}>")
    pattern = re.compile("|".join(re.escape(text) for text in sorted(names, key=len, reverse=True)) or "(?!)")
    return {place: _replaced(content, pattern, names) for place, content in found.items()}


def differences(one: Mapping[str, Tree], other: Mapping[str, Tree]) -> list[str]:
    """Say what differs, place by place."""
    found = [f"{place}: only on one side" for place in sorted(one.keys() ^ other.keys())]
    for place in sorted(one.keys() & other.keys()):
        left, right = ({path: value for path, value, _ in _texts(item[place])} for item in (one, other))
        found += [
            f"{place} {path}: {left.get(path)!r} / {right.get(path)!r}"
            for path in sorted(left.keys() | right.keys())
            if _said(left.get(path)) != _said(right.get(path))
        ]
    return found


def _said(text: str | None) -> str | None:
    return None if text in _EMPTY else text


def _contents(key: str, data: bytes) -> Iterator[tuple[str, Tree]]:
    document = json.loads(data)
    yield f"{key} outputs", document["outputs"]
    for entry in document["resources"]:
        if entry["type"] == "terraform_remote_state":
            continue
        prefix = "data." if entry["mode"] == "data" else ""
        for instance in entry["instances"]:
            index = f"[{json.dumps(instance['index_key'])}]" if "index_key" in instance else ""
            needs = [need for need in instance.get("dependencies", ()) if "terraform_remote_state" not in need]
            yield (
                f"{key} {prefix}{entry['type']}.{entry['name']}{index}",
                {"attributes": _settled(entry["type"], instance["attributes"]), "dependencies": sorted(needs)},
            )


def _settled(kind: str, attributes: Tree) -> Tree:
    return {name: value for name, value in attributes.items() if (kind, name) not in LATER}


def _ids(place: str, path: str, value: str) -> Iterator[str]:
    yield from _PATTERN.findall(value)
    kind = place.rpartition(" ")[2].partition(".")[0]
    if value and (kind, path.removeprefix("attributes.")) in OWN:
        yield value


def _texts(value: Any, path: str = "", in_list: bool = False) -> Iterator[tuple[str, Any, bool]]:
    """Return every leaf with its path, texts as texts."""
    if isinstance(value, Mapping):
        for key, item in sorted(value.items()):
            yield from _texts(item, f"{path}.{key}" if path else key, in_list)
    elif isinstance(value, list):
        for index, item in enumerate(value):
            yield from _texts(item, f"{path}[{index}]", True)
    else:
        yield path, value if value is None else str(value), in_list


def _replaced(value: Any, pattern: re.Pattern[str], names: Mapping[str, str]) -> Any:
    """Replace ids in all texts, and bring lists into one order: a set's order follows from its ids."""
    if isinstance(value, Mapping):
        return {key: _replaced(item, pattern, names) for key, item in value.items()}
    if isinstance(value, list):
        return sorted((_replaced(item, pattern, names) for item in value), key=lambda item: json.dumps(item))
    if isinstance(value, str):
        return _ELSEWHERE.sub("<elsewhere>", pattern.sub(lambda match: names[match[0]], value))
    return value
