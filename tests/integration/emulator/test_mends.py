"""One test per mend: the pinned release has the gap, and the mended emulator has it no more.

Each test runs the same scenario against both. Where the bare emulator passes, the release no longer needs
the mend: delete it together with its test.
"""

from __future__ import annotations

import base64
import calendar
import io
import json
import socket
import time
import urllib.error
import urllib.request
import uuid
import zipfile
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest
from botocore.exceptions import ClientError

from tests.support.emulator import RunningEmulator, start_emulator
from tfgen.localaws import captured_mail

pytestmark = pytest.mark.emulator

ACCOUNT = "000000000000"
REGION = "us-east-1"


def name(prefix: str) -> str:
    """Return a name nobody else uses."""
    return f"{prefix}-{uuid.uuid4().hex[:10]}"


def allow(action: str | list[str], resource: str, **condition: Any) -> dict[str, Any]:
    statement: dict[str, Any] = {"Effect": "Allow", "Action": action, "Resource": resource}
    return statement | ({"Condition": condition} if condition else {})


def policy(*statements: Mapping[str, Any]) -> str:
    return json.dumps({"Version": "2012-10-17", "Statement": list(statements)})


def trust(principal: Mapping[str, str], **condition: Any) -> str:
    statement: dict[str, Any] = {"Effect": "Allow", "Principal": principal, "Action": "sts:AssumeRole"}
    return policy(statement | ({"Condition": condition} if condition else {}))


def make_role(emulator: RunningEmulator, *statements: Mapping[str, Any], trusts: str = "", path: str = "/") -> str:
    """Create a role with these permissions; returns its ARN."""
    iam, role = emulator.client("iam"), name("role")
    document = trusts or trust({"AWS": f"arn:aws:iam::{ACCOUNT}:root"})
    arn: str = iam.create_role(RoleName=role, AssumeRolePolicyDocument=document, Path=path)["Role"]["Arn"]
    if statements:
        iam.put_role_policy(RoleName=role, PolicyName="all", PolicyDocument=policy(*statements))
    return arn


def session(emulator: RunningEmulator, role: str, service: str) -> Any:
    """Return a client with the role's permissions."""
    credentials = emulator.client("sts").assume_role(RoleArn=role, RoleSessionName="test")["Credentials"]
    return emulator.client(service, credentials)


def refused(call: Callable[[], Any]) -> bool:
    """Return True if the call is denied, False if it works; any other error is an error."""
    try:
        call()
    except ClientError as error:
        if "AccessDenied" not in error.response["Error"]["Code"]:
            raise
        return True
    return False


def make_queue(emulator: RunningEmulator, *statements: Mapping[str, Any]) -> tuple[str, str]:
    """Create a queue; returns its URL and its ARN."""
    sqs, queue = emulator.client("sqs"), name("queue")
    url = sqs.create_queue(QueueName=queue)["QueueUrl"]
    arn = f"arn:aws:sqs:{REGION}:{ACCOUNT}:{queue}"
    if statements:
        document = policy(*({**statement, "Resource": arn} for statement in statements))
        sqs.set_queue_attributes(QueueUrl=url, Attributes={"Policy": document})
    return url, arn


def from_service(service: str, action: str) -> dict[str, Any]:
    return {"Effect": "Allow", "Principal": {"Service": service}, "Action": action}


def received(emulator: RunningEmulator, url: str, seconds: float = 4) -> list[dict[str, Any]]:
    """Return the first messages of a queue, waiting for them."""
    answer = emulator.client("sqs").receive_message(
        QueueUrl=url, WaitTimeSeconds=round(seconds), MaxNumberOfMessages=10, MessageAttributeNames=["All"]
    )
    messages: list[dict[str, Any]] = answer.get("Messages", [])
    return messages


LOGGING = allow(["logs:CreateLogStream", "logs:PutLogEvents"], "*")
FROM_LAMBDA = trust({"Service": "lambda.amazonaws.com"})


def make_function(
    emulator: RunningEmulator,
    source: str,
    *statements: Mapping[str, Any],
    variables: dict[str, str] | None = None,
    trusts: str = FROM_LAMBDA,
) -> str:
    """Create a function from the source of its handler module; returns its ARN."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        archive.writestr("handler.py", source)
    answer = emulator.client("lambda").create_function(
        FunctionName=name("function"),
        Runtime="python3.13",
        Handler="handler.handler",
        Role=make_role(emulator, *statements, trusts=trusts),
        Code={"ZipFile": buffer.getvalue()},
        Environment={"Variables": variables or {}},
        Timeout=10,
    )
    arn: str = answer["FunctionArn"]
    return arn


def make_rule(emulator: RunningEmulator, source: str) -> str:
    """Create a rule for events of that source; returns its ARN."""
    arn: str = emulator.client("events").put_rule(
        Name=source, EventPattern=json.dumps({"source": [source]}), State="ENABLED"
    )["RuleArn"]
    return arn


def put_event(emulator: RunningEmulator, source: str) -> None:
    entry = {"Source": source, "DetailType": "Test", "Detail": json.dumps({"answer": 42})}
    emulator.client("events").put_events(Entries=[entry])


# --- IAM ---------------------------------------------------------------------------------------


def test_loopback_counts_as_secure(mended: RunningEmulator, bare: RunningEmulator) -> None:
    def locked_out(emulator: RunningEmulator) -> bool:
        bucket, s3 = name("bucket"), emulator.client("s3")
        s3.create_bucket(Bucket=bucket)
        everything = [f"arn:aws:s3:::{bucket}", f"arn:aws:s3:::{bucket}/*"]
        tls_only = {
            "Effect": "Deny",
            "Principal": "*",
            "Action": "s3:*",
            "Resource": everything,
            "Condition": {"Bool": {"aws:SecureTransport": "false"}},
        }
        s3.put_bucket_policy(Bucket=bucket, Policy=policy(tls_only))
        role = make_role(emulator, allow("s3:PutObject", f"arn:aws:s3:::{bucket}/allowed/*"))
        client = session(emulator, role, "s3")
        assert refused(lambda: client.put_object(Bucket=bucket, Key="other", Body=b""))
        return refused(lambda: client.put_object(Bucket=bucket, Key="allowed/one", Body=b""))

    assert locked_out(bare)
    assert not locked_out(mended)


def test_principal_arn_is_the_role(mended: RunningEmulator, bare: RunningEmulator) -> None:
    def writers(emulator: RunningEmulator) -> tuple[bool, bool]:
        bucket, s3 = name("bucket"), emulator.client("s3")
        s3.create_bucket(Bucket=bucket)
        grant = allow("s3:PutObject", f"arn:aws:s3:::{bucket}/*")
        path = f"/{name('project')}/"
        writer, other = make_role(emulator, grant, path=path), make_role(emulator, grant, path=path)
        only_writer = {
            "Effect": "Deny",
            "Principal": "*",
            "Action": "s3:PutObject",
            "Resource": grant["Resource"],
            "Condition": {
                "ArnLike": {"aws:PrincipalArn": f"arn:aws:iam::{ACCOUNT}:role{path}*"},
                "ArnNotEquals": {"aws:PrincipalArn": writer},
            },
        }
        s3.put_bucket_policy(Bucket=bucket, Policy=policy(only_writer))
        clients = [session(emulator, role, "s3") for role in (writer, other)]
        writes = [refused(lambda c=c: c.put_object(Bucket=bucket, Key="k", Body=b"")) for c in clients]
        return writes[0], writes[1]

    assert writers(bare) == (False, False)
    assert writers(mended) == (False, True)


def test_sending_mail_fills_condition_keys(mended: RunningEmulator, bare: RunningEmulator) -> None:
    def refusals(emulator: RunningEmulator) -> tuple[bool, bool, bool]:
        ses, domain, suite = emulator.client("sesv2"), f"{name('shop')}.example", name("set")
        ses.create_email_identity(EmailIdentity=domain)
        ses.create_configuration_set(ConfigurationSetName=suite)
        sender = f"reports@{domain}"
        role = make_role(
            emulator,
            allow(
                "ses:SendEmail",
                f"arn:aws:ses:{REGION}:{ACCOUNT}:identity/{domain}",
                StringEquals={"ses:FromAddress": sender},
                **{"ForAllValues:StringLike": {"ses:Recipients": "*@customer.example"}},
            ),
            allow(
                "ses:SendEmail",
                f"arn:aws:ses:{REGION}:{ACCOUNT}:configuration-set/{suite}",
                StringEquals={"ses:FromAddress": sender},
            ),
        )
        client = session(emulator, role, "sesv2")
        text = {"Simple": {"Subject": {"Data": "s"}, "Body": {"Text": {"Data": "b"}}}}

        def send(who: str, to: str) -> bool:
            return refused(
                lambda: client.send_email(
                    FromEmailAddress=who,
                    Destination={"ToAddresses": [to]},
                    Content=text,
                    ConfigurationSetName=suite,
                )
            )

        return (
            send(f"Shop <{sender}>", "a@customer.example"),
            send(f"someone@{domain}", "a@customer.example"),
            send(sender, "a@elsewhere.example"),
        )

    assert refusals(bare) == (True, True, True)
    assert refusals(mended) == (False, True, True)


def test_mime_is_authorised_as_raw(mended: RunningEmulator, bare: RunningEmulator) -> None:
    def refusals(emulator: RunningEmulator) -> list[bool]:
        ses, sender = emulator.client("sesv2"), f"{name('reports')}@shop.example"
        ses.create_email_identity(EmailIdentity=sender)
        raw = {"Raw": {"Data": f"From: {sender}\r\nSubject: s\r\n\r\nb".encode()}}
        found = []
        for action in ("ses:SendEmail", "ses:SendRawEmail"):
            client = session(emulator, make_role(emulator, allow(action, "*")), "sesv2")
            sent = {"FromEmailAddress": sender, "Destination": {"ToAddresses": ["a@customer.example"]}, "Content": raw}
            found.append(refused(lambda client=client, sent=sent: client.send_email(**sent)))
        return found

    assert refusals(bare) == [False, True]
    assert refusals(mended) == [True, False]


def test_leading_keys_come_from_the_request(mended: RunningEmulator, bare: RunningEmulator) -> None:
    def refusals(emulator: RunningEmulator) -> list[bool]:
        table, dynamodb = name("table"), emulator.client("dynamodb")
        dynamodb.create_table(
            TableName=table,
            BillingMode="PAY_PER_REQUEST",
            AttributeDefinitions=[{"AttributeName": "pk", "AttributeType": "S"}],
            KeySchema=[{"AttributeName": "pk", "KeyType": "HASH"}],
        )
        role = make_role(
            emulator,
            allow(
                ["dynamodb:PutItem", "dynamodb:GetItem", "dynamodb:Query", "dynamodb:BatchWriteItem"],
                f"arn:aws:dynamodb:{REGION}:{ACCOUNT}:table/{table}",
                **{
                    "ForAllValues:StringLike": {"dynamodb:LeadingKeys": "REPORT#*"},
                    "Null": {"dynamodb:LeadingKeys": "false"},
                },
            ),
        )
        client = session(emulator, role, "dynamodb")
        outcomes = []
        for key in ("REPORT#1", "ORDER#1"):
            item = {"pk": {"S": key}}
            put = {"Put": {"TableName": table, "Item": item}}
            outcomes += [
                refused(lambda item=item: client.put_item(TableName=table, Item=item)),
                refused(lambda item=item: client.get_item(TableName=table, Key=item)),
                refused(lambda put=put: client.transact_write_items(TransactItems=[put])),
                refused(
                    lambda item=item: client.batch_write_item(RequestItems={table: [{"PutRequest": {"Item": item}}]})
                ),
                refused(
                    lambda key=key: client.query(
                        TableName=table,
                        KeyConditionExpression="#p = :p",
                        ExpressionAttributeNames={"#p": "pk"},
                        ExpressionAttributeValues={":p": {"S": key}},
                    )
                ),
            ]
        return outcomes

    assert refusals(bare) == [True] * 10
    assert refusals(mended) == [False] * 5 + [True] * 5


def test_table_policies_are_enforced(mended: RunningEmulator, bare: RunningEmulator) -> None:
    def refusals(emulator: RunningEmulator) -> tuple[bool, bool]:
        table, dynamodb = name("table"), emulator.client("dynamodb")
        arn = dynamodb.create_table(
            TableName=table,
            BillingMode="PAY_PER_REQUEST",
            AttributeDefinitions=[{"AttributeName": "pk", "AttributeType": "S"}],
            KeySchema=[{"AttributeName": "pk", "KeyType": "HASH"}],
        )["TableDescription"]["TableArn"]
        grant = allow(["dynamodb:GetItem", "dynamodb:Scan"], arn)
        client = session(emulator, make_role(emulator, grant), "dynamodb")
        no_scan = {"Effect": "Deny", "Principal": "*", "Action": "dynamodb:Scan", "Resource": arn}
        dynamodb.put_resource_policy(ResourceArn=arn, Policy=policy(no_scan))
        return (
            refused(lambda: client.get_item(TableName=table, Key={"pk": {"S": "x"}})),
            refused(lambda: client.scan(TableName=table)),
        )

    assert refusals(bare) == (False, False)
    assert refusals(mended) == (False, True)


def make_key(emulator: RunningEmulator, *statements: Mapping[str, Any]) -> str:
    """Create a key whose account decides by IAM, as far as the key's other statements do not; returns its ARN."""
    administers = {
        "Effect": "Allow", "Principal": {"AWS": f"arn:aws:iam::{ACCOUNT}:root"}, "Action": "kms:*",
        "Resource": "*", "Condition": {"StringEquals": {"kms:CallerAccount": ACCOUNT}},
    }  # fmt: skip
    document = policy(administers, *({**statement, "Resource": "*"} for statement in statements))
    arn: str = emulator.client("kms").create_key(Policy=document)["KeyMetadata"]["Arn"]
    return arn


