"""Asking the deployed pipeline for a report, the way its own schedule does, and collecting what comes out."""

from __future__ import annotations

import json
import time
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

_PATIENCE = 60.0
_PAUSE = 0.25


@dataclass(frozen=True)
class Pipeline:
    """The deployed pipeline, by the names that `tfgen output` gave.

    Attributes:
        client: Makes a boto3 client for a service.
        schedule_group: Group of the daily schedule.
        schedule: Name of the daily schedule.
        bucket: Bucket with the reports.
    """

    client: Any
    schedule_group: str
    schedule: str
    bucket: str

    def newest_version(self, day: str) -> str:
        """Return the folder of a day's newest published report, or an empty text."""
        listed = self.client("s3").list_objects_v2(Bucket=self.bucket, Prefix=f"reports/dt={day}/")
        manifests = [item["Key"] for item in listed.get("Contents", ()) if item["Key"].endswith("/manifest.json")]
        return max(manifests, default="").removesuffix("manifest.json")

    def request(self, day: str) -> None:
        """Start the report of a day by a one-off schedule with the target and the role of the daily one."""
        scheduler = self.client("scheduler")
        target = scheduler.get_schedule(GroupName=self.schedule_group, Name=self.schedule)["Target"]
        now = datetime.now(UTC)
        scheduler.create_schedule(
            GroupName=self.schedule_group,
            Name=f"demo-{day}-{now:%H%M%S}",
            ScheduleExpression=f"at({now + timedelta(seconds=2):%Y-%m-%dT%H:%M:%S})",
            FlexibleTimeWindow={"Mode": "OFF"},
            ActionAfterCompletion="DELETE",
            Target={**target, "Input": json.dumps({"report_date": day})},
        )

    def wait(self, day: str, before: str) -> str:
        """Wait for a report that is newer than `before`; returns its folder.

        Raises:
            SystemExit: There is none in time.
        """
        end = time.monotonic() + _PATIENCE
        while time.monotonic() < end:
            newest = self.newest_version(day)
            if newest > before:
                return newest
            time.sleep(_PAUSE)
        raise SystemExit(f"no report of {day} within {_PATIENCE:.0f} s; see: tfgen local logs")

    def download(self, folder: str, target: Path) -> None:
        """Copy a report's files to a folder on disk."""
        target.mkdir(parents=True, exist_ok=True)
        s3 = self.client("s3")
        manifest = json.loads(s3.get_object(Bucket=self.bucket, Key=f"{folder}manifest.json")["Body"].read())
        for name in ("manifest.json", *(file["name"] for file in manifest["files"])):
            content = s3.get_object(Bucket=self.bucket, Key=f"{folder}{name}")["Body"].read()
            (target / name).write_bytes(content)
