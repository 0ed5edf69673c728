"""State objects and locks in S3 and DynamoDB, read without terraform."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tfgen import aws
from tfgen.aws import Aws
from tfgen.errors import TfgenError

_MISSING = frozenset({"NoSuchKey", "NoSuchBucket", "404", "NotFound"})
_FORMAT = 4


@dataclass(frozen=True)
class Output:
    """One output as the state holds it."""

    value: Any
    type: Any
    sensitive: bool


@dataclass(frozen=True)
class State:
    """What one state object says.

    Attributes:
        serial: Counts up with each write.
        lineage: Identity of the state.
        outputs: By name.
        resources: The raw resource entries, data sources included.
    """

    serial: int
    lineage: str
    outputs: Mapping[str, Output]
    resources: Sequence[Mapping[str, Any]]

    def buckets(self) -> Mapping[str, str]:
        """Return the S3 buckets it manages: address → name."""
        found = {}
        for entry in self.resources:
            if entry.get("mode") == "managed" and entry.get("type") == "aws_s3_bucket":
                for instance in entry.get("instances", ()):
                    found[_address(entry, instance)] = str(instance.get("attributes", {}).get("bucket", ""))
        return found

    @property
    def applied(self) -> bool:
        """True if the module exists: it manages something, or hands something on."""
        return bool(self.outputs) or any(entry.get("mode") == "managed" for entry in self.resources)


@dataclass(frozen=True)
class Lock:
    """A held state lock.

    Attributes:
        kind: `dynamodb` or `lockfile`.
        path: Bucket and key of the locked state.
        info: What terraform noted: ID, Operation, Who, Created.
        raw: The same as it stands there, for removing this lock and no other.
    """

    kind: str
    path: str
    info: Mapping[str, str]
    raw: str = ""

    @property
    def id(self) -> str:
        """Its id; empty if terraform left none."""
        return self.info.get("ID", "")

    @property
    def key(self) -> str:
        """Key of the locked state in its bucket."""
        return self.path.partition("/")[2]


def parse_state(data: bytes, *, where: str) -> State:
    """Read a state object.

    Raises:
        TfgenError: It is truncated, encrypted, or of another format version.
    """
    try:
        document = json.loads(data)
        if document["version"] != _FORMAT:
            raise TfgenError(
                f"state format {document['version']} is not known to this tfgen",
                hint="it was written by a newer terraform or tfgen: upgrade",
                where=where,
            )
        return State(
            serial=int(document["serial"]),
            lineage=str(document["lineage"]),
            outputs={
                name: Output(entry.get("value"), entry.get("type"), bool(entry.get("sensitive")))
                for name, entry in (document.get("outputs") or {}).items()
            },
            resources=tuple(document.get("resources") or ()),
        )
    except (ValueError, KeyError, TypeError, AttributeError):
        raise TfgenError(
            "this is not a readable terraform state",
            hint="restore an earlier version of the object from the bucket's version history",
            where=where,
        ) from None


def read_bytes(clients: Aws, bucket: str, key: str) -> bytes | None:
    """Return the bytes of a state object; None if the object or the bucket does not exist."""
    try:
        data: bytes = clients.client("s3").get_object(Bucket=bucket, Key=key)["Body"].read()
    except Exception as error:
        if aws.error_code(error) in _MISSING:
            return None
        raise aws.explain(error, f"cannot read s3://{bucket}/{key}") from None
    return data


def read_state(clients: Aws, bucket: str, key: str) -> State | None:
    """Return a state; None if there is none."""
    data = read_bytes(clients, bucket, key)
    return None if data is None else parse_state(data, where=f"s3://{bucket}/{key}")


def read_states(clients: Aws, bucket: str, keys: Sequence[str]) -> dict[str, State | None]:
    """Return several states at once, by key."""
    if not keys:
        return {}
    clients.client("s3")
    with ThreadPoolExecutor(min(8, len(keys))) as pool:
        return dict(zip(keys, pool.map(lambda key: read_state(clients, bucket, key), keys), strict=True))


def list_states(clients: Aws, bucket: str) -> tuple[str, ...]:
    """Return the keys of all state objects in a bucket; none if there is no bucket."""
    client = clients.client("s3")
    try:
        pages = client.get_paginator("list_objects_v2").paginate(Bucket=bucket)
        keys = [entry["Key"] for page in pages for entry in page.get("Contents", ())]
    except Exception as error:
        if aws.error_code(error) in _MISSING:
            return ()
        raise aws.explain(error, f"cannot list bucket {bucket}") from None
    return tuple(key for key in keys if key.endswith("/terraform.tfstate"))


def bucket_exists(clients: Aws, bucket: str) -> bool:
    """Tell whether a bucket exists."""
    try:
        clients.client("s3").head_bucket(Bucket=bucket)
    except Exception as error:
        if aws.error_code(error) in _MISSING:
            return False
        raise aws.explain(error, f"cannot look at bucket {bucket}") from None
    return True


def table_exists(clients: Aws, table: str) -> bool:
    """Tell whether a lock table exists."""
    try:
        clients.client("dynamodb").describe_table(TableName=table)
    except Exception as error:
        if aws.error_code(error) == "ResourceNotFoundException":
            return False
        raise aws.explain(error, f"cannot look at table {table}") from None
    return True


def read_local(path: Path) -> State | None:
    """Return a state kept in a file; None if the file is missing or empty."""
    try:
        data = path.read_bytes()
    except FileNotFoundError:
        return None
    return parse_state(data, where=str(path)) if data.strip() else None


def bucket_project(clients: Aws, bucket: str) -> str | None:
    """Return the project that a bucket is marked with; None if there is no bucket or no mark."""
    try:
        tags = clients.client("s3").get_bucket_tagging(Bucket=bucket)["TagSet"]
    except Exception as error:
        if aws.error_code(error) in (*_MISSING, "NoSuchTagSet"):
            return None
        raise aws.explain(error, f"cannot read the tags of bucket {bucket}") from None
    return next((tag["Value"] for tag in tags if tag["Key"] == "Project"), None)


def check_bucket_owner(clients: Aws, bucket: str, project: str) -> None:
    """Refuse a state bucket that carries another project's mark.

    Raises:
        TfgenError: Two projects with the same keys would overwrite each other's states.
    """
    marked = bucket_project(clients, bucket)
    if marked is not None and marked != project:
        raise TfgenError(
            f"bucket {bucket} belongs to project {marked!r}, not to {project!r}",
            hint="give this project a state bucket of its own: state: {bucket: …}",
            code="foreign-bucket",
        )


def list_locks(clients: Aws, bucket: str, table: str) -> tuple[Lock, ...]:
    """Return all held locks: items of the table and lock files in the bucket."""
    return (*_table_locks(clients, table), *_file_locks(clients, bucket))


def find_lock(clients: Aws, table: str, kind: str, path: str) -> Lock | None:
    """Return the lock of one state; None if it is not held.

    Args:
        clients: For table and bucket.
        table: The lock table.
        kind: `dynamodb` or `lockfile`.
        path: Bucket and key of the state.

    Raises:
        TfgenError: It cannot be read.
    """
    if kind == "lockfile":
        bucket, _, key = f"{path}.tflock".partition("/")
        data = read_bytes(clients, bucket, key)
        raw = None if data is None else data.decode("utf-8", "replace")
    else:
        try:
            answer = clients.client("dynamodb").get_item(
                TableName=table, Key={"LockID": {"S": path}}, ConsistentRead=True
            )
        except Exception as error:
            raise aws.explain(error, f"cannot read table {table}") from None
        raw = answer.get("Item", {}).get("Info", {}).get("S")
    return None if raw is None else Lock(kind, path, _lock_info(raw), raw)


def remove_lock(clients: Aws, table: str, lock: Lock) -> bool:
    """Remove a lock if it is still the one that was looked at; False if it is gone or another one by now.

    Raises:
        TfgenError: It cannot be removed.
    """
    try:
        if lock.kind == "dynamodb":
            clients.client("dynamodb").delete_item(
                TableName=table,
                Key={"LockID": {"S": lock.path}},
                ConditionExpression="Info = :info",
                ExpressionAttributeValues={":info": {"S": lock.raw}},
            )
            return True
        bucket, _, key = f"{lock.path}.tflock".partition("/")
        data = read_bytes(clients, bucket, key)
        if data is None or data.decode("utf-8", "replace") != lock.raw:
            return False
        clients.client("s3").delete_object(Bucket=bucket, Key=key)
    except TfgenError:
        raise
    except Exception as error:
        if aws.error_code(error) == "ConditionalCheckFailedException":
            return False
        raise aws.explain(error, f"cannot remove the lock of {lock.path}") from None
    return True


def empty_bucket(clients: Aws, bucket: str) -> int:
    """Delete every version of every object; returns how many. A missing bucket is empty."""
    client = clients.client("s3")
    deleted = 0
    try:
        for page in client.get_paginator("list_object_versions").paginate(Bucket=bucket):
            doomed = [
                {"Key": entry["Key"], "VersionId": entry["VersionId"]}
                for entry in (*page.get("Versions", ()), *page.get("DeleteMarkers", ()))
            ]
            if doomed:
                _delete_versions(client, bucket, doomed)
                deleted += len(doomed)
    except TfgenError:
        raise
    except Exception as error:
        if aws.error_code(error) in _MISSING:
            return deleted
        raise aws.explain(error, f"cannot empty bucket {bucket}") from None
    return deleted


def delete_lock_items(clients: Aws, table: str) -> int:
    """Delete every item of the lock table (locks and digests); returns how many."""
    client = clients.client("dynamodb")
    items = list(_lock_items(clients, table))
    for item in items:
        client.delete_item(TableName=table, Key={"LockID": item["LockID"]})
    return len(items)


def _address(entry: Mapping[str, Any], instance: Mapping[str, Any]) -> str:
    prefix = f"{entry['module']}." if entry.get("module") else ""
    index = f"[{json.dumps(instance['index_key'])}]" if "index_key" in instance else ""
    return f"{prefix}{entry['type']}.{entry['name']}{index}"


def _delete_versions(client: Any, bucket: str, doomed: list[dict[str, str]]) -> None:
    answer = client.delete_objects(Bucket=bucket, Delete={"Objects": doomed, "Quiet": True})
    if errors := answer.get("Errors"):
        first = errors[0]
        raise TfgenError(f"cannot delete {len(errors)} objects of bucket {bucket}: {first['Key']}: {first['Message']}")


def _table_locks(clients: Aws, table: str) -> Iterator[Lock]:
    for item in _lock_items(clients, table):
        if "Info" in item:
            info = item["Info"]["S"]
            yield Lock("dynamodb", item["LockID"]["S"], _lock_info(info), info)


def _file_locks(clients: Aws, bucket: str) -> Iterator[Lock]:
    client = clients.client("s3")
    try:
        for page in client.get_paginator("list_objects_v2").paginate(Bucket=bucket):
            for entry in page.get("Contents", ()):
                if entry["Key"].endswith(".tflock"):
                    data = (read_bytes(clients, bucket, entry["Key"]) or b"{}").decode("utf-8", "replace")
                    path = f"{bucket}/{entry['Key'].removesuffix('.tflock')}"
                    yield Lock("lockfile", path, _lock_info(data), data)
    except TfgenError:
        raise
    except Exception as error:
        if aws.error_code(error) not in _MISSING:
            raise aws.explain(error, f"cannot list bucket {bucket}") from None


def _lock_items(clients: Aws, table: str) -> Iterator[Mapping[str, Any]]:
    client = clients.client("dynamodb")
    try:
        for page in client.get_paginator("scan").paginate(TableName=table, ConsistentRead=True):
            yield from page.get("Items", ())
    except Exception as error:
        if aws.error_code(error) != "ResourceNotFoundException":
            raise aws.explain(error, f"cannot read table {table}") from None


def _lock_info(text: str) -> dict[str, str]:
    try:
        return {str(name): str(value) for name, value in json.loads(text).items()}
    except (ValueError, AttributeError):
        return {}
