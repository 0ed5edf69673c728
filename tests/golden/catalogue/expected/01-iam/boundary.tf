# Rendered by tfgen from iam/boundary.tf; change the spec or the blueprint instead.

# The most that any role of the project may ever do, whatever its own policies say: work on things that bear the
# project's name. It grants nothing by itself. It already covers what later modules bring (streams, Firehose, Glue,
# Athena), so that adding one does not touch this module. Where the company prescribes a boundary, that one is used instead.

resource "aws_iam_policy" "boundary" {
  count = var.permissions_boundary_arn == "" ? 1 : 0

  name        = "${local.name_prefix}-boundary"
  path        = var.iam_path
  description = "Upper limit for the roles of ${local.name_prefix}"
  policy      = data.aws_iam_policy_document.boundary.json
  tags        = local.tags
}

locals {
  # Athena wants databases without hyphens.
  glue_prefix = replace(local.name_prefix, "-", "_")
}

data "aws_iam_policy_document" "boundary" {
  statement {
    sid     = "Logs"
    actions = ["logs:CreateLogStream", "logs:DescribeLogStreams", "logs:PutLogEvents"]

    resources = ["arn:${local.partition}:logs:${var.aws_region}:${local.account_id}:log-group:/aws/*/${local.name_prefix}*"]
  }

  # X-Ray, the description of networks and the list of streams have no resource level.
  statement {
    sid = "WithoutResources"

    actions = [
      "dynamodb:ListStreams",
      "ec2:DescribeNetworkInterfaces",
      "ec2:DescribeSecurityGroups",
      "ec2:DescribeSubnets",
      "ec2:DescribeVpcs",
      "xray:PutTelemetryRecords",
      "xray:PutTraceSegments",
    ]

    resources = ["*"]
  }

  statement {
    sid = "Network"

    actions = [
      "ec2:AssignPrivateIpAddresses",
      "ec2:CreateNetworkInterface",
      "ec2:DeleteNetworkInterface",
      "ec2:UnassignPrivateIpAddresses",
    ]

    resources = ["arn:${local.partition}:ec2:${var.aws_region}:${local.account_id}:*/*"]
  }

  statement {
    sid = "Tables"

    actions = [
      "dynamodb:BatchGetItem",
      "dynamodb:BatchWriteItem",
      "dynamodb:ConditionCheckItem",
      "dynamodb:DeleteItem",
      "dynamodb:DescribeStream",
      "dynamodb:DescribeTable",
      "dynamodb:GetItem",
      "dynamodb:GetRecords",
      "dynamodb:GetShardIterator",
      "dynamodb:PutItem",
      "dynamodb:Query",
      "dynamodb:UpdateItem",
    ]

    resources = ["${local.table_arns}-*"]
  }

  statement {
    sid = "Buckets"

    actions = [
      "s3:AbortMultipartUpload",
      "s3:DeleteObject",
      "s3:GetBucketLocation",
      "s3:GetObject",
      "s3:GetObjectVersion",
      "s3:ListBucket",
      "s3:ListBucketMultipartUploads",
      "s3:ListMultipartUploadParts",
      "s3:PutObject",
    ]

    resources = ["${local.bucket_arns}-*"]
  }

  statement {
    sid = "Messages"

    actions = [
      "sns:Publish",
      "sqs:ChangeMessageVisibility",
      "sqs:DeleteMessage",
      "sqs:GetQueueAttributes",
      "sqs:ReceiveMessage",
      "sqs:SendMessage",
    ]

    resources = ["${local.queue_arns}-*", "${local.topic_arns}-*"]
  }

  statement {
    sid     = "Mail"
    actions = ["ses:SendEmail", "ses:SendRawEmail"]

    resources = [
      "arn:${local.partition}:ses:${var.aws_region}:${local.account_id}:configuration-set/${local.name_prefix}-*",
      "arn:${local.partition}:ses:${var.aws_region}:${local.account_id}:identity/*",
    ]
  }

  statement {
    sid = "Compute"

    actions = [
      "events:PutEvents",
      "firehose:PutRecord",
      "firehose:PutRecordBatch",
      "lambda:GetFunctionConfiguration",
      "lambda:InvokeFunction",
    ]

    resources = [
      "arn:${local.partition}:events:${var.aws_region}:${local.account_id}:event-bus/default",
      "arn:${local.partition}:firehose:${var.aws_region}:${local.account_id}:deliverystream/${local.name_prefix}-*",
      "arn:${local.partition}:lambda:${var.aws_region}:${local.account_id}:function:${local.name_prefix}-*",
    ]
  }

  statement {
    sid = "Analytics"

    actions = [
      "athena:GetQueryExecution",
      "athena:GetQueryResults",
      "athena:StartQueryExecution",
      "athena:StopQueryExecution",
      "glue:GetDatabase",
      "glue:GetPartition",
      "glue:GetPartitions",
      "glue:GetTable",
      "glue:GetTableVersion",
      "glue:GetTableVersions",
    ]

    resources = [
      "arn:${local.partition}:athena:${var.aws_region}:${local.account_id}:workgroup/${local.name_prefix}*",
      "arn:${local.partition}:glue:${var.aws_region}:${local.account_id}:catalog",
      "arn:${local.partition}:glue:${var.aws_region}:${local.account_id}:database/${local.glue_prefix}*",
      "arn:${local.partition}:glue:${var.aws_region}:${local.account_id}:table/${local.glue_prefix}*",
    ]
  }

  statement {
    sid       = "Key"
    actions   = ["kms:Decrypt", "kms:DescribeKey", "kms:GenerateDataKey"]
    resources = [local.foundation.kms_key_arn]
  }

  # Keys that a module brings for itself; they have no name but their alias.
  statement {
    sid       = "OwnKeys"
    actions   = ["kms:GenerateMac"]
    resources = ["arn:${local.partition}:kms:${var.aws_region}:${local.account_id}:key/*"]

    condition {
      test     = "ForAnyValue:StringLike"
      variable = "kms:ResourceAliases"
      values   = ["alias/${local.name_prefix}-*"]
    }
  }
}
