from __future__ import annotations

import json

from tfgen.planning import Counts, EventReader, format_diagnostic, parse_lock, plain_text

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


def planned(address: str, action: str, **more: str) -> str:
    kind = address.partition(".")[0]
    change = {"resource": {"addr": address, "resource_type": kind}, "action": action, **more}
    return json.dumps({"type": "planned_change", "@message": f"{address}: Plan to {action}", "change": change})


def read(*lines: str) -> EventReader:
    reader = EventReader()
    for line in lines:
        reader.feed(line)
    return reader


def test_events_become_a_plan():
    reader = read(
        planned("aws_s3_bucket.data", "replace", reason="cannot_update"),
        planned("aws_iam_role.r", "update"),
        planned("data.aws_region.x", "read"),
        planned("aws_kms_key.k", "delete"),
        json.dumps({"type": "change_summary", "changes": {"add": 1, "change": 1, "remove": 2, "import": 0}}),
        json.dumps({"type": "outputs", "outputs": {"a": {"action": "update"}, "b": {"action": "noop"}}}),
    )
    plan = reader.plan(changed=True)
    assert plan.counts == Counts(1, 1, 2)
    assert str(plan.counts) == "1 to add, 1 to change, 2 to destroy"
    assert [change.action for change in plan.changes] == ["replace", "update", "delete"]
    assert [change.address for change in plan.protected_losses] == ["aws_s3_bucket.data", "aws_kms_key.k"]
    assert plan.outputs == {"a": "update"}


def test_lines_that_are_no_events_are_kept():
    reader = read("flag provided but not defined: -nope", "Usage: terraform plan")
    assert reader.error == "flag provided but not defined: -nope\nUsage: terraform plan"


def test_a_diagnostic_reads_as_on_a_terminal():
    text = format_diagnostic(
        {
            "severity": "error",
            "summary": "Unsupported attribute",
            "detail": 'This object does not have an attribute named "x".',
            "address": "aws_lambda_function.f",
            "range": {"filename": "main.tf", "start": {"line": 7}},
            "snippet": {
                "context": 'resource "aws_lambda_function" "f"',
                "code": "  role = local.iam.x",
                "start_line": 7,
                "values": [{"traversal": "local.iam", "statement": "is object with 2 attributes"}],
            },
        }
    )
    assert text == (
        "Error: Unsupported attribute\n\n"
        "  with aws_lambda_function.f,\n"
        '  on main.tf line 7, in resource "aws_lambda_function" "f":\n'
        "     7:   role = local.iam.x\n"
        "    ├ local.iam is object with 2 attributes\n\n"
        'This object does not have an attribute named "x".'
    )


def test_errors_are_collected_whole_and_without_warnings():
    reader = read(
        json.dumps({"type": "diagnostic", "diagnostic": {"severity": "warning", "summary": "Old"}}),
        json.dumps({"type": "diagnostic", "diagnostic": {"severity": "error", "summary": "One"}}),
        json.dumps({"type": "diagnostic", "diagnostic": {"severity": "error", "summary": "Two"}}),
    )
    assert reader.error == "Error: One\n\nError: Two"


def test_the_box_is_taken_away():
    assert plain_text("\x1b[31m╷\x1b[0m\n│ Error: no\n│ \n│ why\n╵\n") == "Error: no\n\nwhy"


def test_a_lock_is_read():
    lock = parse_lock(LOCK_ERROR)
    assert lock is not None
    assert (lock.id, lock.who, lock.operation) == (
        "78a1c907-a7ea-e210-ce15-d70525798cf7",
        "ann@desk",
        "OperationTypeApply",
    )
    assert lock.created.startswith("2026-11-23 16:10:50")
    assert parse_lock("Error: something else") is None
