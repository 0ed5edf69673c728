"""What the blueprints that a project grows by mean, read from the tree of the catalogue project."""

from __future__ import annotations

import re
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tfgen.blueprint import load_blueprint
from tfgen.errors import SpecError
from tfgen.hcl import Block, read_blocks
from tfgen.workflow import LoadedProject, load_project, preview

ROOT = Path(__file__).parents[2]
CATALOGUE = ROOT / "tests" / "golden" / "catalogue"
BLUEPRINTS = ("alarm", "bucket", "email-configuration", "empty", "event-rule", "lambda", "queue", "table")
TRIGGERS = {"none", "schedule", "s3", "dynamodb-stream", "sqs", "eventbridge", "api"}
UNTAGGABLE = {
    "aws_apigatewayv2_integration",
    "aws_apigatewayv2_route",
    "aws_cloudwatch_event_target",
    "aws_iam_role_policy",
    "aws_lambda_alias",
    "aws_lambda_function_event_invoke_config",
    "aws_lambda_permission",
    "aws_s3_bucket_lifecycle_configuration",
    "aws_s3_bucket_logging",
    "aws_s3_bucket_notification",
    "aws_s3_bucket_ownership_controls",
    "aws_s3_bucket_policy",
    "aws_s3_bucket_public_access_block",
    "aws_s3_bucket_server_side_encryption_configuration",
    "aws_s3_bucket_versioning",
    "aws_scheduler_schedule",
    "aws_sesv2_configuration_set_event_destination",
    "aws_sesv2_email_identity_mail_from_attributes",
}
# What AWS gives no resource to name.
WITHOUT_RESOURCES = {
    "dynamodb:ListStreams",
    "ec2:DescribeNetworkInterfaces",
    "ec2:DescribeSecurityGroups",
    "ec2:DescribeSubnets",
    "ec2:DescribeVpcs",
    "xray:PutTelemetryRecords",
    "xray:PutTraceSegments",
}

Modules = dict[str, list[Block]]


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("catalogue")
    shutil.copytree(CATALOGUE / "config", folder / "config")
    return folder


@pytest.fixture(scope="module")
def loaded(root: Path) -> LoadedProject:
    return load_project(root)


@pytest.fixture(scope="module")
def files(loaded: LoadedProject) -> dict[str, str]:
    grown = {module.name for module in loaded.project.modules if module.blueprint in BLUEPRINTS}
    tree = preview(loaded).tree.files
    return {path: file.content.decode() for path, file in tree.items() if path.split("/")[0] in grown}


@pytest.fixture(scope="module")
def modules(files: dict[str, str]) -> Modules:
    found: Modules = {}
    for path, text in files.items():
        if path.endswith(".tf"):
            found.setdefault(path.split("/")[0], []).extend(read_blocks(text.encode()))
    return found


def _resources(modules: Modules, type_: str = "") -> Iterator[tuple[str, Block]]:
    for module, blocks in modules.items():
        for block in blocks:
            if block.type == "resource" and type_ in ("", block.labels[0]):
                yield f"{module}: {'.'.join(block.labels)}", block


def _statements(modules: Modules) -> Iterator[tuple[str, Block]]:
    for module, blocks in modules.items():
        for block in blocks:
            if block.type == "data" and block.labels[0] == "aws_iam_policy_document":
                for statement in block.blocks:
                    inner = statement.blocks[0] if statement.type == "dynamic" else statement
                    yield f"{module}: {block.labels[1]}", inner


def test_the_catalogue_has_every_blueprint_twice_and_every_trigger(loaded: LoadedProject) -> None:
    used = [module.blueprint for module in loaded.project.modules]
    assert {name for name in BLUEPRINTS if used.count(name) >= 2} == set(BLUEPRINTS)
    functions = [module for module in loaded.project.modules if module.blueprint == "lambda"]
    assert {module.settings["trigger"] for module in functions} == TRIGGERS
    rules = [module for module in loaded.project.modules if module.blueprint == "event-rule"]
    assert {module.settings["target"] for module in rules} == {"queue", "topic", "function"}


def test_no_name_is_given_twice(modules: Modules) -> None:
    named: dict[tuple[str, str, str], str] = {}
    for address, block in _resources(modules):
        for key in ("name", "bucket", "function_name", "alarm_name", "configuration_set_name"):
            value = block.attributes.get(key, "")
            if value.startswith('"${local.name_prefix}'):
                first = named.setdefault((block.labels[0], key, value), address)
                assert first == address, f"{address} and {first} have the same {key}"
    assert len(named) >= 10


