"""Nothing in the roles' policies is there for nothing.

First every walk through every function, and every way of the scheduler, of the delivery stream and of what fails, comes
through under the roles as they are rendered. Then each action, each resource and each value of a condition is taken
away, one at a time: some walk no longer comes through. Each condition is taken away as a whole: something that is
refused becomes possible. What the emulator does not enforce is cited, from a closed list. The outcome is docs/roles.md.
"""

from __future__ import annotations

import copy
import hashlib
import json
import random
import re
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import boto3
import pytest
from botocore.config import Config
from botocore.exceptions import ClientError

from tests.support.project import TestProject
from tests.support.roles import Walker, assume
from tests.support.walker import WALKS

DOCUMENT = Path(__file__).parents[3] / "docs" / "roles.md"
PREFIX = "ecommerce-analytics-local"
ACCOUNT = "000000000000"
ORDERS, REPORTS, DATA = f"{PREFIX}-orders", f"{PREFIX}-reports-{ACCOUNT}", f"{PREFIX}-data-{ACCOUNT}"
PATIENCE = 20.0
HASTE = 6.0
# What the emulator cannot refuse, and where AWS says that it is needed. Nothing else may be cited.
CITED = {
    "WriteOwnLog": "Lambda developer guide, 'Working with Lambda execution environment credentials': logs permissions",
    "SendTraces": "X-Ray developer guide, 'AWS Lambda and X-Ray': PutTraceSegments and PutTelemetryRecords",
    "ManageInterfaces": "Lambda developer guide, 'Giving Lambda functions access to a VPC': required permissions",
    "DescribeNetwork": "Lambda developer guide, 'Giving Lambda functions access to a VPC': required permissions",
    "DenyToTheFunctionsCode": "Lambda developer guide, 'lambda:SourceFunctionArn': rights of the service, not the code",
    "UseTheKeyThroughServices": "KMS developer guide, 'kms:ViaService'; each service's guide to customer managed keys",
    "WriteFlowLogs": "VPC user guide, 'IAM role for publishing flow logs to CloudWatch Logs'",
    "UseTheKeyThroughLambda": "KMS developer guide, 'kms:ViaService'; each service's guide to customer managed keys",
    "WriteDeliveryLog": "Firehose developer guide, 'Controlling access with Amazon Data Firehose': CloudWatch Logs",
    "FindTheLogGroup": "VPC user guide, 'IAM role for publishing flow logs to CloudWatch Logs'",
}
FUNCTION_ROLES = {
    f"{PREFIX}-order-processor": "order_processor",
    f"{PREFIX}-report-generator": "report_generator",
    f"{PREFIX}-notifier": "notifier",
    f"{PREFIX}-data-transformation": "data_transformation",
    f"{PREFIX}-data-transformation-stream": "data_transformation.stream",
}
SCHEDULER_ROLE = f"{PREFIX}-report-scheduler"
FLOW_LOGS_ROLE = f"{PREFIX}-flow-logs"
FIREHOSE_ROLE = f"{PREFIX}-data-transformation-firehose"
DELIVERY_STREAM = f"{PREFIX}-data-transformation"
STREAM_FUNCTION = f"{PREFIX}-data-transformation-stream"
ROLES = (*FUNCTION_ROLES, SCHEDULER_ROLE, FIREHOSE_ROLE)
FAILED = ("report_generator", "notifier")
"""Functions that are called asynchronously, whose failed calls are kept."""

Policy = dict[str, Any]
_GENERATED = re.compile(r"(?<=:key/)[0-9a-f-]{36}|(?<=/stream/)[0-9T:.-]+")  # different in every deployment


@dataclass(frozen=True)
class Cut:
    """A policy with something taken away, and what that was."""

    elements: tuple[str, ...]
    document: Policy


@dataclass
class Proofs:
    """The rows of the table: role, statement, element, and what proves it."""

    rows: list[tuple[str, str, str, str]] = field(default_factory=list)

    def add(self, role: str, sid: str, element: str, proof: str) -> None:
        shown = _GENERATED.sub("<generated>", element)
        self.rows.append((role.removeprefix(f"{PREFIX}-"), sid, shown, proof))


