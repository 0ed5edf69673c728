"""What a module's tests put in place of providers and of other modules: nothing is called, and values are plausible."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from tfgen.hcl import HclText, is_identifier, read_blocks, unquote

_RESOURCE = re.compile(r"\b(?:data\.)?(aws_[a-z0-9_]+)\.[\w-]+")
_VARIABLE = re.compile(r"var\.([A-Za-z_][\w-]*)")
_LISTS = ("[", "concat(", "flatten(", "sort(", "distinct(", "tolist(", "values(", "keys(")
_PLURALS = ("arns", "ids", "names", "urls", "zones", "records", "addresses")
_NUMBERS = ("timeout", "seconds", "minutes", "hours", "days", "count", "size", "port", "shards", "rate", "limit")
_KEY_ID = "1234abcd-12ab-34cd-56ef-1234567890ab"

_ARNS: tuple[tuple[str, str], ...] = (
    # A word of the resource's type or of the output's name → the ARN behind `arn:aws:`; the first that fits counts.
    ("stream_arn", "dynamodb:{region}:{account}:table/{name}/stream/2026-01-01T00:00:00.000"),
    ("firehose", "firehose:{region}:{account}:deliverystream/{name}"),
    ("kinesis", "kinesis:{region}:{account}:stream/{name}"),
    ("table", "dynamodb:{region}:{account}:table/{name}"),
    ("bucket", "s3:::{name}"),
    ("queue", "sqs:{region}:{account}:{name}"),
    ("topic", "sns:{region}:{account}:{name}"),
    ("kms", "kms:{region}:{account}:key/{key}"),
    ("lambda_alias", "lambda:{region}:{account}:function:{name}:live"),
    ("role", "iam::{account}:role/{name}"),
    ("boundary", "iam::{account}:policy/{name}"),
    ("policy", "iam::{account}:policy/{name}"),
    ("lambda", "lambda:{region}:{account}:function:{name}"),
    ("function", "lambda:{region}:{account}:function:{name}"),
    ("log_group", "logs:{region}:{account}:log-group:{name}"),
    ("bus", "events:{region}:{account}:event-bus/{name}"),
    ("rule", "events:{region}:{account}:rule/{name}"),
    ("alarm", "cloudwatch:{region}:{account}:alarm:{name}"),
    ("secret", "secretsmanager:{region}:{account}:secret:{name}-a1b2c3"),
    ("state_machine", "states:{region}:{account}:stateMachine:{name}"),
    ("workgroup", "athena:{region}:{account}:workgroup/{name}"),
    ("key", "kms:{region}:{account}:key/{key}"),
    ("", "ssm:{region}:{account}:parameter/{name}"),
)
_IDS: tuple[tuple[str, str], ...] = (
    ("vpc", "vpc-0123456789abcdef{n}"),
    ("subnet", "subnet-0123456789abcdef{n}"),
    ("security_group", "sg-0123456789abcdef{n}"),
    ("route_table", "rtb-0123456789abcdef{n}"),
    ("endpoint", "vpce-0123456789abcdef{n}"),
    ("key", _KEY_ID),
    ("account", "{account}"),
    ("zone", "Z0123456789ABCDEFGHI{n}"),
    ("", "a1b2c3d4e{n}"),
)


@dataclass(frozen=True)
class Surroundings:
    """What names are made of.

    Attributes:
        prefix: `<project>-<environment>-<module>`: outputs of two modules never have the same sample.
        region: Of the default environment.
        account: Of the default environment.
    """

    prefix: str
    region: str
    account: str


@dataclass(frozen=True)
class MockedProvider:
    """A provider configuration that tests put a mock in place of; `alias` is empty for the default one."""

    name: str
    alias: str = ""


@dataclass(frozen=True)
class MockedState:
    """A `terraform_remote_state` block, and the outputs that tests put in place of what it reads."""

    label: str
    outputs: Mapping[str, Any]


def find_providers(required: Iterable[str], sources: Iterable[bytes]) -> tuple[MockedProvider, ...]:
    """Return every provider configuration of a module: those it requires, and the aliases in its users' files.

    Args:
        required: Local names of the required providers.
        sources: The users' `.tf` files.
    """
    found = dict.fromkeys(MockedProvider(name) for name in required)
    for source in sources:
        for block in read_blocks(source) if b"provider" in source else ():
            alias = unquote(block.attributes.get("alias", "")) or ""
            if block.type == "provider" and block.labels and (not alias or is_identifier(alias)):
                found[MockedProvider(block.labels[0], alias)] = None
    return tuple(found)


def guess(name: str, expression: str, defaults: Mapping[str, str], around: Surroundings) -> Any:
    """Return a plausible value of an output.

    Args:
        name: Its name; the ending says most.
        expression: Source text of its value.
        defaults: Source texts of the defaults of the module's variables.
        around: What names are made of.
    """
    flat = expression.strip()
    if match := _VARIABLE.fullmatch(flat):
        default = defaults.get(match[1], "")
        if default not in ("", "null", "required") and "\n" not in default:
            return HclText(default)
    if flat.startswith("{"):
        return {"first": _single(_singular(name), flat, around, 0)}
    if flat.startswith(_LISTS) or name.rpartition("_")[2] in _PLURALS:
        return [_single(_singular(name), flat, around, number) for number in range(2)]
    return _single(name, flat, around, 0)


def _singular(name: str) -> str:
    return name.removesuffix("es") if name.endswith("sses") else name.removesuffix("s")


def _single(name: str, expression: str, around: Surroundings, number: int) -> Any:
    stem, _, ending = name.rpartition("_")
    resource = match[1] if (match := _RESOURCE.search(expression)) else ""
    label = f"{around.prefix}-{(stem or name).replace('_', '-')}" + (f"-{number + 1}" if number else "")
    parts = {"region": around.region, "account": around.account, "name": label, "key": _KEY_ID, "n": str(number)}
    if ending == "arn":
        kind = f"{resource} {name}" if "stream" not in name else name
        return "arn:aws:" + _first(_ARNS, kind).format(**parts)
    if ending == "id":
        return _first(_IDS, name if not resource else f"{resource} {name}").format(**parts)
    if ending in _NUMBERS:
        return 30
    if ending == "enabled" or name.startswith(("is_", "has_")):
        return True
    if ending == "zone" and "availability" in name:
        return f"{around.region}{'abc'[number]}"
    if ending in ("url", "endpoint", "uri"):
        return f"https://{label}.example.com"
    if ending in ("sender", "recipient", "email", "address") or name in ("sender", "recipient", "email"):
        return "someone@example.com"
    return label


def _first(table: tuple[tuple[str, str], ...], kind: str) -> str:
    return next(text for word, text in table if word in kind)
