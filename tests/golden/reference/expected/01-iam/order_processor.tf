# Rendered by tfgen from iam/order_processor.tf; change the spec or the blueprint instead.

resource "aws_iam_role_policy" "order_processor" {
  name   = "process-orders"
  role   = aws_iam_role.lambda["order_processor"].id
  policy = data.aws_iam_policy_document.order_processor.json
}

data "aws_iam_policy_document" "order_processor" {
  # A transaction is authorised by the actions inside it. Reports and mail marks in the same table are out of reach.
  statement {
    sid = "ReadAndWriteOrders"

    actions = [
      "dynamodb:GetItem",
      "dynamodb:PutItem",
      "dynamodb:UpdateItem",
    ]

    resources = [local.orders_table_arn]

    condition {
      test     = "ForAllValues:StringLike"
      variable = "dynamodb:LeadingKeys"
      values   = ["ORDER#*", "CUSTOMER#*", "SHARDS#*"]
    }
  }

  # Which version of a report is the newest: read, never written.
  statement {
    sid       = "ReadReportVersions"
    actions   = ["dynamodb:GetItem"]
    resources = [local.orders_table_arn]

    condition {
      test     = "ForAllValues:StringLike"
      variable = "dynamodb:LeadingKeys"
      values   = ["REPORT#*"]
    }
  }

  statement {
    sid       = "ReadAndWriteIdempotencyRecords"
    actions   = ["dynamodb:GetItem", "dynamodb:PutItem"]
    resources = [local.idempotency_table_arn]
  }

  statement {
    sid       = "ListOrdersOfACustomer"
    actions   = ["dynamodb:Query"]
    resources = ["${local.orders_table_arn}/index/gsi2_customer"]
  }

  # A link carries the rights of the role that signed it.
  statement {
    sid       = "LinkToReports"
    actions   = ["s3:GetObject"]
    resources = ["${local.reports_bucket_arn}/reports/*"]
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
      ]
    }
  }
}
