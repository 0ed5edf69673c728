# Rendered by tfgen from lambda/role.tf; change the spec or the blueprint instead.

# What the function may do, under the boundary of the iam module. Nothing here has a wildcard as action.

resource "aws_iam_role" "this" {
  name                 = local.function_name
  path                 = var.iam_path
  description          = "Execution role of the function ${local.function_name}"
  assume_role_policy   = data.aws_iam_policy_document.trust.json
  permissions_boundary = local.iam.permissions_boundary_arn
  tags                 = local.tags
}

data "aws_iam_policy_document" "trust" {
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

resource "aws_iam_role_policy" "function" {
  name   = "function"
  role   = aws_iam_role.this.id
  policy = data.aws_iam_policy_document.function.json
}

locals {
  # ARNs by what is done with them; an empty list makes no statement.
  grants = {
    ReadTables = {
      actions   = ["dynamodb:BatchGetItem", "dynamodb:GetItem", "dynamodb:Query"]
      resources = flatten([for arn in local.read_tables : [arn, "${arn}/index/*"]])
    }
    WriteTables = {
      actions   = ["dynamodb:BatchWriteItem", "dynamodb:ConditionCheckItem", "dynamodb:DeleteItem", "dynamodb:PutItem", "dynamodb:UpdateItem"]
      resources = local.write_tables
    }
    ListBuckets = {
      actions   = ["s3:ListBucket"]
      resources = local.read_buckets
    }
    ReadBuckets = {
      actions   = ["s3:GetObject"]
      resources = [for arn in local.read_buckets : "${arn}/*"]
    }
    WriteBuckets = {
      actions   = ["s3:AbortMultipartUpload", "s3:PutObject"]
      resources = [for arn in local.write_buckets : "${arn}/*"]
    }
    SendToQueues = {
      actions   = ["sqs:SendMessage"]
      resources = concat([aws_sqs_queue.dead_letter.arn], local.send_queues)
    }
    PublishToTopics = {
      actions   = ["sns:Publish"]
      resources = local.publish_topics
    }
  }

  read_tables = []

  write_tables = []

  read_buckets = [local.uploads.bucket_arn]

  write_buckets = []

  send_queues = []

  publish_topics = []
}

data "aws_iam_policy_document" "function" {
  statement {
    sid       = "WriteOwnLog"
    actions   = ["logs:CreateLogStream", "logs:PutLogEvents"]
    resources = ["${aws_cloudwatch_log_group.function.arn}:*"]
  }

  # X-Ray has no resources to name.
  statement {
    sid       = "SendTraces"
    actions   = ["xray:PutTelemetryRecords", "xray:PutTraceSegments"]
    resources = ["*"]
  }

  dynamic "statement" {
    for_each = { for name, grant in local.grants : name => grant if length(grant.resources) > 0 }

    content {
      sid       = statement.key
      actions   = statement.value.actions
      resources = statement.value.resources
    }
  }

  statement {
    sid       = "UseTheKeyThroughServices"
    actions   = ["kms:Decrypt", "kms:GenerateDataKey"]
    resources = [local.foundation.kms_key_arn]

    condition {
      test     = "StringEquals"
      variable = "kms:ViaService"

      values = [
        for service in ["dynamodb", "lambda", "s3", "sns", "sqs"] : "${service}.${var.aws_region}.${data.aws_partition.current.dns_suffix}"
      ]
    }
  }
}
