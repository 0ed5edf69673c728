# Rendered by tfgen from alarm/main.tf; change the spec or the blueprint instead.

locals {
  topics = [local.notification.alerts_topic_arn]

  alarms = {
    invoices = {
      description = "Invoices pile up."
      namespace   = "AWS/SQS"
      metric_name = "ApproximateNumberOfMessagesVisible"
      dimensions  = {}
      dimensions_from = {
        QueueName = local.invoices.queue_name
      }
      statistic           = "Maximum"
      comparison          = "GreaterThanThreshold"
      threshold           = 100
      period_seconds      = 300
      evaluation_periods  = 3
      datapoints_to_alarm = 2
      missing_data        = "notBreaching"
    }
    api-slow = {
      description = "See the runbook of this module."
      namespace   = "AWS/ApiGateway"
      metric_name = "Latency"
      dimensions = {
        Stage = "$default"
      }
      dimensions_from = {
        ApiId = local.invoices_api.api_id
      }
      statistic           = "p99"
      comparison          = "GreaterThanThreshold"
      threshold           = 2500
      period_seconds      = 300
      evaluation_periods  = 1
      datapoints_to_alarm = 1
      missing_data        = "notBreaching"
    }
  }
}

resource "aws_cloudwatch_metric_alarm" "this" {
  for_each = local.alarms

  alarm_name        = "${local.name_prefix}-backlog-${each.key}"
  alarm_description = each.value.description

  namespace          = each.value.namespace
  metric_name        = each.value.metric_name
  dimensions         = merge(each.value.dimensions, each.value.dimensions_from)
  statistic          = startswith(each.value.statistic, "p") ? null : each.value.statistic
  extended_statistic = startswith(each.value.statistic, "p") ? each.value.statistic : null

  comparison_operator = each.value.comparison
  threshold           = lookup(var.thresholds, each.key, each.value.threshold)
  period              = each.value.period_seconds
  evaluation_periods  = each.value.evaluation_periods
  datapoints_to_alarm = each.value.datapoints_to_alarm
  treat_missing_data  = each.value.missing_data

  actions_enabled           = true
  alarm_actions             = local.topics
  ok_actions                = local.topics
  insufficient_data_actions = []

  tags = local.tags

  lifecycle {
    precondition {
      condition     = each.value.datapoints_to_alarm <= each.value.evaluation_periods
      error_message = "${each.key}: datapoints_to_alarm is at most evaluation_periods."
    }

    precondition {
      condition     = length(setsubtract(keys(var.thresholds), keys(local.alarms))) == 0
      error_message = "thresholds names an alarm that is not there."
    }
  }
}