def test_keys_guard_what_they_encrypt(mended: RunningEmulator, bare: RunningEmulator) -> None:
    def refusals(emulator: RunningEmulator, service: str) -> list[bool]:
        key, bucket = make_key(emulator), name("bucket")
        s3, dynamodb, sqs = (emulator.client(each) for each in ("s3", "dynamodb", "sqs"))
        s3.create_bucket(Bucket=bucket)
        by_default = {"SSEAlgorithm": "aws:kms", "KMSMasterKeyID": key}
        s3.put_bucket_encryption(
            Bucket=bucket,
            ServerSideEncryptionConfiguration={"Rules": [{"ApplyServerSideEncryptionByDefault": by_default}]},
        )
        dynamodb.create_table(
            TableName=bucket, BillingMode="PAY_PER_REQUEST",
            AttributeDefinitions=[{"AttributeName": "pk", "AttributeType": "S"}],
            KeySchema=[{"AttributeName": "pk", "KeyType": "HASH"}],
            SSESpecification={"Enabled": True, "SSEType": "KMS", "KMSMasterKeyId": key},
        )  # fmt: skip
        url, queue = make_queue(emulator)
        sqs.set_queue_attributes(QueueUrl=url, Attributes={"KmsMasterKeyId": key})
        role = make_role(
            emulator,
            allow(["s3:PutObject", "s3:GetObject"], f"arn:aws:s3:::{bucket}/*"),
            allow("dynamodb:PutItem", f"arn:aws:dynamodb:{REGION}:{ACCOUNT}:table/{bucket}"),
            allow("sqs:SendMessage", queue),
            allow(
                ["kms:Decrypt", "kms:GenerateDataKey"], key,
                StringEquals={"kms:ViaService": f"{service}.{REGION}.amazonaws.com"},
            ),
        )  # fmt: skip
        s3.put_object(Bucket=bucket, Key="k", Body=b"")
        mine = {each: session(emulator, role, each) for each in ("s3", "dynamodb", "sqs")}
        return [
            refused(lambda: mine["s3"].put_object(Bucket=bucket, Key="k", Body=b"")),
            refused(lambda: mine["s3"].get_object(Bucket=bucket, Key="k")),
            refused(lambda: mine["dynamodb"].put_item(TableName=bucket, Item={"pk": {"S": "1"}})),
            refused(lambda: mine["sqs"].send_message(QueueUrl=url, MessageBody="1")),
        ]

    assert refusals(bare, "nothing") == [False, False, False, False]
    assert refusals(mended, "s3") == [False, False, True, True]
    assert refusals(mended, "dynamodb") == [True, True, False, True]
    assert refusals(mended, "sqs") == [True, True, True, False]


def test_services_need_the_policy_of_a_key(mended: RunningEmulator, bare: RunningEmulator) -> None:
    def delivered(emulator: RunningEmulator, service: str) -> int:
        source = name("test")
        make_rule(emulator, source)
        url, arn = make_queue(emulator, from_service("events.amazonaws.com", "sqs:SendMessage"))
        grant = from_service(service, "kms:*") | {"Condition": {"StringEquals": {"aws:SourceAccount": ACCOUNT}}}
        key = make_key(emulator, grant)
        emulator.client("sqs").set_queue_attributes(QueueUrl=url, Attributes={"KmsMasterKeyId": key})
        emulator.client("events").put_targets(Rule=source, Targets=[{"Id": "queue", "Arn": arn}])
        put_event(emulator, source)
        return len(received(emulator, url, 1))

    assert delivered(bare, "elsewhere.amazonaws.com") == 1
    assert delivered(mended, "elsewhere.amazonaws.com") == 0
    assert delivered(mended, "events.amazonaws.com") == 1


def test_policies_see_the_key_that_a_write_names(mended: RunningEmulator, bare: RunningEmulator) -> None:
    def refusals(emulator: RunningEmulator) -> list[bool]:
        bucket, s3 = name("bucket"), emulator.client("s3")
        s3.create_bucket(Bucket=bucket)
        ours, other = make_key(emulator), make_key(emulator)
        condition = {
            "Null": {"s3:x-amz-server-side-encryption-aws-kms-key-id": "false"},
            "StringNotEquals": {"s3:x-amz-server-side-encryption-aws-kms-key-id": ours},
        }
        only_ours = {
            "Effect": "Deny", "Principal": "*", "Action": "s3:PutObject",
            "Resource": f"arn:aws:s3:::{bucket}/*", "Condition": condition,
        }  # fmt: skip
        s3.put_bucket_policy(Bucket=bucket, Policy=policy(only_ours))
        role = make_role(emulator, allow("s3:PutObject", f"arn:aws:s3:::{bucket}/*"), allow("kms:GenerateDataKey", "*"))
        client = session(emulator, role, "s3")
        encrypted = {"Bucket": bucket, "Key": "k", "ServerSideEncryption": "aws:kms"}
        return [refused(lambda k=key: client.put_object(**encrypted, SSEKMSKeyId=k)) for key in (ours, other)]

    assert refusals(bare) == [False, False]
    assert refusals(mended) == [False, True]


# --- Read-back ---------------------------------------------------------------------------------


