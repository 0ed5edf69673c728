from __future__ import annotations

import pytest

from tfgen.names import Clash, find_clashes

LOCALS = b"""
locals {
  name_prefix = "${var.project_name}-${var.environment}"
}
"""


def resource(name: str, type_: str = "aws_sqs_queue", attribute: str = "name") -> bytes:
    return f'resource "{type_}" "this" {{\n  {attribute} = {name}\n}}\n'.encode()


def clashes(one: bytes, other: bytes) -> tuple[Clash, ...]:
    return find_clashes({"01-one": [one, LOCALS], "02-other": [LOCALS, other]})


def test_one_name_in_two_modules_is_told_with_both() -> None:
    found = clashes(resource('"${local.name_prefix}-orders"'), resource('"${local.name_prefix}-orders"'))
    assert found == (Clash("aws_sqs_queue", "<project>-<environment>-orders", ("01-one", "02-other")),)


def test_local_values_are_put_in() -> None:
    hidden = b'locals {\n  fifo = false\n  end = local.fifo ? ".fifo" : ""\n'
    hidden += b'  failed = "${local.name_prefix}-orders-dlq${local.end}"\n}\n' + resource("local.failed")
    plain = hidden.replace(b"failed", b"own")
    assert [clash.name for clash in clashes(hidden, plain)] == ["<project>-<environment>-orders-dlq…"]
    assert clashes(hidden, plain.replace(b"fifo = false", b"fifo = true")) == ()


def test_alarms_of_both_kinds_share_their_names() -> None:
    name = '"${local.name_prefix}-late"'
    one, other = (resource(name, f"aws_cloudwatch_{kind}_alarm", "alarm_name") for kind in ("metric", "composite"))
    assert len(clashes(one, other)) == 1


@pytest.mark.parametrize(
    ("one", "other"),
    [
        (resource('"${local.name_prefix}-orders"'), resource('"${local.name_prefix}-invoices"')),
        (resource('"${local.name_prefix}-orders"'), resource('"${local.name_prefix}-orders"', "aws_dynamodb_table")),
        (resource('"${local.name_prefix}-${each.key}"'), resource('"${local.name_prefix}-${each.key}"')),
        (resource('"${local.name_prefix}-${var.mine}"'), resource('"${local.name_prefix}-${var.mine}"')),
        (resource('"${local.name_prefix}-${aws_x.y.id}"'), resource('"${local.name_prefix}-${aws_x.y.id}"')),
        (resource('"${local.name_prefix}-${local.endless}"') + b"locals {\n  endless = local.endless\n}\n",) * 2,
        (resource('"${local.name_prefix}-x"', "aws_iam_role_policy"),) * 2,
        (b'locals {\n  arn = "arn:aws:sqs:::${local.name_prefix}-orders"\n}\n',) * 2,
        (resource("var.name"),) * 2,
    ],
    ids=["other-names", "other-types", "each", "variable", "resource", "endless", "scoped", "no-resource", "unknown"],
)
def test_what_is_not_known_to_be_one_name_is_left_alone(one: bytes, other: bytes) -> None:
    assert clashes(one, other) == ()


def test_one_module_alone_is_not_looked_at() -> None:
    twice = resource('"${local.name_prefix}-orders"') * 2
    assert find_clashes({"01-one": [twice, LOCALS], "02-other": [LOCALS]}) == ()
