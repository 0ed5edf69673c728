"""AWS clients with bounded waiting, and the translation of DynamoDB items."""

from __future__ import annotations

import gc
from collections.abc import Mapping
from decimal import Decimal
from typing import Any

import boto3
from boto3.dynamodb.types import TypeDeserializer, TypeSerializer
from botocore.config import Config

gc.freeze()  # boto3 stays: walking over it again and again is a tenth of a cold start, and a part of every request

_to = TypeSerializer()
_from = TypeDeserializer()

Item = dict[str, Any]


def client(service: str, *, read_timeout: float = 10, attempts: int = 3, connections: int = 10) -> Any:
    """Make a client whose calls end: no call may outlive the function's own timeout."""
    config = Config(
        connect_timeout=1,
        read_timeout=read_timeout,
        max_pool_connections=connections,
        retries={"mode": "standard", "total_max_attempts": attempts},
        signature_version="s3v4" if service == "s3" else None,  # links to encrypted objects need it said
    )
    return boto3.client(service, config=config)  # type: ignore[call-overload]


def encode(item: Mapping[str, Any]) -> Item:
    """Plain values (text, int, Decimal, list, dict) to DynamoDB's attribute values."""
    return {name: _to.serialize(value) for name, value in item.items()}


def decode(item: Mapping[str, Any]) -> Item:
    """DynamoDB's attribute values to plain values; every number is a Decimal."""
    return {name: _plain(value) for name, value in item.items()}


def _plain(value: Mapping[str, Any]) -> Any:
    """Decode one value: what orders are made of by hand, which is three times as fast as boto3, the rest by boto3."""
    ((kind, content),) = value.items()
    if kind == "S":
        return content
    if kind == "N":
        return Decimal(content)
    if kind == "M":
        return {name: _plain(inner) for name, inner in content.items()}
    if kind == "L":
        return [_plain(inner) for inner in content]
    return _from.deserialize(value)


def error_code(error: Exception) -> str:
    """Return the code of a service's error, empty for errors that came from no service."""
    response = getattr(error, "response", None) or {}
    return str(response.get("Error", {}).get("Code", ""))
