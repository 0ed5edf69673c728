"""Where the emulator behaves unlike AWS, and the narrow change that mends it: one function per gap.

Each function says what AWS does, what ministack 1.5.33 does and where. Each has a test in
tests/integration/emulator/test_mends.py that fails once the pinned release no longer needs it.
No mend weakens a check of IAM; several add one.
"""

from __future__ import annotations

import asyncio
import base64
import contextvars
import copy
import email
import email.policy
import functools
import itertools
import json
import logging
import os
import re
import sys
import tempfile
import threading
import time
import types
import uuid
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from email.utils import parseaddr
from importlib.util import find_spec
from pathlib import Path
from typing import Any
from xml.sax.saxutils import escape
from zoneinfo import ZoneInfo

logger = logging.getLogger("tfgen.emulator")

# --- IAM: condition keys and resource policies -----------------------------------------------


@dataclass(frozen=True)
class _Question:
    """What IAM is asked: may the owner of an access key do this?

    Attributes:
        access_key: Id of the access key.
        action: `s3:PutObject`.
        service: `s3`.
        region: Where.
        resource: ARN, or `*`.
        context: Condition keys.
    """

    access_key: str
    action: str
    service: str
    region: str
    resource: str
    context: Mapping[str, Any]


def _before_iam(answer: Callable[[_Question, Callable[[_Question], Any]], Any]) -> None:
    """Put a function before IAM's decision: it gets the question and whom to ask, and returns a denial or None."""
    from ministack.core import iam_evaluator

    enforce = iam_evaluator.enforce

    def ask(question: _Question) -> Any:
        return enforce(
            question.access_key,
            question.action,
            question.service,
            question.region,
            question.resource,
            dict(question.context),
        )

    def enforce_with_keys(
        access_key_id: str,
        iam_action: str,
        service: str,
        region: str,
        resource_arn: str = "*",
        service_context: dict[str, Any] | None = None,
    ) -> Any:
        context = service_context or {}
        return answer(_Question(access_key_id, iam_action, service, region, resource_arn, context), ask)

    iam_evaluator.enforce = enforce_with_keys


def loopback_counts_as_secure() -> None:
    """`aws:SecureTransport` on the loopback interface.

    AWS: endpoints speak TLS, so the TLS-only statement of a bucket, topic or queue policy denies
    nobody who uses them ordinarily.
    Emulator: it speaks plain HTTP, so the same statement locks out every role, and every delivery
    that one service makes to another (`core/iam_evaluator.py`, `_request_origin` and
    `pin_request_origin`, which `app.app` calls). Nobody can listen in on the loopback interface,
    which is all that the statement asks for.
    """
    from ministack import app
    from ministack.core import iam_evaluator

    origin: contextvars.ContextVar[tuple[str, bool]] = contextvars.ContextVar(
        "request_origin", default=("127.0.0.1", True)
    )

    def pin_request_origin(source_ip: str, secure_transport: bool) -> None:
        origin.set((source_ip, secure_transport or source_ip in ("127.0.0.1", "::1")))

    iam_evaluator._request_origin = origin
    iam_evaluator.pin_request_origin = pin_request_origin
    app.pin_request_origin = pin_request_origin


def principal_arn_is_the_role() -> None:
    """`aws:PrincipalArn` of somebody who assumed a role.

    AWS: the ARN of the role itself, with its path.
    Emulator: the ARN of the session, `arn:aws:sts::…:assumed-role/…`, so that a Deny for all roles
    but one never applies (`core/iam_evaluator.py`, `_resolve_condition_key`).
    """
    from ministack.core import iam_evaluator
    from ministack.services import iam

    original = iam_evaluator._resolve_condition_key

    def resolve(key: str, context: Any) -> Any:
        if key.lower() != "aws:principalarn" or context.principal_type != "AssumedRole":
            return original(key, context)
        name = iam_evaluator._role_name_from_assumed_arn(context.principal_arn)
        role = iam._roles.get_scoped(context.principal_account, None, name)
        return role["Arn"] if role else context.principal_arn

    iam_evaluator._resolve_condition_key = resolve


_sent_mail: contextvars.ContextVar[dict[str, Any] | None] = contextvars.ContextVar("sent_mail", default=None)


def sending_mail_fills_condition_keys() -> None:
    """`ses:FromAddress`, `ses:Recipients`, the identity that sends, and the action.

    AWS: SendEmail is authorised on the identity (and configuration set) it uses, with the sender and the
    recipients as condition keys; a message that comes as MIME is authorised as ses:SendRawEmail, though the
    operation is SendEmail (seen in anymail/django-anymail#274 and #384, nodemailer/nodemailer#1734).
    Emulator: it is authorised on `*` without any key, so a grant for one sender never applies
    (`app._enforce_ses_v2`, `core/iam_actions.py` `_ses_v2_resource_arn`).
    """
    from ministack import app
    from ministack.core import iam_actions
    from ministack.core.responses import get_account_id

    enforce_request, resource_of = app._enforce_ses_v2, iam_actions._ses_v2_resource_arn

    def enforce_ses_v2(method: str, path: str, headers: Any, body: bytes, query_params: Any, request_id: str) -> Any:
        sent = _mail_of(body) if path.rstrip("/").endswith("/outbound-emails") and method == "POST" else {}
        token = _sent_mail.set(sent)
        try:
            return enforce_request(method, path, headers, body, query_params, request_id)
        finally:
            _sent_mail.reset(token)

    def resource_arn(method: str, path: str, body: bytes, region: str, account: str) -> str:
        sent = _sent_mail.get()
        if not sent:
            return str(resource_of(method, path, body, region, account))
        return f"arn:aws:ses:{region}:{account}:identity/{_identity_of(sent['ses:FromAddress'])}"

    def answer(question: _Question, ask: Callable[[_Question], Any]) -> Any:
        sent = _sent_mail.get() or {}
        keys = {key: sent[key] for key in sent if key.startswith("ses:")}
        action = "ses:SendRawEmail" if sent.get("raw") else question.action
        question = replace(question, action=action, context={**question.context, **keys})
        denied = ask(question)
        if denied or not sent.get("set"):
            return denied
        used = f"arn:aws:ses:{question.region}:{get_account_id()}:configuration-set/{sent['set']}"
        return ask(replace(question, resource=used))

    app._enforce_ses_v2 = enforce_ses_v2
    iam_actions._ses_v2_resource_arn = resource_arn
    _before_iam(answer)


def _mail_of(body: bytes) -> dict[str, Any]:
    """The condition keys of a SendEmail request, and the configuration set it names."""
    try:
        request = json.loads(body or b"{}")
    except ValueError:
        return {}
    destination = request.get("Destination") or {}
    recipients = [address for kind in ("To", "Cc", "Bcc") for address in destination.get(f"{kind}Addresses") or []]
    sender = request.get("FromEmailAddress") or _sender_of_raw(request)
    return {
        "ses:FromAddress": parseaddr(sender)[1],
        "ses:FromDisplayName": parseaddr(sender)[0],
        "ses:Recipients": [parseaddr(address)[1] for address in recipients],
        "ses:ApiVersion": "2",
        "set": request.get("ConfigurationSetName", ""),
        "raw": "Raw" in (request.get("Content") or {}),
    }


def _sender_of_raw(request: Mapping[str, Any]) -> str:
    raw = ((request.get("Content") or {}).get("Raw") or {}).get("Data", "")
    try:
        message = email.message_from_bytes(base64.b64decode(raw), policy=email.policy.default)
    except ValueError:
        return ""
    return str(message.get("From", ""))


def _identity_of(address: str) -> str:
    """The verified identity that a sender's address belongs to: the address itself, or its domain."""
    from ministack.services import ses, ses_v2

    domain = address.rpartition("@")[2]
    known = {*ses._identities, *ses_v2._identities}
    return address if address in known or domain not in known else domain


def leading_keys_come_from_the_request() -> None:
    """`dynamodb:LeadingKeys`.

    AWS: the partition key values that a request names, per item of a transaction or batch.
    Emulator: never filled, so a grant for some keys never applies (`core/iam_actions.py`
    `dynamodb_service_context`).
    """
    from ministack.core import iam_actions

    context_of = iam_actions.dynamodb_service_context

    def dynamodb_service_context(body: bytes) -> dict[str, Any]:
        return {**context_of(body), "tfgen:leadingkeys": _leading_keys(body)}

    def answer(question: _Question, ask: Callable[[_Question], Any]) -> Any:
        context = dict(question.context)
        by_table = context.pop("tfgen:leadingkeys", {})
        table = question.resource.partition(":table/")[2].split("/")[0]
        if by_table.get(table):
            context["dynamodb:LeadingKeys"] = by_table[table]
        return ask(replace(question, context=context))

    iam_actions.dynamodb_service_context = dynamodb_service_context
    _before_iam(answer)


_TRANSACTED = ("Get", "Put", "Update", "Delete", "ConditionCheck")


def _leading_keys(body: bytes) -> dict[str, list[str]]:
    """Partition key values by table name, for every item that a DynamoDB request names."""
    try:
        request = json.loads(body or b"{}")
    except ValueError:
        return {}
    found: dict[str, list[str]] = {}
    for table, part in _item_requests(request):
        table = table.rpartition(":table/")[2]
        hash_key = _hash_key(table, part.get("IndexName"))
        value = (part.get("Key") or part.get("Item") or {}).get(hash_key) or _queried(part, hash_key)
        if isinstance(value, Mapping):
            found.setdefault(table, []).extend(str(scalar) for scalar in value.values())
    return found


def _item_requests(request: Mapping[str, Any]) -> Iterator[tuple[str, Mapping[str, Any]]]:
    if isinstance(request.get("TableName"), str):
        yield request["TableName"], request
    for item in request.get("TransactItems") or []:
        for kind in _TRANSACTED:
            if kind in item:
                yield item[kind].get("TableName", ""), item[kind]
    for table, batch in (request.get("RequestItems") or {}).items():
        if isinstance(batch, Mapping):
            for key in batch.get("Keys") or []:
                yield table, {"Key": key}
        else:
            for write in batch:
                yield table, {**write.get("PutRequest", {}), **write.get("DeleteRequest", {})}


def _hash_key(table: str, index: str | None) -> str:
    from ministack.services import dynamodb

    known = dynamodb._tables.get(table) or {}
    schema = known.get("KeySchema") or []
    for each in (known.get("GlobalSecondaryIndexes") or []) if index else []:
        if each.get("IndexName") == index:
            schema = each.get("KeySchema") or schema
    return next((part["AttributeName"] for part in schema if part["KeyType"] == "HASH"), "")


def _queried(part: Mapping[str, Any], hash_key: str) -> Any:
    """The value that a Query's condition demands of the partition key."""
    names, values = part.get("ExpressionAttributeNames") or {}, part.get("ExpressionAttributeValues") or {}
    for name, value in re.findall(r"([#\w.-]+)\s*=\s*(:\w+)", part.get("KeyConditionExpression") or ""):
        if names.get(name, name) == hash_key:
            return values.get(value)
    legacy = (part.get("KeyConditions") or {}).get(hash_key) or {}
    return next(iter(legacy.get("AttributeValueList") or []), None)


def table_policies_are_enforced() -> None:
    """Resource policies of DynamoDB tables.

    AWS: a table's policy allows and denies like a bucket's.
    Emulator: it is kept and read back, never evaluated (`core/iam_evaluator.py`, `_RESOURCE_POLICY_LOOKUPS`).
    """
    from ministack.core import iam_evaluator
    from ministack.services import dynamodb

    def table_policy_for_arn(arn: str) -> tuple[Any, str] | None:
        entry = dynamodb._resource_policies.get(re.sub(r"(:table/[^/]+)/.*", r"\1", arn))
        return (entry["Policy"], arn.split(":")[4]) if entry else None

    dynamodb.table_policy_for_arn = table_policy_for_arn
    iam_evaluator._RESOURCE_POLICY_LOOKUPS["dynamodb"] = ("dynamodb", "table_policy_for_arn")


