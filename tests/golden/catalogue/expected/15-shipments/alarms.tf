# Rendered by tfgen from queue/alarms.tf; change the spec or the blueprint instead.

locals {
  alarm_topics = []

  alarms = {
    failed = {
      description = "A message of ${local.queue_name} failed for good."
      queue_name  = aws_sqs_queue.dead_letter.name
      metric_name = "ApproximateNumberOfMessagesVisible"
      threshold   = 0
    }
    waiting = {
      description = "A message waits in ${local.queue_name} for more than ${var.alarm_age_minutes} minutes."
      queue_name  = aws_sqs_queue.this.name
      metric_name = "ApproximateAgeOfOldestMessage"
      threshold   = var.alarm_age_minutes * 60
    }
  }
}

resource "aws_cloudwatch_metric_alarm" "this" {
  for_each = local.alarms

  alarm_name        = "${local.name_prefix}-shipments-${each.key}"
  alarm_description = "${each.value.description} Runbook: terraform/15-shipments/README.md#${each.key}"

  namespace   = "AWS/SQS"
  metric_name = each.value.metric_name
  dimensions  = { QueueName = each.value.queue_name }
  statistic   = "Maximum"

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
