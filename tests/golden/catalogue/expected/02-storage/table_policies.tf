# Rendered by tfgen from storage/table_policies.tf; change the spec or the blueprint instead.

# IAM grants the rights; these policies say what stays forbidden even if a role is given too many.

resource "aws_dynamodb_resource_policy" "orders" {
  resource_arn = aws_dynamodb_table.orders.arn
  policy       = data.aws_iam_policy_document.orders_table.json
}

data "aws_iam_policy_document" "orders_table" {
  # Reading the whole history costs more every day; reports query the index of a day.
  statement {
    sid       = "NoFunctionScans"
    effect    = "Deny"
    actions   = ["dynamodb:PartiQLSelect", "dynamodb:Scan"]
    resources = [aws_dynamodb_table.orders.arn, "${aws_dynamodb_table.orders.arn}/index/*"]

    principals {
      type        = "AWS"
      identifiers = ["*"]
    }

    condition {
      test     = "ArnEquals"
      variable = "aws:PrincipalArn"
      values   = values(local.iam.lambda_role_arns)
    }
  }

  # Orders are cancelled, never deleted.
  statement {
    sid    = "NoFunctionDeletes"
    effect = "Deny"

    actions = [
      "dynamodb:BatchWriteItem",
      "dynamodb:DeleteItem",
      "dynamodb:PartiQLDelete",
      "dynamodb:PartiQLInsert",
      "dynamodb:PartiQLUpdate",
    ]

    resources = [aws_dynamodb_table.orders.arn]

    principals {
      type        = "AWS"
      identifiers = ["*"]
    }

    condition {
      test     = "ArnEquals"
      variable = "aws:PrincipalArn"
      values   = values(local.iam.lambda_role_arns)
    }
  }
}

resource "aws_dynamodb_resource_policy" "idempotency" {
  resource_arn = aws_dynamodb_table.idempotency.arn
  policy       = data.aws_iam_policy_document.idempotency_table.json
}

data "aws_iam_policy_document" "idempotency_table" {
  # The records hold answers to clients: of the project's roles only the order processor works with them.
  statement {
    sid    = "OrderProcessorOnly"
    effect = "Deny"

    actions = [
      "dynamodb:BatchGetItem",
      "dynamodb:BatchWriteItem",
      "dynamodb:ConditionCheckItem",
      "dynamodb:DeleteItem",
      "dynamodb:GetItem",
      "dynamodb:PartiQLDelete",
      "dynamodb:PartiQLInsert",
      "dynamodb:PartiQLSelect",
      "dynamodb:PartiQLUpdate",
      "dynamodb:PutItem",
      "dynamodb:Query",
      "dynamodb:Scan",
      "dynamodb:UpdateItem",
    ]

    resources = [aws_dynamodb_table.idempotency.arn]

    principals {
      type        = "AWS"
      identifiers = ["*"]
    }

    condition {
      test     = "ArnLike"
      variable = "aws:PrincipalArn"
      values   = [local.project_roles]
    }

    condition {
      test     = "ArnNotEquals"
      variable = "aws:PrincipalArn"
      values   = [local.iam.lambda_role_arns["order_processor"]]
    }
  }
}