_READS_AND_WRITES = ("kms:GenerateDataKey", "kms:Decrypt")
_KEY_USES = {
    "s3:PutObject": ("kms:GenerateDataKey",),
    "s3:GetObject": ("kms:Decrypt",),
    "s3:GetObjectVersion": ("kms:Decrypt",),
    "sqs:SendMessage": _READS_AND_WRITES,
    "sqs:ReceiveMessage": ("kms:Decrypt",),
    "sns:Publish": _READS_AND_WRITES,
    **dict.fromkeys(
        [f"dynamodb:{verb}Item" for verb in ("Get", "Put", "Update", "Delete", "ConditionCheck")]
        + ["dynamodb:Query", "dynamodb:Scan", "dynamodb:BatchGetItem", "dynamodb:BatchWriteItem"],
        ("kms:Decrypt",),
    ),
}
_CHOSEN_KEY = "s3:x-amz-server-side-encryption-aws-kms-key-id"


def keys_guard_what_they_encrypt() -> None:
    """The KMS key of a bucket, table, queue or topic.

    AWS: who reads or writes there needs the key, too, with `kms:ViaService` and `kms:CallerAccount` as condition
    keys; a service that delivers there needs the key's policy. A write may name a key of its own, which policies see.
    Emulator: asks only in direct calls of KMS, with no such condition keys (`core/iam_evaluator.py`, `enforce`;
    `core/iam_actions.py`, `s3_service_context`; `queue_policy_allows`, `topic_policy_allows`).
    """
    from ministack.core import iam_actions, iam_evaluator
    from ministack.core.responses import get_account_id
    from ministack.services import sns, sqs

    context_of = iam_actions.s3_service_context

    def s3_service_context(
        iam_action: str, query_params: Any, path: str = "", headers: Mapping[str, str] | None = None
    ) -> dict[str, Any]:
        context: dict[str, Any] = context_of(iam_action, query_params, path, headers)
        chosen = (headers or {}).get(_CHOSEN_KEY.removeprefix("s3:"))
        return {**context, _CHOSEN_KEY: chosen} if chosen and iam_action == "s3:PutObject" else context

    def answer(question: _Question, ask: Callable[[_Question], Any]) -> Any:
        caller = {"kms:CallerAccount": get_account_id()}
        if question.service == "kms":
            question = replace(question, context={**caller, **question.context})
        denied = ask(question)
        if denied or not question.access_key or iam_evaluator._is_root_key(question.access_key):
            return denied
        action, resource = question.action, question.resource
        key = _key_of(resource, question.context.get(_CHOSEN_KEY)) if action in _KEY_USES else ""
        via = {**caller, "kms:ViaService": f"{question.service}.{question.region}.amazonaws.com"}
        for use in _KEY_USES[action] if key else ():
            denied = ask(replace(question, action=use, service="kms", resource=key, context=via))
            if denied:
                logger.warning("%s on %s needs %s on %s", action, resource, use, key)
                return denied
        return None

    def with_key(allows: Callable[..., bool], action: str) -> Callable[..., bool]:
        def allowed(arn: str, service: str, source_arn: str, source_account: str) -> bool:
            found = allows(arn, service, source_arn, source_account)
            return found and _service_may_use_key(arn, action, service, source_arn)

        return allowed

    iam_actions.s3_service_context = s3_service_context
    _before_iam(answer)
    sqs.queue_policy_allows = with_key(sqs.queue_policy_allows, "sqs:SendMessage")
    sns.topic_policy_allows = with_key(sns.topic_policy_allows, "sns:Publish")


def _service_may_use_key(arn: str, action: str, service: str, source_arn: str) -> bool:
    from ministack.services import kms

    key = _key_of(arn)
    policy = (kms._resolve_key(key) or {}).get("Policy") if key else None
    return not key or all(_service_may(policy, use, key, service, source_arn) for use in _KEY_USES[action])


def _key_of(arn: str, chosen: str | None = None) -> str:
    """The ARN of the customer's key that encrypts a bucket's objects, a table, a queue or a topic; or nothing."""
    from ministack.services import dynamodb, kms, s3, sns, sqs

    service, named = (arn.split(":") + [""] * 3)[2], chosen
    if service == "s3" and not named:
        configuration = s3._bucket_encryption.get(arn.split(":")[5].split("/")[0]) or ""
        found = re.search(r"<(?:\w+:)?KMSMasterKeyID>([^<]+)<", configuration)
        named = found[1] if found else None
    elif service == "dynamodb":
        table = dynamodb._tables.get(arn.partition(":table/")[2].split("/")[0]) or {}
        named = (table.get("SSEDescription") or {}).get("KMSMasterKeyArn")
    elif service == "sqs":
        named = ((sqs._queue_by_arn(arn) or {}).get("attributes") or {}).get("KmsMasterKeyId")
    elif service == "sns":
        named = ((sns._topics.get(arn) or {}).get("attributes") or {}).get("KmsMasterKeyId")
    record = kms._resolve_key(named) if named and "alias/aws/" not in named else None
    return str(record["Arn"]) if record else ""


# --- Read-back: answers that lack what was set, so that terraform sees changes that are none ---


def describe_alarms_is_complete() -> None:
    """The XML answer of DescribeAlarms.

    AWS: every attribute of an alarm.
    Emulator: period, statistic, dimensions, actions, description, metric queries and more are left out
    of the XML form, which terraform's provider reads (`services/cloudwatch.py`, `_describe_alarms`), and
    metric queries and the actions for missing data are not kept (`_put_metric_alarm`).
    """
    from ministack.services import cloudwatch

    put, describe = cloudwatch._put_metric_alarm, cloudwatch._describe_alarms

    def put_metric_alarm(params: Any, cbor_data: Any, is_cbor: bool, is_json: bool = False) -> Any:
        answer = put(params, cbor_data, is_cbor, is_json)
        request = cbor_data if is_cbor or is_json else _from_query(params)
        alarm = cloudwatch._alarms.get(request.get("AlarmName", ""))
        if answer[0] == 200 and alarm is not None:
            _keep_alarm_details(alarm, request)
        return answer

    def describe_alarms(params: Any, cbor_data: Any, is_cbor: bool, is_json: bool = False) -> Any:
        if is_cbor or is_json:
            return describe(params, cbor_data, is_cbor, is_json)
        status, _headers, body = describe(params, _from_query(params), is_cbor=False, is_json=True)
        if status != 200:
            return describe(params, cbor_data, is_cbor, is_json)
        result = f"<DescribeAlarmsResult>{_to_query_xml(json.loads(body))}</DescribeAlarmsResult>"
        return cloudwatch._xml(200, "DescribeAlarmsResponse", result)

    cloudwatch._put_metric_alarm = put_metric_alarm
    cloudwatch._describe_alarms = describe_alarms


def _keep_alarm_details(alarm: dict[str, Any], request: Mapping[str, Any]) -> None:
    for name in ("InsufficientDataActions", "Metrics", "ThresholdMetricId", "EvaluateLowSampleCountPercentile"):
        if request.get(name):
            alarm[name] = request[name]
    for name in ("Statistic", "Period", "MetricName", "Namespace", "Unit"):
        if name not in request:
            alarm[name] = None
    if "Threshold" not in request:
        alarm["Threshold"] = None


def _from_query(params: Mapping[str, Any]) -> dict[str, Any]:
    """The flat parameters of a Query request as the document they stand for."""
    document: dict[str, Any] = {}
    for name, values in params.items():
        value = values[0] if isinstance(values, list) else values
        place, parts = document, name.split(".")
        for part in parts[:-1]:
            place = place.setdefault(part, {})
        place[parts[-1]] = value
    return {name: _without_members(value) for name, value in document.items()}


_QUERY_INTEGERS = frozenset({"Period", "EvaluationPeriods", "DatapointsToAlarm"})


def _without_members(value: Any, name: str = "") -> Any:
    if isinstance(value, dict) and set(value) == {"member"}:
        members = value["member"]
        return [_without_members(members[key]) for key in sorted(members, key=int)]
    if isinstance(value, dict):
        return {key: _without_members(each, key) for key, each in value.items()}
    if name in _QUERY_INTEGERS:
        return int(value)
    return {"true": True, "false": False}.get(value, value)


