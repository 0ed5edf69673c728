# Rendered by tfgen from foundation/endpoints.tf; change the spec or the blueprint instead.

# Functions reach S3 and DynamoDB through gateway endpoints, which cost nothing. Their policies end at the project's own
# buckets and tables: data cannot leave through them to a bucket of somebody else. Lambda fetches code and layers
# outside the VPC, so no other bucket is needed.

locals {
  gateway_endpoints = {
    s3       = data.aws_iam_policy_document.s3_endpoint.json
    dynamodb = data.aws_iam_policy_document.dynamodb_endpoint.json
  }
}

resource "aws_vpc_endpoint" "gateway" {
  for_each = length(local.private_route_table_ids) > 0 ? local.gateway_endpoints : {}

  vpc_id            = local.vpc_id
  vpc_endpoint_type = "Gateway"
  service_name      = "com.amazonaws.${var.aws_region}.${each.key}"
  route_table_ids   = local.private_route_table_ids
  policy            = each.value
  tags              = merge(local.tags, { Name = "${local.name_prefix}-${each.key}" })
}

data "aws_iam_policy_document" "s3_endpoint" {
  statement {
    sid = "ProjectBuckets"

    actions = [
      "s3:AbortMultipartUpload",
      "s3:DeleteObject",
      "s3:GetBucketLocation",
      "s3:GetObject",
      "s3:GetObjectVersion",
      "s3:ListBucket",
      "s3:ListMultipartUploadParts",
      "s3:PutObject",
    ]

    resources = [
      "arn:${local.partition}:s3:::${local.name_prefix}-*",
      "arn:${local.partition}:s3:::${local.name_prefix}-*/*",
    ]

    principals {
      type        = "*"
      identifiers = ["*"]
    }

    condition {
      test     = "StringEquals"
      variable = "aws:PrincipalAccount"
      values   = [local.account_id]
    }
  }
}

data "aws_iam_policy_document" "dynamodb_endpoint" {
  statement {
    sid = "ProjectTables"

    actions = [
      "dynamodb:BatchGetItem",
      "dynamodb:BatchWriteItem",
      "dynamodb:ConditionCheckItem",
      "dynamodb:DeleteItem",
      "dynamodb:DescribeTable",
      "dynamodb:GetItem",
      "dynamodb:PutItem",
      "dynamodb:Query",
      "dynamodb:UpdateItem",
    ]

    resources = [
      "arn:${local.partition}:dynamodb:${var.aws_region}:${local.account_id}:table/${local.name_prefix}-*",
      "arn:${local.partition}:dynamodb:${var.aws_region}:${local.account_id}:table/${local.name_prefix}-*/index/*",
    ]

    principals {
      type        = "*"
      identifiers = ["*"]
    }

    condition {
      test     = "StringEquals"
      variable = "aws:PrincipalAccount"
      values   = [local.account_id]
    }
  }
}

# Interface endpoints cost about 7 USD per zone and month each; none by default.
resource "aws_vpc_endpoint" "interface" {
  for_each = toset(var.interface_endpoints)

  vpc_id              = local.vpc_id
  vpc_endpoint_type   = "Interface"
  service_name        = "com.amazonaws.${var.aws_region}.${each.key}"
  subnet_ids          = local.private_subnet_ids
  security_group_ids  = [aws_security_group.endpoints[0].id]
  private_dns_enabled = true
  policy              = data.aws_iam_policy_document.interface_endpoint.json
  tags                = merge(local.tags, { Name = "${local.name_prefix}-${each.key}" })
}

data "aws_iam_policy_document" "interface_endpoint" {
  statement {
    sid       = "OwnAccountOnly"
    actions   = ["*"]
    resources = ["*"]

    principals {
      type        = "*"
      identifiers = ["*"]
    }

    condition {
      test     = "StringEquals"
      variable = "aws:PrincipalAccount"
      values   = [local.account_id]
    }
  }
}