class Ways:
    """Every way through a role's rights on the deployed project."""

    def __init__(self, project: TestProject) -> None:
        self.project = project
        self.walkers: dict[str, Walker] = {}
        self.versions = iter(range(1, 10_000))
        self.day = date(1990, 1, 1) + timedelta(days=random.randrange(2000))

    def of(self, role: str) -> dict[str, Callable[[float], str]]:
        """Return the ways of a role by name; each says why it did not come through, or nothing."""
        if role == SCHEDULER_ROLE:
            return {"start a report by schedule": self.scheduled, "keep an undeliverable schedule": self.undeliverable}
        if role == FIREHOSE_ROLE:
            return {"deliver order lines": self.delivered, "keep what cannot be read": self.set_aside}
        function = FUNCTION_ROLES[role]

        def way(name: str) -> Callable[[float], str]:
            return lambda _: self.walker(function).walk(name, self.facts(name))

        ways: dict[str, Callable[[float], str]] = {name: way(name) for name in WALKS[function]}
        if function in FAILED:
            ways["keep a failed invocation"] = lambda patience: self.failed(role, patience)
        if role == STREAM_FUNCTION:
            ways |= {"read the stream": self.streamed, "name what failed": self.given_up}
        return ways

    def walker(self, function: str) -> Walker:
        if function not in self.walkers:
            self.walkers[function] = Walker(self.project, function)
        return self.walkers[function]

    def facts(self, walk: str) -> Mapping[str, Any]:
        if walk == "mail and announce a report":
            return {"event": self.manifest()}
        if walk == "compare with earlier days":
            return {"day": (self.day + timedelta(days=1)).isoformat()}
        if walk in {"transform a record", "hand a change on"}:
            return {"image": _order(self.another_day())}
        if walk == "make a report":  # a day of its own, so that no half-made version of another walk is completed
            return {"day": self.another_day().isoformat()}
        return {"day": self.day.isoformat()}

    def another_day(self) -> date:
        """Return a day that nothing else is about."""
        return self.day + timedelta(days=10 + next(self.versions))

    def manifest(self) -> dict[str, Any]:
        """Write a version of a report that nobody has mailed."""
        version = next(self.versions)
        folder, page = f"reports/dt={self.day}/v9{version:05d}/", b"<p>walk</p>"
        content = {
            "schema_version": 1,
            "report_date": self.day.isoformat(),
            "time_zone": "UTC",
            "version": int(f"9{version:05d}"),
            "input_count": 0,
            "currencies": {},
            "files": [{"key": f"{folder}mail.html", "sha256": hashlib.sha256(page).hexdigest()}],
        }
        s3 = self.project.client("s3")
        s3.put_object(Bucket=REPORTS, Key=f"{folder}mail.html", Body=page)
        s3.put_object(Bucket=REPORTS, Key=f"{folder}manifest.json", Body=json.dumps(content).encode())
        return {"detail": {"bucket": {"name": REPORTS}, "object": {"key": f"{folder}manifest.json"}}}

    def failed(self, role: str, patience: float) -> str:
        invoke = self.project.client("lambda").invoke
        return self.arrives(
            f"{role}-dlq",
            lambda: invoke(FunctionName=role, Qualifier="live", InvocationType="Event", Payload=b"{}"),
            patience,
        )

    def scheduled(self, patience: float) -> str:
        day = self.another_day().isoformat()
        self._schedule("live", {"report_date": day})
        there = _wait(lambda: bool(self._files(REPORTS, f"reports/dt={day}/")), patience)
        return "" if there else "no report was made"

    def undeliverable(self, patience: float) -> str:
        return self.arrives(
            f"{PREFIX}-report-schedule-dlq", lambda: self._schedule("nothing", {"walk": True}), patience
        )

    def streamed(self, patience: float) -> str:
        day = self.another_day()
        self.project.client("dynamodb").put_item(TableName=ORDERS, Item=_order(day))
        return "" if _wait(lambda: self._has_lines(day), patience) else "the order's lines did not arrive"

    def given_up(self, patience: float) -> str:
        """Let Firehose refuse a change of an order."""
        iam, item = self.project.client("iam"), _order(self.another_day())
        denial = {"Effect": "Deny", "Action": "firehose:PutRecordBatch", "Resource": "*"}
        document = json.dumps({"Version": "2012-10-17", "Statement": [denial]})
        iam.put_role_policy(RoleName=STREAM_FUNCTION, PolicyName="refused", PolicyDocument=document)
        try:
            put = self.project.client("dynamodb").put_item
            return self.arrives(f"{STREAM_FUNCTION}-dlq", lambda: put(TableName=ORDERS, Item=item), patience)
        finally:
            iam.delete_role_policy(RoleName=STREAM_FUNCTION, PolicyName="refused")

    def delivered(self, _patience: float) -> str:
        day = self.another_day()
        self._deliver(_order(day))
        return "" if self._has_lines(day) else "the order's lines did not arrive"

    def set_aside(self, _patience: float) -> str:
        before = self._files(DATA, "errors/")
        self._deliver({})
        return "" if self._files(DATA, "errors/") - before else "what could not be read is gone"

    def _deliver(self, image: Mapping[str, Any]) -> None:
        records = [{"Data": json.dumps(image).encode()}]
        self.project.client("firehose").put_record_batch(DeliveryStreamName=DELIVERY_STREAM, Records=records)

    def _has_lines(self, day: date) -> bool:
        return any(f"/dt={day.isoformat()}/" in key for key in self._files(DATA, "curated/"))

    def _files(self, bucket: str, prefix: str) -> set[str]:
        pages = self.project.client("s3").get_paginator("list_objects_v2").paginate(Bucket=bucket, Prefix=prefix)
        return {item["Key"] for page in pages for item in page.get("Contents", ())}

    def arrives(self, queue: str, act: Callable[[], object], patience: float) -> str:
        """Do something that ends in a queue; returns why it did not, or nothing."""
        sqs = self.project.client("sqs")
        url = sqs.get_queue_url(QueueName=queue)["QueueUrl"]

        def take() -> bool:
            found = sqs.receive_message(QueueUrl=url, MaxNumberOfMessages=10).get("Messages", ())
            for message in found:
                sqs.delete_message(QueueUrl=url, ReceiptHandle=message["ReceiptHandle"])
            return bool(found)

        while take():
            pass
        act()
        return "" if _wait(take, patience) else f"nothing arrived in {queue}"

    def _schedule(self, qualifier: str, event: Mapping[str, Any]) -> None:
        scheduler = self.project.client("scheduler")
        target = scheduler.get_schedule(GroupName=f"{PREFIX}-reports", Name=f"{PREFIX}-daily-report")["Target"]
        scheduler.create_schedule(
            GroupName=f"{PREFIX}-reports",
            Name=f"walk-{time.time_ns()}",
            ScheduleExpression=f"at({datetime.now(UTC) + timedelta(seconds=1):%Y-%m-%dT%H:%M:%S})",
            FlexibleTimeWindow={"Mode": "OFF"},
            ActionAfterCompletion="DELETE",
            Target={
                "Arn": target["Arn"].rpartition(":")[0] + f":{qualifier}",
                "RoleArn": target["RoleArn"],
                "DeadLetterConfig": target["DeadLetterConfig"],
                "RetryPolicy": {"MaximumRetryAttempts": 0},
                "Input": json.dumps(event),
            },
        )

    def end(self) -> None:
        for walker in self.walkers.values():
            walker.end()


