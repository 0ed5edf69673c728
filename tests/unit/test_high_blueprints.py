"""What the blueprints of the upper layers mean, read from the rendered tree."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from tfgen.hcl import Block, read_blocks
from tfgen.workflow import LoadedProject, load_project, preview

ROOT = Path(__file__).parents[2]
FUNCTION_MODULES = ("03-api-ingestion", "04-event-processing", "05-notification")
MODULES = (*FUNCTION_MODULES, "06-monitoring")
UNTAGGABLE = {
    "aws_api_gateway_account",
    "aws_api_gateway_deployment",
    "aws_api_gateway_gateway_response",
    "aws_api_gateway_integration",
    "aws_api_gateway_method",
    "aws_api_gateway_method_settings",
    "aws_api_gateway_model",
    "aws_api_gateway_request_validator",
    "aws_api_gateway_resource",
    "aws_cloudwatch_dashboard",
    "aws_cloudwatch_event_target",
    "aws_cloudwatch_log_metric_filter",
    "aws_cloudwatch_log_resource_policy",
    "aws_cloudwatch_query_definition",
    "aws_iam_role_policy",
    "aws_lambda_alias",
    "aws_lambda_function_event_invoke_config",
    "aws_lambda_permission",
    "aws_scheduler_schedule",
    "aws_sesv2_configuration_set_event_destination",
    "aws_sesv2_email_identity_mail_from_attributes",
    "aws_sns_topic_policy",
    "aws_sns_topic_subscription",
    "aws_wafv2_web_acl_association",
    "aws_wafv2_web_acl_logging_configuration",
}
# What costs money while nothing happens, or belongs to the whole account.
OFF_BY_DEFAULT = {
    "03-api-ingestion": {"client_certificate", "manage_account_role", "waf"},
    "06-monitoring": {"anomaly_detection", "composite_alarm"},
}

Modules = dict[str, list[Block]]


@pytest.fixture(scope="module")
def loaded() -> LoadedProject:
    return load_project(ROOT)


@pytest.fixture(scope="module")
def modules(loaded: LoadedProject) -> Modules:
    """The blocks of each module's rendered files."""
    found: Modules = {name: [] for name in MODULES}
    for path, file in preview(loaded).tree.files.items():
        module, _, name = path.partition("/")
        if module in found and name.endswith(".tf"):
            found[module].extend(read_blocks(file.content))
    return found


def _blocks(modules: Modules, kind: str, type_: str | None = None) -> Iterator[tuple[str, Block]]:
    for module, blocks in modules.items():
        for block in blocks:
            if block.type == kind and (type_ is None or block.labels[0] == type_):
                yield f"{module}: {'.'.join(block.labels)}", block


def _resources(modules: Modules, type_: str) -> list[Block]:
    return [block for _, block in _blocks(modules, "resource", type_)]


def _local(modules: Modules, module: str, name: str) -> str:
    [text] = [
        block.attributes[name] for block in modules[module] if block.type == "locals" and name in block.attributes
    ]
    return text


def _inner(block: Block, type_: str) -> Block:
    [found] = [inner for inner in block.blocks if inner.type == type_]
    return found


def test_every_taggable_resource_carries_the_projects_tags(modules: Modules) -> None:
    untagged = [
        address
        for address, block in _blocks(modules, "resource")
        if block.labels[0] not in UNTAGGABLE and block.attributes.get("tags") != "local.tags"
    ]
    assert untagged == []


def test_no_arn_assumes_a_partition_an_account_or_a_region(modules: Modules) -> None:
    for address, block in [*_blocks(modules, "resource"), *_blocks(modules, "locals"), *_blocks(modules, "output")]:
        text = str(block)
        assert "arn:aws:" not in text, address
        assert "us-east-1" not in text, address
        assert "000000000000" not in text, address


def test_every_variable_and_output_is_described(modules: Modules) -> None:
    for kind in ("variable", "output"):
        for address, block in _blocks(modules, kind):
            assert block.attributes["description"].strip('"'), address
            if kind == "variable":
                assert {"type", "default"} <= set(block.attributes), address


def test_what_costs_money_is_off(modules: Modules) -> None:
    for module, names in OFF_BY_DEFAULT.items():
        variables = {block.labels[0]: block for block in modules[module] if block.type == "variable"}
        for name in names:
            assert variables[name].attributes["default"] == "false", name


def test_an_open_api_is_refused_outside_the_local_environment(modules: Modules) -> None:
    [auth] = [block for _, block in _blocks(modules, "variable") if block.labels == ("auth",)]
    assert auth.attributes["default"] == '"aws_iam"'
    conditions = [block.attributes["condition"] for block in auth.blocks if block.type == "validation"]
    assert 'var.auth != "none" || var.environment == "local"' in conditions


def test_every_route_is_validated_authorised_and_part_of_the_deployment(modules: Modules) -> None:
    [method] = _resources(modules, "aws_api_gateway_method")
    assert method.attributes["authorization"] == "upper(var.auth)"
    assert method.attributes["request_validator_id"] == "aws_api_gateway_request_validator.all.id"
    [validator] = _resources(modules, "aws_api_gateway_request_validator")
    assert validator.attributes["validate_request_body"] == "true"
    assert validator.attributes["validate_request_parameters"] == "true"
    assert '"method.request.header.Idempotency-Key" = true' in _local(modules, "03-api-ingestion", "routes")
    [deployment] = _resources(modules, "aws_api_gateway_deployment")
    for part in ("local.routes", "local.model_schemas", "local.gateway_responses", "var.auth", "invoke_arn"):
        assert part in deployment.attributes["triggers"], part
    assert _inner(deployment, "lifecycle").attributes["create_before_destroy"] == "true"


