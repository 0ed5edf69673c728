from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import jsonschema
import pytest

from tfgen.changes import (
    AttributeChange,
    ComposedPlan,
    Diagnostic,
    ModuleChanges,
    OutputChange,
    ResourceChange,
    read_plan,
)
from tfgen.report import plan as report

ROOT = Path(__file__).resolve().parents[3]
SCHEMA = json.loads((ROOT / "docs" / "plan.schema.json").read_text())


def resource(action: str, *attributes: AttributeChange, **rest: Any) -> ResourceChange:
    actions = {"replace": ("create", "delete"), "move": ("no-op",), "import": ("no-op",)}.get(action, (action,))
    address = rest.pop("address", "aws_dynamodb_table.orders")
    return ResourceChange("02-storage", address, address.partition(".")[0], actions, attributes, **rest)


def make_plan(*resources: ResourceChange, outputs: tuple[OutputChange, ...] = (), **rest: Any) -> ComposedPlan:
    modules = {
        "02-storage": ModuleChanges(
            "02-storage", resources=resources, outputs={output.name: output for output in outputs}
        ),
        "06-monitoring": ModuleChanges("06-monitoring"),
    }
    readers = {"02-storage": {"orders_table_name": ("03-api-ingestion", "04-event-processing")}}
    return ComposedPlan(modules, readers=readers, **rest)


def text(plan: ComposedPlan, **options: Any) -> str:
    return "\n".join(report.to_text(plan, **options))


def whole(plan: ComposedPlan) -> dict[str, Any]:
    return {"version": 1, "environment": "local", "place": "local: emulator", **report.to_document(plan)}


FULL = make_plan(
    resource(
        "replace",
        AttributeChange("hash_key", "pk", "id", forces_replacement=True),
        AttributeChange("arn", "arn:1", None, unknown=True),
        AttributeChange("password", None, None, sensitive=True, hidden=("old-secret", "new-secret")),
    ),
    resource("create", AttributeChange("bucket", None, "shop"), address="aws_s3_bucket.new"),
    resource("update", AttributeChange("tags.Name", "a", "b"), address='aws_s3_bucket.each["x"]'),
    resource("delete", address="aws_s3_bucket.old", reason="delete_because_no_resource_config"),
    resource("move", address="aws_sqs_queue.b", previous_address="aws_sqs_queue.a"),
    resource("import", address="aws_sqs_queue.c", importing="https://queue"),
    outputs=(
        OutputChange("orders_table_name", "update", known=False, before="orders"),
        OutputChange("secret", "create", sensitive=True),
        OutputChange("gone", "delete", before="x"),
        OutputChange("same", "no-op"),
    ),
    problems=(Diagnostic("02-storage", "terraform/02-storage/main.tf:3:1", "no such thing", hint="look"),),
    complete=False,
)


def test_people_see_each_change_with_its_reason() -> None:
    assert text(FULL).splitlines() == [
        "02-storage: 1 to add, 1 to change, 1 to destroy, 1 to replace, 1 to move, 1 to import, 3 outputs to change",
        "  ± aws_dynamodb_table.orders  (replaced because of hash_key, the new one first, DATA IS LOST)",
        '      hash_key: "pk" → "id"  forces replacement',
        '      arn: "arn:1" → (known after apply)',
        "      password: (sensitive)",
        "  + aws_s3_bucket.new",
        '  ~ aws_s3_bucket.each["x"]',
        '      tags.Name: "a" → "b"',
        "  - aws_s3_bucket.old  (not in the configuration any more, DATA IS LOST)",
        "  → aws_sqs_queue.b  (moved from aws_sqs_queue.a)",
        "  ← aws_sqs_queue.c  (imported by https://queue)",
        '  output orders_table_name changes: "orders" → (known after apply); read by 03-api-ingestion, '
        "04-event-processing",
        "  output secret is new (sensitive); read by nobody",
        "  output gone goes away; read by nobody",
        "",
        "no changes: 06-monitoring",
        "DATA IS LOST: 02-storage aws_dynamodb_table.orders will be replaced",
        "DATA IS LOST: 02-storage aws_s3_bucket.old will be destroyed",
        "error: 02-storage: terraform/02-storage/main.tf:3:1: no such thing",
        "  → look",
        "Total: 1 to add, 1 to change, 1 to destroy, 1 to replace, 1 to move, 1 to import, 3 outputs to change",
        "This is not the whole plan: something could not be planned, see above.",
    ]


def test_one_module_alone_is_shown_with_the_values_of_new_resources() -> None:
    assert '      bucket: "shop"' in text(FULL, show=["02-storage"])
    narrowed = text(FULL, show=["06-monitoring"]).splitlines()
    assert narrowed[0] == "no changes: 06-monitoring"
    assert not any("tags.Name" in line for line in narrowed)


def test_nothing_to_do_is_said_in_two_lines() -> None:
    assert text(make_plan()) == "no changes: 02-storage, 06-monitoring\nTotal: no changes"


def test_colours_are_the_callers() -> None:
    painted = text(FULL, paint=lambda words, colour: f"<{colour}>{words}" if colour else words)
    assert "<red>DATA IS LOST" in painted
    assert "<green>  + aws_s3_bucket.new" in painted


