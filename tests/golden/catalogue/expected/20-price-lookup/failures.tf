# Rendered by tfgen from lambda/failures.tf; change the spec or the blueprint instead.

locals {
  dead_letter_queue_name = "${local.function_name}-dlq"
  dead_letter_queue_arn  = "arn:${local.partition}:sqs:${var.aws_region}:${local.account_id}:${local.dead_letter_queue_name}"

  # Lambda and Scheduler send with their roles. EventBridge has none.
  rule_arns = []
}

# What failed for good waits here for a person. The policy stands in the queue: SQS takes a minute to settle after each
# change, and this way it is one. It names the queue by an ARN made from its name, because a resource cannot refer to itself.
resource "aws_sqs_queue" "dead_letter" {
  name                              = local.dead_letter_queue_name
  message_retention_seconds         = 1209600
  visibility_timeout_seconds        = 300
  kms_master_key_id                 = local.foundation.kms_key_arn
  kms_data_key_reuse_period_seconds = 300
  tags                              = local.tags

  policy = jsonencode({
    Version = "2012-10-17"
    Statement = concat(
      [{
        Sid       = "DenyInsecureTransport"
        Effect    = "Deny"
        Principal = "*"
        Action    = "sqs:*"
        Resource  = local.dead_letter_queue_arn
        Condition = { Bool = { "aws:SecureTransport" = "false" } }
      }],
      [for rule_arn in local.rule_arns : {
        Sid       = "AllowEventBridgeRule"
        Effect    = "Allow"
        Principal = { Service = "events.amazonaws.com" }
        Action    = "sqs:SendMessage"
        Resource  = local.dead_letter_queue_arn
        Condition = { ArnEquals = { "aws:SourceArn" = rule_arn } }
      }],
    )
  })
}

locals {
  alarm_topics = [local.notification.alerts_topic_arn]

  alarms = {
    errors = {
      description = "${local.function_name} failed."
      namespace   = "AWS/Lambda"
      metric_name = "Errors"
      dimensions  = { FunctionName = aws_lambda_function.this.function_name }
      statistic   = "Sum"
      threshold   = 0
    }
    throttles = {
      description = "Calls of ${local.function_name} were refused."
      namespace   = "AWS/Lambda"
      metric_name = "Throttles"
      dimensions  = { FunctionName = aws_lambda_function.this.function_name }
      statistic   = "Sum"
      threshold   = 0
    }
    failed = {
      description = "Something that ${local.function_name} should have handled failed for good."
      namespace   = "AWS/SQS"
      metric_name = "ApproximateNumberOfMessagesVisible"
      dimensions  = { QueueName = aws_sqs_queue.dead_letter.name }
      statistic   = "Maximum"
      threshold   = 0
    }
  }
}

resource "aws_cloudwatch_metric_alarm" "this" {
  for_each = local.alarms

  alarm_name        = "${local.function_name}-${each.key}"
  alarm_description = "${each.value.description} Runbook: terraform/20-price-lookup/README.md#${each.key}"

  namespace   = each.value.namespace
  metric_name = each.value.metric_name
  dimensions  = each.value.dimensions
  statistic   = each.value.statistic

  comparison_operator = "GreaterThanThreshold"
  threshold           = each.value.threshold
  period              = 300
  evaluation_periods  = 1
  datapoints_to_alarm = 1
  treat_missing_data  = "notBreaching"

  actions_enabled           = true
  alarm_actions             = local.alarm_topics
  ok_actions                = local.alarm_topics
  insufficient_data_actions = []

  tags = local.tags
}