def _wait(look: Callable[[], bool], patience: float) -> bool:
    deadline = time.monotonic() + patience
    while time.monotonic() < deadline:
        if look():
            return True
        time.sleep(0.2)
    return False


@pytest.fixture(scope="module")
def ways(deployed: TestProject) -> Iterator[Ways]:
    """The ways, with an order and two reports to read, quick failures, and nobody else who mails."""
    found = Ways(deployed)
    invoke = deployed.client("lambda").invoke
    deployed.client("dynamodb").put_item(TableName=ORDERS, Item=_order(found.day + timedelta(days=1)))
    payload = json.dumps({"report_date": found.day.isoformat()}).encode()
    invoke(FunctionName=f"{PREFIX}-report-generator", Qualifier="live", Payload=payload)
    events, rule = deployed.client("events"), f"{PREFIX}-report-written"
    client, kept = deployed.client("lambda"), []
    events.disable_rule(Name=rule)
    for name in (f"{PREFIX}-report-generator", f"{PREFIX}-notifier"):
        config = client.get_function_event_invoke_config(FunctionName=name, Qualifier="live")
        names = ("MaximumRetryAttempts", "MaximumEventAgeInSeconds", "DestinationConfig")
        rendered = {"FunctionName": name, "Qualifier": "live", **{name: config[name] for name in names}}
        kept.append(rendered)
        client.put_function_event_invoke_config(**{**rendered, "MaximumRetryAttempts": 0})
    [mapping] = client.list_event_source_mappings(FunctionName=f"{STREAM_FUNCTION}:live")["EventSourceMappings"]
    client.update_event_source_mapping(UUID=mapping["UUID"], MaximumRetryAttempts=0)
    try:
        yield found
    finally:
        found.end()
        attempts = mapping["MaximumRetryAttempts"]
        client.update_event_source_mapping(UUID=mapping["UUID"], MaximumRetryAttempts=attempts)
        for rendered in kept:
            client.put_function_event_invoke_config(**rendered)
        events.enable_rule(Name=rule)