def query_xml(emulator: RunningEmulator, service: str, parameters: dict[str, str]) -> str:
    """Call an API in its Query form, as terraform's provider does, and return the XML of the answer."""
    import urllib.parse

    from botocore.auth import SigV4Auth
    from botocore.awsrequest import AWSRequest
    from botocore.credentials import Credentials

    body = urllib.parse.urlencode(parameters)
    headers = {"Content-Type": "application/x-www-form-urlencoded; charset=utf-8"}
    request = AWSRequest("POST", f"{emulator.endpoint}/", headers=headers, data=body)
    SigV4Auth(Credentials("test", "test"), service, REGION).add_auth(request)
    prepared = urllib.request.Request(f"{emulator.endpoint}/", body.encode(), dict(request.headers.items()))
    with urllib.request.urlopen(prepared, timeout=10) as answer:
        text: str = answer.read().decode()
    return text


def test_describe_alarms_is_complete(mended: RunningEmulator, bare: RunningEmulator) -> None:
    def missing(emulator: RunningEmulator) -> list[str]:
        alarm, rate, both = name("alarm"), name("rate"), name("both")
        topic = f"arn:aws:sns:{REGION}:{ACCOUNT}:alerts"
        query_xml(
            emulator,
            "monitoring",
            {
                "Action": "PutMetricAlarm",
                "Version": "2010-08-01",
                "AlarmName": alarm,
                "AlarmDescription": "what & where",
                "Namespace": "Shop",
                "MetricName": "Orders",
                "Statistic": "Sum",
                "Period": "300",
                "EvaluationPeriods": "3",
                "Threshold": "5",
                "ComparisonOperator": "LessThanThreshold",
                "TreatMissingData": "breaching",
                "Dimensions.member.1.Name": "service",
                "Dimensions.member.1.Value": "api",
                "AlarmActions.member.1": topic,
                "InsufficientDataActions.member.1": topic,
            },
        )
        query_xml(
            emulator,
            "monitoring",
            {
                "Action": "PutMetricAlarm",
                "Version": "2010-08-01",
                "AlarmName": rate,
                "EvaluationPeriods": "2",
                "Threshold": "0.05",
                "ComparisonOperator": "GreaterThanThreshold",
                "Metrics.member.1.Id": "rate",
                "Metrics.member.1.Expression": "errors / calls",
                "Metrics.member.1.ReturnData": "true",
                "Metrics.member.2.Id": "errors",
                "Metrics.member.2.MetricStat.Metric.MetricName": "Errors",
                "Metrics.member.2.MetricStat.Metric.Namespace": "AWS/Lambda",
                "Metrics.member.2.MetricStat.Period": "60",
                "Metrics.member.2.MetricStat.Stat": "Sum",
                "Metrics.member.2.ReturnData": "false",
            },
        )
        query_xml(
            emulator,
            "monitoring",
            {
                "Action": "PutCompositeAlarm",
                "Version": "2010-08-01",
                "AlarmName": both,
                "AlarmDescription": "either",
                "AlarmRule": f'ALARM("{alarm}") OR ALARM("{rate}")',
                "AlarmActions.member.1": topic,
                "ActionsEnabled": "true",
            },
        )
        text = query_xml(
            emulator,
            "monitoring",
            {
                "Action": "DescribeAlarms",
                "Version": "2010-08-01",
                "AlarmTypes.member.1": "MetricAlarm",
                "AlarmTypes.member.2": "CompositeAlarm",
                "AlarmNames.member.1": alarm,
                "AlarmNames.member.2": rate,
                "AlarmNames.member.3": both,
            },
        )
        wanted = (
            "<AlarmDescription>what &amp; where</AlarmDescription>",
            "<Period>300</Period>",
            "<Statistic>Sum</Statistic>",
            "<TreatMissingData>breaching</TreatMissingData>",
            "<Dimensions><member><Name>service</Name><Value>api</Value></member></Dimensions>",
            f"<AlarmActions><member>{topic}</member></AlarmActions>",
            f"<InsufficientDataActions><member>{topic}</member></InsufficientDataActions>",
            "<ActionsEnabled>true</ActionsEnabled>",
            "<Expression>errors / calls</Expression>",
            "<ReturnData>false</ReturnData>",
            "<AlarmDescription>either</AlarmDescription>",
        )
        client = emulator.client("cloudwatch")
        document = client.describe_alarms(AlarmNames=[alarm, rate])["MetricAlarms"]
        assert [each["AlarmName"] for each in document] == sorted([alarm, rate])
        return [fragment for fragment in wanted if fragment not in text]

    assert len(missing(bare)) >= 10
    assert missing(mended) == []


def make_vpc(emulator: RunningEmulator) -> str:
    vpc: str = emulator.client("ec2").create_vpc(CidrBlock="10.0.0.0/16")["Vpc"]["VpcId"]
    return vpc


def test_flow_logs_read_back(mended: RunningEmulator, bare: RunningEmulator) -> None:
    def answered(emulator: RunningEmulator) -> dict[str, Any]:
        ec2 = emulator.client("ec2")
        role = f"arn:aws:iam::{ACCOUNT}:role/flow-logs"
        group = f"arn:aws:logs:{REGION}:{ACCOUNT}:log-group:/vpc/flow"
        identifier = ec2.create_flow_logs(
            ResourceIds=[make_vpc(emulator)],
            ResourceType="VPC",
            TrafficType="REJECT",
            LogDestination=group,
            DeliverLogsPermissionArn=role,
            MaxAggregationInterval=60,
            LogFormat="${srcaddr} ${action}",
            TagSpecifications=[{"ResourceType": "vpc-flow-log", "Tags": [{"Key": "Module", "Value": "f"}]}],
        )["FlowLogIds"][0]
        record = ec2.describe_flow_logs(FlowLogIds=[identifier])["FlowLogs"][0]
        assert record["LogDestination"] == group
        wanted = ("DeliverLogsPermissionArn", "LogGroupName", "LogFormat", "MaxAggregationInterval", "Tags")
        return {key: record[key] for key in wanted if record.get(key)}

    assert answered(bare) == {}
    assert answered(mended) == {
        "DeliverLogsPermissionArn": f"arn:aws:iam::{ACCOUNT}:role/flow-logs",
        "LogGroupName": "/vpc/flow",
        "LogFormat": "${srcaddr} ${action}",
        "MaxAggregationInterval": 60,
        "Tags": [{"Key": "Module", "Value": "f"}],
    }


def test_vpc_endpoints_read_back(mended: RunningEmulator, bare: RunningEmulator) -> None:
    def answered(emulator: RunningEmulator) -> tuple[Any, ...]:
        ec2, vpc = emulator.client("ec2"), make_vpc(emulator)
        group = ec2.create_security_group(GroupName=name("g"), Description="d", VpcId=vpc)["GroupId"]
        document = policy(allow("sqs:SendMessage", "*") | {"Principal": "*"})
        identifier = ec2.create_vpc_endpoint(
            VpcId=vpc,
            ServiceName=f"com.amazonaws.{REGION}.sqs",
            VpcEndpointType="Interface",
            SecurityGroupIds=[group],
            PrivateDnsEnabled=True,
            PolicyDocument=document,
        )["VpcEndpoint"]["VpcEndpointId"]
        before = ec2.describe_vpc_endpoints(VpcEndpointIds=[identifier])["VpcEndpoints"][0]
        ec2.modify_vpc_endpoint(VpcEndpointId=identifier, RemoveSecurityGroupIds=[group], ResetPolicy=True)
        after = ec2.describe_vpc_endpoints(VpcEndpointIds=[identifier])["VpcEndpoints"][0]
        return (
            [each["GroupId"] == group for each in before.get("Groups", [])],
            before.get("PrivateDnsEnabled"),
            before.get("PolicyDocument") == document,
            after.get("Groups", []),
            '"Action": "*"' in after.get("PolicyDocument", ""),
        )

    assert answered(bare) == ([], None, False, [], False)
    assert answered(mended) == ([True], True, True, [], True)


def test_security_group_rules_keep_prefix_lists(mended: RunningEmulator, bare: RunningEmulator) -> None:
    def answered(emulator: RunningEmulator) -> list[str]:
        ec2, vpc = emulator.client("ec2"), make_vpc(emulator)
        lists = ec2.describe_prefix_lists()["PrefixLists"]
        group = ec2.create_security_group(GroupName=name("g"), Description="d", VpcId=vpc)["GroupId"]
        ec2.authorize_security_group_egress(
            GroupId=group,
            IpPermissions=[
                {
                    "IpProtocol": "tcp",
                    "FromPort": 443,
                    "ToPort": 443,
                    "PrefixListIds": [{"PrefixListId": lists[0]["PrefixListId"], "Description": "S3"}],
                }
            ],
        )
        rules = ec2.describe_security_group_rules(Filters=[{"Name": "group-id", "Values": [group]}])
        return ["443" for rule in rules["SecurityGroupRules"] if rule.get("PrefixListId")]

    assert answered(bare) == []
    assert answered(mended) == ["443"]


def make_api(emulator: RunningEmulator) -> str:
    api: str = emulator.client("apigateway").create_rest_api(name=name("api"))["id"]
    return api


def test_stage_without_access_log_reads_back(mended: RunningEmulator, bare: RunningEmulator) -> None:
    def answered(emulator: RunningEmulator) -> bool:
        gateway, api = emulator.client("apigateway"), make_api(emulator)
        deployment = gateway.create_deployment(restApiId=api)["id"]
        created = gateway.create_stage(restApiId=api, stageName="live", deploymentId=deployment)
        listed = gateway.get_stages(restApiId=api)["item"][0]
        read = gateway.get_stage(restApiId=api, stageName="live")
        return any("accessLogSettings" in stage for stage in (created, listed, read))

    assert answered(bare)
    assert not answered(mended)


