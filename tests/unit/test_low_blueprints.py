"""What the blueprints of the lower layers mean, read from the rendered tree."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from tfgen.hcl import Block, read_blocks
from tfgen.workflow import load_project, preview

ROOT = Path(__file__).parents[2]
MODULES = ("backend-config", "00-foundation", "01-iam", "02-storage")
UNTAGGABLE = {
    "aws_dynamodb_resource_policy",
    "aws_iam_role_policy",
    "aws_kms_alias",
    "aws_route",
    "aws_route_table_association",
    "aws_s3_bucket_lifecycle_configuration",
    "aws_s3_bucket_logging",
    "aws_s3_bucket_notification",
    "aws_s3_bucket_ownership_controls",
    "aws_s3_bucket_policy",
    "aws_s3_bucket_public_access_block",
    "aws_s3_bucket_server_side_encryption_configuration",
    "aws_s3_bucket_versioning",
}
# Actions for which AWS knows no resource level.
WITHOUT_RESOURCES = re.compile(r'"(xray:Put\w+|ec2:Describe\w+|dynamodb:ListStreams)"')
IDENTITY_DOCUMENTS = {
    "boundary",
    "flow_logs",
    "network",
    "notifier",
    "observability",
    "order_processor",
    "report_generator",
    "scheduler",
}

Modules = dict[str, list[Block]]


@pytest.fixture(scope="module")
def modules() -> Modules:
    """The blocks of each module's rendered files."""
    files = preview(load_project(ROOT)).tree.files
    found: Modules = {name: [] for name in MODULES}
    for path, file in files.items():
        module, _, name = path.partition("/")
        if module in found and name.endswith(".tf"):
            found[module].extend(read_blocks(file.content))
    return found


def _blocks(modules: Modules, kind: str, type_: str | None = None) -> Iterator[tuple[str, Block]]:
    for module, blocks in modules.items():
        for block in blocks:
            if block.type == kind and (type_ is None or block.labels[0] == type_):
                yield f"{module}: {'.'.join(block.labels)}", block


def _statements(document: Block) -> Iterator[Block]:
    for block in document.blocks:
        if block.type == "statement":
            yield block
        elif block.type == "dynamic":
            yield from (inner for inner in block.blocks if inner.type == "content")


def _document(modules: Modules, module: str, name: str) -> Block:
    [document] = [
        block for block in modules[module] if block.type == "data" and block.labels == ("aws_iam_policy_document", name)
    ]
    return document


def test_every_taggable_resource_carries_the_projects_tags(modules: Modules) -> None:
    untagged = [
        address
        for address, block in _blocks(modules, "resource")
        if block.labels[0] not in UNTAGGABLE and "local.tags" not in block.attributes.get("tags", "")
    ]
    assert untagged == []


def test_no_identity_policy_allows_all_actions(modules: Modules) -> None:
    seen = set()
    for address, document in _blocks(modules, "data", "aws_iam_policy_document"):
        if document.labels[1] not in IDENTITY_DOCUMENTS:
            continue
        seen.add(document.labels[1])
        for statement in _statements(document):
            if statement.attributes.get("effect") != '"Deny"':
                assert "*" not in statement.attributes["actions"], address
    assert seen == IDENTITY_DOCUMENTS


def test_all_resources_are_named_only_where_aws_has_no_resource_level(modules: Modules) -> None:
    for address, document in _blocks(modules, "data", "aws_iam_policy_document"):
        if document.labels[1] not in IDENTITY_DOCUMENTS:
            continue
        for statement in _statements(document):
            if statement.attributes["resources"] == '["*"]' and statement.attributes.get("effect") != '"Deny"':
                actions = re.findall(r'"[^"]+"', statement.attributes["actions"])
                assert all(WITHOUT_RESOURCES.fullmatch(action) for action in actions), address


def test_no_arn_assumes_a_partition_an_account_or_a_region(modules: Modules) -> None:
    for address, block in [*_blocks(modules, "data"), *_blocks(modules, "resource"), *_blocks(modules, "locals")]:
        text = str(block)
        assert "arn:aws:" not in text, address
        assert "us-east-1" not in text, address
        assert "000000000000" not in text, address