def _order(day: date) -> dict[str, Any]:
    at = f"{day.isoformat()}T12:00:00.000Z"
    amounts = {name: {"N": "10"} for name in ("subtotal", "total")}
    return {
        "pk": {"S": f"ORDER#walk-{day}"},
        "sk": {"S": "META"},
        "gsi1pk": {"S": f"DAY#{day.isoformat()}#0"},
        "gsi1sk": {"S": f"{at}#walk"},
        **{name: {"N": "0"} for name in ("discount", "shipping", "tax", "refunded", "refund_count")},
        **amounts,
        **{name: {"S": "walk"} for name in ("order_id", "customer_id")},
        "status": {"S": "PLACED"},
        "currency": {"S": "USD"},
        "customer_kind": {"S": "new"},
        "created_at": {"S": at},
        "updated_at": {"S": at},
        "business_day": {"S": day.isoformat()},
        "version": {"N": "1"},
        "lines": {
            "L": [{"M": {"sku": {"S": "W"}, "category": {"S": "w"}, "quantity": {"N": "1"}, "amount": {"N": "10"}}}]
        },
    }


def _policies(project: TestProject, role: str) -> dict[str, Policy]:
    iam = project.client("iam")
    found = {}
    for name in sorted(iam.list_role_policies(RoleName=role)["PolicyNames"]):
        document = iam.get_role_policy(RoleName=role, PolicyName=name)["PolicyDocument"]
        document = json.loads(document) if isinstance(document, str) else document
        for statement in document["Statement"]:
            statement["Action"], statement["Resource"] = _listed(statement["Action"]), _listed(statement["Resource"])
        found[name] = document
    return found


def _listed(value: Any) -> list[str]:
    return [value] if isinstance(value, str) else sorted(value)


def _cuts(document: Policy, index: int) -> Iterator[Cut]:
    """Take each element of a statement away; what is the only one of its kind goes with the statement."""
    statement = document["Statement"][index]
    parts = [("Action", statement["Action"]), ("Resource", statement["Resource"])]
    values = [
        (f"{test} {key}", value)
        for test, keys in statement.get("Condition", {}).items()
        for key, listed in keys.items()
        for value in _listed(listed)
    ]
    whole = [one[0] for _, one in parts if len(one) == 1] + ([values[0][1]] if len(values) == 1 else [])
    if whole:
        without = copy.deepcopy(document)
        del without["Statement"][index]
        yield Cut(tuple(whole), without)
    for name, elements in parts:
        for element in elements if len(elements) > 1 else ():
            without = copy.deepcopy(document)
            without["Statement"][index][name].remove(element)
            yield Cut((element,), without)
    for place, value in values if len(values) > 1 else ():
        test, key = place.split(" ", 1)
        without = copy.deepcopy(document)
        listed = _listed(without["Statement"][index]["Condition"][test][key])
        without["Statement"][index]["Condition"][test][key] = [one for one in listed if one != value]
        yield Cut((value,), without)


def _sids(document: Policy) -> list[tuple[int, str]]:
    return [(index, statement.get("Sid", "")) for index, statement in enumerate(document["Statement"])]


def _fails(ways: Mapping[str, Callable[[float], str]], sid: str) -> str:
    """Return the first way that does not come through; the slow ones only where they can matter."""
    slow = {
        *("keep a failed invocation", "start a report by schedule", "keep an undeliverable schedule"),
        *("read the stream", "name what failed"),
    }
    wanted = {
        "ReadTheStream": {"read the stream"},
        "ListStreams": {"read the stream"},
        "NameWhatFailed": {"name what failed"},
        "ReportFailedInvocations": {"keep a failed invocation"},
        "InvokeTheLiveReportGenerator": {"start a report by schedule"},
        "KeepUndeliveredEvents": {"keep an undeliverable schedule"},
    }.get(sid, set(ways) - slow)
    return next((name for name, way in ways.items() if name in wanted and way(HASTE)), "")


