"""Versions of a day's report: which one is the newest, and how the next one gets into the bucket."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any

from botocore.exceptions import ClientError
from common import keys
from common.clients import decode, encode, error_code


class OvertakenError(RuntimeError):
    """Another run has made a version of this report in the meantime; running again resolves it."""


@dataclass(frozen=True)
class Version:
    """One version of a day's report.

    Attributes:
        published: Whether its manifest is known to be in the bucket.
        latest_published: Number of the newest version whose manifest is; 0 for none.
        confirmed_at: When the day was last found to be what this version says; later than `as_of` or empty.
    """

    number: int
    checksum: str
    as_of: str
    input_count: int
    published: bool = False
    latest_published: int = 0
    confirmed_at: str = ""

    @property
    def holds_until(self) -> str:
        """The instant up to which changes are known to be in it."""
        return max(self.as_of, self.confirmed_at)


@dataclass(frozen=True)
class Document:
    """A file of a report on its way into the bucket."""

    name: str
    content_type: str
    path: Path

    def describe(self, prefix: str) -> dict[str, Any]:
        """Return what the manifest says of the file."""
        digest = hashlib.sha256()
        with self.path.open("rb") as file:
            while block := file.read(1 << 20):
                digest.update(block)
        return {
            "name": self.name,
            "key": prefix + self.name,
            "content_type": self.content_type,
            "size": self.path.stat().st_size,
            "sha256": digest.hexdigest(),
        }


@dataclass(frozen=True)
class Versions:
    """The item of a day that knows its newest report."""

    client: Any
    table: str

    def newest(self, day: date) -> Version | None:
        """Return the newest version that was begun."""
        answer = self.client.get_item(TableName=self.table, Key=self._key(day), ConsistentRead=True)
        if "Item" not in answer:
            return None
        item = decode(answer["Item"])
        return Version(
            int(item["version"]),
            item["checksum"],
            item["as_of"],
            int(item["input_count"]),
            published="published_at" in item,
            latest_published=int(item.get("published_version", 0)),
            confirmed_at=item.get("confirmed_at", ""),
        )

    def begin(self, day: date, version: Version, previous: Version | None) -> None:
        """Take the next version number.

        Raises:
            OvertakenError: Another run took it first.
        """
        item: dict[str, Any] = {
            "pk": keys.report(day),
            "sk": keys.META,
            "version": version.number,
            "checksum": version.checksum,
            "as_of": version.as_of,
            "input_count": version.input_count,
        }
        condition: dict[str, Any] = {"ConditionExpression": "attribute_not_exists(pk)"}
        if previous is not None:
            if previous.latest_published:
                item["published_version"] = previous.latest_published
            values = encode({":previous": previous.number})
            condition = {"ConditionExpression": "version = :previous", "ExpressionAttributeValues": values}
        try:
            self.client.put_item(TableName=self.table, Item=encode(item), **condition)
        except ClientError as error:
            if error_code(error) == "ConditionalCheckFailedException":
                raise OvertakenError(f"version {version.number} of {day} is being made by another run") from None
            raise

    def confirm(self, day: date, version: Version, at: str) -> None:
        """Remember that a version was found unchanged: the changes before that instant are in it."""
        self._update(day, version, "SET confirmed_at = :at", at)

    def finish(self, day: date, version: Version, published_at: str) -> None:
        """Remember that the manifest is in the bucket, unless a newer version has been begun."""
        self._update(day, version, "SET published_at = :at, published_version = :version", published_at)

    def _update(self, day: date, version: Version, update: str, at: str) -> None:
        try:
            self.client.update_item(
                TableName=self.table,
                Key=self._key(day),
                UpdateExpression=update,
                ConditionExpression="version = :version",
                ExpressionAttributeValues=encode({":at": at, ":version": version.number}),
            )
        except ClientError as error:
            if error_code(error) != "ConditionalCheckFailedException":
                raise

    @staticmethod
    def _key(day: date) -> dict[str, Any]:
        return encode({"pk": keys.report(day), "sk": keys.META})


@dataclass(frozen=True)
class Bucket:
    """The reports bucket."""

    client: Any
    name: str

    def upload(self, prefix: str, documents: Sequence[Document]) -> None:
        """Write files in the given order: a reader who finds the last one finds all."""
        for document in documents:
            with document.path.open("rb") as body:
                self.client.put_object(
                    Bucket=self.name,
                    Key=prefix + document.name,
                    Body=body,
                    ContentType=document.content_type,
                )


def manifest(
    report: Mapping[str, Any], files: Sequence[Mapping[str, Any]], figures: Mapping[str, Any]
) -> dict[str, Any]:
    """Return the manifest's content: what the version holds, and its main figures."""
    head = ("schema_version", "report_date", "time_zone", "version", "as_of", "checksum", "input_count")
    return {**{name: report[name] for name in head}, "currencies": dict(figures), "files": list(files)}
