# Rendered by tfgen from iam/main.tf; change the spec or the blueprint instead.

# Who may do what. Policies name tables, buckets and queues of later modules by their deterministic names, so this
# module reads nothing above it:
#   order_processor.tf report_generator.tf notifier.tf   one role's own rights each
#   scheduler.tf                                         the role that starts the daily report
#   boundary.tf                                          the most that any role of the project may ever do

data "aws_caller_identity" "current" {}

data "aws_partition" "current" {}

locals {
  account_id = data.aws_caller_identity.current.account_id
  partition  = data.aws_partition.current.partition
  # dynamodb.us-east-1.amazonaws.com and so on: what kms:ViaService is compared with
  service_suffix = "${var.aws_region}.${data.aws_partition.current.dns_suffix}"

  functions = {
    order_processor  = { name = "${local.name_prefix}-order-processor", in_vpc = true }
    report_generator = { name = "${local.name_prefix}-report-generator", in_vpc = true }
    notifier         = { name = "${local.name_prefix}-notifier", in_vpc = false }
  }

  function_arns = {
    for key, function in local.functions : key => "arn:${local.partition}:lambda:${var.aws_region}:${local.account_id}:function:${function.name}"
  }

  table_arns  = "arn:${local.partition}:dynamodb:${var.aws_region}:${local.account_id}:table/${local.name_prefix}"
  queue_arns  = "arn:${local.partition}:sqs:${var.aws_region}:${local.account_id}:${local.name_prefix}"
  topic_arns  = "arn:${local.partition}:sns:${var.aws_region}:${local.account_id}:${local.name_prefix}"
  bucket_arns = "arn:${local.partition}:s3:::${local.name_prefix}"

  orders_table_arn      = "${local.table_arns}-orders"
  idempotency_table_arn = "${local.table_arns}-idempotency"
  reports_bucket_arn    = "${local.bucket_arns}-reports-${local.account_id}"

  permissions_boundary_arn = var.permissions_boundary_arn == "" ? one(aws_iam_policy.boundary[*].arn) : var.permissions_boundary_arn
}

resource "aws_iam_role" "lambda" {
  for_each = local.functions

  name                 = each.value.name
  path                 = var.iam_path
  description          = "Execution role of the function ${each.value.name}"
  assume_role_policy   = data.aws_iam_policy_document.lambda_trust.json
  permissions_boundary = local.permissions_boundary_arn
  tags                 = local.tags
}

data "aws_iam_policy_document" "lambda_trust" {
  statement {
    actions = ["sts:AssumeRole"]

    principals {
      type        = "Service"
      identifiers = ["lambda.amazonaws.com"]
    }

    condition {
      test     = "StringEquals"
      variable = "aws:SourceAccount"
      values   = [local.account_id]
    }
  }
}

# What every function needs: its own log group, which it may not create, and traces.
resource "aws_iam_role_policy" "observability" {
  for_each = local.functions

  name   = "observability"
  role   = aws_iam_role.lambda[each.key].id
  policy = data.aws_iam_policy_document.observability[each.key].json
}

data "aws_iam_policy_document" "observability" {
  for_each = local.functions

  statement {
    sid       = "WriteOwnLog"
    actions   = ["logs:CreateLogStream", "logs:PutLogEvents"]
    resources = ["arn:${local.partition}:logs:${var.aws_region}:${local.account_id}:log-group:/aws/lambda/${each.value.name}:*"]
  }

  # X-Ray has no resources to name.
  statement {
    sid       = "SendTraces"
    actions   = ["xray:PutTelemetryRecords", "xray:PutTraceSegments"]
    resources = ["*"]
  }
}

# Lambda attaches a function to the VPC with the function's role. The code inside the function shall not use these
# rights: requests that come from it carry lambda:SourceFunctionArn and are denied.
resource "aws_iam_role_policy" "network" {
  for_each = { for key, function in local.functions : key => function if function.in_vpc }

  name   = "network"
  role   = aws_iam_role.lambda[each.key].id
  policy = data.aws_iam_policy_document.network[each.key].json
}

data "aws_iam_policy_document" "network" {
  for_each = { for key, function in local.functions : key => function if function.in_vpc }

  statement {
    sid = "ManageInterfaces"

    actions = [
      "ec2:AssignPrivateIpAddresses",
      "ec2:CreateNetworkInterface",
      "ec2:DeleteNetworkInterface",
      "ec2:UnassignPrivateIpAddresses",
    ]

    resources = ["arn:${local.partition}:ec2:${var.aws_region}:${local.account_id}:*/*"]
  }

  # These have no resource level.
  statement {
    sid = "DescribeNetwork"

    actions = [
      "ec2:DescribeNetworkInterfaces",
      "ec2:DescribeSecurityGroups",
      "ec2:DescribeSubnets",
      "ec2:DescribeVpcs",
    ]

    resources = ["*"]
  }

  statement {
    sid    = "DenyToTheFunctionsCode"
    effect = "Deny"

    actions = [
      "ec2:AssignPrivateIpAddresses",
      "ec2:CreateNetworkInterface",
      "ec2:DeleteNetworkInterface",
      "ec2:DescribeNetworkInterfaces",
      "ec2:DescribeSecurityGroups",
      "ec2:DescribeSubnets",
      "ec2:DescribeVpcs",
      "ec2:UnassignPrivateIpAddresses",
    ]

    resources = ["*"]

    condition {
      test     = "ArnEquals"
      variable = "lambda:SourceFunctionArn"
      values   = [local.function_arns[each.key]]
    }
  }
}