def test_every_role_of_the_project_is_looked_at(deployed: TestProject) -> None:
    roles = {role["RoleName"] for role in deployed.client("iam").list_roles()["Roles"]}
    assert {role for role in roles if role.startswith(PREFIX)} == {*ROLES, FLOW_LOGS_ROLE}


@pytest.mark.parametrize("role", ROLES)
def test_every_way_comes_through_under_the_rendered_role(ways: Ways, role: str) -> None:
    assert {name: why for name, way in ways.of(role).items() if (why := way(PATIENCE))} == {}


def test_each_part_of_each_policy_is_needed(deployed: TestProject, ways: Ways, request: pytest.FixtureRequest) -> None:
    iam, proofs, unproven = deployed.client("iam"), Proofs(), []
    for role in (*ROLES, FLOW_LOGS_ROLE):
        for policy, document in _policies(deployed, role).items():
            for index, sid in _sids(document):
                if sid in CITED:
                    for element in document["Statement"][index]["Action"]:
                        proofs.add(role, sid, element, f"cited: {CITED[sid]}")
                    continue
                for cut in _cuts(document, index):
                    iam.put_role_policy(RoleName=role, PolicyName=policy, PolicyDocument=json.dumps(cut.document))
                    try:
                        proof = _fails(ways.of(role), sid)
                    finally:
                        iam.put_role_policy(RoleName=role, PolicyName=policy, PolicyDocument=json.dumps(document))
                    for element in cut.elements:
                        proofs.add(role, sid, element, proof)
                        unproven += [] if proof else [(role, sid, element)]
    assert unproven == []
    _compare(proofs, request)


def _compare(proofs: Proofs, request: pytest.FixtureRequest) -> None:
    lines = [f"| {role} | {sid} | `{element}` | {proof} |" for role, sid, element, proof in proofs.rows]
    text = (
        "# What each right of each role is for\n\n"
        "Made by `tests/integration/deployed/test_roles_proven.py`: each line was taken away by itself on the\n"
        "deployed project, and the walk in its last column then failed. `--update-golden` writes this page anew.\n"
        "A cited line is not enforced by the emulator; there are no others than those.\n\n"
        "| role | statement | action, resource or value of a condition | needed to |\n|---|---|---|---|\n"
        + "\n".join(lines)
        + "\n"
    )
    if request.config.getoption("--update-golden"):
        DOCUMENT.write_text(text, encoding="utf-8")
    assert DOCUMENT.read_text(encoding="utf-8") == text


Probe = Callable[[Callable[[str], Any]], object]


def _item(partition: str) -> dict[str, Any]:
    return {"pk": {"S": partition}, "sk": {"S": "PROBE"}}


def _put(partition: str) -> Probe:
    return lambda client: client("dynamodb").put_item(TableName=ORDERS, Item=_item(partition))


def _mail(client: Callable[[str], Any]) -> None:
    """Mail from another address; that nobody verified it is a refusal by SES, not by the role."""
    sender = "somebody@example.com"
    raw = {"Raw": {"Data": f"From: {sender}\r\nSubject: s\r\n\r\nb".encode()}}
    destination = {"ToAddresses": ["a@example.com"]}
    try:
        client("sesv2").send_email(FromEmailAddress=sender, Destination=destination, Content=raw)
    except ClientError as error:
        if error.response["Error"]["Code"] != "MessageRejected":
            raise


PROBES: dict[tuple[str, str], Probe] = {
    ("order-processor", "ReadAndWriteOrders"): _put("REPORT#1999-01-01"),
    ("order-processor", "ReadReportVersions"): lambda client: client("dynamodb").get_item(
        TableName=ORDERS, Key=_item("OTHER#x")
    ),
    ("report-generator", "KeepReportVersionsAndShardCounts"): _put("ORDER#probe"),
    ("notifier", "MarkReportsAsSent"): _put("ORDER#probe"),
    ("notifier", "MailFromTheSender"): _mail,
}


