"""What the reference project has in the emulator, counted, beside what its states know."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Mapping

from tests.support.project import TestProject

NAME = "ecommerce-analytics"


def count_known(project: TestProject) -> dict[str, int]:
    """Count the resources in the states, by type; only the types that `count_there` counts."""
    found: Counter[str] = Counter()
    for data in project.states().values():
        for entry in json.loads(data)["resources"]:
            if entry["mode"] == "managed":
                found[entry["type"]] += len(entry["instances"])
    return {kind: found[kind] for kind in count_there(project)}


def count_there(project: TestProject) -> Mapping[str, int]:
    """Count what is there, by type; a key that waits for its deletion counts as gone."""
    ec2, kms, logs = project.client("ec2"), project.client("kms"), project.client("logs")
    tagged = [{"Name": "tag:Project", "Values": [NAME]}]
    keys = [kms.describe_key(KeyId=item["KeyId"])["KeyMetadata"] for item in kms.list_keys()["Keys"]]
    named = {
        "aws_cloudwatch_event_rule": [item["Name"] for item in project.client("events").list_rules()["Rules"]],
        "aws_cloudwatch_log_group": [
            item["logGroupName"]
            for page in logs.get_paginator("describe_log_groups").paginate()
            for item in page["logGroups"]
        ],
        "aws_dynamodb_table": project.client("dynamodb").list_tables()["TableNames"],
        "aws_iam_role": [item["RoleName"] for item in project.client("iam").list_roles()["Roles"]],
        "aws_lambda_function": [
            item["FunctionName"] for item in project.client("lambda").list_functions()["Functions"]
        ],
        "aws_s3_bucket": [item["Name"] for item in project.client("s3").list_buckets()["Buckets"]],
        "aws_sns_topic": [item["TopicArn"] for item in project.client("sns").list_topics()["Topics"]],
        "aws_sqs_queue": project.client("sqs").list_queues().get("QueueUrls", []),
    }
    apis = project.client("apigateway").get_rest_apis()["items"]
    return {
        **{
            kind: len([name for name in names if NAME in name or "API-Gateway" in name])
            for kind, names in named.items()
        },
        "aws_api_gateway_rest_api": len(apis),
        "aws_kms_key": len([key for key in keys if key["KeyState"] != "PendingDeletion"]),
        "aws_subnet": len(ec2.describe_subnets(Filters=tagged)["Subnets"]),
        "aws_vpc": len(ec2.describe_vpcs(Filters=tagged)["Vpcs"]),
        "aws_vpc_endpoint": len(ec2.describe_vpc_endpoints()["VpcEndpoints"]),
    }