def test_usage_plan_without_limits_reads_back(mended: RunningEmulator, bare: RunningEmulator) -> None:
    def answered(emulator: RunningEmulator) -> list[str]:
        gateway = emulator.client("apigateway")
        empty = gateway.create_usage_plan(name=name("plan"))["id"]
        limited = gateway.create_usage_plan(name=name("plan"), quota={"limit": 5, "period": "DAY"})["id"]
        assert gateway.get_usage_plan(usagePlanId=limited)["quota"]["limit"] == 5
        return sorted({"quota", "throttle"} & set(gateway.get_usage_plan(usagePlanId=empty)))

    assert answered(bare) == ["quota", "throttle"]
    assert answered(mended) == []


def test_stream_mappings_default_to_a_hundred(mended: RunningEmulator, bare: RunningEmulator) -> None:
    def answered(emulator: RunningEmulator) -> tuple[int, int]:
        stream = emulator.client("dynamodb").create_table(
            TableName=name("table"),
            BillingMode="PAY_PER_REQUEST",
            AttributeDefinitions=[{"AttributeName": "pk", "AttributeType": "S"}],
            KeySchema=[{"AttributeName": "pk", "KeyType": "HASH"}],
            StreamSpecification={"StreamEnabled": True, "StreamViewType": "NEW_IMAGE"},
        )["TableDescription"]["LatestStreamArn"]
        function, queue = make_function(emulator, "def handler(event, context): return None"), make_queue(emulator)
        client = emulator.client("lambda")
        sizes = [
            client.create_event_source_mapping(FunctionName=function, EventSourceArn=source, Enabled=False, **more)[
                "BatchSize"
            ]
            for source, more in ((stream, {"StartingPosition": "LATEST"}), (queue[1], {}))
        ]
        return sizes[0], sizes[1]

    assert answered(bare) == (10, 10)
    assert answered(mended) == (100, 10)


def test_repeated_transactions_are_recognised(mended: RunningEmulator, bare: RunningEmulator) -> None:
    def written(emulator: RunningEmulator) -> str:
        client, table = emulator.client("dynamodb"), name("table")
        client.create_table(
            TableName=table,
            BillingMode="PAY_PER_REQUEST",
            AttributeDefinitions=[{"AttributeName": "pk", "AttributeType": "S"}],
            KeySchema=[{"AttributeName": "pk", "KeyType": "HASH"}],
        )
        item = {"pk": {"S": "one"}, "amount": {"N": "12.50"}, "lines": {"L": [{"M": {"price": {"N": "1.00"}}}]}}
        put = {"Put": {"TableName": table, "Item": item, "ConditionExpression": "attribute_not_exists(pk)"}}
        for _ in range(2):
            client.transact_write_items(TransactItems=[put], ClientRequestToken="again")
        return str(client.scan(TableName=table)["Items"][0]["amount"]["N"])

    with pytest.raises(ClientError, match="IdempotentParameterMismatch"):
        written(bare)
    assert written(mended) == "12.5"


def test_identities_name_their_configuration_set(mended: RunningEmulator, bare: RunningEmulator) -> None:
    def answered(emulator: RunningEmulator) -> list[bool]:
        ses, identity = emulator.client("sesv2"), f"{name('who')}@shop.example"
        first, second = name("set"), name("set")
        for each in (first, second):
            ses.create_configuration_set(ConfigurationSetName=each)
        ses.create_email_identity(EmailIdentity=identity, ConfigurationSetName=first)
        answers = [ses.get_email_identity(EmailIdentity=identity).get("ConfigurationSetName") == first]
        if emulator is mended:
            ses.put_email_identity_configuration_set_attributes(EmailIdentity=identity, ConfigurationSetName=second)
            read = ses.get_email_identity(EmailIdentity=identity)
            answers += [read["ConfigurationSetName"] == second, read["VerifiedForSendingStatus"]]
        return answers

    assert answered(bare) == [False]
    assert answered(mended) == [True, True, True]


def test_configuration_sets_tell_of_bounces(mended: RunningEmulator, bare: RunningEmulator) -> None:
    def told(emulator: RunningEmulator, *, lets_in: bool = True) -> list[str]:
        ses, sns = emulator.client("sesv2"), emulator.client("sns")
        url, queue = make_queue(emulator, from_service("sns.amazonaws.com", "sqs:SendMessage"))
        sender, suite = f"{name('reports')}@shop.example", name("set")
        topic = sns.create_topic(Name=name("topic"))["TopicArn"]
        publisher = "ses.amazonaws.com" if lets_in else "events.amazonaws.com"
        grant = {"Effect": "Allow", "Principal": {"Service": publisher}, "Action": "sns:Publish", "Resource": topic}
        policy = json.dumps({"Version": "2012-10-17", "Statement": [grant]})
        sns.set_topic_attributes(TopicArn=topic, AttributeName="Policy", AttributeValue=policy)
        sns.subscribe(TopicArn=topic, Protocol="sqs", Endpoint=queue, Attributes={"RawMessageDelivery": "true"})
        ses.create_email_identity(EmailIdentity=sender)
        ses.create_configuration_set(ConfigurationSetName=suite)
        ses.create_configuration_set_event_destination(
            ConfigurationSetName=suite,
            EventDestinationName="failures",
            EventDestination={
                "Enabled": True,
                "MatchingEventTypes": ["BOUNCE", "COMPLAINT"],
                "SnsDestination": {"TopicArn": topic},
            },
        )
        for who in ("bounce", "complaint", "success"):
            ses.send_email(
                FromEmailAddress=sender,
                Destination={"ToAddresses": [f"{who}@simulator.amazonses.com"]},
                Content={"Simple": {"Subject": {"Data": "s"}, "Body": {"Text": {"Data": "b"}}}},
                ConfigurationSetName=suite,
            )
        return sorted(json.loads(message["Body"])["eventType"] for message in received(emulator, url, 1))

    assert told(bare) == []
    assert told(mended) == ["Bounce", "Complaint"]
    assert told(mended, lets_in=False) == []


def test_sending_domains_read_back(mended: RunningEmulator, bare: RunningEmulator) -> None:
    def created(emulator: RunningEmulator) -> tuple[str, str | None]:
        ses, domain = emulator.client("sesv2"), f"{name('shop')}.example"
        ses.create_email_identity(EmailIdentity=domain, DkimSigningAttributes={"NextSigningKeyLength": "RSA_1024_BIT"})
        return domain, ses.get_email_identity(EmailIdentity=domain)["DkimAttributes"].get("NextSigningKeyLength")

    assert created(bare)[1] is None
    domain, length = created(mended)
    assert length == "RSA_1024_BIT"
    with pytest.raises(ClientError, match="Unknown SES v2 path"):
        bare.client("sesv2").put_email_identity_mail_from_attributes(EmailIdentity="shop.example")

    ses, asked = mended.client("sesv2"), {"EmailIdentity": domain, "MailFromDomain": f"mail.{domain}"}
    ses.put_email_identity_mail_from_attributes(**asked, BehaviorOnMxFailure="REJECT_MESSAGE")
    found = ses.get_email_identity(EmailIdentity=domain)["MailFromAttributes"]
    assert (found["MailFromDomain"], found["BehaviorOnMxFailure"]) == (f"mail.{domain}", "REJECT_MESSAGE")
    ses.put_email_identity_mail_from_attributes(EmailIdentity=domain)
    assert ses.get_email_identity(EmailIdentity=domain)["MailFromAttributes"] == {
        "BehaviorOnMxFailure": "USE_DEFAULT_VALUE"
    }
    with pytest.raises(ClientError, match="NotFoundException"):
        ses.put_email_identity_mail_from_attributes(**{**asked, "EmailIdentity": "nobody.example"})


def test_sent_mail_survives_a_stop(tmp_path: Path) -> None:
    def subjects(folder: Path, *options: str) -> list[str]:
        with start_emulator(folder, persist=True, options=options) as emulator:
            ses = emulator.client("sesv2")
            ses.create_email_identity(EmailIdentity="shop@shop.example")
            ses.send_email(
                FromEmailAddress="shop@shop.example",
                Destination={"ToAddresses": ["who@customer.example"]},
                Content={"Simple": {"Subject": {"Data": "Yesterday"}, "Body": {"Text": {"Data": "42"}}}},
            )
        with start_emulator(folder, persist=True, options=options) as emulator:
            return [mail.subject for mail in captured_mail(emulator.endpoint)]

    assert subjects(tmp_path / "bare", "--no-mends") == []
    assert subjects(tmp_path / "mended") == ["Yesterday"]


def test_logs_keep_saved_queries(mended: RunningEmulator, bare: RunningEmulator) -> None:
    logs, query = mended.client("logs"), name("query")
    definition = {"name": query, "queryString": "fields @message", "logGroupNames": ["/a"]}
    with pytest.raises(ClientError, match="Unknown action"):
        bare.client("logs").put_query_definition(**definition)
    identifier = logs.put_query_definition(**definition)["queryDefinitionId"]
    logs.put_query_definition(**definition | {"queryString": "limit 1"}, queryDefinitionId=identifier)

    def read() -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = logs.describe_query_definitions(queryDefinitionNamePrefix=query)[
            "queryDefinitions"
        ]
        return found

    assert [(each["queryString"], each["logGroupNames"]) for each in read()] == [("limit 1", ["/a"])]
    assert logs.delete_query_definition(queryDefinitionId=identifier)["success"]
    assert read() == []


# --- Rules and schedules -----------------------------------------------------------------------