@pytest.mark.parametrize(("name", "sid"), list(PROBES))
def test_each_condition_keeps_something_out(deployed: TestProject, name: str, sid: str) -> None:
    role, probe = f"{PREFIX}-{name}", PROBES[name, sid]
    keys = assume(deployed, role)

    def client(service: str) -> Any:
        return boto3.session.Session().client(
            service,  # type: ignore[call-overload]
            endpoint_url=deployed.endpoint,
            region_name="us-east-1",
            aws_access_key_id=keys["AccessKeyId"],
            aws_secret_access_key=keys["SecretAccessKey"],
            aws_session_token=keys["SessionToken"],
            config=Config(retries={"max_attempts": 0}),
        )

    iam = deployed.client("iam")
    with pytest.raises(ClientError, match=r"AccessDenied|not authorized"):
        probe(client)
    [(policy, document)] = [
        (policy, document)
        for policy, document in _policies(deployed, role).items()
        if sid in [found for _, found in _sids(document)]
    ]
    without = copy.deepcopy(document)
    for statement in without["Statement"]:
        if statement.get("Sid") == sid:
            del statement["Condition"]
    iam.put_role_policy(RoleName=role, PolicyName=policy, PolicyDocument=json.dumps(without))
    try:
        probe(client)
    finally:
        iam.put_role_policy(RoleName=role, PolicyName=policy, PolicyDocument=json.dumps(document))


def test_every_condition_that_is_not_cited_has_a_probe(deployed: TestProject) -> None:
    found = {
        (role.removeprefix(f"{PREFIX}-"), statement["Sid"])
        for role in ROLES
        for document in _policies(deployed, role).values()
        for statement in document["Statement"]
        if "Condition" in statement and statement["Sid"] not in CITED
    }
    assert found == set(PROBES)


@dataclass(frozen=True)
class Route:
    """What an EventBridge rule calls, by which statement of the function's policy, and what makes it do so."""

    function: str
    statement: str
    queue: str
    cause: Callable[[Ways], object]


def _ask_for_a_report(ways: Ways) -> None:
    detail = json.dumps({"report_date": ways.another_day().isoformat()})
    entry = {"Source": "analytics.orders", "DetailType": "ReportRequested", "Detail": detail}
    ways.project.client("events").put_events(Entries=[entry])


ROUTES = {
    "report-requested": Route("report-generator", "AllowReportRequested", "report-requested-dlq", _ask_for_a_report),
    "report-written": Route("notifier", "AllowReportWritten", "notifier-dlq", Ways.manifest),
}


@pytest.mark.slow
@pytest.mark.parametrize("rule", list(ROUTES))
def test_each_grant_to_eventbridge_is_needed(deployed: TestProject, ways: Ways, rule: str) -> None:
    """EventBridge has no role here: functions and queues let it in, each for one rule."""
    route, functions, sqs = ROUTES[rule], deployed.client("lambda"), deployed.client("sqs")
    function = {"FunctionName": f"{PREFIX}-{route.function}", "Qualifier": "live"}
    statements = json.loads(functions.get_policy(**function)["Policy"])["Statement"]
    [permission] = [one for one in statements if one["Sid"] == route.statement]
    url = sqs.get_queue_url(QueueName=f"{PREFIX}-{route.queue}")["QueueUrl"]
    policy = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["Policy"])["Attributes"]["Policy"]
    others = [one for one in json.loads(policy)["Statement"] if one["Sid"] != "AllowEventBridgeRule"]

    def undelivered(patience: float) -> bool:
        return not ways.arrives(f"{PREFIX}-{route.queue}", lambda: route.cause(ways), patience)

    removed = False
    deployed.client("events").enable_rule(Name=f"{PREFIX}-{rule}")
    try:
        assert not undelivered(HASTE)
        functions.remove_permission(**function, StatementId=route.statement)
        removed = True
        assert undelivered(PATIENCE), "without its permission the rule reaches the function, or its queue is closed"
        sqs.set_queue_attributes(
            QueueUrl=url, Attributes={"Policy": json.dumps({**json.loads(policy), "Statement": others})}
        )
        assert not undelivered(HASTE), "the queue takes events without being told to"
    finally:
        sqs.set_queue_attributes(QueueUrl=url, Attributes={"Policy": policy})
        if removed:
            functions.add_permission(
                **function,
                StatementId=route.statement,
                Action="lambda:InvokeFunction",
                Principal=permission["Principal"]["Service"],
                SourceArn=permission["Condition"]["ArnLike"]["AWS:SourceArn"],
            )
        if rule == "report-written":  # the other walks want it silent
            deployed.client("events").disable_rule(Name=f"{PREFIX}-{rule}")