@pytest.mark.parametrize(
    ("module", "document"),
    [
        ("backend-config", "state_bucket"),
        ("backend-config", "logs_bucket"),
        ("02-storage", "secure_transport"),
    ],
)
def test_buckets_refuse_plain_http_and_old_tls(modules: Modules, module: str, document: str) -> None:
    statements = {
        statement.attributes["sid"]: statement for statement in _statements(_document(modules, module, document))
    }
    for sid in ('"DenyInsecureTransport"', '"DenyOutdatedTls"'):
        assert statements[sid].attributes["effect"] == '"Deny"'
        assert statements[sid].attributes["actions"] == '["s3:*"]'


def test_every_bucket_policy_of_storage_includes_the_transport_rules(modules: Modules) -> None:
    for name in ("data", "reports", "logs"):
        document = _document(modules, "02-storage", f"{name}_bucket")
        sources = document.attributes["source_policy_documents"]
        assert f'data.aws_iam_policy_document.secure_transport["{name}"].json' in sources


def test_every_bucket_is_closed_owned_versioned_and_encrypted(modules: Modules) -> None:
    for module in ("backend-config", "02-storage"):
        buckets = {block.labels[1] for block in modules[module] if block.labels[:1] == ("aws_s3_bucket",)}
        [local] = [
            block.attributes["buckets"]
            for block in modules[module]
            if block.type == "locals" and "buckets" in block.attributes
        ]
        assert set(re.findall(r"aws_s3_bucket\.(\w+)\.id", local)) == buckets
        types = [block.labels[0] for block in modules[module] if block.type == "resource"]
        for control in ("public_access_block", "ownership_controls", "versioning"):
            assert f"aws_s3_bucket_{control}" in types


def test_tables_are_encrypted_recoverable_and_protected_by_a_variable(modules: Modules) -> None:
    tables = list(_blocks(modules, "resource", "aws_dynamodb_table"))
    assert len(tables) == 3
    for address, table in tables:
        inner = {block.type: block.attributes for block in table.blocks}
        assert inner["point_in_time_recovery"]["enabled"] == "true", address
        assert "kms_key" in inner["server_side_encryption"]["kms_key_arn"], address
        assert table.attributes["deletion_protection_enabled"] == "var.deletion_protection", address


def test_the_day_index_carries_what_the_report_reads(modules: Modules) -> None:
    [orders] = [block for _, block in _blocks(modules, "resource", "aws_dynamodb_table") if block.labels[1] == "orders"]
    index = next(
        block.attributes
        for block in orders.blocks
        if block.type == "global_secondary_index" and block.attributes["name"] == '"gsi1_day"'
    )
    projected = set(re.findall(r'"(\w+)"', index["non_key_attributes"]))
    source = ast.parse((ROOT / "lambdas" / "report_generator" / "orders.py").read_text(encoding="utf-8"))
    asked = {
        name
        for node in source.body
        if isinstance(node, ast.Assign) and isinstance(node.value, ast.Tuple)
        for name in ast.literal_eval(node.value)
    }
    assert {"order_id", "total", "refunded"} <= asked
    assert {*asked, "lines"} <= projected, "a query that asks for more is refused"


def test_security_group_rules_are_described_and_admit_nobody_by_address(modules: Modules) -> None:
    for address, rule in _blocks(modules, "resource"):
        if not rule.labels[0].startswith("aws_vpc_security_group_"):
            continue
        assert rule.attributes["description"].strip('"'), address
        assert rule.attributes["from_port"] == rule.attributes["to_port"] == "443", address
        if rule.labels[0].endswith("ingress_rule"):
            assert "cidr_ipv4" not in rule.attributes, address


def test_every_variable_and_output_is_described(modules: Modules) -> None:
    for kind in ("variable", "output"):
        for address, block in _blocks(modules, kind):
            assert block.attributes["description"].strip('"'), address
            if kind == "variable":
                assert {"type", "default"} <= set(block.attributes), address
