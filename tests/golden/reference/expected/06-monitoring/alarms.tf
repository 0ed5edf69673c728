# Rendered by tfgen from monitoring/alarms.tf; change the spec or the blueprint instead.

locals {
  # What most alarms have in common; an entry says what is different about it.
  alarm_defaults = {
    dimensions          = {}
    statistic           = "Sum"
    extended_statistic  = null
    comparison_operator = "GreaterThanThreshold"
    threshold           = 0
    unit                = null
    period              = 300
    evaluation_periods  = 1
    datapoints_to_alarm = 1
    treat_missing_data  = "notBreaching"
  }

  alarms = {
    for id, alarm in merge(
      local.function_alarms,
      local.api_alarms,
      local.table_alarms,
      local.asynchronous_alarms,
      local.queue_alarms,
      local.trigger_alarms,
      local.mail_alarms,
      local.absence_alarms,
    ) : id => merge(local.alarm_defaults, alarm)
  }

  runbook = "Runbook: terraform/06-monitoring/README.md"
}

resource "aws_cloudwatch_metric_alarm" "this" {
  for_each = local.alarms

  alarm_name        = "${local.name_prefix}-${each.key}"
  alarm_description = "${each.value.description} ${local.runbook}#${each.key}"

  namespace          = each.value.namespace
  metric_name        = each.value.metric_name
  dimensions         = each.value.dimensions
  statistic          = each.value.statistic
  extended_statistic = each.value.extended_statistic
  unit               = each.value.unit

  comparison_operator = each.value.comparison_operator
  threshold           = each.value.threshold
  period              = each.value.period
  evaluation_periods  = each.value.evaluation_periods
  datapoints_to_alarm = each.value.datapoints_to_alarm
  treat_missing_data  = each.value.treat_missing_data

  actions_enabled           = true
  alarm_actions             = [local.notification.alerts_topic_arn]
  ok_actions                = [local.notification.alerts_topic_arn]
  insufficient_data_actions = []

  tags = local.tags
}

# One alarm for "orders are not being taken", for those who want one page instead of several.
resource "aws_cloudwatch_composite_alarm" "order_intake" {
  count = var.composite_alarm ? 1 : 0

  alarm_name        = "${local.name_prefix}-order-intake-degraded"
  alarm_description = "Orders are refused or lost. ${local.runbook}#order-intake-degraded"

  alarm_rule = join(" OR ", [
    for id in ["api-5xx", "order-processor-errors", "order-processor-throttles", "orders-table-write-throttles"] :
    "ALARM(\"${aws_cloudwatch_metric_alarm.this[id].alarm_name}\")"
  ])

  actions_enabled           = true
  alarm_actions             = [local.notification.alerts_topic_arn]
  ok_actions                = [local.notification.alerts_topic_arn]
  insufficient_data_actions = []

  tags = local.tags
}

# Far more or far fewer calls than at this hour of other days. Billed as three metrics.
resource "aws_cloudwatch_metric_alarm" "request_anomaly" {
  count = var.anomaly_detection ? 1 : 0

  alarm_name        = "${local.name_prefix}-api-request-anomaly"
  alarm_description = "The number of calls is unusual for this hour. ${local.runbook}#api-request-anomaly"

  comparison_operator = "LessThanLowerOrGreaterThanUpperThreshold"
  threshold_metric_id = "expected"
  evaluation_periods  = 3
  datapoints_to_alarm = 3
  treat_missing_data  = "notBreaching"

  metric_query {
    id          = "expected"
    expression  = "ANOMALY_DETECTION_BAND(requests, 2)"
    label       = "expected"
    return_data = true
  }

  metric_query {
    id          = "requests"
    return_data = true

    metric {
      namespace   = "AWS/ApiGateway"
      metric_name = "Count"
      dimensions  = local.api_dimensions
      stat        = "Sum"
      period      = 300
    }
  }

  actions_enabled           = true
  alarm_actions             = [local.notification.alerts_topic_arn]
  ok_actions                = [local.notification.alerts_topic_arn]
  insufficient_data_actions = []

  tags = local.tags
}