def test_the_stage_logs_traces_and_throttles_but_never_writes_bodies(modules: Modules) -> None:
    [stage] = _resources(modules, "aws_api_gateway_stage")
    assert stage.attributes["xray_tracing_enabled"] == "true"
    assert _inner(stage, "access_log_settings")
    [settings] = [_inner(block, "settings") for block in _resources(modules, "aws_api_gateway_method_settings")]
    assert settings.attributes["data_trace_enabled"] == "false"
    assert settings.attributes["logging_level"] == '"ERROR"'
    assert settings.attributes["throttling_rate_limit"] == "var.throttle.rate"


def test_functions_are_called_by_alias_only_by_a_named_source(modules: Modules) -> None:
    permissions = list(_blocks(modules, "resource", "aws_lambda_permission"))
    assert len(permissions) == 3
    for address, permission in permissions:
        assert permission.attributes["qualifier"] == "aws_lambda_alias.live.name", address
        assert "source_arn" in permission.attributes, address


def test_functions_log_to_a_group_that_exists_before_them(modules: Modules) -> None:
    for module in FUNCTION_MODULES:
        one = {module: modules[module]}
        [function] = _resources(one, "aws_lambda_function")
        name = function.labels[1]
        assert function.attributes["depends_on"] == f"[aws_cloudwatch_log_group.{name}]"
        assert function.attributes["role"] == f'local.iam.lambda_role_arns["{name}"]'
        assert function.attributes["architectures"] == '["arm64"]'
        assert _inner(function, "tracing_config").attributes["mode"] == '"Active"'
        assert ("vpc_config" in [block.type for block in function.blocks]) == (name != "notifier")


def test_every_log_group_is_encrypted_and_expires(modules: Modules) -> None:
    groups = list(_blocks(modules, "resource", "aws_cloudwatch_log_group"))
    assert len(groups) == 7
    for address, group in groups:
        assert group.attributes["kms_key_id"] == "local.foundation.kms_key_arn", address
        assert group.attributes["retention_in_days"] == "var.log_retention_days", address


def test_queues_and_topics_are_encrypted_and_refuse_plain_http(modules: Modules) -> None:
    queues = _resources(modules, "aws_sqs_queue")
    topics = _resources(modules, "aws_sns_topic")
    assert len(queues) == len(topics) == 2
    for block in (*queues, *topics):
        assert block.attributes["kms_master_key_id"] == "local.foundation.kms_key_arn"
    for block in (*queues, *_resources(modules, "aws_sns_topic_policy")):
        assert '"aws:SecureTransport" = "false"' in block.attributes["policy"]
        assert "DenyInsecureTransport" in block.attributes["policy"]


def test_whatever_starts_a_function_retries_and_keeps_what_failed(modules: Modules) -> None:
    starters = [
        block
        for block in _resources(modules, "aws_cloudwatch_event_target")
        if block.attributes["arn"] == "aws_lambda_alias.live.arn"
    ]
    starters += [_inner(block, "target") for block in _resources(modules, "aws_scheduler_schedule")]
    assert len(starters) == 3
    for starter in starters:
        assert _inner(starter, "retry_policy").attributes["maximum_retry_attempts"] == "5"
        assert "aws_sqs_queue" in _inner(starter, "dead_letter_config").attributes["arn"]
    assert len(_resources(modules, "aws_lambda_function_event_invoke_config")) == 2


def test_the_schedule_hands_on_its_time_in_schedulers_own_spelling(modules: Modules) -> None:
    [schedule] = _resources(modules, "aws_scheduler_schedule")
    given = _inner(schedule, "target").attributes["input"]
    assert given == r'"{\"scheduled_time\":\"<aws.scheduler.scheduled-time>\"}"'
    assert schedule.attributes["schedule_expression_timezone"] == "local.storage.business_time_zone"


def test_every_alarm_tells_the_alerts_topic_both_ways(modules: Modules) -> None:
    alarms = [
        *_blocks(modules, "resource", "aws_cloudwatch_metric_alarm"),
        *_blocks(modules, "resource", "aws_cloudwatch_composite_alarm"),
    ]
    for address, alarm in alarms:
        for when in ("alarm_actions", "ok_actions"):
            assert alarm.attributes[when] == "[local.notification.alerts_topic_arn]", address
        assert "${local.runbook}#" in alarm.attributes["alarm_description"], address


def test_an_absence_is_noticed_within_what_cloudwatch_can_look_back(modules: Modules) -> None:
    absence = _local(modules, "06-monitoring", "absence_alarms")
    assert absence.count('"breaching"') == absence.count("3600") == 2
    [hours] = [block for _, block in _blocks(modules, "variable") if block.labels == ("report_absence_hours",)]
    assert hours.attributes["default"] == "26"
    assert any("<= 168" in block.attributes["condition"] for block in hours.blocks)


def test_runbooks_are_unique_and_complete(loaded: LoadedProject) -> None:
    [blueprint] = [one for one in loaded.blueprints.values() if one.name == "monitoring"]
    ids = [runbook.id for runbook in blueprint.runbooks]
    assert len(ids) == len(set(ids))
    for runbook in blueprint.runbooks:
        assert re.search(r"^aws \w+", runbook.command), runbook.id
