# Rendered by tfgen from iam/notifier.tf; change the spec or the blueprint instead.

resource "aws_iam_role_policy" "notifier" {
  name   = "send-reports"
  role   = aws_iam_role.lambda["notifier"].id
  policy = data.aws_iam_policy_document.notifier.json
}

data "aws_iam_policy_document" "notifier" {
  statement {
    sid       = "ReadReports"
    actions   = ["s3:GetObject"]
    resources = ["${local.reports_bucket_arn}/reports/*"]
  }

  # The mark that keeps a repeated event from mailing twice.
  statement {
    sid       = "MarkReportsAsSent"
    actions   = ["dynamodb:PutItem", "dynamodb:UpdateItem"]
    resources = [local.orders_table_arn]

    condition {
      test     = "ForAllValues:StringLike"
      variable = "dynamodb:LeadingKeys"
      values   = ["REPORT#*"]
    }
  }

  # A message built as MIME is checked as SendRawEmail. The address decides, not the identity: SES may check the address or
  # its domain, and in the sandbox the recipients too.
  statement {
    sid     = "MailFromTheSender"
    actions = ["ses:SendEmail", "ses:SendRawEmail"]

    resources = [
      "arn:${local.partition}:ses:${var.aws_region}:${local.account_id}:configuration-set/${local.name_prefix}-*",
      "arn:${local.partition}:ses:${var.aws_region}:${local.account_id}:identity/*",
    ]

    condition {
      test     = "StringEquals"
      variable = "ses:FromAddress"
      values   = [var.sender]
    }
  }

  statement {
    sid       = "AnnounceReports"
    actions   = ["sns:Publish"]
    resources = ["${local.topic_arns}-reports"]
  }

  statement {
    sid       = "ReportFailedInvocations"
    actions   = ["sqs:SendMessage"]
    resources = ["${local.queue_arns}-notifier-dlq"]
  }

  statement {
    sid       = "UseTheKeyThroughServices"
    actions   = ["kms:Decrypt", "kms:GenerateDataKey"]
    resources = [local.foundation.kms_key_arn]

    condition {
      test     = "StringEquals"
      variable = "kms:ViaService"

      values = [
        "dynamodb.${local.service_suffix}",
        "lambda.${local.service_suffix}",
        "s3.${local.service_suffix}",
        "sns.${local.service_suffix}",
        "sqs.${local.service_suffix}",
      ]
    }
  }
}
