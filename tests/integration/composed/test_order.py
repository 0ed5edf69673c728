"""The order that layers gave silently, in the graph of the composed project: docs/explanation/order.md."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from tests.golden.test_golden import REFERENCE, make
from tests.support.composed_graph import ComposedGraph, Node, draw
from tfgen import workflow

PAGE = Path(__file__).parents[3] / "docs" / "explanation" / "order.md"
_ROW = re.compile(r"^\| `([\w-]+)` `([\w.]+)` \| `([\w-]+)` `([\w.]+)` \| .+ \|$", re.MULTILINE)

THINGS = {
    "aws_api_gateway_client_certificate",
    "aws_api_gateway_model",
    "aws_api_gateway_request_validator",
    "aws_api_gateway_resource",
    "aws_api_gateway_rest_api",
    "aws_api_gateway_stage",
    "aws_apigatewayv2_api",
    "aws_athena_workgroup",
    "aws_cloudwatch_event_rule",
    "aws_cloudwatch_log_group",
    "aws_cloudwatch_log_stream",
    "aws_dynamodb_table",
    "aws_eip",
    "aws_glue_catalog_database",
    "aws_glue_catalog_table",
    "aws_iam_policy",
    "aws_iam_role",
    "aws_internet_gateway",
    "aws_kinesis_firehose_delivery_stream",
    "aws_kms_key",
    "aws_lambda_alias",
    "aws_lambda_function",
    "aws_nat_gateway",
    "aws_route_table",
    "aws_s3_bucket",
    "aws_scheduler_schedule",
    "aws_scheduler_schedule_group",
    "aws_security_group",
    "aws_sesv2_configuration_set",
    "aws_sns_topic",
    "aws_sqs_queue",
    "aws_subnet",
    "aws_vpc",
    "aws_wafv2_web_acl",
}
"""Stand for themselves: what is handed from module to module."""

FINISHING = {
    "aws_api_gateway_account",
    "aws_api_gateway_deployment",
    "aws_api_gateway_gateway_response",
    "aws_api_gateway_integration",
    "aws_api_gateway_method",
    "aws_api_gateway_method_settings",
    "aws_apigatewayv2_integration",
    "aws_apigatewayv2_route",
    "aws_apigatewayv2_stage",
    "aws_cloudwatch_event_target",
    "aws_cloudwatch_log_resource_policy",
    "aws_dynamodb_resource_policy",
    "aws_flow_log",
    "aws_iam_role_policy",
    "aws_kms_alias",
    "aws_lambda_event_source_mapping",
    "aws_lambda_function_event_invoke_config",
    "aws_lambda_permission",
    "aws_route",
    "aws_route_table_association",
    "aws_s3_bucket_notification",
    "aws_s3_bucket_ownership_controls",
    "aws_s3_bucket_policy",
    "aws_s3_bucket_public_access_block",
    "aws_s3_bucket_server_side_encryption_configuration",
    "aws_s3_bucket_versioning",
    "aws_sns_topic_policy",
    "aws_vpc_endpoint",
    "aws_vpc_security_group_egress_rule",
    "aws_vpc_security_group_ingress_rule",
    "aws_wafv2_web_acl_association",
    "aws_wafv2_web_acl_logging_configuration",
}
"""Make another thing usable, or safe to use: they come before all that reads that thing in another module."""

UNHURRIED = {
    "aws_default_security_group",
    "aws_s3_bucket_lifecycle_configuration",
    "aws_s3_bucket_logging",
    "aws_sesv2_configuration_set_event_destination",
    "aws_sesv2_email_identity",
    "aws_sesv2_email_identity_mail_from_attributes",
    "aws_sns_topic_subscription",
}
"""Belong to another thing, which may be used before: they act late, or wait for a person."""

ONLOOKERS = {
    "aws_athena_named_query",
    "aws_cloudwatch_composite_alarm",
    "aws_cloudwatch_dashboard",
    "aws_cloudwatch_log_metric_filter",
    "aws_cloudwatch_metric_alarm",
    "aws_cloudwatch_query_definition",
}
"""Only name what they look at."""


def drawn(case: str, root: Path) -> ComposedGraph:
    make(case, root)
    loaded = workflow.load_project(root)
    workflow.render(loaded)
    return draw(loaded.project)


@pytest.fixture(scope="module")
def reference(tmp_path_factory: pytest.TempPathFactory) -> ComposedGraph:
    return drawn(REFERENCE, tmp_path_factory.mktemp("reference") / "project")


def too_early(graph: ComposedGraph) -> list[tuple[str, str, str, str]]:
    """Find who uses a thing that another module hands it and that may not be finished by then."""
    return [
        (node.module, node.address, user.module, user.address)
        for node in sorted(graph.needs)
        if node.type in FINISHING
        for thing in sorted(graph.mentioned[node])
        if thing.type in THINGS
        for user in sorted(graph.needs)
        if user.type and user.type not in ONLOOKERS
        if thing in graph.handed.get((node.module, user.module), ())
        if thing in graph.before[user] and node not in graph.before[user]
    ]


def test_every_pair_of_the_list_has_a_path(reference: ComposedGraph) -> None:
    pairs = [(Node(*row[:2]), Node(*row[2:])) for row in _ROW.findall(PAGE.read_text(encoding="utf-8"))]
    assert len(pairs) > 40
    assert [(first, then) for first, then in pairs if first not in reference.before[then]] == []


def test_nothing_is_used_by_another_module_before_it_is_finished(reference: ComposedGraph) -> None:
    assert too_early(reference) == []


@pytest.mark.slow
def test_nothing_is_used_before_it_is_finished_where_a_project_has_grown(tmp_path: Path) -> None:
    grown = drawn("catalogue", tmp_path / "project")
    assert too_early(grown) == []
    assert unsorted(grown) == set()


def test_every_type_is_known_to_be_a_thing_or_to_finish_one(reference: ComposedGraph) -> None:
    assert unsorted(reference) == set()


def unsorted(graph: ComposedGraph) -> set[str]:
    return {node.type for node in graph.needs} - THINGS - FINISHING - UNHURRIED - ONLOOKERS - {""}
