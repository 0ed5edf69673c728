# Rendered by tfgen from event-processing/queues.tf; change the spec or the blueprint instead.

# One queue per way to fail, so that the queue already says where to look:
#   report_generator  the function was called and failed twice
#   report_schedule   Scheduler could not call the function
#   report_requested  EventBridge could not call the function
locals {
  dead_letter_queues = {
    report_generator = "${local.name_prefix}-report-generator-dlq"
    report_schedule  = "${local.name_prefix}-report-schedule-dlq"
    report_requested = "${local.name_prefix}-report-requested-dlq"
  }

  # Lambda and Scheduler send with their roles, whose policies are in the iam module. EventBridge has none.
  queue_senders = {
    report_generator = []
    report_schedule  = []
    report_requested = [aws_cloudwatch_event_rule.report_requested.arn]
  }

  queue_arn_prefix = "arn:${data.aws_partition.current.partition}:sqs:${var.aws_region}:${local.account_id}"
}

# The policy stands in the queue: SQS takes a minute to settle after each change, and this way it is one.
# It names the queue by an ARN made from its name, because a resource cannot refer to itself.
resource "aws_sqs_queue" "dead_letter" {
  for_each = local.dead_letter_queues

  name                              = each.value
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
        Resource  = "${local.queue_arn_prefix}:${each.value}"
        Condition = { Bool = { "aws:SecureTransport" = "false" } }
      }],
      [for rule_arn in local.queue_senders[each.key] : {
        Sid       = "AllowEventBridgeRule"
        Effect    = "Allow"
        Principal = { Service = "events.amazonaws.com" }
        Action    = "sqs:SendMessage"
        Resource  = "${local.queue_arn_prefix}:${each.value}"
        Condition = { ArnEquals = { "aws:SourceArn" = rule_arn } }
      }],
    )
  })
}