def test_rules_log_to_log_groups(mended: RunningEmulator, bare: RunningEmulator) -> None:
    def logged(emulator: RunningEmulator, *, permitted: bool) -> bool:
        logs, group, source = emulator.client("logs"), f"/aws/events/{name('g')}", name("test")
        logs.create_log_group(logGroupName=group)
        arn = f"arn:aws:logs:{REGION}:{ACCOUNT}:log-group:{group}"
        service = "events.amazonaws.com" if permitted else "elsewhere.amazonaws.com"
        statement = from_service(service, "logs:PutLogEvents") | {"Resource": f"{arn}:*"}
        logs.put_resource_policy(policyName=name("policy"), policyDocument=policy(statement))
        make_rule(emulator, source)
        emulator.client("events").put_targets(Rule=source, Targets=[{"Id": "log", "Arn": arn}])
        put_event(emulator, source)
        events = logs.filter_log_events(logGroupName=group)["events"]
        return [json.loads(event["message"])["detail"] for event in events] == [{"answer": 42}]

    assert not logged(bare, permitted=True)
    assert logged(mended, permitted=True)
    assert not logged(mended, permitted=False)


def test_rule_targets_must_let_eventbridge_in(mended: RunningEmulator, bare: RunningEmulator) -> None:
    def delivered(emulator: RunningEmulator, *, permitted: bool) -> int:
        source = name("test")
        rule = make_rule(emulator, source)
        statement = from_service("events.amazonaws.com", "sqs:SendMessage")
        arn_of_rule = rule if permitted else f"{rule}-other"
        url, arn = make_queue(emulator, statement | {"Condition": {"ArnEquals": {"aws:SourceArn": arn_of_rule}}})
        emulator.client("events").put_targets(Rule=source, Targets=[{"Id": "queue", "Arn": arn}])
        put_event(emulator, source)
        return len(received(emulator, url, 4 if permitted else 0))

    assert delivered(bare, permitted=False) == 1
    assert delivered(mended, permitted=True) == 1
    assert delivered(mended, permitted=False) == 0


def test_undelivered_events_reach_the_dead_letter_queue(mended: RunningEmulator, bare: RunningEmulator) -> None:
    def dead(emulator: RunningEmulator) -> list[tuple[str, Any]]:
        source = name("test")
        rule = make_rule(emulator, source)
        url, queue = make_queue(emulator, from_service("events.amazonaws.com", "sqs:SendMessage"))
        gone = f"arn:aws:lambda:{REGION}:{ACCOUNT}:function:gone"
        closed = make_function(emulator, "def handler(event, context): return None")
        targets = [{"Id": each[-8:], "Arn": each, "DeadLetterConfig": {"Arn": queue}} for each in (gone, closed)]
        emulator.client("events").put_targets(Rule=source, Targets=targets)
        put_event(emulator, source)
        messages = received(emulator, url, 2)
        for message in messages:
            assert message["MessageAttributes"]["RULE_ARN"]["StringValue"] == rule
        return sorted(
            (message["MessageAttributes"]["ERROR_CODE"]["StringValue"], json.loads(message["Body"])["detail"])
            for message in messages
        )

    assert dead(bare) == []
    assert dead(mended) == [("NO_PERMISSIONS", {"answer": 42}), ("RESOURCE_NOT_FOUND", {"answer": 42})]


FROM_SCHEDULER = trust({"Service": "scheduler.amazonaws.com"})


def at(seconds: float, zone_offset: float = 0) -> str:
    moment = time.gmtime(time.time() + seconds + zone_offset * 3600)
    return time.strftime("at(%Y-%m-%dT%H:%M:%S)", moment)


def make_schedule(emulator: RunningEmulator, target: str, role: str, **options: Any) -> None:
    """Create a one-off schedule that is due, or what `options` say; it goes once it has fired."""
    emulator.client("scheduler").create_schedule(
        Name=name("schedule"),
        ScheduleExpression=options.pop("when", at(-1)),
        ScheduleExpressionTimezone=options.pop("zone", "UTC"),
        FlexibleTimeWindow={"Mode": "OFF"},
        ActionAfterCompletion="DELETE",
        Target={"Arn": target, "RoleArn": role, "Input": '{"due":"<aws.scheduler.scheduled-time>"}'} | options,
    )


class Schedules:
    """One schedule for each thing that can go wrong, all due at once, and what came of them."""

    def __init__(self, emulator: RunningEmulator) -> None:
        self.emulator = emulator
        self.allowed, self.refused, self.zoned = (self._to_queue(kind) for kind in ("", "-other", "zoned"))
        self.dead, self.dead_refused = self._to_dead_letters(""), self._to_dead_letters("-other")

    def _to_queue(self, kind: str) -> str:
        url, arn = make_queue(self.emulator)
        resource = arn + kind if kind == "-other" else arn
        role = make_role(self.emulator, allow("sqs:SendMessage", resource), trusts=FROM_SCHEDULER)
        # Two seconds from now by the clocks of Kathmandu, 5:45 ahead of UTC.
        options = {"when": at(2, 5.75), "zone": "Asia/Kathmandu"} if kind == "zoned" else {}
        make_schedule(self.emulator, arn, role, **options)
        return url

    def _to_dead_letters(self, kind: str) -> str:
        url, arn = make_queue(self.emulator)
        role = make_role(self.emulator, allow("sqs:SendMessage", arn + kind), trusts=FROM_SCHEDULER)
        gone = f"arn:aws:lambda:{REGION}:{ACCOUNT}:function:gone"
        make_schedule(self.emulator, gone, role, DeadLetterConfig={"Arn": arn})
        return url

    def outcome(self, patience: float) -> dict[str, Any]:
        """Wait for the one that is allowed, then look at the others."""
        allowed = [json.loads(message["Body"]) for message in received(self.emulator, self.allowed, patience)]
        return {
            "allowed": len(allowed),
            "due": allowed[0]["due"],
            "zoned": len(received(self.emulator, self.zoned, 3)),
            "refused": len(received(self.emulator, self.refused, 0)),
            "dead": [
                message["MessageAttributes"]["ERROR_CODE"]["StringValue"]
                for message in received(self.emulator, self.dead, 0)
            ],
            "dead_refused": len(received(self.emulator, self.dead_refused, 0)),
        }


def test_schedules_need_a_role_that_trusts_scheduler(mended: RunningEmulator, bare: RunningEmulator) -> None:
    def accepted(emulator: RunningEmulator, trusts: str) -> bool:
        _url, arn = make_queue(emulator)
        role = make_role(emulator, allow("sqs:SendMessage", arn), trusts=trusts)
        try:
            make_schedule(emulator, arn, role)
        except ClientError as error:
            if error.response["Error"]["Code"] != "ValidationException":
                raise
            return False
        return True

    group = f"arn:aws:scheduler:{REGION}:{ACCOUNT}:schedule-group/"
    service = {"Service": "scheduler.amazonaws.com"}
    ours = trust(service, StringEquals={"aws:SourceAccount": ACCOUNT, "aws:SourceArn": f"{group}default"})
    theirs = trust(service, StringEquals={"aws:SourceArn": f"{group}other"})
    assert accepted(bare, FROM_LAMBDA)
    assert [accepted(mended, each) for each in (ours, theirs, FROM_LAMBDA)] == [True, False, False]


@pytest.fixture(scope="module")
def neglected(bare: RunningEmulator) -> dict[str, Any]:
    """What the bare emulator makes of the schedules; it looks every ten seconds."""
    return Schedules(bare).outcome(12)


@pytest.fixture(scope="module")
def kept(mended: RunningEmulator) -> dict[str, Any]:
    return Schedules(mended).outcome(4)


@pytest.mark.xdist_group("schedules")
def test_schedules_act_as_their_role(neglected: dict[str, Any], kept: dict[str, Any]) -> None:
    assert (neglected["allowed"], neglected["refused"]) == (1, 1)
    assert (kept["allowed"], kept["refused"]) == (1, 0)


@pytest.mark.xdist_group("schedules")
def test_undelivered_schedules_reach_the_dead_letter_queue(neglected: dict[str, Any], kept: dict[str, Any]) -> None:
    assert (neglected["dead"], neglected["dead_refused"]) == ([], 0)
    assert (kept["dead"], kept["dead_refused"]) == (["AccessDeniedException"], 0)


@pytest.mark.xdist_group("schedules")
def test_schedules_fill_context_attributes(neglected: dict[str, Any], kept: dict[str, Any]) -> None:
    assert neglected["due"] == "<aws.scheduler.scheduled-time>"
    due = calendar.timegm(time.strptime(kept["due"], "%Y-%m-%dT%H:%M:%SZ"))
    assert abs(time.time() - due) < 60


@pytest.mark.xdist_group("schedules")
def test_schedules_fire_on_time(neglected: dict[str, Any], kept: dict[str, Any]) -> None:
    assert neglected["zoned"] == 0
    assert kept["zoned"] == 1


@pytest.mark.parametrize(
    ("expression", "zone"),
    [("at(tomorrow)", "UTC"), ("every day", "UTC"), ("cron(15 4 * * ? *)", "Europe/Atlantis")],
)
def test_schedules_that_never_fire_are_refused(
    mended: RunningEmulator, bare: RunningEmulator, expression: str, zone: str
) -> None:
    def make(emulator: RunningEmulator) -> None:
        _url, arn = make_queue(emulator)
        role = make_role(emulator, allow("sqs:SendMessage", arn), trusts=FROM_SCHEDULER)
        make_schedule(emulator, arn, role, when=expression, zone=zone)

    make(bare)
    with pytest.raises(ClientError, match="Invalid Schedule Expression"):
        make(mended)


# --- Lambda and API Gateway --------------------------------------------------------------------

FAILS = "def handler(event, context): raise RuntimeError('no')"


