# Rendered by tfgen from iam/report_generator.tf; change the spec or the blueprint instead.

resource "aws_iam_role_policy" "report_generator" {
  name   = "generate-reports"
  role   = aws_iam_role.lambda["report_generator"].id
  policy = data.aws_iam_policy_document.report_generator.json
}

data "aws_iam_policy_document" "report_generator" {
  # Orders are read through the day index alone: no scan, and no order by its key.
  statement {
    sid       = "QueryOrdersOfADay"
    actions   = ["dynamodb:Query"]
    resources = ["${local.orders_table_arn}/index/gsi1_day"]
  }

  statement {
    sid       = "KeepReportVersionsAndShardCounts"
    actions   = ["dynamodb:GetItem", "dynamodb:PutItem", "dynamodb:UpdateItem"]
    resources = [local.orders_table_arn]

    condition {
      test     = "ForAllValues:StringLike"
      variable = "dynamodb:LeadingKeys"
      values   = ["REPORT#*", "SHARDS#*"]
    }
  }

  statement {
    sid       = "ReadAndWriteReports"
    actions   = ["s3:GetObject", "s3:PutObject"]
    resources = ["${local.reports_bucket_arn}/reports/*"]
  }

  statement {
    sid       = "ListReports"
    actions   = ["s3:ListBucket"]
    resources = [local.reports_bucket_arn]

    condition {
      test     = "StringLike"
      variable = "s3:prefix"
      values   = ["reports/*"]
    }
  }

  statement {
    sid       = "ReportFailedInvocations"
    actions   = ["sqs:SendMessage"]
    resources = ["${local.queue_arns}-report-generator-dlq"]
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
        "sqs.${local.service_suffix}",
      ]
    }
  }
}
