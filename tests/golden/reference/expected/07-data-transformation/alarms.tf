# Rendered by tfgen from data-transformation/alarms.tf; change the spec or the blueprint instead.

locals {
  # What most alarms have in common; an entry says what is different about it.
  alarm_defaults = {
    statistic          = "Sum"
    threshold          = 0
    evaluation_periods = 1
  }

  alarms = {
    for id, alarm in {
      stream-lag = {
        description        = "The order lines lag behind the orders."
        namespace          = "AWS/Lambda"
        metric_name        = "IteratorAge"
        dimensions         = { FunctionName = local.stream_name }
        statistic          = "Maximum"
        threshold          = var.max_lag_minutes * 60000
        evaluation_periods = 2
      }
      stream-errors = {
        description = "Changes of orders cannot be handed on."
        namespace   = "AWS/Lambda"
        metric_name = "Errors"
        dimensions  = { FunctionName = local.stream_name }
      }
      transformation-errors = {
        description = "The transformation of order lines fails."
        namespace   = "AWS/Lambda"
        metric_name = "Errors"
        dimensions  = { FunctionName = local.name }
      }
      records-refused = {
        description = "Records held no readable order."
        namespace   = local.name_prefix
        metric_name = "RecordsRefused"
        dimensions  = { service = local.name }
      }
      conversion-failures = {
        description = "Rows do not fit the table's columns."
        namespace   = "AWS/Firehose"
        metric_name = "FailedConversion.Records"
        dimensions  = { DeliveryStreamName = local.name }
      }
      delivery-lag = {
        description        = "Files of order lines are late."
        namespace          = "AWS/Firehose"
        metric_name        = "DeliveryToS3.DataFreshness"
        dimensions         = { DeliveryStreamName = local.name }
        statistic          = "Maximum"
        threshold          = var.buffer_seconds + var.max_lag_minutes * 60
        evaluation_periods = 2
      }
      dead-letters = {
        description = "Changes of orders were given up."
        namespace   = "AWS/SQS"
        metric_name = "ApproximateNumberOfMessagesVisible"
        dimensions  = { QueueName = aws_sqs_queue.dead_letter.name }
        statistic   = "Maximum"
      }
    } : id => merge(local.alarm_defaults, alarm)
  }

  alarm_topics = [local.notification.alerts_topic_arn]

  runbook = "Runbook: terraform/07-data-transformation/README.md"
}

resource "aws_cloudwatch_metric_alarm" "this" {
  for_each = local.alarms

  alarm_name        = "${local.name}-${each.key}"
  alarm_description = "${each.value.description} ${local.runbook}#${each.key}"

  namespace   = each.value.namespace
  metric_name = each.value.metric_name
  dimensions  = each.value.dimensions
  statistic   = each.value.statistic

  comparison_operator = "GreaterThanThreshold"
  threshold           = each.value.threshold
  period              = 300
  evaluation_periods  = each.value.evaluation_periods
  datapoints_to_alarm = each.value.evaluation_periods
  treat_missing_data  = "notBreaching"

  actions_enabled           = true
  alarm_actions             = local.alarm_topics
  ok_actions                = local.alarm_topics
  insufficient_data_actions = []

  tags = local.tags
}
