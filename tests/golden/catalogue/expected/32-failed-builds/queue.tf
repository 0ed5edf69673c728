# Rendered by tfgen from event-rule/queue.tf; change the spec or the blueprint instead.

locals {
  dead_letter_queue_name = "${local.rule_name}-dlq"
  dead_letter_queue_arn  = "arn:${local.partition}:sqs:${var.aws_region}:${local.account_id}:${local.dead_letter_queue_name}"
  alarm_topics           = [local.notification.alerts_topic_arn]
}

# The policy stands in the queue: SQS takes a minute to settle after each change, and this way it is one.
# It names the queue by an ARN made from its name, because a resource cannot refer to itself.
resource "aws_sqs_queue" "dead_letter" {
  name                              = local.dead_letter_queue_name
  message_retention_seconds         = 1209600
  visibility_timeout_seconds        = 300
  kms_master_key_id                 = local.foundation.kms_key_arn
  kms_data_key_reuse_period_seconds = 300
  tags                              = local.tags

  policy = jsonencode({
    Version = "2012-10-17"
    Statement = [
      {
        Sid       = "DenyInsecureTransport"
        Effect    = "Deny"
        Principal = "*"
        Action    = "sqs:*"
        Resource  = local.dead_letter_queue_arn
        Condition = { Bool = { "aws:SecureTransport" = "false" } }
      },
      {
        Sid       = "AllowEventBridgeRule"
        Effect    = "Allow"
        Principal = { Service = "events.amazonaws.com" }
        Action    = "sqs:SendMessage"
        Resource  = local.dead_letter_queue_arn
        Condition = { ArnEquals = { "aws:SourceArn" = aws_cloudwatch_event_rule.this.arn } }
      },
    ]
  })
}

resource "aws_cloudwatch_metric_alarm" "undelivered" {
  alarm_name        = "${local.rule_name}-undelivered"
  alarm_description = "An event of ${local.rule_name} could not be delivered. Runbook: terraform/32-failed-builds/README.md#undelivered"

  namespace   = "AWS/SQS"
  metric_name = "ApproximateNumberOfMessagesVisible"
  dimensions  = { QueueName = aws_sqs_queue.dead_letter.name }
  statistic   = "Maximum"

  comparison_operator = "GreaterThanThreshold"
  threshold           = 0
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