def _to_query_xml(document: Mapping[str, Any]) -> str:
    parts = []
    for name, value in document.items():
        if value is None or value == "":
            continue
        if isinstance(value, list):
            inner = "".join(f"<member>{_query_value(each)}</member>" for each in value)
        elif name.endswith("Timestamp"):
            inner = datetime.fromtimestamp(float(value), UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
        else:
            inner = _query_value(value)
        parts.append(f"<{name}>{inner}</{name}>")
    return "".join(parts)


def _query_value(value: Any) -> str:
    if isinstance(value, Mapping):
        return _to_query_xml(value)
    if isinstance(value, bool):
        return "true" if value else "false"
    return escape(str(value))


def flow_logs_read_back() -> None:
    """What DescribeFlowLogs says of a flow log.

    AWS: also its role, log group, record format, aggregation interval and tags.
    Emulator: neither keeps nor answers them (`services/ec2.py`, `_create_flow_logs`, `_describe_flow_logs`),
    so that terraform replaces the flow log in every plan. Tags are expected under the wrong resource type.
    """
    from ministack.services import ec2

    create, describe = ec2._create_flow_logs, ec2._describe_flow_logs
    default_format = (
        "${version} ${account-id} ${interface-id} ${srcaddr} ${dstaddr} ${srcport} ${dstport} "
        "${protocol} ${packets} ${bytes} ${start} ${end} ${action} ${log-status}"
    )

    def create_flow_logs(params: Any) -> Any:
        known = set(ec2._flow_logs)
        answer = create(params)
        for identifier in set(ec2._flow_logs) - known:
            record = ec2._flow_logs[identifier]
            record.update(
                LogGroupName=ec2._p(params, "LogGroupName") or _log_group(record["LogDestination"]),
                DeliverLogsPermissionArn=ec2._p(params, "DeliverLogsPermissionArn"),
                LogFormat=ec2._p(params, "LogFormat") or default_format,
                MaxAggregationInterval=ec2._p(params, "MaxAggregationInterval") or "600",
            )
            ec2._parse_tag_specs(params, "vpc-flow-log", identifier)
        return answer

    def describe_flow_logs(params: Any) -> Any:
        status, headers, body = describe(params)
        text = body.decode()
        for identifier, record in ec2._flow_logs.items():
            more = _elements(
                record,
                deliverLogsPermissionArn="DeliverLogsPermissionArn",
                logGroupName="LogGroupName",
                logFormat="LogFormat",
                maxAggregationInterval="MaxAggregationInterval",
            )
            text = text.replace(f"<flowLogId>{identifier}</flowLogId>", f"<flowLogId>{identifier}</flowLogId>{more}")
        return status, headers, text.encode()

    ec2._ACTION_MAP["CreateFlowLogs"] = create_flow_logs
    ec2._ACTION_MAP["DescribeFlowLogs"] = describe_flow_logs


def _elements(record: Mapping[str, Any], **names: str) -> str:
    return "".join(f"<{tag}>{escape(str(record[name]))}</{tag}>" for tag, name in names.items() if record.get(name))


def vpc_endpoints_read_back() -> None:
    """What DescribeVpcEndpoints says of an endpoint.

    AWS: its policy, and of an interface endpoint its security groups, private DNS and address type.
    Emulator: neither keeps nor answers them (`services/ec2.py`, `_create_vpc_endpoint`,
    `_modify_vpc_endpoint`, `_vpce_fields_xml`).
    """
    from ministack.services import ec2

    create, modify, fields_xml = ec2._create_vpc_endpoint, ec2._modify_vpc_endpoint, ec2._vpce_fields_xml

    def create_vpc_endpoint(params: Any) -> Any:
        known = set(ec2._vpc_endpoints)
        answer = create(params)
        for identifier in set(ec2._vpc_endpoints) - known:
            endpoint = ec2._vpc_endpoints[identifier]
            _keep_endpoint_details(endpoint, params, "SecurityGroupId", [])
            return ec2._xml(200, "CreateVpcEndpointResponse", vpce_fields_xml(endpoint, tag="vpcEndpoint"))
        return answer

    def modify_vpc_endpoint(params: Any) -> Any:
        answer = modify(params)
        endpoint = ec2._vpc_endpoints.get(ec2._p(params, "VpcEndpointId"))
        if endpoint is not None:
            removed = ec2._parse_member_list(params, "RemoveSecurityGroupId")
            kept = [group for group in endpoint.get("Groups", []) if group not in removed]
            _keep_endpoint_details(endpoint, params, "AddSecurityGroupId", kept)
        return answer

    def vpce_fields_xml(endpoint: Any, tag: str = "item") -> str:
        groups = "".join(
            f"<item><groupId>{group}</groupId><groupName>{group}</groupName></item>"
            for group in endpoint.get("Groups", [])
        )
        more = (
            f"<groupSet>{groups}</groupSet>"
            f"<privateDnsEnabled>{endpoint.get('PrivateDns', 'false')}</privateDnsEnabled>"
            f"<ipAddressType>{endpoint.get('AddressType', 'ipv4')}</ipAddressType>"
            + _elements(endpoint, policyDocument="PolicyDocument")
        )
        return str(fields_xml(endpoint, tag)).replace("<subnetIdSet>", f"{more}<subnetIdSet>")

    ec2._ACTION_MAP["CreateVpcEndpoint"] = create_vpc_endpoint
    ec2._ACTION_MAP["ModifyVpcEndpoint"] = modify_vpc_endpoint
    ec2._vpce_fields_xml = vpce_fields_xml


def _keep_endpoint_details(endpoint: dict[str, Any], params: Any, groups: str, kept: list[str]) -> None:
    from ministack.services import ec2

    endpoint["Groups"] = [*kept, *ec2._parse_member_list(params, groups)]
    for name, given in (("PrivateDns", "PrivateDnsEnabled"), ("AddressType", "IpAddressType")):
        if ec2._p(params, given):
            endpoint[name] = ec2._p(params, given)
    if ec2._p(params, "PolicyDocument"):
        endpoint["PolicyDocument"] = ec2._p(params, "PolicyDocument")
    if ec2._p(params, "ResetPolicy") == "true" or not endpoint.get("PolicyDocument"):
        everything = {"Effect": "Allow", "Principal": "*", "Action": "*", "Resource": "*"}
        endpoint["PolicyDocument"] = json.dumps({"Version": "2008-10-17", "Statement": [everything]})


def security_group_rules_keep_prefix_lists() -> None:
    """A rule of a security group that names a prefix list.

    AWS: kept, and answered by DescribeSecurityGroupRules.
    Emulator: dropped from the request and from the answer (`services/ec2.py`, `_parse_ip_permissions`,
    `_sg_rule_xml`).
    """
    from ministack.services import ec2

    parse, rule_xml = ec2._parse_ip_permissions, ec2._sg_rule_xml

    def parse_ip_permissions(params: Any, prefix: str) -> Any:
        rules = parse(params, prefix)
        for number, rule in enumerate(rules, 1):
            place = f"{prefix}.{number}.PrefixListIds"
            if rule.get("PrefixListIds"):
                continue
            entries: list[dict[str, str]] = []
            rule["PrefixListIds"] = entries
            while identifier := ec2._p(params, f"{place}.{len(entries) + 1}.PrefixListId"):
                description = ec2._p(params, f"{place}.{len(entries) + 1}.Description")
                named = {"Description": description} if description else {}
                entries.append({"PrefixListId": identifier, **named})
        return rules

    def sg_rule_xml(group: str, rule: Any, is_egress: bool = False) -> str:
        text = str(rule_xml(group, rule, is_egress))
        for entry in [] if "<prefixListId>" in text else rule.get("PrefixListIds", []):
            named = f"<prefixListId>{entry['PrefixListId']}</prefixListId><ipProtocol>"
            text = text.replace("<ipProtocol>", named, 1)
        return text

    ec2._parse_ip_permissions = parse_ip_permissions
    ec2._sg_rule_xml = sg_rule_xml


def stage_without_access_log_reads_back() -> None:
    """A REST stage without access log settings.

    AWS: the answer has no `accessLogSettings`.
    Emulator: it has an empty object, which terraform takes for settings that somebody made by hand
    (`services/apigateway_v1.py`, `_create_stage`).
    """
    _leave_out_when_empty("accessLogSettings")


def usage_plan_without_limits_reads_back() -> None:
    """A usage plan without quota or throttle.

    AWS: the answer has no `quota` or `throttle`.
    Emulator: it has empty objects (`services/apigateway_v1.py`, `_create_usage_plan`).
    """
    _leave_out_when_empty("quota", "throttle")


def _leave_out_when_empty(*names: str) -> None:
    from ministack.services import apigateway_v1

    respond = apigateway_v1._v1_response

    def v1_response(document: Any, status: int = 200) -> Any:
        return respond(without(document), status)

    def without(value: Any) -> Any:
        if isinstance(value, Mapping):
            return {key: without(each) for key, each in value.items() if each != {} or key not in names}
        return [without(each) for each in value] if isinstance(value, list) else value

    apigateway_v1._v1_response = v1_response


def stream_mappings_default_to_a_hundred() -> None:
    """The batch size of an event source mapping that names none.

    AWS: 100 for DynamoDB and Kinesis streams, 10 for queues.
    Emulator: 10 for all (`services/lambda_svc.py`, `_create_esm`).
    """
    from ministack.services import lambda_svc

    create = lambda_svc._create_esm

    def create_esm(data: dict[str, Any]) -> Any:
        stream = data.get("EventSourceArn", "").split(":")[2:3] in (["dynamodb"], ["kinesis"])
        return create({"BatchSize": 100, **data} if stream else data)

    lambda_svc._create_esm = create_esm


def repeated_transactions_are_recognised() -> None:
    """A transaction that is sent again under the same token, as an SDK does when the first answer was lost.

    AWS: success, and nothing is written twice.
    Emulator: refused as a misuse of the token, because what was first sent is compared after it was stored and
    thereby brought into another form (`services/dynamodb.py`, `_transact_write_items`).
    """
    from ministack.services import dynamodb

    write, store = dynamodb._transact_write_items, dynamodb._txn_token_store
    sent: dict[str, Any] = {}

    def transact_write_items(data: dict[str, Any]) -> Any:
        token = str(data.get("ClientRequestToken"))
        if "ClientRequestToken" in data:
            sent[token] = copy.deepcopy({name: value for name, value in data.items() if name != "ClientRequestToken"})
        try:
            return write(data)
        finally:
            sent.pop(token, None)

    def token_store(token: str, entry: dict[str, Any]) -> None:
        store(token, entry | {"signature": sent.get(token, entry["signature"])})

    dynamodb._transact_write_items, dynamodb._txn_token_store = transact_write_items, token_store


def identities_name_their_configuration_set() -> None:
    """The default configuration set of a sending identity.

    AWS: GetEmailIdentity answers what CreateEmailIdentity or PutEmailIdentityConfigurationSetAttributes set.
    Emulator: neither keeps nor answers it (`services/ses_v2.py`, `handle_request`).
    """
    from ministack.services import ses_v2

    original = ses_v2.handle_request
    prefix = "/v2/email/identities"

    async def handle_request(method: str, path: str, headers: Any, body: bytes, query_params: Any) -> Any:
        document = json.loads(body) if body and path.startswith(prefix) else {}
        name = document.get("EmailIdentity") or path.removeprefix(f"{prefix}/")
        if method == "PUT" and path.startswith(prefix) and path.endswith("/configuration-set"):
            name = name.removesuffix("/configuration-set")
            if name not in ses_v2._identities:
                return ses_v2._json_err("NotFoundException", f"Identity {name} not found", 404)
            answer: Any = ses_v2.json_response({})
        else:
            answer = await original(method, path, headers, body, query_params)
            if (method, path) != ("POST", prefix) or answer[0] != 200:
                return answer
        ses_v2._identities[name]["ConfigurationSetName"] = document.get("ConfigurationSetName")
        return answer

    ses_v2.handle_request = handle_request


def configuration_sets_tell_of_bounces() -> None:
    """What a configuration set's destinations hear of a mail.

    AWS: bounces and complaints of mails that were sent with the set, if the topic lets SES in; the addresses of the
    mailbox simulator bounce and complain without fail (SES developer guide, 'Using the mailbox simulator', and
    'Contents of event data that Amazon SES publishes to Amazon SNS').
    Emulator: destinations are kept and hear nothing; the simulator's addresses are known to the older notifications
    of identities only (`services/ses_v2.py`, `handle_request`; `services/ses.py`, `_send_notifications`).
    """
    from ministack.services import ses_v2

    original = ses_v2.handle_request

    async def handle_request(method: str, path: str, headers: Any, body: bytes, query_params: Any) -> Any:
        answer = await original(method, path, headers, body, query_params)
        if method == "POST" and path.rstrip("/").endswith("/outbound-emails") and answer[0] == 200:
            _tell_of_bounces(_mail_of(body), json.loads(answer[2])["MessageId"])
        return answer

    ses_v2.handle_request = handle_request


def _tell_of_bounces(sent: Mapping[str, Any], message_id: str) -> None:
    """Publish the events of a mail to the topics of its configuration set."""
    from ministack.core.responses import get_account_id, get_region
    from ministack.services import ses, ses_v2, sns

    account, now = get_account_id(), datetime.now(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
    source = f"arn:aws:ses:{get_region()}:{account}:configuration-set/{sent['set']}"
    destinations = (ses_v2._config_sets.get(sent["set"]) or {}).get("EventDestinations") or {}
    mail = {
        "timestamp": now,
        "source": sent["ses:FromAddress"],
        "sendingAccountId": account,
        "messageId": message_id,
        "destination": sent["ses:Recipients"],
        "tags": {"ses:configuration-set": [sent["set"]]},
    }
    for recipient, destination in itertools.product(sent["ses:Recipients"], destinations.values()):
        topic = (destination.get("SnsDestination") or {}).get("TopicArn", "")
        local, _, domain = recipient.partition("@")
        simulated = domain == ses._SIMULATOR_DOMAIN and destination["Enabled"]
        for kind, detail in ses._SIMULATOR_OUTCOMES.get(local.partition("+")[0], ()) if simulated else ():
            if kind.upper() not in destination["MatchingEventTypes"]:
                continue
            if not sns.topic_policy_allows(topic, "ses.amazonaws.com", source, account):
                logger.warning("%s may not publish to %r", source, topic)
                continue
            event = {"eventType": kind, "mail": mail, **ses._notification_detail(kind, recipient, now, detail)}
            sns.publish_internal(topic, json.dumps(event), "Amazon SES Email Event Notification")


def sending_domains_read_back() -> None:
    """A domain as sender: its MAIL FROM domain, and the lengths of its DKIM keys.

    AWS: PutEmailIdentityMailFromAttributes sets the former, and GetEmailIdentity answers both.
    Emulator: it does not know the operation, and forgets the lengths (`services/ses_v2.py`, `handle_request`,
    `_easy_dkim_attributes`).
    """
    from ministack.services import ses_v2

    original, easy_dkim = ses_v2.handle_request, ses_v2._easy_dkim_attributes
    mail_from = re.compile(r"/v2/email/identities/(.+)/mail-from")

    def easy_dkim_attributes(identity: str, identity_type: str, signing: Mapping[str, str]) -> dict[str, Any]:
        attributes: dict[str, Any] = easy_dkim(identity, identity_type, signing)
        length = signing.get("NextSigningKeyLength", "RSA_2048_BIT")
        lengths = {"CurrentSigningKeyLength": length, "NextSigningKeyLength": length}
        return {**attributes, **lengths} if attributes["Tokens"] else attributes

    async def handle_request(method: str, path: str, headers: Any, body: bytes, query_params: Any) -> Any:
        asked = mail_from.fullmatch(path)
        if method != "PUT" or asked is None:
            return await original(method, path, headers, body, query_params)
        if asked[1] not in ses_v2._identities:
            return ses_v2._json_err("NotFoundException", f"Identity {asked[1]} not found", 404)
        document = json.loads(body or b"{}")
        domain = document.get("MailFromDomain")
        ses_v2._identities[asked[1]]["MailFromAttributes"] = {
            "BehaviorOnMxFailure": document.get("BehaviorOnMxFailure") or "USE_DEFAULT_VALUE",
            **({"MailFromDomain": domain, "MailFromDomainStatus": "PENDING"} if domain else {}),
        }
        return ses_v2.json_response({})

    ses_v2._easy_dkim_attributes = easy_dkim_attributes
    ses_v2.handle_request = handle_request


def sent_mail_survives_a_stop() -> None:
    """The mails that SES took.

    AWS: sent, so the recipient has them.
    Emulator: they are only in memory (`services/ses.py`, `get_state`); a person who looks for yesterday's
    report finds nothing.
    """
    from ministack.services import ses

    state, restore = ses.get_state, ses._restore_state

    def restore_state(data: dict[str, Any]) -> None:
        restore(data)
        ses._restore_regional_store(ses._sent_emails, data.get("_sent_emails", {}))

    ses.get_state = lambda: {**state(), "_sent_emails": copy.deepcopy(ses._sent_emails)}
    ses._restore_state = restore_state


def logs_keep_saved_queries() -> None:
    """Saved queries of CloudWatch Logs Insights.

    AWS: PutQueryDefinition, DescribeQueryDefinitions, DeleteQueryDefinition.
    Emulator: unknown actions (`services/cloudwatch_logs.py`, `handle_request`).
    """
    from ministack.core import responses
    from ministack.services import cloudwatch_logs

    saved = responses.AccountRegionScopedDict()
    handle, state = cloudwatch_logs.handle_request, cloudwatch_logs.get_state
    restore, reset = cloudwatch_logs._restore_state, cloudwatch_logs.reset

    def put(request: Mapping[str, Any]) -> Any:
        identifier = request.get("queryDefinitionId") or str(uuid.uuid4())
        kept = {name: request[name] for name in ("name", "queryString", "logGroupNames") if name in request}
        saved[identifier] = {
            "queryDefinitionId": identifier,
            "lastModified": int(time.time() * 1000),
            **kept,
        }
        return responses.json_response({"queryDefinitionId": identifier})

    def describe(request: Mapping[str, Any]) -> Any:
        prefix = request.get("queryDefinitionNamePrefix") or ""
        found = [query for query in saved.values() if query["name"].startswith(prefix)]
        found.sort(key=lambda query: str(query["name"]))
        return responses.json_response({"queryDefinitions": found})

    def delete(request: Mapping[str, Any]) -> Any:
        success = saved.pop(request.get("queryDefinitionId"), None) is not None
        return responses.json_response({"success": success})

    actions = {
        "PutQueryDefinition": put,
        "DescribeQueryDefinitions": describe,
        "DeleteQueryDefinition": delete,
    }

    async def handle_request(method: str, path: str, headers: Any, body: bytes, query_params: Any) -> Any:
        action = actions.get(headers.get("x-amz-target", "").rpartition(".")[2])
        if action is None:
            return await handle(method, path, headers, body, query_params)
        return action(json.loads(body or b"{}"))

    def restore_state(data: Any) -> None:
        restore(data)
        saved.update((data or {}).get("query_definitions", {}))

    def reset_all() -> None:
        reset()
        saved.clear()

    cloudwatch_logs.handle_request = handle_request
    cloudwatch_logs.get_state = lambda: {**state(), "query_definitions": copy.deepcopy(saved)}
    cloudwatch_logs._restore_state = restore_state
    cloudwatch_logs.reset = reset_all


# --- Acting services: schedules, rules, asynchronous invocations ------------------------------


class _Undelivered(Exception):  # noqa: N818 - an outcome, handed to the dead-letter queue
    """A target that cannot be reached, for a reason that trying again does not change."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code = code
        self.message = message


def _is_schedule(rule: Mapping[str, Any]) -> bool:
    return "ScheduleExpressionTimezone" in rule


def _service_may(policy: Any, action: str, resource: str, service: str, source_arn: str) -> bool:
    """Whether a resource policy lets an AWS service act on the resource on behalf of `source_arn`."""
    from ministack.core import iam_evaluator
    from ministack.core.responses import get_account_id, get_region

    context = iam_evaluator.EvalContext(
        principal_arn="*",
        principal_type="Service",
        principal_account="",
        action=action,
        resource_arn=resource,
        region=get_region(),
        service_context={"aws:sourcearn": source_arn, "aws:sourceaccount": get_account_id()},
    )
    return bool(iam_evaluator.evaluate_resource_policy(policy, context, service=service).decision == "Allow")


def _service_may_assume(role_arn: str, service: str, source_arn: str) -> bool:
    """Whether a role's trust policy names the service, with the conditions it makes."""
    from ministack.services import iam

    role = iam._roles.get_scoped(_account(role_arn), None, role_arn.rpartition("/")[2])
    if role is None or role["Arn"] != role_arn:
        return False
    trust = role.get("AssumeRolePolicyDocument") or {}
    document = json.loads(trust) if isinstance(trust, str) else trust
    statements = document.get("Statement") or []
    statements = [statements] if isinstance(statements, Mapping) else statements
    as_resource_policy = {"Statement": [{**statement, "Resource": "*"} for statement in statements]}
    return _service_may(as_resource_policy, "sts:AssumeRole", role_arn, service, source_arn)


def _role_may(role_arn: str, action: str, resource: str, keys: Mapping[str, str] | None = None) -> bool:
    """Whether a role's policies, boundary, the resource's own policy and its key allow an action."""
    from ministack.core import iam_evaluator
    from ministack.core.responses import get_region
    from ministack.services import iam

    account, name = _account(role_arn), role_arn.rpartition("/")[2]
    context = iam_evaluator.EvalContext(
        principal_arn=f"arn:aws:sts::{account}:assumed-role/{name}/service",
        principal_type="AssumedRole",
        principal_account=account,
        action=action,
        resource_arn=resource,
        region=get_region(),
        service_context=dict(keys or {}),
    )
    service = action.partition(":")[0]
    policies = iam_evaluator._gather_role_policies(name, account)
    limits = iam_evaluator._permissions_boundary(iam._roles, name, account)
    result = iam_evaluator.evaluate(context, policies, *limits)
    found = iam_evaluator._resource_policy(service, resource)
    if found is not None:
        result = iam_evaluator.combine_resource_policy(
            result, context, *found, required=service == "kms", limits=limits
        )
    key = _key_of(resource) if action in _KEY_USES else ""
    via = {"kms:viaservice": f"{service}.{get_region()}.amazonaws.com", "kms:calleraccount": account}
    with_key = not key or all(_role_may(role_arn, use, key, via) for use in _KEY_USES[action])
    return bool(result.decision == "Allow") and with_key


def _role_may_all(role: str, actions: tuple[str, ...], resource: str) -> bool:
    return all(_role_may(role, action, resource) for action in actions)


def _account(arn: str) -> str:
    return (arn.split(":") + [""] * 5)[4]


_TARGET_ACTIONS = {
    "lambda": "lambda:InvokeFunction",
    "sqs": "sqs:SendMessage",
    "sns": "sns:Publish",
    "events": "events:PutEvents",
    "states": "states:StartExecution",
}


def _target_exists(arn: str) -> bool:
    from ministack.services import cloudwatch_logs, lambda_svc, sns, sqs

    service = arn.split(":")[2]
    if service == "lambda":
        return lambda_svc._get_func_record_for_ref(arn)[0] is not None
    if service == "sqs":
        return sqs._queue_by_arn(arn) is not None
    if service == "sns":
        return arn in sns._topics
    if service == "logs":
        return _log_group(arn) in cloudwatch_logs._log_groups
    return True


def _log_group(arn: str) -> str:
    return arn.partition(":log-group:")[2].removesuffix(":*")


def rules_log_to_log_groups() -> None:
    """A log group as the target of an EventBridge rule.

    AWS: each event becomes a log event, if the account's log resource policy lets EventBridge write.
    Emulator: accepted as a target, then dropped (`services/eventbridge.py`, `_invoke_target`).
    """
    from ministack.services import cloudwatch_logs, eventbridge

    original = eventbridge._invoke_target

    def invoke_target(target: Any, event: Any, rule: Any, view: Any = None) -> None:
        if target.get("Arn", "").split(":")[2:3] != ["logs"]:
            original(target, event, rule, view)
            return
        view = view or eventbridge._pattern_event_view(event)
        message = json.dumps(view.event_with_detail())
        if target.get("InputTransformer"):
            message = eventbridge._apply_input_transformer(target["InputTransformer"], rule, view)
        group, stream = _log_group(target["Arn"]), str(uuid.uuid4())
        cloudwatch_logs._create_log_stream({"logGroupName": group, "logStreamName": stream})
        entry = {"timestamp": int(time.time() * 1000), "message": target.get("Input") or message}
        cloudwatch_logs._put_log_events({"logGroupName": group, "logStreamName": stream, "logEvents": [entry]})

    eventbridge._invoke_target = invoke_target


def rule_targets_must_let_eventbridge_in() -> None:
    """Permissions of EventBridge on the targets of its rules.

    AWS: the function, queue, topic or log group must allow events.amazonaws.com in its resource policy.
    Emulator: every target is reached (`services/eventbridge.py`, `_invoke_target`).
    """
    from ministack.services import eventbridge

    original = eventbridge._invoke_target

    def invoke_target(target: Any, event: Any, rule: Any, view: Any = None) -> None:
        arn = target.get("Arn", "")
        if not _is_schedule(rule):
            if not _target_exists(arn):
                raise _Undelivered("RESOURCE_NOT_FOUND", f"{arn} does not exist")
            if not _eventbridge_may(arn, rule.get("Arn", "")):
                raise _Undelivered("NO_PERMISSIONS", f"{arn} does not allow events.amazonaws.com")
        original(target, event, rule, view)

    eventbridge._invoke_target = invoke_target


def _eventbridge_may(arn: str, rule_arn: str) -> bool:
    from ministack.services import cloudwatch_logs, lambda_svc, sns, sqs

    service, caller = arn.split(":")[2], "events.amazonaws.com"
    account = _account(rule_arn)
    if service == "lambda":
        found = lambda_svc.function_policy_for_arn(arn)
        return found is not None and _service_may(found[0], "lambda:InvokeFunction", arn, caller, rule_arn)
    if service == "sqs":
        return bool(sqs.queue_policy_allows(arn, caller, rule_arn, account))
    if service == "sns":
        return bool(sns.topic_policy_allows(arn, caller, rule_arn, account))
    if service == "logs":
        stream = f"{arn.removesuffix(':*')}:log-stream:any"
        policies = [entry.get("policyDocument") for entry in cloudwatch_logs._resource_policies.values()]
        return any(_service_may(policy, "logs:PutLogEvents", stream, caller, rule_arn) for policy in policies)
    return True


def schedules_act_as_their_role() -> None:
    """The execution role of a schedule.

    AWS: Scheduler must be trusted by the role (checked when the schedule is written) and calls the
    target with the role's permissions.
    Emulator: the role is kept and never used (`services/scheduler.py`, `_create_schedule`, `_update_schedule`,
    `_tick_schedules`).
    """
    from ministack.services import eventbridge, scheduler

    original = eventbridge._invoke_target
    create, update = scheduler._create_schedule, scheduler._update_schedule

    def refusal(body: Mapping[str, Any]) -> Any:
        role = (body.get("Target") or {}).get("RoleArn", "")
        group = scheduler._group_arn(body.get("GroupName", "default"))
        if not role or _service_may_assume(role, "scheduler.amazonaws.com", group):
            return None
        message = "The execution role you provide must allow AWS EventBridge Scheduler to assume the role."
        return scheduler._error(400, "ValidationException", message)

    def invoke_target(target: Any, event: Any, rule: Any, view: Any = None) -> None:
        if _is_schedule(rule):
            _check_schedule(target, rule)
        original(target, event, rule, view)

    eventbridge._invoke_target = invoke_target
    scheduler._create_schedule = lambda name, body: refusal(body) or create(name, body)
    scheduler._update_schedule = lambda name, body: refusal(body) or update(name, body)


def _check_schedule(target: Mapping[str, Any], schedule: Mapping[str, Any]) -> None:
    from ministack.services import scheduler

    arn, role = target.get("Arn", ""), target.get("RoleArn", "")
    action = _TARGET_ACTIONS.get(arn.split(":")[2], "")
    if not _service_may_assume(role, "scheduler.amazonaws.com", scheduler._group_arn(schedule["GroupName"])):
        raise _Undelivered("AccessDeniedException", f"{role} does not trust scheduler.amazonaws.com")
    if not _role_may(role, action, arn):
        raise _Undelivered("AccessDeniedException", f"{role} is not authorized to perform {action} on {arn}")
    if not _target_exists(arn):
        raise _Undelivered("ResourceNotFoundException", f"{arn} does not exist")


def schedules_fill_context_attributes() -> None:
    """`<aws.scheduler.scheduled-time>` and its kin in a schedule's input.

    AWS: replaced at each invocation by the schedule's ARN, the time it was due, the execution's id and
    the number of the attempt.
    Emulator: delivered literally (`services/scheduler.py`, `_tick_schedules`).
    """
    from ministack.services import eventbridge

    original = eventbridge._invoke_target

    def invoke_target(target: Any, event: Any, rule: Any, view: Any = None) -> None:
        if _is_schedule(rule) and target.get("Input"):
            due = datetime.fromtimestamp(event["Time"], UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
            given = target["Input"]
            for name, value in (
                ("schedule-arn", rule["Arn"]),
                ("scheduled-time", due),
                ("execution-id", event["EventId"]),
                ("attempt-number", "1"),
            ):
                given = given.replace(f"<aws.scheduler.{name}>", value)
            target = {**target, "Input": given}
        original(target, event, rule, view)

    eventbridge._invoke_target = invoke_target


def undelivered_events_reach_the_dead_letter_queue() -> None:
    """Retry policy and dead-letter queue of a rule's target and of a schedule.

    AWS: what cannot be delivered goes to the queue with the reason as message attributes, at once if trying
    again is pointless; Scheduler sends it as the schedule's role, EventBridge by the queue's policy.
    Emulator: it is logged and lost (`services/eventbridge.py`, `_invoke_target`).
    """
    from ministack.services import eventbridge

    original = eventbridge._invoke_target

    def invoke_target(target: Any, event: Any, rule: Any, view: Any = None) -> None:
        try:
            original(target, event, rule, view)
        except _Undelivered as reason:
            logger.warning("%s: not delivered: %s", rule.get("Arn"), reason.message)
            queue = (target.get("DeadLetterConfig") or {}).get("Arn", "")
            if queue:
                _send_to_dead_letters(queue, target, event, rule, reason)

    eventbridge._invoke_target = invoke_target


def _send_to_dead_letters(queue: str, target: Any, event: Any, rule: Any, reason: _Undelivered) -> None:
    from ministack.services import eventbridge, sqs

    if _is_schedule(rule):
        allowed = _role_may(target.get("RoleArn", ""), "sqs:SendMessage", queue)
        names, body = ("SCHEDULE_ARN", "TARGET_ARN"), target.get("Input") or "{}"
    else:
        allowed = sqs.queue_policy_allows(queue, "events.amazonaws.com", rule.get("Arn", ""), _account(queue))
        names = ("RULE_ARN", "TARGET_ARN")
        body = json.dumps(eventbridge._pattern_event_view(event).event_with_detail())
    if not allowed or sqs._queue_by_arn(queue) is None:
        logger.warning("%s: the dead-letter queue %s cannot be written", rule.get("Arn"), queue)
        return
    eventbridge._dispatch_to_sqs(_parsed(queue), body)
    attributes = dict(zip(names, (rule.get("Arn", ""), target.get("Arn", "")), strict=True))
    attributes |= {"ERROR_CODE": reason.code, "ERROR_MESSAGE": reason.message, "RETRY_ATTEMPTS": "0"}
    sqs._queue_by_arn(queue)["messages"][-1]["message_attributes"] = {
        name: {"DataType": "String", "StringValue": value} for name, value in attributes.items()
    }


def _parsed(arn: str) -> Any:
    from ministack.core.arn import parse_arn

    return parse_arn(arn)


def schedules_fire_on_time() -> None:
    """When a schedule fires.

    AWS: within the minute, in the schedule's own time zone, a one-off schedule once in its life. An expression or
    time zone that does not exist is refused.
    Emulator: looks every ten seconds, reads at() and cron() as UTC whatever the time zone, fires a one-off
    schedule again after each restart, and takes any expression (`services/scheduler.py`, `_tick_schedules`,
    `_create_schedule`, `_update_schedule`).
    """
    from ministack.services import eventbridge, scheduler

    last_run: dict[Any, float] = {}
    create, update = scheduler._create_schedule, scheduler._update_schedule

    def refusal(body: Mapping[str, Any]) -> Any:
        expression = body.get("ScheduleExpression") or "rate(1 day)"
        zone = body.get("ScheduleExpressionTimezone") or "UTC"
        known = expression.startswith("at(") or (
            eventbridge._parse_rate_seconds(expression) or eventbridge._parse_cron_fields(expression)
        )
        try:
            due({"ScheduleExpression": expression, "ScheduleExpressionTimezone": zone}, 0, 0)
        except (ValueError, KeyError):  # ZoneInfoNotFoundError is a KeyError
            known = False
        message = f"Invalid Schedule Expression {expression} in time zone {zone}."
        return None if known else scheduler._error(400, "ValidationException", message)

    def due(schedule: Mapping[str, Any], previous: float, now: float) -> float | None:
        """The moment after `previous` at which the schedule was to fire, if that has come."""
        expression = schedule.get("ScheduleExpression", "")
        zone = ZoneInfo(schedule.get("ScheduleExpressionTimezone") or "UTC")
        moment: float | None = None
        once = re.fullmatch(r"\s*at\((.+)\)\s*", expression)
        if once:
            when = datetime.fromisoformat(once[1].strip())
            moment = (when if when.tzinfo else when.replace(tzinfo=zone)).timestamp()
            moment = None if schedule.get("Fired") else moment
        elif (interval := eventbridge._parse_rate_seconds(expression)) is not None:
            moment = previous + interval
        elif (fields := eventbridge._parse_cron_fields(expression)) is not None:
            following = eventbridge._cron_next_fire(fields, datetime.fromtimestamp(previous, zone))
            moment = following.timestamp() if following else None
        return moment if moment is not None and moment <= now else None

    def tick() -> None:
        now = time.time()
        for key, schedule in list(scheduler._schedules._data.items()):
            start, end = (scheduler._to_epoch(schedule.get(name)) for name in ("StartDate", "EndDate"))
            if schedule.get("State") != "ENABLED" or now < (start or 0) or now > (end or now):
                continue
            rate = eventbridge._parse_rate_seconds(schedule.get("ScheduleExpression", "")) is not None
            previous = last_run.setdefault(key, schedule["CreationDate"] if rate else now)
            moment = due(schedule, previous, now)
            if moment is None:
                continue
            last_run[key] = max(moment, previous)
            _fire(key, schedule, moment)

    scheduler._create_schedule = lambda name, body: refusal(body) or create(name, body)
    scheduler._update_schedule = lambda name, body: refusal(body) or update(name, body)
    scheduler._tick_schedules = tick
    scheduler._SCHEDULE_TICK_INTERVAL = 0.5


def _fire(key: tuple[str, str, str], schedule: dict[str, Any], moment: float) -> None:
    from ministack.services import eventbridge, scheduler

    once = schedule["ScheduleExpression"].strip().startswith("at(")
    if once:
        schedule["Fired"] = True
    account, region, _name = key
    event = {
        "EventId": str(uuid.uuid4()),
        "Source": "aws.scheduler",
        "DetailType": "Scheduled Event",
        "Detail": "{}",
        "Time": moment,
        "Resources": [schedule["Arn"]],
        "Account": account,
        "Region": region,
    }
    with _request_scope(account, region):
        try:
            eventbridge._invoke_target(schedule.get("Target") or {}, event, schedule)
        except Exception:
            logger.exception("%s: not delivered", schedule["Arn"])
    if once and schedule.get("ActionAfterCompletion") == "DELETE":
        scheduler._schedules._data.pop(key, None)


@contextmanager
def _request_scope(account: str, region: str) -> Iterator[None]:
    from ministack.core import responses

    before = responses.get_account_id(), responses.get_region()
    responses.set_request_account_id(account)
    responses.set_request_region(region)
    try:
        yield
    finally:
        responses.set_request_account_id(before[0])
        responses.set_request_region(before[1])


def events_invoke_functions_asynchronously() -> None:
    """A function as the target of a rule or a schedule, and what follows when it fails.

    AWS: the invocation is asynchronous: tried again as the function's (or its alias's) event invoke
    configuration says, then handed to the destination for failures with the permissions of the function's role.
    Emulator: a rule or schedule tries once and forgets the failure (`services/eventbridge.py`,
    `_dispatch_to_lambda`); an asynchronous invocation of an alias ignores the alias's configuration, and the
    destination is written without asking (`services/lambda_svc.py`, `invoke_async_with_retry`).
    """
    from ministack.services import eventbridge, lambda_svc

    invoke, route = lambda_svc.invoke_async_with_retry, lambda_svc._route_async_failure

    def dispatch_to_lambda(arn: str, payload: str) -> None:
        function, config, _name = lambda_svc._get_func_record_for_ref(arn)
        record = lambda_svc._execution_record_for_config(function, {**config, "FunctionArn": arn})
        lambda_svc.invoke_async_with_retry(record, json.loads(payload))

    def invoke_async_with_retry(record: dict[str, Any], event: Any) -> None:
        config = record.get("config") or record
        base = lambda_svc._functions.get(config.get("FunctionName", "")) or {}
        qualifier = (config.get("FunctionArn", "").split(":") + [""] * 8)[7]
        found = lambda_svc._event_invoke_config(base, qualifier or None)
        invoke({**record, "event_invoke_config": found, "event_invoke_configs": {}}, event)

    def route_async_failure(target: str, name: str, event: Any, result: Any) -> None:
        role = (lambda_svc._functions.get(name) or {}).get("config", {}).get("Role", "")
        if not _role_may(role, _TARGET_ACTIONS.get(target.split(":")[2], ""), target):
            logger.warning("%s: its role may not write to %s; the failure is lost", name, target)
            return
        route(target, name, event, result)

    eventbridge._dispatch_to_lambda = dispatch_to_lambda
    lambda_svc.invoke_async_with_retry = invoke_async_with_retry
    lambda_svc._route_async_failure = route_async_failure


def apis_need_permission_to_invoke() -> None:
    """A REST API that calls a function.

    AWS: the function's policy must allow apigateway.amazonaws.com for this API, stage, method and path;
    if not, the caller gets 500.
    Emulator: the function is called in any case (`services/apigateway_v1.py`, `_invoke_lambda_proxy_v1`).
    """
    from ministack.core.responses import get_account_id, get_region
    from ministack.services import apigateway_v1, lambda_svc

    original = apigateway_v1._invoke_lambda_proxy_v1

    async def invoke(
        integration: Any,
        api_id: str,
        stage_name: str,
        stage: Any,
        resource: Any,
        request_path: str,
        method: str,
        *others: Any,
        **named: Any,
    ) -> Any:
        function = apigateway_v1._extract_lambda_ref_from_integration_uri(integration.get("uri", ""))
        path = re.sub(r"\{[^}]*\}", "*", resource.get("path", request_path))
        source = f"arn:aws:execute-api:{get_region()}:{get_account_id()}:{api_id}/{stage_name}/{method}{path}"
        found = lambda_svc.function_policy_for_arn(function)
        allowed = found is None or _service_may(
            found[0], "lambda:InvokeFunction", function, "apigateway.amazonaws.com", source
        )
        if not allowed:
            logger.warning("%s does not allow apigateway.amazonaws.com for %s", function, source)
            return apigateway_v1._gw_error("API_CONFIGURATION_ERROR", "Internal server error")
        return await original(integration, api_id, stage_name, stage, resource, request_path, method, *others, **named)

    apigateway_v1._invoke_lambda_proxy_v1 = invoke


def apis_wait_as_long_as_they_are_told() -> None:
    """How long a REST API waits for a function.

    AWS: as long as the integration's timeout says; then the caller gets 504, and the function goes on.
    Emulator: until the function has answered (`services/apigateway_v1.py`, `_invoke_lambda_proxy_v1`).
    """
    from ministack.services import apigateway_v1

    original = apigateway_v1._invoke_lambda_proxy_v1

    async def invoke(integration: Any, *others: Any, **named: Any) -> Any:
        call = asyncio.ensure_future(original(integration, *others, **named))
        done, _ = await asyncio.wait({call}, timeout=int(integration.get("timeoutInMillis") or 29_000) / 1000)
        if not done:
            return apigateway_v1._gw_error("INTEGRATION_TIMEOUT", "Endpoint request timed out")
        return call.result()

    apigateway_v1._invoke_lambda_proxy_v1 = invoke


def timeouts_of_integrations_stay_numbers() -> None:
    """A REST integration whose timeout is changed.

    AWS: the patch has it as text, as all values; the integration has it as a number.
    Emulator: the text is kept, and the provider cannot read the API any more (`services/apigateway_v1.py`,
    `_apply_patch`).
    """
    from ministack.services import apigateway_v1

    original = apigateway_v1._update_integration

    def update(api: str, resource: str, method: str, data: dict[str, Any]) -> Any:
        operations = [
            {**item, "value": int(item["value"])} if item.get("path") == "/timeoutInMillis" else item
            for item in data.get("patchOperations", [])
        ]
        return original(api, resource, method, {**data, "patchOperations": operations})

    apigateway_v1._update_integration = update


def http_apis_need_permission_to_invoke() -> None:
    """An HTTP API that calls a function.

    AWS: the function's policy must allow apigateway.amazonaws.com for this API, stage, method and route; if not, the
    caller gets 500.
    Emulator: the function is called in any case (`services/apigateway.py`, `_invoke_lambda_proxy`).
    """
    from ministack.core.responses import get_account_id, get_region
    from ministack.services import apigateway, lambda_svc

    original = apigateway._invoke_lambda_proxy

    async def invoke(
        integration: Any, api_id: str, stage: str, path: str, method: str, *others: Any, **named: Any
    ) -> Any:
        function = apigateway._extract_lambda_ref_from_integration_uri(integration.get("integrationUri", ""))
        route = others[3] if len(others) > 3 else named.get("route_key", "$default")
        route_path = re.sub(r"\{[^}]*\}", "*", route.partition(" ")[2] or path)
        source = f"arn:aws:execute-api:{get_region()}:{get_account_id()}:{api_id}/{stage}/{method}{route_path}"
        found = lambda_svc.function_policy_for_arn(function)
        if found is None or _service_may(
            found[0], "lambda:InvokeFunction", function, "apigateway.amazonaws.com", source
        ):
            return await original(integration, api_id, stage, path, method, *others, **named)
        logger.warning("%s does not allow apigateway.amazonaws.com for %s", function, source)
        body = json.dumps({"message": "Internal Server Error"}).encode()
        return 500, {"Content-Type": "application/json"}, body

    apigateway._invoke_lambda_proxy = invoke


# --- CloudWatch --------------------------------------------------------------------------------


def alarms_tell_eventbridge() -> None:
    """An alarm that changes its state.

    AWS: sends the event "CloudWatch Alarm State Change" and publishes to the topics whose policy lets
    cloudwatch.amazonaws.com in.
    Emulator: sends no event, and publishes without asking the topic (`services/cloudwatch.py`,
    `_dispatch_alarm_actions`).
    """
    from ministack.core.responses import get_account_id
    from ministack.services import cloudwatch, eventbridge, sns

    original = cloudwatch._dispatch_alarm_actions

    def dispatch(alarm: dict[str, Any], old_state: str, new_state: str, reason: str) -> None:
        def allowed(arn: str) -> bool:
            caller = "cloudwatch.amazonaws.com"
            return arn.split(":")[2] != "sns" or bool(
                sns.topic_policy_allows(arn, caller, alarm["AlarmArn"], get_account_id())
            )

        lists = ("AlarmActions", "OKActions", "InsufficientDataActions")
        reachable = {name: [arn for arn in alarm.get(name) or [] if allowed(arn)] for name in lists}
        original({**alarm, **reachable}, old_state, new_state, reason)
        detail = {
            "alarmName": alarm["AlarmName"],
            "state": {"value": new_state, "reason": reason},
            "previousState": {"value": old_state},
            "configuration": {"description": alarm.get("AlarmDescription") or ""},
        }
        entry = {
            "Source": "aws.cloudwatch",
            "DetailType": "CloudWatch Alarm State Change",
            "Detail": json.dumps(detail),
            "Resources": [alarm["AlarmArn"]],
        }
        eventbridge._put_events({"Entries": [entry]}, allow_aws_source=True)

    cloudwatch._dispatch_alarm_actions = dispatch


def embedded_metrics_become_metrics() -> None:
    """Log lines in the embedded metric format.

    AWS: CloudWatch Logs extracts the metrics that a JSON line declares under `_aws`.
    Emulator: keeps the line and nothing else (`services/cloudwatch_logs.py`, `_append_log_events`).
    """
    from ministack.services import cloudwatch, cloudwatch_logs

    original = cloudwatch_logs._append_log_events

    def append(stream: Any, events: Any) -> Any:
        for event in events:
            for line in event.get("message", "").splitlines():
                for name, metric, value, unit, dimensions in _embedded_metrics(line):
                    cloudwatch.record_metric(name, metric, value, unit, dimensions)
        return original(stream, events)

    cloudwatch_logs._append_log_events = append


def _embedded_metrics(line: str) -> Iterator[tuple[str, str, float, str, dict[str, str]]]:
    if '"_aws"' not in line:
        return
    try:
        document = json.loads(line[line.index("{") :])
        directives = document["_aws"]["CloudWatchMetrics"]
    except (ValueError, KeyError, TypeError):
        return
    for directive in directives:
        for names in directive.get("Dimensions") or [[]]:
            dimensions = {name: str(document.get(name, "")) for name in names}
            for metric in directive.get("Metrics") or []:
                values = document.get(metric["Name"], [])
                for value in values if isinstance(values, list) else [values]:
                    yield directive["Namespace"], metric["Name"], value, metric.get("Unit", "None"), dimensions


# --- Lambda ------------------------------------------------------------------------------------

# What AWS sets for a function; the names that start so are the emulator's own plumbing of the same kind.
_RUNTIME_NAMES = ("AWS_", "LAMBDA_", "_LAMBDA_", "_MINISTACK_", "_X_AMZN")
# The AWS SDK and what it needs: the only packages that the runtime has beside the standard library.
_RUNTIME_PACKAGES = ("boto3", "botocore", "s3transfer", "jmespath", "dateutil", "urllib3", "six")


def functions_get_a_clean_environment() -> None:
    """The environment and the packages of a function.

    AWS: the function's own variables and those of the runtime; of packages the standard library, the SDK
    and what the zip brings.
    Emulator: everything in the server's own environment and in its site-packages
    (`core/lambda_runtime.py`, `Worker._spawn`).
    """
    from ministack.core import lambda_runtime

    spawn, subprocess = lambda_runtime.Worker._spawn, lambda_runtime.subprocess
    current: threading.local = threading.local()

    def clean_spawn(worker: Any) -> Any:
        current.config = worker.config
        return spawn(worker)

    def popen(argv: list[str], **options: Any) -> Any:
        config = current.config
        own = (config.get("Environment") or {}).get("Variables") or {}
        options["env"] = _function_environment(config, own, options["env"])
        if argv[0] == sys.executable:
            argv = [argv[0], "-S", *argv[1:]]
        return subprocess.Popen(argv, **options)

    lambda_runtime.Worker._spawn = clean_spawn
    names = {name: getattr(subprocess, name) for name in subprocess.__all__}
    lambda_runtime.subprocess = types.SimpleNamespace(**names | {"Popen": popen})


def _function_environment(
    config: Mapping[str, Any], own: Mapping[str, str], spawned: Mapping[str, str]
) -> dict[str, str]:
    kept = {
        name: value
        for name, value in spawned.items()
        if name in own or (name.startswith(_RUNTIME_NAMES) and os.environ.get(name) != value)
    }
    name, runtime = config.get("FunctionName", ""), config.get("Runtime", "")
    return kept | {
        "AWS_EXECUTION_ENV": f"AWS_Lambda_{runtime}",
        "AWS_LAMBDA_INITIALIZATION_TYPE": "on-demand",
        "AWS_LAMBDA_LOG_GROUP_NAME": (config.get("LoggingConfig") or {}).get("LogGroup") or f"/aws/lambda/{name}",
        "_HANDLER": config.get("Handler", ""),
        "LANG": "en_US.UTF-8",
        "TZ": ":UTC",
        "PATH": os.pathsep.join((str(Path(sys.executable).parent), "/usr/local/bin", "/usr/bin", "/bin")),
        "PYTHONPATH": os.pathsep.join(filter(None, (own.get("PYTHONPATH"), str(_runtime_packages())))),
        "PYTHONDONTWRITEBYTECODE": "1",
        # There is no home folder with AWS settings in the runtime, and no metadata service.
        "AWS_CONFIG_FILE": os.devnull,
        "AWS_SHARED_CREDENTIALS_FILE": os.devnull,
        "AWS_EC2_METADATA_DISABLED": "true",
    }


@functools.cache
def _runtime_packages() -> Path:
    """A folder with links to the packages of the runtime."""
    folder = Path(tempfile.mkdtemp(prefix="runtime-"))
    for name in _RUNTIME_PACKAGES:
        found = find_spec(name)
        if found is None or found.origin is None:
            continue
        origin = Path(found.origin)
        source = origin.parent if origin.name == "__init__.py" else origin
        (folder / source.name).symlink_to(source)
    return folder


def functions_need_a_role_that_trusts_lambda() -> None:
    """The role of a function.

    AWS: CreateFunction and UpdateFunctionConfiguration refuse a role that Lambda may not assume.
    Emulator: any role will do (`services/lambda_svc.py`, `_create_function`, `_update_config`).
    """
    from ministack.core import responses
    from ministack.services import lambda_svc

    create, update = lambda_svc._create_function, lambda_svc._update_config

    def refusal(name: str, data: Mapping[str, Any]) -> Any:
        role = data.get("Role")
        if not role or _service_may_assume(role, "lambda.amazonaws.com", lambda_svc._func_arn(name)):
            return None
        message = "The role defined for the function cannot be assumed by Lambda."
        return responses.error_response_json("InvalidParameterValueException", message, 400)

    lambda_svc._create_function = lambda data: refusal(data.get("FunctionName", ""), data) or create(data)
    lambda_svc._update_config = lambda name, data: refusal(name, data) or update(name, data)


def functions_log_as_their_role() -> None:
    """The log of a function.

    AWS: written with the function's role; a role that may not write logs leaves none.
    Emulator: always written (`services/lambda_svc.py`, `_emit_lambda_logs`).
    """
    from ministack.core.responses import get_account_id, get_region
    from ministack.services import lambda_svc

    original = lambda_svc._emit_lambda_logs

    def emit(function: Any, *details: Any, **named: Any) -> None:
        config = function.get("config") or function
        group = (config.get("LoggingConfig") or {}).get("LogGroup") or f"/aws/lambda/{config['FunctionName']}"
        stream = f"arn:aws:logs:{get_region()}:{get_account_id()}:log-group:{group}:log-stream:any"
        if _role_may(config.get("Role", ""), "logs:PutLogEvents", stream):
            original(function, *details, **named)
        else:
            logger.warning("%s: its role may not write to %s", config["FunctionName"], group)

    lambda_svc._emit_lambda_logs = emit


# --- Streams, Firehose, Athena -----------------------------------------------------------------


def changes_survive_a_stop() -> None:
    """The records of DynamoDB streams.

    AWS: kept for a day.
    Emulator: only in memory, while the places of their readers are saved when it stops: after the next start, readers
    skip as many changes as they had read before (`services/dynamodb.py`, `get_state`, `_restore_state`).
    """
    from ministack.services import dynamodb

    state, restore = dynamodb.get_state, dynamodb._restore_state

    def get_state() -> Any:
        return {
            **state(),
            "stream_records": copy.deepcopy(dynamodb._stream_records),
            "stream_trimmed": copy.deepcopy(dynamodb._stream_trimmed),
            "stream_sequence": dynamodb._stream_seq_counter,
        }

    def restore_state(data: Any) -> None:
        restore(data)
        kept = data or {}
        dynamodb._stream_records.update(kept.get("stream_records", {}))
        dynamodb._stream_trimmed.update(kept.get("stream_trimmed", {}))
        dynamodb._stream_seq_counter = kept.get("stream_sequence", dynamodb._stream_seq_counter)

    dynamodb.get_state = get_state
    dynamodb._restore_state = restore_state


def stream_mappings_retry_as_configured() -> None:
    """What becomes of a batch of a DynamoDB stream that its function does not process.

    AWS: reads the stream as the function's role, which needs all of `_STREAM_ACTIONS` and the list of streams (Lambda
    developer guide, 'Using AWS Lambda with Amazon DynamoDB', execution role permissions), takes partial answers
    (`batchItemFailures`), halves a failed batch if told to, and after the configured attempts hands the rest to the
    destination for failures, as the same role.
    Emulator: reads with nobody's rights, takes a partial answer for a success, repeats the batch as a whole for ever
    (`services/lambda_svc.py`, `_poll_dynamodb_streams`).
    """
    from ministack.services import lambda_svc

    execute = lambda_svc._execute_function

    def execute_function(function: Any, event: Any) -> Any:
        mapping = _mapping_of(function, event)
        if mapping is None:
            return execute(function, event)
        role = _configuration(function).get("Role", "")
        if not _role_may_read(role, mapping["EventSourceArn"]):
            message = f"{role} may not read {mapping['EventSourceArn']}"
            return {"error": True, "body": {"errorType": "AccessDenied", "errorMessage": message}}
        return _process(mapping, function, event["Records"], execute)

    lambda_svc._execute_function = execute_function


_STREAM_ACTIONS = ("dynamodb:DescribeStream", "dynamodb:GetRecords", "dynamodb:GetShardIterator")


def _role_may_read(role: str, stream: str) -> bool:
    listed = _role_may(role, "dynamodb:ListStreams", "*")  # has no resource level
    return listed and _role_may_all(role, _STREAM_ACTIONS, stream)


def _configuration(function: Mapping[str, Any]) -> Mapping[str, Any]:
    configuration: Mapping[str, Any] = function.get("config") or function
    return configuration


def _mapping_of(function: Mapping[str, Any], event: Any) -> dict[str, Any] | None:
    """The mapping that feeds a function from a DynamoDB stream, if the event comes from one."""
    from ministack.services import lambda_svc

    records = event.get("Records") if isinstance(event, Mapping) else None
    first = records[0] if isinstance(records, list) and records and isinstance(records[0], Mapping) else {}
    if first.get("eventSource") != "aws:dynamodb":
        return None
    wanted = _configuration(function).get("FunctionName"), first.get("eventSourceARN")
    for mapping in lambda_svc._esms.values():
        if (mapping["FunctionName"], mapping["EventSourceArn"]) == wanted:
            return dict(mapping)
    return None


def _process(mapping: Mapping[str, Any], function: Any, records: list[Any], execute: Callable[..., Any]) -> Any:
    from ministack.services import lambda_svc

    attempts = mapping.get("MaximumRetryAttempts", -1)
    waiting = [(records, 0)]
    while waiting:
        batch, tries = waiting.pop(0)
        result = execute(function, {"Records": batch})
        left = _unprocessed(batch, result)
        if not left:
            continue
        if attempts < 0:
            return result if result.get("error") else {**result, "error": True}
        if mapping.get("BisectBatchOnFunctionError") and len(left) > 1:
            middle = len(left) // 2
            waiting[:0] = [(left[:middle], tries), (left[middle:], tries)]
        elif tries < attempts:
            time.sleep(min(0.05 * 2**tries, 1))
            waiting.insert(0, (left, tries + 1))
        else:
            target = ((mapping.get("DestinationConfig") or {}).get("OnFailure") or {}).get("Destination", "")
            role = _configuration(function).get("Role", "")
            if target and _role_may(role, _TARGET_ACTIONS.get(target.split(":")[2], ""), target):
                reason = "RetryAttemptsExhausted"
                source = mapping["EventSourceArn"]
                lambda_svc._send_ddb_stream_failure_record(mapping, function, left, source, result, reason)
            else:
                logger.warning("%s: given up, and %s cannot write to %r", mapping["UUID"], role, target)
    return {"body": {}}


def _unprocessed(batch: list[Any], result: Mapping[str, Any]) -> list[Any]:
    """What of a batch has to come again, after the function's answer."""
    if result.get("error"):
        return batch
    answer = _answer(result)
    failures = answer.get("batchItemFailures") if isinstance(answer, Mapping) else None
    named = {failure.get("itemIdentifier") for failure in failures or ()}
    for place, record in enumerate(batch):
        if record["dynamodb"].get("SequenceNumber") in named:
            return batch[place:]
    return batch if named else []


def _answer(result: Mapping[str, Any]) -> Any:
    body = result.get("body")
    try:
        return json.loads(body) if isinstance(body, str | bytes) else body
    except ValueError:
        return None


def delivery_streams_act_as_their_role() -> None:
    """The role of a delivery stream.

    AWS: must trust Firehose (checked when the stream is written); the function is called, the schema read and files
    written with its rights. Which ones each of these takes stands in the Firehose developer guide, 'Controlling
    access with Amazon Data Firehose': for an S3 destination, for record format conversion, to invoke a function.
    Emulator: kept and never used (`services/firehose.py`, `_create_delivery_stream`, `_update_destination`,
    `_deliver_records_to_s3`). What delivery asks of it stands in `delivery_streams_collect_records`.
    """
    from ministack.services import firehose

    create, update = firehose._HANDLERS["CreateDeliveryStream"], firehose._HANDLERS["UpdateDestination"]

    def refusal(data: Mapping[str, Any], find: Callable[[Mapping[str, Any]], tuple[Any, Any]]) -> Any:
        _kind, configuration = find(data)
        role = (configuration or {}).get("RoleARN", "")
        stream = firehose._stream_arn(data.get("DeliveryStreamName", ""))
        if not role or _service_may_assume(role, "firehose.amazonaws.com", stream):
            return None
        return firehose._invalid(f"Firehose is unable to assume role {role}. Please check the role provided.")

    by_creation, by_update = firehose._resolve_dest_type_and_config, firehose._resolve_dest_update_config
    firehose._HANDLERS["CreateDeliveryStream"] = lambda data: refusal(data, by_creation) or create(data)
    firehose._HANDLERS["UpdateDestination"] = lambda data: refusal(data, by_update) or update(data)


def delivery_streams_read_back() -> None:
    """What DescribeDeliveryStream says of an S3 destination.

    AWS: also the time zone of its prefixes (UTC unless told otherwise) and the extension of its files.
    Emulator: both are kept and left out, so that terraform sets them in every plan (`services/firehose.py`,
    `_dest_description`).
    """
    from ministack.services import firehose

    describe = firehose._dest_description

    def dest_description(destination: Mapping[str, Any]) -> Any:
        answer = describe(destination)
        if "ExtendedS3DestinationDescription" in answer:
            configuration = destination["config"]
            details = answer["ExtendedS3DestinationDescription"]
            details["CustomTimeZone"] = configuration.get("CustomTimeZone") or "UTC"
            if configuration.get("FileExtension"):
                details["FileExtension"] = configuration["FileExtension"]
        return answer

    firehose._dest_description = dest_description


def delivery_streams_collect_records() -> None:
    """How a delivery stream treats the records of one call.

    AWS: collects them, hands many at once to the transforming function, and writes one file per partition. What the
    function fails or refuses goes under the prefix for errors.
    Emulator: calls the function and writes a file for each record, holding up every other delivery meanwhile; passes
    records on untransformed when the function fails, and forgets those it refuses (`services/firehose.py`,
    `_put_record_batch`, `_apply_lambda_processors`, `_deliver_to_s3`).
    """
    from ministack.services import firehose

    collected: contextvars.ContextVar[list[Any] | None] = contextvars.ContextVar("collected", default=None)

    def deliver_records(stream: Any, destination: Any, records: list[Any]) -> None:
        waiting = collected.get()
        if waiting is None:
            _deliver(stream, destination, records)
        else:
            waiting.append((stream, destination, records))

    def collecting(put: Callable[[Any], Any]) -> Callable[[Any], Any]:
        def put_and_deliver(data: Any) -> Any:
            waiting: list[Any] = []
            token = collected.set(waiting)
            try:
                answer = put(data)
            finally:
                collected.reset(token)
            by_destination: dict[str, tuple[Any, Any, list[Any]]] = {}
            for stream, destination, records in waiting:
                destination["records"].clear()
                by_destination.setdefault(destination["id"], (stream, destination, []))[2].extend(records)
            for stream, destination, records in by_destination.values():
                _deliver(stream, destination, records)
            return answer

        return put_and_deliver

    firehose._deliver_records_to_s3 = deliver_records
    for action in ("PutRecord", "PutRecordBatch"):
        firehose._HANDLERS[action] = collecting(firehose._HANDLERS[action])


def _deliver(stream: dict[str, Any], destination: dict[str, Any], records: list[tuple[str, bytes]]) -> None:
    """Transform records, group them by partition and write each group."""
    groups: dict[tuple[tuple[str, str], ...], list[bytes]] = {}
    for payload, keys in _transformed(stream, destination, records):
        groups.setdefault(tuple(sorted(keys.items())), []).append(payload)
    for partition, payloads in groups.items():
        if not _write_group(stream, destination, dict(partition), payloads):
            for payload in payloads:  # one bad record must not take the others with it
                _write_group(stream, destination, dict(partition), [payload], alone=True)


def _transformed(
    stream: dict[str, Any], destination: dict[str, Any], records: list[tuple[str, bytes]]
) -> Iterator[tuple[bytes, dict[str, str]]]:
    """The records as the transforming function answers them, with their partition keys; failures are written away."""
    function = _processor(destination["config"])
    if not function:
        yield from ((payload, {}) for _identifier, payload in records)
        return
    answers, code, message = _ask(function, stream, destination, records)
    for identifier, payload in records:
        answer = answers.get(identifier) or {}
        result = answer.get("result") if answers else "ProcessingFailed"
        if result == "Ok":
            keys = (answer.get("metadata") or {}).get("partitionKeys") or {}
            yield base64.b64decode(answer.get("data", "")), {str(key): str(value) for key, value in keys.items()}
        elif result != "Dropped":
            _write_failure(stream, destination, payload, code, message)


def _processor(configuration: Mapping[str, Any]) -> str:
    processing = configuration.get("ProcessingConfiguration") or {}
    for processor in (processing.get("Processors") or []) if processing.get("Enabled") else []:
        for parameter in processor.get("Parameters") or [] if processor.get("Type") == "Lambda" else []:
            if parameter.get("ParameterName") == "LambdaArn":
                return str(parameter.get("ParameterValue", ""))
    return ""


def _ask(
    function: str, stream: Mapping[str, Any], destination: Mapping[str, Any], records: list[tuple[str, bytes]]
) -> tuple[dict[str, Any], str, str]:
    """The transforming function's answers by record, and what to say of a record that has none."""
    from ministack.core.responses import get_region
    from ministack.services import lambda_svc

    role = destination["config"].get("RoleARN", "")
    if role and not _role_may_all(role, _FUNCTION_ACTIONS, function):
        return {}, "Lambda.InvokeAccessDenied", "Access was denied. Ensure that the access policy allows access."
    record, configuration, _name = lambda_svc._get_func_record_for_ref(function)
    if record is None:
        return {}, "Lambda.FunctionNotFound", "The specified Lambda function does not exist."
    now = int(time.time() * 1000)
    event = {
        "invocationId": str(uuid.uuid4()),
        "deliveryStreamArn": stream["arn"],
        "region": get_region(),
        "records": [
            {
                "recordId": identifier,
                "approximateArrivalTimestamp": now,
                "data": base64.b64encode(payload).decode(),
            }
            for identifier, payload in records
        ],
    }
    called = lambda_svc._execution_record_for_config(record, {**configuration, "FunctionArn": function})
    for _attempt in range(3):
        result = lambda_svc._execute_function(called, event)
        answer = None if result.get("error") else _answer(result)
        if isinstance(answer, Mapping) and isinstance(answer.get("records"), list):
            answers = {each.get("recordId"): each for each in answer["records"]}
            return answers, "Lambda.ProcessingFailedStatus", "ProcessingFailed status set for record"
    logger.warning("%s: %s failed: %s", stream["name"], function, result.get("body"))
    return {}, "Lambda.FunctionError", "The Lambda function was successfully invoked but it returned an error result."


def _write_group(
    stream: dict[str, Any], destination: Any, keys: dict[str, str], payloads: list[bytes], *, alone: bool = False
) -> bool:
    """Write records of one partition into one file; False if they must be written one by one."""
    from ministack.services import firehose

    configuration = destination["config"]
    conversion = configuration.get("DataFormatConversionConfiguration") or {}
    converts = bool(conversion) and conversion.get("Enabled", True)
    moment = firehose._arrival_time(configuration)
    body = b"".join(payloads)
    try:
        query_keys = None
        if (configuration.get("DynamicPartitioningConfiguration") or {}).get("Enabled"):
            query_keys = firehose._metadata_extraction_keys(configuration, payloads[0])
            if query_keys is not None and not alone:
                return False
        prefix = firehose._evaluate_prefix(configuration.get("Prefix", ""), moment, query_keys, keys)
        if converts:
            _check_schema_access(configuration.get("RoleARN", ""), conversion)
            body = firehose._convert_to_parquet(conversion, body)
    except firehose._DeliveryError as error:
        if len(payloads) > 1:
            return False
        _write_failure(stream, destination, payloads[0], error.code or "", error.message, error.output_type)
        return True
    extension = configuration.get("FileExtension") or (".parquet" if converts else "")
    _write_file(stream, destination, f"{prefix}{_file_name(stream, moment)}{extension}", body)
    return True


_FUNCTION_ACTIONS = ("lambda:GetFunctionConfiguration", "lambda:InvokeFunction")
_SCHEMA_ACTIONS = ("glue:GetTable", "glue:GetTableVersion", "glue:GetTableVersions")
_BUCKET_ACTIONS = ("s3:GetBucketLocation", "s3:ListBucket", "s3:ListBucketMultipartUploads")
_FILE_ACTIONS = ("s3:AbortMultipartUpload", "s3:PutObject")


def _check_schema_access(role: str, conversion: Mapping[str, Any]) -> None:
    from ministack.core.responses import get_region
    from ministack.services import firehose

    schema = conversion.get("SchemaConfiguration") or {}
    role = schema.get("RoleARN") or role
    base = f"arn:aws:glue:{get_region()}:{_account(role)}"
    needed = (
        f"{base}:catalog",
        f"{base}:database/{schema.get('DatabaseName')}",
        f"{base}:table/{schema.get('DatabaseName')}/{schema.get('TableName')}",
    )
    if role and not all(_role_may_all(role, _SCHEMA_ACTIONS, resource) for resource in needed):
        message = f"Access was denied when calling Glue. Please ensure the role allows {', '.join(_SCHEMA_ACTIONS)}."
        raise firehose._DeliveryError("format-conversion-failed", message, "DataFormatConversion.AccessDenied")


def _write_failure(
    stream: Any, destination: Any, payload: bytes, code: str, message: str, kind: str = "processing-failed"
) -> None:
    """Write a record that cannot be delivered under the prefix for errors, as it came."""
    from ministack.services import firehose

    configuration = destination["config"]
    moment, now = firehose._arrival_time(configuration), int(time.time() * 1000)
    document = {
        "attemptsMade": 1,
        "arrivalTimestamp": now,
        "errorCode": code,
        "errorMessage": message,
        "attemptEndingTimestamp": now,
        "rawData": base64.b64encode(payload).decode(),
    }
    template = configuration.get("ErrorOutputPrefix") or f"{configuration.get('Prefix', '')}{kind}/"
    prefix = firehose._evaluate_prefix(template, moment, error_type=kind)
    body = (json.dumps(document) + "\n").encode()
    _write_file(stream, destination, f"{prefix}{_file_name(stream, moment)}", body)


def _file_name(stream: Mapping[str, Any], moment: Any) -> str:
    from ministack.services import firehose

    stamp = firehose._java_time("yyyy-MM-dd-HH-mm-ss", moment)
    return f"{stream['name']}-{stream.get('version', 1)}-{stamp}-{uuid.uuid4()}"


def _write_file(stream: Mapping[str, Any], destination: Any, key: str, body: bytes) -> None:
    from ministack.services import firehose

    configuration = destination["config"]
    bucket, role = configuration["BucketARN"], configuration.get("RoleARN", "")
    may = _role_may_all(role, _BUCKET_ACTIONS, bucket) and _role_may_all(role, _FILE_ACTIONS, f"{bucket}/{key}")
    if role and not may:
        logger.warning("%s: %s may not write %s/%s", stream["name"], role, bucket, key)
        return
    firehose._put_s3_object(firehose._s3_bucket_from_arn(bucket), key, body)


def keys_are_known_by_their_aliases() -> None:
    """`kms:ResourceAliases`.

    AWS: the aliases of the key that a request names.
    Emulator: never filled, so a grant for keys with some alias never applies (`core/iam_evaluator.py`, `enforce`).
    """
    from ministack.services import kms

    def answer(question: _Question, ask: Callable[[_Question], Any]) -> Any:
        key = kms._resolve_key(question.resource) if question.service == "kms" else None
        if key:
            names = [arn.split(":", 5)[5] for arn, target in kms._aliases.items() if target == key["KeyId"]]
            question = replace(question, context={"kms:ResourceAliases": names, **question.context})
        return ask(question)

    _before_iam(answer)


def queries_take_parameters() -> None:
    """`ExecutionParameters` of a query.

    AWS: each `?` of the statement stands for the next of them, which are written as in SQL.
    Emulator: ignored, so the statement fails (`services/athena.py`, `_start_query_execution`).
    """
    from ministack.services import athena

    start = athena._start_query_execution

    def start_query_execution(data: dict[str, Any]) -> Any:
        parameters = data.get("ExecutionParameters") or []
        if not parameters:
            return start(data)
        query = data.get("QueryString", "")
        places = [token[2] for token in athena._sql_tokens(query) if token[:2] == ("punct", "?")]
        if len(places) != len(parameters):
            message = f"Incorrect number of parameters: expected {len(places)} but found {len(parameters)}"
            return athena.error_response_json("InvalidRequestException", message, 400)
        filled = query
        for place, value in sorted(zip(places, parameters, strict=True), reverse=True):
            filled = f"{filled[:place]}{value}{filled[place + 1 :]}"
        answer = start({**data, "QueryString": filled})
        if answer[0] == 200:
            execution = athena._executions[json.loads(answer[2])["QueryExecutionId"]]
            execution.update(Query=query, ExecutionParameters=list(parameters))
        return answer

    athena._start_query_execution = start_query_execution


def workgroups_decide_where_results_go() -> None:
    """A workgroup that enforces its configuration.

    AWS: where a client wants the results is ignored; so it is by default.
    Emulator: the client's wish comes first (`services/athena.py`, `_start_query_execution`).
    """
    from ministack.services import athena

    start = athena._start_query_execution

    def start_query_execution(data: dict[str, Any]) -> Any:
        configuration = (athena._workgroups.get(data.get("WorkGroup", "primary")) or {}).get("Configuration") or {}
        own = configuration.get("ResultConfiguration") or {}
        if configuration.get("EnforceWorkGroupConfiguration", True) and own.get("OutputLocation"):
            data = {**data, "ResultConfiguration": {}}
        return start(data)

    athena._start_query_execution = start_query_execution


def query_results_survive_a_stop() -> None:
    """Results of Athena with decimals, dates or times in them.

    AWS: lie in S3.
    Emulator: are also saved when it stops, as JSON, which fails with these types; the state is then taken for lost
    (`services/athena.py`, `_run_duckdb`, `get_state`).
    """
    from ministack.services import athena

    run = athena._run_duckdb

    async def run_duckdb(*given: Any) -> Any:
        results = await run(*given)
        plain = (type(None), bool, int, float, str)
        rows = [
            [value if isinstance(value, plain) else athena._datum_text(value) for value in row]
            for row in results["rows"]
        ]
        return {**results, "rows": rows}

    athena._run_duckdb = run_duckdb


# --- The wire --------------------------------------------------------------------------------


def responses_leave_in_one_piece() -> None:
    """An answer's head and body in one write.

    AWS: a short answer arrives as a whole.
    Emulator: its web server writes the head and the body one after the other
    (`hypercorn/protocol/h11.py`, `_send_h11_event`), milliseconds apart when another thread runs in
    between. The Go SDK inside terraform then now and then gives up a DynamoDB call and repeats it;
    repeated, the conditional write of a state lock meets the lock that it has just taken itself, and
    terraform fails with its own lock left behind (seen in 1 of 100 runs on a busy machine).
    """
    import h11
    from hypercorn.events import RawData
    from hypercorn.protocol.h11 import H11Protocol

    async def send_together(self: Any, event: Any) -> None:
        try:
            data = self.connection.send(event)
        except h11.LocalProtocolError:
            if self.connection.their_state != h11.ERROR:
                raise
            return
        data = self.__dict__.pop("held_head", b"") + data
        if isinstance(event, h11.Response):
            self.held_head = data
        else:
            await self.send(RawData(data=data))

    H11Protocol._send_h11_event = send_together  # type: ignore[method-assign]


MENDS: tuple[Callable[[], None], ...] = (
    loopback_counts_as_secure,
    principal_arn_is_the_role,
    sending_mail_fills_condition_keys,
    leading_keys_come_from_the_request,
    table_policies_are_enforced,
    keys_guard_what_they_encrypt,
    describe_alarms_is_complete,
    flow_logs_read_back,
    vpc_endpoints_read_back,
    security_group_rules_keep_prefix_lists,
    stage_without_access_log_reads_back,
    usage_plan_without_limits_reads_back,
    stream_mappings_default_to_a_hundred,
    repeated_transactions_are_recognised,
    identities_name_their_configuration_set,
    configuration_sets_tell_of_bounces,
    sending_domains_read_back,
    sent_mail_survives_a_stop,
    logs_keep_saved_queries,
    # These five wrap the delivery of an event, the innermost first.
    rules_log_to_log_groups,
    rule_targets_must_let_eventbridge_in,
    schedules_fill_context_attributes,
    schedules_act_as_their_role,
    undelivered_events_reach_the_dead_letter_queue,
    schedules_fire_on_time,
    events_invoke_functions_asynchronously,
    apis_need_permission_to_invoke,
    apis_wait_as_long_as_they_are_told,
    timeouts_of_integrations_stay_numbers,
    http_apis_need_permission_to_invoke,
    alarms_tell_eventbridge,
    embedded_metrics_become_metrics,
    functions_get_a_clean_environment,
    functions_need_a_role_that_trusts_lambda,
    functions_log_as_their_role,
    changes_survive_a_stop,
    stream_mappings_retry_as_configured,
    delivery_streams_act_as_their_role,
    delivery_streams_read_back,
    delivery_streams_collect_records,
    keys_are_known_by_their_aliases,
    queries_take_parameters,
    workgroups_decide_where_results_go,
    query_results_survive_a_stop,
    responses_leave_in_one_piece,
)


def install_mends() -> None:
    """Apply every mend to the ministack that is imported into this process."""
    for mend in MENDS:
        mend()