def test_names_begin_with_the_project_and_hold_the_modules(files: dict[str, str]) -> None:
    for path, text in files.items():
        for name in re.findall(r"\$\{local\.name_prefix\}-([a-z0-9-]+)", text) if path.endswith(".tf") else ():
            assert name.startswith(path.split("/")[0].partition("-")[2]), f"{path}: {name}"


def test_every_taggable_resource_carries_the_projects_tags(modules: Modules) -> None:
    untagged = [
        address
        for address, block in _resources(modules)
        if block.labels[0] not in UNTAGGABLE and block.attributes.get("tags") != "local.tags"
    ]
    assert untagged == []


def test_no_arn_assumes_a_partition_an_account_or_a_region(files: dict[str, str]) -> None:
    for path, text in files.items():
        if path.endswith(("main.tf", "role.tf")):
            assert "arn:aws:" not in text, path
            assert "eu-west-1" not in text, path


def test_no_role_may_do_everything(modules: Modules) -> None:
    for address, statement in _statements(modules):
        if statement.attributes.get("effect") == '"Deny"' or "resources" not in statement.attributes:
            continue  # a trust policy has no resources
        actions = re.findall(r'"([^"]+)"', statement.attributes["actions"])
        assert all("*" not in action for action in actions), address
        if statement.attributes["resources"] == '["*"]':
            assert set(actions) <= WITHOUT_RESOURCES, address


def test_no_grant_has_a_wildcard_as_action(files: dict[str, str]) -> None:
    for path, text in files.items():
        if path.endswith("/role.tf"):
            grants = text.partition("  grants = {")[2].partition("\n  }\n")[0]
            actions = re.findall(r'"([a-z0-9]+:[^"]+)"', grants)
            assert "sqs:SendMessage" in actions, path
            assert all(action[-1] != "*" for action in actions), path


def test_every_role_is_under_the_boundary_and_is_trusted_for_one_purpose(modules: Modules) -> None:
    roles = list(_resources(modules, "aws_iam_role"))
    assert len(roles) == 9, "one per function, and one for the schedule"
    for address, role in roles:
        assert role.attributes["permissions_boundary"] == "local.iam.permissions_boundary_arn", address
        assert role.attributes["path"] == "var.iam_path", address


def test_whatever_is_stored_is_encrypted_with_the_environments_key(modules: Modules) -> None:
    keys = {
        "aws_sqs_queue": "kms_master_key_id",
        "aws_cloudwatch_log_group": "kms_key_id",
        "aws_lambda_function": "kms_key_arn",
        "aws_scheduler_schedule": "kms_key_arn",
    }
    for type_, key in keys.items():
        found = list(_resources(modules, type_))
        assert found, type_
        for address, block in found:
            assert block.attributes[key] == "local.foundation.kms_key_arn", address
    for type_ in ("aws_dynamodb_table", "aws_s3_bucket_server_side_encryption_configuration"):
        for address, block in _resources(modules, type_):
            assert "local.foundation.kms_key_arn" in str(block), address


def test_queues_and_buckets_refuse_plain_http(modules: Modules) -> None:
    queues = list(_resources(modules, "aws_sqs_queue"))
    assert len(queues) >= 15
    for address, queue in queues:
        assert '"aws:SecureTransport" = "false"' in queue.attributes["policy"], address
    denying = {address.split(":")[0] for address, one in _statements(modules) if "SecureTransport" in str(one)}
    assert denying == {address.split(":")[0] for address, _ in _resources(modules, "aws_s3_bucket")}


def test_whoever_is_let_in_is_named_by_source(modules: Modules) -> None:
    for address, queue in _resources(modules, "aws_sqs_queue"):
        text = queue.attributes["policy"]
        assert text.count('"Allow"') <= text.count("aws:SourceArn") + text.count("sender_kinds"), address
    for address, permission in _resources(modules, "aws_lambda_permission"):
        assert "source_arn" in permission.attributes, address
        assert "qualifier" in permission.attributes, address


