"""What the functions' roles may do on the deployed project, and what the next thing beside it is that they may not."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from contextlib import suppress
from typing import Any

import boto3
import pytest
from botocore.config import Config
from botocore.exceptions import ClientError

from tests.support.project import TestProject

ACCOUNT = "000000000000"
PREFIX = "ecommerce-analytics-local"
ORDERS = f"{PREFIX}-orders"
IDEMPOTENCY = f"{PREFIX}-idempotency"
REPORTS = f"{PREFIX}-reports-{ACCOUNT}"
DATA = f"{PREFIX}-data-{ACCOUNT}"
TRANSFORMATION = "data-transformation"
STREAM = f"{TRANSFORMATION}-stream"
FIREHOSE = f"{TRANSFORMATION}-firehose"
# A day far from those of other tests: a report looks at the week before it.
DAY = "1997-01-01"
REPORT_KEY = f"reports/dt={DAY}/probe.txt"

Client = Callable[[str], Any]
Clients = Mapping[str, Client]
Call = Callable[[Clients], object]


@pytest.fixture(scope="module")
def clients(deployed: TestProject) -> Clients:
    """Clients with each function's role, and with the account's root."""
    root = _client(deployed.endpoint, {"AccessKeyId": "test", "SecretAccessKey": "test"})
    roles = {
        name: _assume(deployed.endpoint, root, name)
        for name in ("order-processor", "report-generator", "notifier", STREAM, TRANSFORMATION, FIREHOSE)
    }
    root("s3").put_object(Bucket=REPORTS, Key=REPORT_KEY, Body=b"probe")
    return {"root": root, **roles}


def _client(endpoint: str, keys: Mapping[str, str]) -> Client:
    def make(service: str) -> Any:
        return boto3.session.Session().client(
            service,  # type: ignore[call-overload]
            endpoint_url=endpoint,
            region_name="us-east-1",
            aws_access_key_id=keys["AccessKeyId"],
            aws_secret_access_key=keys["SecretAccessKey"],
            aws_session_token=keys.get("SessionToken"),
            config=Config(retries={"max_attempts": 0}),
        )

    return make


def _assume(endpoint: str, root: Client, name: str) -> Client:
    """Take a role that only Lambda may take, by letting the account in for a moment."""
    iam = root("iam")
    role = iam.get_role(RoleName=f"{PREFIX}-{name}")["Role"]
    trusted = {"Effect": "Allow", "Principal": {"AWS": f"arn:aws:iam::{ACCOUNT}:root"}, "Action": "sts:AssumeRole"}
    open_trust = {"Version": "2012-10-17", "Statement": [trusted]}
    iam.update_assume_role_policy(RoleName=role["RoleName"], PolicyDocument=json.dumps(open_trust))
    try:
        keys = root("sts").assume_role(RoleArn=role["Arn"], RoleSessionName="probe")["Credentials"]
    finally:
        original = json.dumps(role["AssumeRolePolicyDocument"])
        iam.update_assume_role_policy(RoleName=role["RoleName"], PolicyDocument=original)
    return _client(endpoint, keys)


def _item(partition: str) -> dict[str, Any]:
    return {"pk": {"S": partition}, "sk": {"S": "META"}}


def _put(role: str, partition: str, table: str = ORDERS) -> Call:
    return lambda clients: clients[role]("dynamodb").put_item(TableName=table, Item=_item(partition))


def _get(role: str, partition: str, table: str = ORDERS) -> Call:
    key = _item(partition) if table == ORDERS else {"pk": {"S": partition}}
    return lambda clients: clients[role]("dynamodb").get_item(TableName=table, Key=key)


def _query(role: str, attribute: str, index: str | None = None) -> Call:
    arguments = {
        "TableName": ORDERS,
        "KeyConditionExpression": f"{attribute} = :value",
        "ExpressionAttributeValues": {":value": {"S": f"DAY#{DAY}#0"}},
        **({"IndexName": index} if index else {}),
    }
    return lambda clients: clients[role]("dynamodb").query(**arguments)


def _write(role: str, key: str = REPORT_KEY, bucket: str = REPORTS, **arguments: str) -> Call:
    return lambda clients: clients[role]("s3").put_object(Bucket=bucket, Key=key, Body=b"probe", **arguments)


def _transaction(clients: Clients) -> None:
    puts = [
        {"TableName": ORDERS, "Item": _item("ORDER#probe")},
        {"TableName": ORDERS, "Item": _item("CUSTOMER#probe")},
        {"TableName": IDEMPOTENCY, "Item": {"pk": {"S": "probe"}}},
    ]
    clients["order-processor"]("dynamodb").transact_write_items(TransactItems=[{"Put": put} for put in puts])


@pytest.mark.parametrize(
    "call",
    [
        pytest.param(_transaction, id="order processor: order, customer and record in one transaction"),
        pytest.param(_put("order-processor", f"SHARDS#{DAY}"), id="order processor: shard count"),
        pytest.param(_get("order-processor", "ORDER#probe"), id="order processor: order"),
        pytest.param(_query("order-processor", "gsi2pk", "gsi2_customer"), id="order processor: customer index"),
        pytest.param(_query("report-generator", "gsi1pk", "gsi1_day"), id="report generator: day index"),
        pytest.param(_put("report-generator", f"REPORT#{DAY}"), id="report generator: report version"),
        pytest.param(_write("report-generator"), id="report generator: report"),
        pytest.param(
            lambda clients: clients["notifier"]("s3").get_object(Bucket=REPORTS, Key=REPORT_KEY), id="notifier: report"
        ),
        pytest.param(_put("notifier", f"REPORT#{DAY}#1"), id="notifier: mark"),
        pytest.param(_write(FIREHOSE, f"errors/{TRANSFORMATION}/probe", DATA), id="firehose: what failed"),
    ],
)
def test_a_role_may(clients: Clients, call: Call) -> None:
    call(clients)


@pytest.mark.parametrize(
    "call",
    [
        pytest.param(_put("order-processor", f"REPORT#{DAY}"), id="order processor: report version"),
        pytest.param(_query("order-processor", "gsi1pk", "gsi1_day"), id="order processor: day index"),
        pytest.param(
            lambda clients: clients["order-processor"]("dynamodb").scan(TableName=ORDERS), id="order processor: scan"
        ),
        pytest.param(_write("order-processor", "raw/probe", DATA), id="order processor: archive"),
        pytest.param(_query("report-generator", "pk"), id="report generator: order by its key"),
        pytest.param(_get("report-generator", "ORDER#probe"), id="report generator: order"),
        pytest.param(_put("report-generator", "ORDER#other"), id="report generator: writing an order"),
        pytest.param(_get("report-generator", "probe", IDEMPOTENCY), id="report generator: idempotency record"),
        pytest.param(_write("report-generator", "elsewhere/probe"), id="report generator: another prefix"),
        pytest.param(
            lambda clients: clients["report-generator"]("s3").list_objects_v2(Bucket=REPORTS),
            id="report generator: listing the whole bucket",
        ),
        pytest.param(
            _write("report-generator", ServerSideEncryption="AES256"), id="report generator: other encryption"
        ),
        pytest.param(_write("notifier"), id="notifier: writing a report"),
        pytest.param(_put("notifier", "ORDER#other"), id="notifier: writing an order"),
        pytest.param(_get(STREAM, "ORDER#probe"), id="stream: order"),
        pytest.param(lambda clients: clients[STREAM]("dynamodb").scan(TableName=ORDERS), id="stream: scan"),
        pytest.param(_put(STREAM, "ORDER#other"), id="stream: writing an order"),
        pytest.param(_write(STREAM, f"errors/{TRANSFORMATION}/probe", DATA), id="stream: file"),
        pytest.param(_get(TRANSFORMATION, "ORDER#probe"), id="transformation: order"),
        pytest.param(_write(TRANSFORMATION, f"errors/{TRANSFORMATION}/probe", DATA), id="transformation: file"),
        pytest.param(
            lambda clients: clients[TRANSFORMATION]("kms").generate_data_key(
                KeyId=f"alias/{PREFIX}", KeySpec="AES_256"
            ),
            id="transformation: the project's key by itself",
        ),
        pytest.param(_write(FIREHOSE, "raw/probe", DATA), id="firehose: archive"),
        pytest.param(_write(FIREHOSE), id="firehose: report"),
        pytest.param(
            _write(FIREHOSE, f"errors/{TRANSFORMATION}/probe", DATA, ServerSideEncryption="AES256"),
            id="firehose: other encryption",
        ),
        pytest.param(
            lambda clients: clients[FIREHOSE]("s3").get_object(Bucket=REPORTS, Key=REPORT_KEY),
            id="firehose: reading a report",
        ),
    ],
)
def test_a_role_may_not(clients: Clients, call: Call) -> None:
    with pytest.raises(ClientError, match="AccessDenied"):
        call(clients)


def test_resource_policies_hold_even_when_iam_grants_too_much(clients: Clients) -> None:
    iam = clients["root"]("iam")
    role = f"{PREFIX}-notifier"
    everything = {
        "Effect": "Allow",
        "Action": ["dynamodb:GetItem", "dynamodb:Scan", "s3:PutObject"],
        "Resource": f"arn:aws:*:*:*:*{PREFIX}-*",
    }
    buckets = {"Effect": "Allow", "Action": "s3:PutObject", "Resource": f"arn:aws:s3:::{PREFIX}-*"}
    document = json.dumps({"Version": "2012-10-17", "Statement": [everything, buckets]})
    iam.put_role_policy(RoleName=role, PolicyName="too-much", PolicyDocument=document)
    try:
        for call in (
            _write("notifier"),
            _write("notifier", "raw/probe", DATA),
            _get("notifier", "probe", IDEMPOTENCY),
        ):
            with pytest.raises(ClientError, match="AccessDenied"):
                call(clients)
        with pytest.raises(ClientError, match="AccessDenied"):
            clients["notifier"]("dynamodb").scan(TableName=ORDERS)
        _write("notifier", "athena/probe", DATA)(clients)
    finally:
        with suppress(ClientError):
            iam.delete_role_policy(RoleName=role, PolicyName="too-much")
