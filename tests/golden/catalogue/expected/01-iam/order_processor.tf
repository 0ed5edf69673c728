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
      "dynamodb:ConditionCheckItem",
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

  statement {
    sid = "ReadAndWriteIdempotencyRecords"

    actions = [
      "dynamodb:ConditionCheckItem",
      "dynamodb:GetItem",
      "dynamodb:PutItem",
      "dynamodb:UpdateItem",
    ]

    resources = [local.idempotency_table_arn]
  }

  statement {
    sid       = "ListOrdersOfACustomer"
    actions   = ["dynamodb:Query"]
    resources = ["${local.orders_table_arn}/index/gsi2_customer"]
  }

  statement {
    sid       = "UseTheKeyThroughServices"
    actions   = ["kms:Decrypt", "kms:GenerateDataKey"]
    resources = [local.foundation.kms_key_arn]

    condition {
      test     = "StringEquals"
      variable = "kms:ViaService"
      values   = ["dynamodb.${local.service_suffix}", "lambda.${local.service_suffix}"]
    }
  }
}