def test_events_invoke_functions_asynchronously(mended: RunningEmulator, bare: RunningEmulator) -> None:
    def failures(emulator: RunningEmulator, *, permitted: bool) -> int:
        url, queue = make_queue(emulator)
        resource = queue if permitted else f"{queue}-other"
        function = make_function(emulator, FAILS, allow("sqs:SendMessage", resource))
        client, source = emulator.client("lambda"), name("test")
        version = client.publish_version(FunctionName=function)["Version"]
        client.create_alias(FunctionName=function, Name="live", FunctionVersion=version)
        client.put_function_event_invoke_config(
            FunctionName=function,
            Qualifier="live",
            MaximumRetryAttempts=0,
            DestinationConfig={"OnFailure": {"Destination": queue}},
        )
        rule = make_rule(emulator, source)
        client.add_permission(
            FunctionName=function,
            Qualifier="live",
            StatementId="rule",
            Action="lambda:InvokeFunction",
            Principal="events.amazonaws.com",
            SourceArn=rule,
        )
        targets = [{"Id": "function", "Arn": f"{function}:live"}]
        emulator.client("events").put_targets(Rule=source, Targets=targets)
        put_event(emulator, source)
        return len(received(emulator, url, 3 if permitted and emulator is mended else 2))

    assert failures(bare, permitted=True) == 0
    assert failures(mended, permitted=True) == 1
    assert failures(mended, permitted=False) == 0


def answer_of_function(emulator: RunningEmulator, code: str, *, method: str = "GET", milliseconds: int = 29_000) -> int:
    """Return the status of a GET request to a REST API whose permission to call the function is for a method."""
    gateway, api = emulator.client("apigateway"), make_api(emulator)
    function = make_function(emulator, code)
    root = gateway.get_resources(restApiId=api)["items"][0]["id"]
    resource = gateway.create_resource(restApiId=api, parentId=root, pathPart="{id}")["id"]
    common = {"restApiId": api, "resourceId": resource, "httpMethod": "GET"}
    gateway.put_method(**common, authorizationType="NONE")
    uri = f"arn:aws:apigateway:{REGION}:lambda:path/2015-03-31/functions/{function}/invocations"
    gateway.put_integration(
        **common, type="AWS_PROXY", integrationHttpMethod="POST", uri=uri, timeoutInMillis=milliseconds
    )
    gateway.create_deployment(restApiId=api, stageName="live")
    emulator.client("lambda").add_permission(
        FunctionName=function,
        StatementId="api",
        Action="lambda:InvokeFunction",
        Principal="apigateway.amazonaws.com",
        SourceArn=f"arn:aws:execute-api:{REGION}:{ACCOUNT}:{api}/live/{method}/*",
    )
    url = f"{emulator.endpoint}/restapis/{api}/live/_user_request_/7"
    try:
        with urllib.request.urlopen(url, timeout=10) as answer:
            return int(answer.status)
    except urllib.error.HTTPError as error:
        return error.code


ANSWERS = "def handler(event, context): return {'statusCode': 200}"
DAWDLES = "import time; handler = lambda event, context: (time.sleep(1), {'statusCode': 200})[1]"


def test_apis_need_permission_to_invoke(mended: RunningEmulator, bare: RunningEmulator) -> None:
    assert answer_of_function(bare, ANSWERS, method="POST") == 200
    assert answer_of_function(mended, ANSWERS, method="POST") == 500
    assert answer_of_function(mended, ANSWERS) == 200


def test_apis_wait_as_long_as_they_are_told(mended: RunningEmulator, bare: RunningEmulator) -> None:
    assert answer_of_function(bare, DAWDLES, milliseconds=500) == 200
    assert answer_of_function(mended, DAWDLES, milliseconds=500) == 504
    assert answer_of_function(mended, DAWDLES) == 200


def test_timeouts_of_integrations_stay_numbers(mended: RunningEmulator, bare: RunningEmulator) -> None:

    def changed(emulator: RunningEmulator) -> object:
        gateway, api = emulator.client("apigateway"), make_api(emulator)
        root = gateway.get_resources(restApiId=api)["items"][0]["id"]
        where = {"restApiId": api, "resourceId": root, "httpMethod": "GET"}
        gateway.put_method(**where, authorizationType="NONE")
        gateway.put_integration(**where, type="MOCK", timeoutInMillis=29_000)
        operation = {"op": "replace", "path": "/timeoutInMillis", "value": "1000"}
        gateway.update_integration(**where, patchOperations=[operation])
        bodies: list[bytes] = []
        # boto3 takes either for a number, the SDK of the provider does not.
        gateway.meta.events.register(
            "response-received.*.GetIntegration", lambda response_dict, **_: bodies.append(response_dict["body"])
        )
        gateway.get_integration(**where)
        return json.loads(bodies[0])["timeoutInMillis"]

    assert changed(bare) == "1000"
    assert changed(mended) == 1000


def test_http_apis_need_permission_to_invoke(mended: RunningEmulator, bare: RunningEmulator) -> None:

    def status(emulator: RunningEmulator, *, permitted: bool) -> int:
        gateway = emulator.client("apigatewayv2")
        function = make_function(emulator, "def handler(event, context): return {'statusCode': 200}")
        api = gateway.create_api(Name="http", ProtocolType="HTTP")["ApiId"]
        integration = gateway.create_integration(
            ApiId=api, IntegrationType="AWS_PROXY", IntegrationUri=function, PayloadFormatVersion="2.0"
        )["IntegrationId"]
        gateway.create_route(ApiId=api, RouteKey="GET /things/{id}", Target=f"integrations/{integration}")
        gateway.create_stage(ApiId=api, StageName="$default", AutoDeploy=True)
        source = f"arn:aws:execute-api:{REGION}:{ACCOUNT}:{api}/*/{'GET' if permitted else 'POST'}/things/*"
        emulator.client("lambda").add_permission(
            FunctionName=function,
            StatementId="api",
            Action="lambda:InvokeFunction",
            Principal="apigateway.amazonaws.com",
            SourceArn=source,
        )
        try:
            url = f"{emulator.endpoint}/_aws/execute-api/{api}/$default/things/7"
            with urllib.request.urlopen(url, timeout=10) as answer:
                return int(answer.status)
        except urllib.error.HTTPError as error:
            return error.code

    assert status(bare, permitted=False) == 200
    assert status(mended, permitted=False) == 500
    assert status(mended, permitted=True) == 200


PRINTS_ENVIRONMENT = """
import os, sys
def handler(event, context):
    found = []
    for name in ("boto3", "botocore", "ministack", "click"):
        try:
            __import__(name)
            found.append(name)
        except ImportError:
            pass
    return {"environment": dict(os.environ), "packages": found}
"""


def test_functions_get_a_clean_environment(mended: RunningEmulator, bare: RunningEmulator) -> None:
    def seen(emulator: RunningEmulator) -> tuple[dict[str, str], list[str]]:
        function = make_function(emulator, PRINTS_ENVIRONMENT, variables={"TABLE": "orders"})
        answer = emulator.client("lambda").invoke(FunctionName=function)
        document = json.load(answer["Payload"])
        return document["environment"], document["packages"]

    environment, packages = seen(bare)
    assert {"STATE_DIR", "GATEWAY_PORT", "HOME"} <= set(environment)
    assert packages == ["boto3", "botocore", "ministack", "click"]
    environment, packages = seen(mended)
    assert packages == ["boto3", "botocore"]
    assert environment["TABLE"] == "orders"
    assert environment["AWS_REGION"] == environment["AWS_DEFAULT_REGION"] == REGION
    assert environment["AWS_ENDPOINT_URL"] == mended.endpoint
    assert environment["AWS_ACCESS_KEY_ID"].startswith("ASIA")
    assert (environment["TZ"], environment["LANG"]) == (":UTC", "en_US.UTF-8")
    own = ("AWS_", "_AWS", "LAMBDA_", "_LAMBDA_", "_MINISTACK_", "_X_AMZN", "_HANDLER")
    plain = {"TABLE", "TZ", "LANG", "PATH", "PYTHONPATH", "PYTHONDONTWRITEBYTECODE"}
    assert {key for key in environment if not key.startswith(own)} <= plain | {"LC_CTYPE"}


def test_functions_need_a_role_that_trusts_lambda(mended: RunningEmulator, bare: RunningEmulator) -> None:
    service = {"Service": "lambda.amazonaws.com"}
    ours = trust(service, StringEquals={"aws:SourceAccount": ACCOUNT})
    theirs = trust(service, StringEquals={"aws:SourceAccount": "123456789012"})
    source = "def handler(event, context): return None"
    assert make_function(bare, source, trusts=theirs)
    assert make_function(mended, source, trusts=ours)
    for wrong in (theirs, FROM_SCHEDULER):
        with pytest.raises(ClientError, match="cannot be assumed by Lambda"):
            make_function(mended, source, trusts=wrong)


def test_functions_log_as_their_role(mended: RunningEmulator, bare: RunningEmulator) -> None:
    def logged(emulator: RunningEmulator, *statements: Mapping[str, Any]) -> bool:
        function = make_function(emulator, "def handler(event, context): print('hello')", *statements)
        group = f"/aws/lambda/{function.rpartition(':')[2]}"
        emulator.client("logs").create_log_group(logGroupName=group)
        emulator.client("lambda").invoke(FunctionName=function)
        events = emulator.client("logs").filter_log_events(logGroupName=group)["events"]
        return any("hello" in event["message"] for event in events)

    assert logged(bare)
    assert not logged(mended)
    assert logged(mended, LOGGING)


# --- CloudWatch --------------------------------------------------------------------------------


