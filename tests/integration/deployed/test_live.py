"""`tfgen check --live`: the environment's states against what the modules read."""

from __future__ import annotations

import json

import pytest

from tests.support.project import TestProject

BUCKET = "ecommerce-analytics-local-tfstate-000000000000"
KEY = "02-storage/terraform.tfstate"


def test_everything_that_is_read_is_there(deployed: TestProject) -> None:
    document = deployed.json("check", "--live", "--env", "local")["check"]
    reads = document["live"]["reads"]
    assert len(reads) > 40
    assert {item["status"] for item in reads} == {"present"}
    assert document["live"]["place"].endswith("nothing in AWS")
    assert "vpc_id" in document["unread_outputs"]["00-foundation"]


@pytest.mark.parametrize(("stream", "status"), [(None, "null"), ("arn:aws:dynamodb:x", "missing")])
def test_what_is_not_there_is_named(deployed: TestProject, stream: str | None, status: str) -> None:
    """The state loses an output, and as terraform does it for a null, the resource has none either."""
    s3 = deployed.client("s3")
    before = s3.get_object(Bucket=BUCKET, Key=KEY)["Body"].read()
    document = json.loads(before)
    del document["outputs"]["orders_table_name"]
    for entry in document["resources"]:
        if (entry["type"], entry["name"]) == ("aws_dynamodb_table", "orders"):
            entry["instances"][0]["attributes"]["name"] = stream
    s3.put_object(Bucket=BUCKET, Key=KEY, Body=json.dumps(document).encode())
    try:
        told = deployed.tfgen("check", "--live", "--env", "local", code=1)
    finally:
        s3.put_object(Bucket=BUCKET, Key=KEY, Body=before)
    lines = [line.split() for line in told.stdout.splitlines() if not line.endswith("present")]
    assert [line[0] for line in lines] == [
        "03-api-ingestion",
        "04-event-processing",
        "05-notification",
        "06-monitoring",
    ]
    assert {(line[2], line[3]) for line in lines} == {("02-storage.orders_table_name", status)}
    assert told.stderr.count("orders_table_name of 02-storage") + told.stderr.count("orders_table_name is newer") == 1
