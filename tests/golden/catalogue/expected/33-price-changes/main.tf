# Rendered by tfgen from event-rule/main.tf; change the spec or the blueprint instead.

# The rule and its target, and queue.tf for what could not be delivered.

data "aws_caller_identity" "current" {}

data "aws_partition" "current" {}

locals {
  account_id = data.aws_caller_identity.current.account_id
  partition  = data.aws_partition.current.partition
  rule_name  = "${local.name_prefix}-price-changes"
  target_arn = local.price_lookup.function_alias_arn

  # The account first: events of other accounts that share the bus are not meant.
  event_pattern = merge({ account = [local.account_id] }, {
    source      = ["shop"]
    detail-type = ["PriceChanged"]
  })
}

resource "aws_cloudwatch_event_rule" "this" {
  name          = local.rule_name
  description   = "Events for ${local.rule_name}"
  state         = var.enabled ? "ENABLED" : "DISABLED"
  event_pattern = jsonencode(local.event_pattern)
  tags          = local.tags
}

resource "aws_cloudwatch_event_target" "this" {
  rule      = aws_cloudwatch_event_rule.this.name
  target_id = "function"
  arn       = local.target_arn

  retry_policy {
    maximum_retry_attempts       = 5
    maximum_event_age_in_seconds = 3600
  }

  dead_letter_config {
    arn = aws_sqs_queue.dead_letter.arn
  }

  depends_on = [aws_lambda_permission.this]

  lifecycle {
    precondition {
      condition     = split(":", local.target_arn)[2] == local.target_service
      error_message = "The target is no ARN of ${local.target_service}: target and target_arn do not fit together."
    }
  }
}

locals {
  target_service = { queue = "sqs", topic = "sns", function = "lambda" }["function"]
}

# The function is another module's; that this rule may call it is this module's. The rule's ARN holds the account;
# EventBridge sends no aws:SourceAccount, and asking for it would refuse every call.
resource "aws_lambda_permission" "this" {
  statement_id  = "Allow-${local.rule_name}"
  action        = "lambda:InvokeFunction"
  function_name = split(":", local.target_arn)[6]
  qualifier     = try(split(":", local.target_arn)[7], null)
  principal     = "events.amazonaws.com"
  source_arn    = aws_cloudwatch_event_rule.this.arn
}