def test_alarms_tell_eventbridge(mended: RunningEmulator, bare: RunningEmulator) -> None:
    def told(emulator: RunningEmulator) -> tuple[int, int]:
        """How many messages come by the event, and how many by a topic that lets nobody in."""
        sns, events, alarm = emulator.client("sns"), emulator.client("events"), name("alarm")
        by_event, queue = make_queue(emulator, from_service("events.amazonaws.com", "sqs:SendMessage"))
        pattern = {"source": ["aws.cloudwatch"], "detail": {"alarmName": [alarm], "state": {"value": ["ALARM"]}}}
        events.put_rule(Name=alarm, EventPattern=json.dumps(pattern))
        events.put_targets(Rule=alarm, Targets=[{"Id": "queue", "Arn": queue}])
        by_topic, subscriber = make_queue(emulator, from_service("sns.amazonaws.com", "sqs:SendMessage"))
        topic = sns.create_topic(Name=name("topic"))["TopicArn"]
        closed = {"Effect": "Allow", "Principal": {"Service": "nobody.amazonaws.com"}}
        closed |= {"Action": "sns:Publish", "Resource": topic}
        sns.set_topic_attributes(TopicArn=topic, AttributeName="Policy", AttributeValue=policy(closed))
        sns.subscribe(TopicArn=topic, Protocol="sqs", Endpoint=subscriber)
        cloudwatch = emulator.client("cloudwatch")
        cloudwatch.put_metric_alarm(
            AlarmName=alarm,
            Namespace="Shop",
            MetricName=name("m"),
            Statistic="Sum",
            Period=60,
            EvaluationPeriods=1,
            Threshold=1,
            ComparisonOperator="GreaterThanThreshold",
            AlarmActions=[topic],
        )
        cloudwatch.set_alarm_state(AlarmName=alarm, StateValue="ALARM", StateReason="test")
        return len(received(emulator, by_event, 1)), len(received(emulator, by_topic, 1))

    assert told(bare) == (0, 1)
    assert told(mended) == (1, 0)


EMBEDS = """
import json, time
def handler(event, context):
    print(json.dumps({
        "_aws": {"Timestamp": int(time.time() * 1000), "CloudWatchMetrics": [{
            "Namespace": event["namespace"], "Dimensions": [["service"]],
            "Metrics": [{"Name": "OrdersAccepted", "Unit": "Count"}],
        }]},
        "service": "order-processor", "OrdersAccepted": [2.0, 1.0],
    }))
"""


def test_embedded_metrics_become_metrics(mended: RunningEmulator, bare: RunningEmulator) -> None:
    def total(emulator: RunningEmulator) -> float:
        namespace = name("shop")
        function = make_function(emulator, EMBEDS, LOGGING)
        payload = json.dumps({"namespace": namespace})
        emulator.client("lambda").invoke(FunctionName=function, Payload=payload)
        points = emulator.client("cloudwatch").get_metric_statistics(
            Namespace=namespace,
            MetricName="OrdersAccepted",
            Period=3600,
            Statistics=["Sum"],
            Dimensions=[{"Name": "service", "Value": "order-processor"}],
            StartTime=time.time() - 3600,
            EndTime=time.time() + 3600,
        )["Datapoints"]
        return sum(point["Sum"] for point in points)

    assert total(bare) == 0
    assert total(mended) == 3


def test_responses_leave_in_one_piece(mended: RunningEmulator, bare: RunningEmulator) -> None:
    def split_answers(emulator: RunningEmulator) -> int:
        request = f"GET /_ministack/health HTTP/1.1\r\nHost: 127.0.0.1:{emulator.port}\r\n\r\n".encode()
        split = 0
        for _ in range(200):
            with socket.create_connection(("127.0.0.1", emulator.port), timeout=10) as connection:
                connection.sendall(request)
                head, _, body = connection.recv(1 << 20).partition(b"\r\n\r\n")
                assert head.startswith(b"HTTP/1.1 200")
                split += not body
        return split

    assert split_answers(bare) > 0
    assert split_answers(mended) == 0


# --- Streams, Firehose, Athena -----------------------------------------------------------------


def make_table_with_stream(emulator: RunningEmulator) -> tuple[str, str]:
    """Create a table with the key pk; returns its name and its stream's ARN."""
    table = name("table")
    stream: str = emulator.client("dynamodb").create_table(
        TableName=table,
        AttributeDefinitions=[{"AttributeName": "pk", "AttributeType": "S"}],
        KeySchema=[{"AttributeName": "pk", "KeyType": "HASH"}],
        BillingMode="PAY_PER_REQUEST",
        StreamSpecification={"StreamEnabled": True, "StreamViewType": "NEW_IMAGE"},
    )["TableDescription"]["LatestStreamArn"]
    return table, stream


def put_keys(emulator: RunningEmulator, table: str, *keys: str) -> None:
    for key in keys:
        emulator.client("dynamodb").put_item(TableName=table, Item={"pk": {"S": key}})


STREAM_ACTIONS = ["dynamodb:DescribeStream", "dynamodb:GetRecords", "dynamodb:GetShardIterator", "dynamodb:ListStreams"]
COUNTS = """
def handler(event, context):
    print("seen " + " ".join(record["dynamodb"]["Keys"]["pk"]["S"] for record in event["Records"]))
"""


def test_changes_survive_a_stop(tmp_path: Path) -> None:
    def seen_after(folder: Path, *options: str) -> str:
        with start_emulator(folder, persist=True, options=options) as emulator:
            table, stream = make_table_with_stream(emulator)
            reads = allow(STREAM_ACTIONS, "*")
            function = make_function(emulator, COUNTS, LOGGING, reads)
            emulator.client("lambda").create_event_source_mapping(
                EventSourceArn=stream, FunctionName=function, StartingPosition="TRIM_HORIZON"
            )
            put_keys(emulator, table, "a", "b")
            time.sleep(3)
        with start_emulator(folder, persist=True, options=options) as emulator:
            put_keys(emulator, table, "c")
            time.sleep(3)
            group = f"/aws/lambda/{function.rpartition(':')[2]}"
            events = emulator.client("logs").filter_log_events(logGroupName=group)["events"]
            return " ".join(sorted(key for event in events for key in event["message"].split("seen ")[1:]))

    assert "c" not in seen_after(tmp_path / "bare", "--no-mends")
    assert "c" in seen_after(tmp_path / "mended")


REFUSES = """
def handler(event, context):
    numbers = [record["dynamodb"]["SequenceNumber"] for record in event["Records"]]
    bad = [record["dynamodb"]["SequenceNumber"] for record in event["Records"] if "bad" in str(record["dynamodb"])]
    print("seen " + " ".join(numbers))
    return {"batchItemFailures": [{"itemIdentifier": number} for number in bad]}
"""


def test_stream_mappings_retry_as_configured(mended: RunningEmulator, bare: RunningEmulator) -> None:
    def given_up(emulator: RunningEmulator, *read: Mapping[str, Any]) -> list[tuple[str, int]]:
        """Why batches came to the queue for failures, and how many records they had."""
        table, stream = make_table_with_stream(emulator)
        url, queue = make_queue(emulator)
        mapping = emulator.client("lambda").create_event_source_mapping(
            EventSourceArn=stream,
            FunctionName=make_function(emulator, REFUSES, LOGGING, allow("sqs:SendMessage", queue), *read),
            StartingPosition="TRIM_HORIZON",
            BisectBatchOnFunctionError=True,
            MaximumRetryAttempts=1,
            FunctionResponseTypes=["ReportBatchItemFailures"],
            DestinationConfig={"OnFailure": {"Destination": queue}},
        )
        put_keys(emulator, table, "a", "bad", "c")
        messages = [json.loads(message["Body"]) for message in received(emulator, url, 3)]
        emulator.client("lambda").delete_event_source_mapping(UUID=mapping["UUID"])
        return [
            (message["requestContext"]["condition"], message["DDBStreamBatchInfo"]["batchSize"]) for message in messages
        ]

    may_read = allow(STREAM_ACTIONS, "*")
    assert given_up(bare, may_read) == []
    assert given_up(mended, may_read) == [("RetryAttemptsExhausted", 1)]
    assert given_up(mended, allow(STREAM_ACTIONS[:-1], "*")) == [], "a role that may not list streams gets nothing"


UPPERCASE = """
import base64, json

def handler(event, context):
    records = []
    for record in event["records"]:
        text = base64.b64decode(record["data"]).decode()
        result = "ProcessingFailed" if text == "bad" else "Dropped" if text == "none" else "Ok"
        if text == "broken":
            raise ValueError("broken")
        line = f"{text.upper()} of {len(event['records'])};"
        data = base64.b64encode(line.encode()).decode() if result == "Ok" else record["data"]
        keys = {"partitionKeys": {"kind": text[0]}}
        records.append({"recordId": record["recordId"], "result": result, "data": data, "metadata": keys})
    return {"records": records}
"""
TO_INVOKE = ["lambda:GetFunctionConfiguration", "lambda:InvokeFunction"]
TO_FIND = ["s3:GetBucketLocation", "s3:ListBucket", "s3:ListBucketMultipartUploads"]
TO_WRITE = ["s3:AbortMultipartUpload", "s3:PutObject"]
FROM_FIREHOSE = trust({"Service": "firehose.amazonaws.com"})