def test_whatever_starts_a_function_retries_and_keeps_what_failed(modules: Modules) -> None:
    for type_ in ("aws_cloudwatch_event_target", "aws_scheduler_schedule"):
        for address, block in _resources(modules, type_):
            text = str(block)
            assert "maximum_retry_attempts" in text, address
            assert "aws_sqs_queue.dead_letter.arn" in text, address
    for address, mapping in _resources(modules, "aws_lambda_event_source_mapping"):
        assert mapping.attributes["function_response_types"] == '["ReportBatchItemFailures"]', address
    for address, function in _resources(modules, "aws_lambda_function"):
        assert "aws_cloudwatch_log_group.function" in function.attributes["depends_on"], address
        assert "aws_iam_role_policy.function" in function.attributes["depends_on"], address


def test_every_alarm_tells_the_topic_unless_the_spec_says_nobody(modules: Modules, files: dict[str, str]) -> None:
    told = {path.split("/")[0] for path, text in files.items() if "[local.notification.alerts_topic_arn]" in text}
    watched = {address.split(":")[0] for address, _ in _resources(modules, "aws_cloudwatch_metric_alarm")}
    assert watched - told == {"15-shipments", "41-heartbeat"}


def test_every_runbook_that_an_alarm_names_is_in_the_readme(files: dict[str, str]) -> None:
    for path, text in files.items():
        if not path.endswith("/failures.tf"):
            continue
        module = path.split("/")[0]
        assert f"terraform/{module}/README.md#${{each.key}}" in text
        alarms = text.partition("  alarms = {")[2].partition("\n  }\n")[0]
        for name in re.findall(r"^    ([a-z-]+) = \{$", alarms, re.MULTILINE):
            assert f'<a id="{name}"></a>' in files[f"{module}/README.md"], f"{module}: {name}"


def test_only_the_files_of_a_modules_trigger_are_there(files: dict[str, str]) -> None:
    parts = {"schedule.tf", "rule.tf", "stream.tf", "queue.tf", "api.tf"}
    found = {
        module: {path.split("/")[1] for path in files if path.startswith(f"{module}/")} & parts
        for module in (
            "20-price-lookup",
            "21-cleanup",
            "22-import",
            "23-order-audit",
            "24-thumbnails",
            "27-invoices-api",
        )
    }
    assert found == {
        "20-price-lookup": set(),
        "21-cleanup": {"schedule.tf"},
        "22-import": {"rule.tf"},
        "23-order-audit": {"stream.tf"},
        "24-thumbnails": {"queue.tf"},
        "27-invoices-api": {"api.tf"},
    }


def test_every_variable_and_output_is_described(modules: Modules) -> None:
    for module, blocks in modules.items():
        for block in blocks:
            if block.type in ("variable", "output"):
                assert block.attributes.get("description"), f"{module}: {block.labels}"
            if block.type == "variable":
                assert {"type", "default"} <= block.attributes.keys(), f"{module}: {block.labels}"


def test_modules_read_only_what_their_settings_name(loaded: LoadedProject) -> None:
    reads = {module.name: [read.short_name for read in module.reads] for module in loaded.project.modules}
    assert reads["20-price-lookup"] == ["foundation", "iam", "notification"]
    assert reads["22-import"] == ["foundation", "iam", "notification", "uploads"]
    assert reads["23-order-audit"] == ["foundation", "iam", "storage", "notification", "ledger"]
    assert reads["13-uploads"] == ["foundation"]
    assert reads["41-heartbeat"] == []


