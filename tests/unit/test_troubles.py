from __future__ import annotations

import pytest

from tfgen.troubles import TROUBLES, explain, find_trouble

LOCK_ERROR = """\
Error: Error acquiring the state lock

Error message: operation error DynamoDB: PutItem, ConditionalCheckFailedException
Lock Info:
  ID:        78a1c907-a7ea-e210-ce15-d70525798cf7
  Path:      bucket/03-api/terraform.tfstate
  Operation: OperationTypeApply
  Who:       ann@desk
  Version:   1.11.4
  Created:   2026-11-23 16:10:50.116378043 +0000 UTC
  Info:
"""


def test_the_three_of_every_troubleshooting_list_are_explained():
    hint = explain(LOCK_ERROR, module="03-api")
    assert "ann@desk holds the state lock" in hint
    assert "tfgen unlock 03-api --id 78a1c907-a7ea-e210-ce15-d70525798cf7" in hint

    missing = 'Error: Unsupported attribute\n\nThis object does not have an attribute named "orders_table_name".'
    assert explain(missing, module="03-api", reads=["02-storage"]) == (
        "an output of 02-storage is missing: tfgen apply --module 03-api --with-dependencies"
    )
    assert "--with-dependencies" in explain("Error: Unable to find remote state", module="03-api")

    exists = (
        "Error: creating IAM Role (x): EntityAlreadyExists: Role with name x already exists.\n\n"
        '  with aws_iam_role.this["a"],\n  on main.tf line 1'
    )
    assert "tfgen import 01-iam 'aws_iam_role.this[\"a\"]' ID" in explain(exists, module="01-iam")

    early = 'Error: Failed to get existing workspaces: S3 bucket "states" does not exist.'
    assert "tfgen apply" in explain(early, module="02-storage")

    full = "Error: deleting S3 Bucket (b-1): operation error S3: DeleteBucket, api error BucketNotEmpty: no"
    assert "bucket b-1 still holds objects" in explain(full, module="02-storage")
    assert explain("Error: who knows", module="02-storage") == ""


def test_every_text_can_be_filled_in():
    for trouble in TROUBLES:
        assert trouble.name
        assert "{" not in explain(f"Error: {trouble.name}", module="m")
        for text in (trouble.cause, trouble.next):
            filled = text
            for name in ("bucket", "action", "module", "reads", "address"):
                filled = filled.replace(f"{{{name}}}", "x")
            assert "{" not in filled, trouble.name
    assert len({trouble.name for trouble in TROUBLES}) == len(TROUBLES) >= 15


@pytest.mark.parametrize(
    ("error", "name", "words"),
    [
        ("Error: Failed to save state", "state-not-saved", "tfgen apply --resume"),
        ("Error: api error ExpiredToken: The provided token has expired", "expired-token", "log in again"),
        (
            "Error: creating KMS Key: operation error KMS: CreateKey, api error AccessDeniedException: User: u is not "
            "authorized to perform: kms:CreateKey on resource: *",
            "access-denied",
            "may not do this: kms:CreateKey",
        ),
        ("Error: api error ServiceQuotaExceededException: no", "quota", "quota"),
        ("Error: Saved plan is stale", "stale-plan", "plans it again"),
        ("Error: Inconsistent dependency lock file", "dependency-lock", "tfgen providers lock"),
        ("Error: write x: no space left on device", "disk-full", "free some space"),
    ],
)
def test_known_errors_have_a_cause_and_a_next_step(error, name, words):
    trouble = find_trouble(error)
    assert trouble is not None
    assert trouble.name == name
    assert words in explain(error, module="02-storage")