def test_a_policy_is_compared_line_by_line() -> None:
    before = json.dumps({"Statement": [{"Action": ["s3:GetObject"], "Effect": "Allow", "Resource": "*" * 60}]})
    after = before.replace("GetObject", "PutObject")
    lines = text(make_plan(resource("update", AttributeChange("policy", before, after)))).splitlines()
    assert lines[2:5] == ["      policy:", '        -        "s3:GetObject"', '        +        "s3:PutObject"']


def test_nothing_steers_the_terminal() -> None:
    evil = "\x1b[31m\r\u202ered\x9b"
    plan = make_plan(
        resource("update", AttributeChange(f'tags["{evil}"]', evil, evil * 30), address=f'a.b["{evil}"]'),
        problems=(Diagnostic("", "", evil),),
    )
    shown = text(plan).replace("\n", "")
    assert shown.isprintable()


def test_the_document_fits_its_schema() -> None:
    jsonschema.Draft202012Validator.check_schema(SCHEMA)
    jsonschema.validate(whole(FULL), SCHEMA)
    jsonschema.validate(whole(make_plan()), SCHEMA)
    document = whole(FULL)
    assert document["summary"] == {"add": 1, "change": 1, "destroy": 1, "replace": 1}
    assert document["modules"]["02-storage"]["outputs"]["same"] == "no-op"
    assert document["modules"]["02-storage"]["read_by"] == {
        "orders_table_name": ["03-api-ingestion", "04-event-processing"]
    }


def test_a_real_plan_fits_the_schema() -> None:
    sample = json.loads((ROOT / "tests" / "unit" / "samples" / "plan.json").read_text())
    plan = read_plan(sample, {"a": "00-a"})
    jsonschema.validate(whole(plan), SCHEMA)
    assert text(plan)
    assert report.to_markdown(plan, title="x")


@pytest.mark.parametrize("shown", [text(FULL), json.dumps(whole(FULL)), report.to_markdown(FULL, title="local")])
def test_a_sensitive_value_is_shown_nowhere(shown: str) -> None:
    assert "password" in shown
    assert "old-secret" not in shown
    assert "new-secret" not in shown


def test_a_comment_on_a_pull_request_unfolds_per_module() -> None:
    markdown = report.to_markdown(FULL, title="local: emulator on 127.0.0.1:4566")
    assert markdown.startswith("### tfgen plan: local: emulator on 127.0.0.1:4566\n")
    assert "| 02-storage | 1 | 1 | 1 | 1 | 3 |" in markdown
    assert markdown.count("<details>") == markdown.count("</details>") == 1


def test_user_text_never_becomes_markdown() -> None:
    evil = "```\n</details><script>alert(1)</script> @team [x](http://y) ````"
    plan = make_plan(
        resource("update", AttributeChange("a", evil, f"{evil}{evil}"), address=f'a.b["{evil}"]'),
        problems=(Diagnostic("", evil, evil, hint=evil),),
    )
    markdown = report.to_markdown(plan, title=evil)
    outside, fence = [], ""
    for line in markdown.splitlines():
        if not fence and line.startswith("```"):
            fence = line.removesuffix("text")
        elif fence and line.strip() == fence:
            fence = ""
        elif not fence:
            outside.append(line)
    assert not fence, "every block is closed"
    rest = "\n".join(outside)
    for mark in ("<script", "@team", "[x]", "```", "alert(1)"):
        assert mark not in rest


def test_a_huge_plan_still_fits_into_a_comment() -> None:
    many = tuple(
        resource("update", AttributeChange("tags", "x" * 40, "y" * 40), address=f"aws_s3_bucket.number_{number}")
        for number in range(2000)
    )
    modules = {f"{index:02}-m": ModuleChanges(f"{index:02}-m", resources=many) for index in range(12)}
    markdown = report.to_markdown(ComposedPlan(modules), title="x")
    assert len(markdown) <= report.MARKDOWN_LIMIT
    assert "more lines" in markdown
    assert "left out; the whole is in plan.json" in markdown
    assert markdown.count("<details>") == markdown.count("</details>") >= 2


def test_drift_is_described_without_what_is_not_applied() -> None:
    drifted = ModuleChanges(
        "02-storage",
        resources=(
            resource("update", AttributeChange("billing_mode", "PAY_PER_REQUEST", "PROVISIONED")),
            resource("delete", address="aws_s3_bucket.old"),
        ),
    )
    plan = make_plan(resource("create", address="aws_s3_bucket.new"), drift={"02-storage": drifted})
    assert list(report.drift_text(plan)) == [
        "02-storage: changed outside terraform",
        "  ~ aws_dynamodb_table.orders was changed",
        '      billing_mode: "PAY_PER_REQUEST" → "PROVISIONED"',
        "  - aws_s3_bucket.old is gone",
        "",
    ]
    document = report.drift_document(plan)
    assert document["drifted"]
    assert list(document["modules"]) == ["02-storage"]
    assert len(document["modules"]["02-storage"]["resources"]) == 2
    assert list(report.drift_text(make_plan())) == ["nothing was changed outside terraform"]
