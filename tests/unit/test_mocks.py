"""What tests put in place of providers and of other modules."""

from __future__ import annotations

from typing import Any

import pytest

from tfgen.hcl import to_hcl
from tfgen.mocks import MockedProvider, Surroundings, find_providers, guess

AROUND = Surroundings("shop-dev-storage", "eu-west-1", "123456789012")


@pytest.mark.parametrize(
    ("name", "expression", "value"),
    [
        (
            "orders_table_arn",
            "aws_dynamodb_table.orders.arn",
            "arn:aws:dynamodb:eu-west-1:123456789012:table/shop-dev-storage-orders-table",
        ),
        (
            "orders_stream_arn",
            "aws_dynamodb_table.orders.stream_arn",
            "arn:aws:dynamodb:eu-west-1:123456789012:table/shop-dev-storage-orders-stream/stream/2026-01-01T00:00:00.000",
        ),
        ("bucket_arn", "aws_s3_bucket.data.arn", "arn:aws:s3:::shop-dev-storage-bucket"),
        ("kms_key_arn", "", "arn:aws:kms:eu-west-1:123456789012:key/1234abcd-12ab-34cd-56ef-1234567890ab"),
        ("arn", "aws_iam_role.this.arn", "arn:aws:iam::123456789012:role/shop-dev-storage-arn"),
        (
            "alias_arn",
            "aws_lambda_alias.live.arn",
            "arn:aws:lambda:eu-west-1:123456789012:function:shop-dev-storage-alias:live",
        ),
        ("thing_arn", "", "arn:aws:ssm:eu-west-1:123456789012:parameter/shop-dev-storage-thing"),
        ("vpc_id", "local.vpc_id", "vpc-0123456789abcdef0"),
        ("private_subnet_ids", "local.ids", ["subnet-0123456789abcdef0", "subnet-0123456789abcdef1"]),
        ("queue_names", "[for q in aws_sqs_queue.x : q.name]", ["shop-dev-storage-queue", "shop-dev-storage-queue-2"]),
        ("availability_zones", "local.zones", ["eu-west-1a", "eu-west-1b"]),
        (
            "role_arns",
            "{ for k, r in aws_iam_role.x : k => r.arn }",
            {"first": "arn:aws:iam::123456789012:role/shop-dev-storage-role"},
        ),
        ("function_timeout", "aws_lambda_function.x.timeout", 30),
        ("day_shards", "var.shards", 10),
        ("time_zone", "var.zone", "Europe/Berlin"),
        ("sender", "var.unset", "someone@example.com"),
        ("api_endpoint", "x.invoke_url", "https://shop-dev-storage-api.example.com"),
        ("is_public", "local.x", True),
        ("table", "", "shop-dev-storage-table"),
    ],
)
def test_a_plausible_value_by_name_and_expression(name: str, expression: str, value: Any) -> None:
    defaults = {"shards": "10", "zone": '"Europe/Berlin"', "unset": "null"}
    assert to_hcl(guess(name, expression, defaults, AROUND)) == to_hcl(value)


def test_two_modules_never_give_the_same() -> None:
    other = Surroundings("shop-dev-events", "eu-west-1", "123456789012")
    given = [guess("dead_letter_queue_names", "[for x in y : x]", {}, around) for around in (AROUND, other)]
    assert len({*given[0], *given[1]}) == 4


def test_every_provider_configuration_is_mocked_also_those_of_users() -> None:
    source = b'provider "aws" {\n  alias  = "use1"\n  region = "us-east-1"\n}\nprovider "random" {}\n'
    assert find_providers(["aws"], [source, b"locals {}\n"]) == (
        MockedProvider("aws"),
        MockedProvider("aws", "use1"),
        MockedProvider("random"),
    )
