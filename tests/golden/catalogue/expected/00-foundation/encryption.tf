# Rendered by tfgen from foundation/encryption.tf; change the spec or the blueprint instead.

# One key for everything this environment stores: tables, buckets, queues, topics, logs, schedules. It is written for
# what later modules bring, so that adding one does not touch this layer.

resource "aws_kms_key" "main" {
  description             = "Data at rest of ${local.name_prefix}"
  deletion_window_in_days = 30
  enable_key_rotation     = true
  policy                  = data.aws_iam_policy_document.key.json
  tags                    = local.tags
}

resource "aws_kms_alias" "main" {
  name          = "alias/${local.name_prefix}"
  target_key_id = aws_kms_key.main.key_id
}

data "aws_iam_policy_document" "key" {
  # Users and roles of the account get their rights from IAM policies alone.
  statement {
    sid       = "AccountAdministersThroughIam"
    actions   = ["kms:*"]
    resources = ["*"]

    principals {
      type        = "AWS"
      identifiers = ["arn:${local.partition}:iam::${local.account_id}:root"]
    }

    condition {
      test     = "StringEquals"
      variable = "kms:CallerAccount"
      values   = [local.account_id]
    }
  }

  statement {
    sid = "CloudWatchLogsOfTheProject"

    actions = [
      "kms:Decrypt",
      "kms:DescribeKey",
      "kms:Encrypt",
      "kms:GenerateDataKey",
      "kms:GenerateDataKeyWithoutPlaintext",
      "kms:ReEncryptFrom",
      "kms:ReEncryptTo",
    ]

    resources = ["*"]

    principals {
      type        = "Service"
      identifiers = ["logs.${var.aws_region}.${data.aws_partition.current.dns_suffix}"]
    }

    condition {
      test     = "ArnLike"
      variable = "kms:EncryptionContext:aws:logs:arn"

      # API Gateway names the group of its execution log itself, by the API's id.
      values = [
        "arn:${local.partition}:logs:${var.aws_region}:${local.account_id}:log-group:/aws/*/${local.name_prefix}*",
        "arn:${local.partition}:logs:${var.aws_region}:${local.account_id}:log-group:API-Gateway-Execution-Logs_*",
      ]
    }
  }

  # Services that write to an encrypted topic or queue, or deliver encrypted objects, on behalf of this account.
  statement {
    sid       = "ServicesOfTheAccount"
    actions   = ["kms:Decrypt", "kms:GenerateDataKey"]
    resources = ["*"]

    principals {
      type = "Service"

      identifiers = [
        "cloudwatch.amazonaws.com",
        "events.amazonaws.com",
        "s3.amazonaws.com",
        "scheduler.amazonaws.com",
        "ses.amazonaws.com",
        "sns.amazonaws.com",
        "sqs.amazonaws.com",
      ]
    }

    condition {
      test     = "StringEquals"
      variable = "aws:SourceAccount"
      values   = [local.account_id]
    }
  }
}
