# Rendered by tfgen from data-transformation/roles.tf; change the spec or the blueprint instead.

# One role per function and one for Firehose, each within the project's boundary.
locals {
  functions = {
    stream         = { name = local.stream_name, purpose = "read the stream" }
    transformation = { name = local.name, purpose = "transform records" }
  }

  delivery_stream_arn = "arn:${local.partition}:firehose:${var.aws_region}:${local.account_id}:deliverystream/${local.name}"
  glue_arns           = "arn:${local.partition}:glue:${var.aws_region}:${local.account_id}"
}

resource "aws_iam_role" "this" {
  for_each = local.functions

  name                 = each.value.name
  path                 = var.iam_path
  description          = "Execution role of the function ${each.value.name}: ${each.value.purpose}"
  assume_role_policy   = data.aws_iam_policy_document.lambda_trust.json
  permissions_boundary = local.iam.permissions_boundary_arn
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
  role   = aws_iam_role.this[each.key].id
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

resource "aws_iam_role_policy" "stream" {
  name   = "read-the-stream"
  role   = aws_iam_role.this["stream"].id
  policy = data.aws_iam_policy_document.stream.json
}

data "aws_iam_policy_document" "stream" {
  statement {
    sid       = "ReadTheStream"
    actions   = ["dynamodb:DescribeStream", "dynamodb:GetRecords", "dynamodb:GetShardIterator"]
    resources = [local.storage.orders_stream_arn]
  }

  # Lambda's poller lists streams; this has no resource level.
  statement {
    sid       = "ListStreams"
    actions   = ["dynamodb:ListStreams"]
    resources = ["*"]
  }

  statement {
    sid       = "HandOn"
    actions   = ["firehose:PutRecordBatch"]
    resources = [local.delivery_stream_arn]
  }

  statement {
    sid       = "NameWhatFailed"
    actions   = ["sqs:SendMessage"]
    resources = [aws_sqs_queue.dead_letter.arn]
  }

  statement {
    sid       = "UseTheKeyThroughServices"
    actions   = ["kms:Decrypt", "kms:GenerateDataKey"]
    resources = [local.foundation.kms_key_arn]

    condition {
      test     = "StringEquals"
      variable = "kms:ViaService"
      values   = ["dynamodb.${local.service_suffix}", "lambda.${local.service_suffix}", "sqs.${local.service_suffix}"]
    }
  }
}

resource "aws_iam_role_policy" "transformation" {
  name   = "transform-records"
  role   = aws_iam_role.this["transformation"].id
  policy = data.aws_iam_policy_document.transformation.json
}

# Records come in the event and leave in the answer, so it needs no right to any of them.
data "aws_iam_policy_document" "transformation" {
  statement {
    sid       = "DeriveTheSecretOfPseudonyms"
    actions   = ["kms:GenerateMac"]
    resources = [aws_kms_key.pseudonyms.arn]
  }

  # Its environment variables are encrypted.
  statement {
    sid       = "UseTheKeyThroughLambda"
    actions   = ["kms:Decrypt"]
    resources = [local.foundation.kms_key_arn]

    condition {
      test     = "StringEquals"
      variable = "kms:ViaService"
      values   = ["lambda.${local.service_suffix}"]
    }
  }
}

resource "aws_iam_role" "firehose" {
  name                 = "${local.name}-firehose"
  path                 = var.iam_path
  description          = "Role of the delivery stream ${local.name}"
  assume_role_policy   = data.aws_iam_policy_document.firehose_trust.json
  permissions_boundary = local.iam.permissions_boundary_arn
  tags                 = local.tags
}

data "aws_iam_policy_document" "firehose_trust" {
  statement {
    actions = ["sts:AssumeRole"]

    principals {
      type        = "Service"
      identifiers = ["firehose.amazonaws.com"]
    }

    condition {
      test     = "StringEquals"
      variable = "aws:SourceAccount"
      values   = [local.account_id]
    }

    condition {
      test     = "ArnEquals"
      variable = "aws:SourceArn"
      values   = [local.delivery_stream_arn]
    }
  }
}

resource "aws_iam_role_policy" "firehose" {
  name   = "deliver"
  role   = aws_iam_role.firehose.id
  policy = data.aws_iam_policy_document.firehose.json
}

data "aws_iam_policy_document" "firehose" {
  statement {
    sid       = "FindTheBucket"
    actions   = ["s3:GetBucketLocation", "s3:ListBucket", "s3:ListBucketMultipartUploads"]
    resources = [local.storage.data_bucket_arn]
  }

  statement {
    sid     = "WriteFiles"
    actions = ["s3:AbortMultipartUpload", "s3:PutObject"]

    resources = [
      "${local.storage.data_bucket_arn}/${local.curated_prefix}*",
      "${local.storage.data_bucket_arn}/${local.errors_prefix}*",
    ]
  }

  statement {
    sid       = "HaveRecordsTransformed"
    actions   = ["lambda:GetFunctionConfiguration", "lambda:InvokeFunction"]
    resources = [aws_lambda_alias.transformation.arn]
  }

  statement {
    sid     = "ReadTheSchema"
    actions = ["glue:GetTable", "glue:GetTableVersion", "glue:GetTableVersions"]

    resources = [
      "${local.glue_arns}:catalog",
      "${local.glue_arns}:database/${aws_glue_catalog_database.this.name}",
      "${local.glue_arns}:table/${aws_glue_catalog_database.this.name}/${aws_glue_catalog_table.order_lines.name}",
    ]
  }

  statement {
    sid       = "WriteDeliveryLog"
    actions   = ["logs:PutLogEvents"]
    resources = ["${aws_cloudwatch_log_group.delivery.arn}:log-stream:*"]
  }

  statement {
    sid       = "UseTheKeyThroughServices"
    actions   = ["kms:Decrypt", "kms:GenerateDataKey"]
    resources = [local.foundation.kms_key_arn]

    condition {
      test     = "StringEquals"
      variable = "kms:ViaService"
      values   = ["firehose.${local.service_suffix}", "s3.${local.service_suffix}"]
    }
  }
}