def make_delivery_stream(emulator: RunningEmulator, bucket: str, role: str, function: str) -> str:
    """Create a delivery stream into a bucket, by the `kind` that the function names; returns its name."""
    stream = name("stream")
    emulator.client("firehose").create_delivery_stream(
        DeliveryStreamName=stream,
        ExtendedS3DestinationConfiguration={
            "RoleARN": role,
            "BucketARN": f"arn:aws:s3:::{bucket}",
            "Prefix": "good/!{partitionKeyFromLambda:kind}/",
            "ErrorOutputPrefix": "errors/!{firehose:error-output-type}/",
            "DynamicPartitioningConfiguration": {"Enabled": True},
            "ProcessingConfiguration": {
                "Enabled": True,
                "Processors": [
                    {
                        "Type": "Lambda",
                        "Parameters": [{"ParameterName": "LambdaArn", "ParameterValue": function}],
                    }
                ],
            },
        },
    )
    return stream


def delivered(emulator: RunningEmulator, *texts: str, without: str = "") -> dict[str, list[str]]:
    """Put texts into a new delivery stream, in one call; returns what its files hold, by folder.

    Args:
        emulator: Where.
        texts: The records.
        without: An action that the stream's role lacks.
    """
    bucket, s3 = name("bucket"), emulator.client("s3")
    s3.create_bucket(Bucket=bucket)
    function = make_function(emulator, UPPERCASE, LOGGING)
    grants = {
        function: TO_INVOKE,
        f"arn:aws:s3:::{bucket}": TO_FIND,
        f"arn:aws:s3:::{bucket}/*": TO_WRITE,
    }
    held = [allow([one for one in actions if one != without], resource) for resource, actions in grants.items()]
    role = make_role(emulator, *held, trusts=FROM_FIREHOSE)
    stream = make_delivery_stream(emulator, bucket, role, function)
    records = [{"Data": text.encode()} for text in texts]
    emulator.client("firehose").put_record_batch(DeliveryStreamName=stream, Records=records)
    time.sleep(0.5)
    found: dict[str, list[str]] = {}
    for item in s3.list_objects_v2(Bucket=bucket).get("Contents", []):
        text = s3.get_object(Bucket=bucket, Key=item["Key"])["Body"].read().decode()
        if item["Key"].startswith("errors/"):
            text = base64.b64decode(json.loads(text)["rawData"]).decode()
        found.setdefault("/".join(item["Key"].split("/")[:2]), []).append(text)
    return {folder: sorted(texts) for folder, texts in found.items()}


def test_delivery_streams_collect_records(mended: RunningEmulator, bare: RunningEmulator) -> None:
    assert delivered(bare, "apple", "ant", "bee", "bad", "none") == {
        "good/a": ["ANT of 1;", "APPLE of 1;"],
        "good/b": ["BEE of 1;"],
    }
    assert delivered(mended, "apple", "ant", "bee", "bad", "none") == {
        "good/a": ["APPLE of 5;ANT of 5;"],
        "good/b": ["BEE of 5;"],
        "errors/processing-failed": ["bad"],
    }


def test_what_a_transformation_fails_on_is_kept_as_it_came(mended: RunningEmulator, bare: RunningEmulator) -> None:
    # untransformed, the record has no partition
    assert delivered(bare, "apple", "broken")["errors/processing-failed"] == ["broken"]
    assert delivered(mended, "apple", "broken") == {"errors/processing-failed": ["apple", "broken"]}


def test_delivery_streams_act_as_their_role(mended: RunningEmulator, bare: RunningEmulator) -> None:
    def can_be_made_with(emulator: RunningEmulator, trusts: str) -> bool:
        try:
            make_delivery_stream(emulator, name("bucket"), make_role(emulator, trusts=trusts), name("function"))
        except ClientError as error:
            return "unable to assume role" not in str(error)
        return True

    assert can_be_made_with(bare, FROM_LAMBDA)
    assert not can_be_made_with(mended, FROM_LAMBDA)
    assert can_be_made_with(mended, FROM_FIREHOSE)
    for action in TO_INVOKE:
        assert delivered(bare, "apple", without=action) == {"good/a": ["APPLE of 1;"]}
        assert delivered(mended, "apple", without=action) == {"errors/processing-failed": ["apple"]}, action
    for action in (*TO_FIND, *TO_WRITE):
        assert delivered(bare, "apple", without=action) == {"good/a": ["APPLE of 1;"]}
        assert delivered(mended, "apple", without=action) == {}, action


def test_delivery_streams_read_back(mended: RunningEmulator, bare: RunningEmulator) -> None:
    def described(emulator: RunningEmulator, **given: str) -> dict[str, Any]:
        firehose, stream = emulator.client("firehose"), name("stream")
        role = make_role(emulator, trusts=FROM_FIREHOSE)
        destination = {"RoleARN": role, "BucketARN": f"arn:aws:s3:::{name('bucket')}", **given}
        firehose.create_delivery_stream(DeliveryStreamName=stream, ExtendedS3DestinationConfiguration=destination)
        answer = firehose.describe_delivery_stream(DeliveryStreamName=stream)["DeliveryStreamDescription"]
        [found] = answer["Destinations"]
        details = found["ExtendedS3DestinationDescription"]
        return {key: details[key] for key in ("CustomTimeZone", "FileExtension") if key in details}

    chosen = {"CustomTimeZone": "Europe/Berlin", "FileExtension": ".json"}
    assert described(bare, **chosen) == {}
    assert described(mended, **chosen) == chosen
    assert described(mended) == {"CustomTimeZone": "UTC"}


def test_keys_are_known_by_their_aliases(mended: RunningEmulator, bare: RunningEmulator) -> None:
    def may_use(emulator: RunningEmulator, alias: str, granted: str) -> bool:
        kms = emulator.client("kms")
        key = kms.create_key(KeySpec="HMAC_256", KeyUsage="GENERATE_VERIFY_MAC")["KeyMetadata"]["Arn"]
        kms.create_alias(AliasName=f"alias/{alias}", TargetKeyId=key)
        condition = {"ForAnyValue:StringLike": {"kms:ResourceAliases": f"alias/{granted}"}}
        role = make_role(emulator, allow("kms:GenerateMac", "*", **condition))
        client = session(emulator, role, "kms")
        return not refused(lambda: client.generate_mac(KeyId=key, Message=b"x", MacAlgorithm="HMAC_SHA_256"))

    project = name("project")
    assert not may_use(bare, f"{project}-key", f"{project}-*")
    assert may_use(mended, f"{project}-other-key", f"{project}-*")
    assert not may_use(mended, name("elsewhere"), f"{project}-*")


def ask(emulator: RunningEmulator, query: str, **options: Any) -> tuple[str, list[str | None]]:
    """Run a query; returns where its result lies, and the first row."""
    athena = emulator.client("athena")
    identifier = athena.start_query_execution(QueryString=query, **options)["QueryExecutionId"]
    deadline = time.monotonic() + 20
    while time.monotonic() < deadline:
        execution = athena.get_query_execution(QueryExecutionId=identifier)["QueryExecution"]
        if execution["Status"]["State"] in ("SUCCEEDED", "FAILED"):
            break
        time.sleep(0.05)
    if execution["Status"]["State"] == "FAILED":
        return "", []
    assert execution["Query"] == query
    rows = athena.get_query_results(QueryExecutionId=identifier)["ResultSet"]["Rows"]
    location: str = execution["ResultConfiguration"]["OutputLocation"]
    return location, [cell.get("VarCharValue") for cell in rows[1]["Data"]]


def test_queries_take_parameters(mended: RunningEmulator, bare: RunningEmulator) -> None:
    bucket = name("bucket")
    query = "SELECT '?' AS a, ? AS b, ? + 1 AS c"
    for emulator in (mended, bare):
        emulator.client("s3").create_bucket(Bucket=bucket)
    options: dict[str, Any] = {"ResultConfiguration": {"OutputLocation": f"s3://{bucket}/"}}
    filled = {**options, "ExecutionParameters": ["'it''s'", "41"]}
    assert ask(bare, query, **filled)[1] != ["?", "it's", "42"]
    assert ask(mended, query, **filled)[1] == ["?", "it's", "42"]
    with pytest.raises(ClientError, match="expected 2 but found 1"):
        ask(mended, query, **options, ExecutionParameters=["1"])


def test_workgroups_decide_where_results_go(mended: RunningEmulator, bare: RunningEmulator) -> None:
    def written_to(emulator: RunningEmulator, *, enforced: bool) -> str:
        bucket, workgroup = name("bucket"), name("workgroup")
        emulator.client("s3").create_bucket(Bucket=bucket)
        emulator.client("athena").create_work_group(
            Name=workgroup,
            Configuration={
                "EnforceWorkGroupConfiguration": enforced,
                "ResultConfiguration": {"OutputLocation": f"s3://{bucket}/own/"},
            },
        )
        wish = {"OutputLocation": f"s3://{bucket}/elsewhere/"}
        location, _row = ask(emulator, "SELECT 1 AS one", WorkGroup=workgroup, ResultConfiguration=wish)
        return location.split("/")[3]

    assert written_to(bare, enforced=True) == "elsewhere"
    assert written_to(mended, enforced=True) == "own"
    assert written_to(mended, enforced=False) == "elsewhere"


def test_query_results_survive_a_stop(tmp_path: Path) -> None:
    def stops_in_peace(folder: Path, *options: str) -> bool:
        with start_emulator(folder, persist=True, options=options) as emulator:
            emulator.client("s3").create_bucket(Bucket="results")
            location = {"OutputLocation": "s3://results/"}
            query = "SELECT CAST(1.5 AS DECIMAL(38, 4)) AS price, DATE '2026-11-23' AS day"
            assert ask(emulator, query, ResultConfiguration=location)[1] == ["1.5000", "2026-11-23"]
            emulator.stop()
            return emulator.process.returncode == 0

    assert not stops_in_peace(tmp_path / "bare", "--no-mends")
    assert stops_in_peace(tmp_path / "mended")