@pytest.mark.parametrize(
    ("blueprint", "settings", "message", "hint"),
    [
        ("lambda", "{trigger: cron}", "'cron' is not one of the values", "schedule"),
        ("lambda", "{queue: invoices.queue_arn}", "'queue' has no effect with trigger: none", "write trigger: sqs"),
        ("lambda", "{trigger: eventbridge}", "'event_pattern' is missing", "EventBridge writes patterns"),
        ("lambda", "{trigger: api, routes: [GET invoices]}", "'GET invoices' does not fit", "GET /invoices/{id}"),
        ("lambda", "{read_tables: [ledger]}", "'ledger' is not an output of a module", "storage.orders_table_name"),
        ("lambda", "{read_tables: [legder.table_arn]}", "reads 'legder', which is no module", "'ledger'?"),
        ("lambda", "{read_tables: [later.table_arn]}", "reads 99-later, which comes later", "lower number"),
        ("lambda", "{environment_variables: {lower: x}}", "unknown key 'lower'", "^[A-Z]"),
        ("event-rule", "{target: topic}", "'event_pattern' is missing", "EventBridge writes patterns"),
        ("event-rule",
         "{event_pattern: {}, target: topic, target_arn: notification.alerts_topic_arn, message_group: a}",
         "'message_group' has no effect with target: topic", "write target: queue"),
        ("alarm", "{alarms: {}}", "the mapping is empty", "The alarms by name"),
        ("alarm", "{alarms: {Big: {namespace: a, metric_name: b}}}", "unknown key 'Big'", "^[a-z]"),
        ("email-configuration", "{}", "'sender' is missing", "Address that mail is sent from"),
        ("table", "{indexes: {a: {}}}", "'hash_key' is missing", "partition key"),
        ("queue", "{senders: [mail]}", "'mail' is not one of the values", "events"),
    ],
)  # fmt: skip
def test_a_wrong_setting_is_explained(
    root: Path, tmp_path: Path, blueprint: str, settings: str, message: str, hint: str
) -> None:
    shutil.copytree(root / "config", tmp_path / "config")
    spec = tmp_path / "config" / "project.yaml"
    later = "  99-later: {blueprint: table}\n"
    spec.write_text(spec.read_text() + f"  60-wrong:\n    blueprint: {blueprint}\n    settings: {settings}\n{later}")
    with pytest.raises(SpecError) as caught:
        load_project(tmp_path)
    found = [problem for problem in caught.value.problems if message in problem.message]
    assert found, [problem.message for problem in caught.value.problems]
    assert hint in found[0].hint
    assert found[0].where.startswith("config/project.yaml:")


def test_an_output_that_is_not_there_is_told_with_the_specs_line(root: Path, tmp_path: Path) -> None:
    shutil.copytree(root / "config", tmp_path / "config")
    spec = tmp_path / "config" / "project.yaml"
    added = "  60-wrong:\n    blueprint: lambda\n    settings: {read_tables: [ledger.tabel_arn]}\n"
    spec.write_text(spec.read_text() + added)
    with pytest.raises(SpecError) as caught:
        preview(load_project(tmp_path))
    [problem] = caught.value.problems
    assert problem.message == "11-ledger has no output 'tabel_arn'"
    assert problem.hint == "did you mean 'table_arn'?"
    assert problem.where.startswith(f"config/project.yaml:{spec.read_text().count(chr(10))}:")


def test_an_environment_cannot_set_what_has_no_effect(root: Path, tmp_path: Path) -> None:
    shutil.copytree(root / "config", tmp_path / "config")
    path = tmp_path / "config" / "environments" / "production.yaml"
    path.write_text(path.read_text() + "  price-lookup: {schedule_enabled: false}\n")
    with pytest.raises(SpecError) as caught:
        load_project(tmp_path)
    [problem] = caught.value.problems
    assert problem.message == "'schedule_enabled' has no effect with trigger: none"
    assert problem.where.startswith("config/environments/production.yaml:")


@pytest.mark.parametrize("name", BLUEPRINTS)
def test_a_blueprint_says_how_it_is_added(name: str) -> None:
    blueprint = load_blueprint(name, ROOT / "templates" / name)
    examples: Any = blueprint.examples
    assert examples
    assert blueprint.summary.endswith(".")


@pytest.mark.parametrize(
    ("entry", "message"),
    [
        (
            "90-invoices-dlq: {blueprint: queue}",
            "90-invoices-dlq and 14-invoices would both make an aws_sqs_queue called "
            "<project>-<environment>-invoices-dlq…",
        ),
        (
            "90-orders: {blueprint: table, settings: {hash_key: id}}",
            "90-orders and 02-storage would both make an aws_dynamodb_table called <project>-<environment>-orders",
        ),
        ("90-invoices-dlq: {blueprint: queue, settings: {fifo: true}}", ""),
        ("90-orders: {blueprint: queue}", ""),
    ],
    ids=["what stands beside a queue", "a table of storage", "another ending", "another type"],
)
def test_a_name_that_another_module_gives_is_refused(root: Path, tmp_path: Path, entry: str, message: str) -> None:
    shutil.copytree(root / "config", tmp_path / "config")
    spec = tmp_path / "config" / "project.yaml"
    spec.write_text(f"{spec.read_text().rstrip()}\n  {entry}\n")
    if not message:
        preview(load_project(tmp_path))
        return
    with pytest.raises(SpecError) as caught:
        preview(load_project(tmp_path))
    assert [problem.message for problem in caught.value.problems] == [message]
    assert caught.value.problems[0].hint
