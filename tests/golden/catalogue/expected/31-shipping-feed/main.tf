# Rendered by tfgen from event-rule/main.tf; change the spec or the blueprint instead.

# The rule and its target, and queue.tf for what could not be delivered.

data "aws_caller_identity" "current" {}

data "aws_partition" "current" {}

locals {
  account_id = data.aws_caller_identity.current.account_id
  partition  = data.aws_partition.current.partition
  rule_name  = "${local.name_prefix}-shipping-feed"
  target_arn = local.shipments.queue_arn

  # The account first: events of other accounts that share the bus are not meant.
  event_pattern = merge({ account = [local.account_id] }, {
    source = ["shop"]
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
  target_id = "queue"
  arn       = local.target_arn

  sqs_target {
    message_group_id = "shop"
  }

  retry_policy {
    maximum_retry_attempts       = 5
    maximum_event_age_in_seconds = 3600
  }

  dead_letter_config {
    arn = aws_sqs_queue.dead_letter.arn
  }

  lifecycle {
    precondition {
      condition     = split(":", local.target_arn)[2] == local.target_service
      error_message = "The target is no ARN of ${local.target_service}: target and target_arn do not fit together."
    }
  }
}

locals {
  target_service = { queue = "sqs", topic = "sns", function = "lambda" }["queue"]
}
