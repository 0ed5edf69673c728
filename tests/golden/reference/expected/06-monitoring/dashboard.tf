# Rendered by tfgen from monitoring/dashboard.tf; change the spec or the blueprint instead.

locals {
  # Rows of two widgets, top to bottom in the way of an order: taken, stored, summed up, told.
  dashboard_metrics = {
    "Calls and refusals" = [
      ["AWS/ApiGateway", "Count", local.api_dimensions, "Sum"],
      ["AWS/ApiGateway", "4XXError", local.api_dimensions, "Sum"],
      ["AWS/ApiGateway", "5XXError", local.api_dimensions, "Sum"],
    ]
    "Latency of the API (ms)" = [
      ["AWS/ApiGateway", "Latency", local.api_dimensions, "p50"],
      ["AWS/ApiGateway", "Latency", local.api_dimensions, "p99"],
    ]
    "Orders" = [
      [local.name_prefix, "OrdersAccepted", { service = "order-processor" }, "Sum"],
      [local.name_prefix, "OrdersReplayed", { service = "order-processor" }, "Sum"],
      [local.name_prefix, "OrdersRejected", { service = "order-processor" }, "Sum"],
    ]
    "Reports made and mailed" = [
      [local.name_prefix, "ReportGenerated", { service = "report-generator" }, "Sum"],
      [local.name_prefix, "ReportMailed", { service = "notifier" }, "Sum"],
    ]
    "Runs of the functions" = [
      for id, function in local.functions :
      ["AWS/Lambda", "Invocations", { FunctionName = function.name }, "Sum"]
    ]
    "Failed runs of the functions" = [
      for id, function in local.functions :
      ["AWS/Lambda", "Errors", { FunctionName = function.name }, "Sum"]
    ]
    "Longest run (ms)" = [
      for id, function in local.functions :
      ["AWS/Lambda", "Duration", { FunctionName = function.name }, "Maximum"]
    ]
    "Capacity used" = [
      ["AWS/DynamoDB", "ConsumedWriteCapacityUnits", { TableName = local.storage.orders_table_name }, "Sum"],
      ["AWS/DynamoDB", "ConsumedReadCapacityUnits", { TableName = local.storage.orders_table_name }, "Sum"],
      ["AWS/DynamoDB", "ConsumedWriteCapacityUnits", { TableName = local.storage.idempotency_table_name }, "Sum"],
    ]
    "Failures that wait" = [
      for queue in local.dead_letter_queues :
      ["AWS/SQS", "ApproximateNumberOfMessagesVisible", { QueueName = queue }, "Maximum"]
    ]
  }

  dashboard_titles = [
    "Calls and refusals",
    "Latency of the API (ms)",
    "Orders",
    "Reports made and mailed",
    "Runs of the functions",
    "Failed runs of the functions",
    "Longest run (ms)",
    "Capacity used",
    "Failures that wait",
  ]

  # CloudWatch wants a metric as one flat list: namespace, name, dimension names and values, options.
  dashboard_widgets = [
    for position, title in local.dashboard_titles : {
      type   = "metric"
      x      = (position % 2) * 12
      y      = 6 + floor(position / 2) * 6
      width  = 12
      height = 6
      properties = {
        title  = title
        region = var.aws_region
        view   = "timeSeries"
        period = 300
        metrics = [
          for metric in local.dashboard_metrics[title] : concat(
            [metric[0], metric[1]],
            flatten([for name, value in metric[2] : [name, value]]),
            [{ stat = metric[3] }],
          )
        ]
      }
    }
  ]

  alarm_widget = {
    type   = "alarm"
    x      = 0
    y      = 0
    width  = 24
    height = 6
    properties = {
      title  = "Alarms"
      alarms = [for alarm in aws_cloudwatch_metric_alarm.this : alarm.arn]
    }
  }
}

resource "aws_cloudwatch_dashboard" "pipeline" {
  dashboard_name = local.name_prefix
  dashboard_body = jsonencode({ widgets = concat([local.alarm_widget], local.dashboard_widgets) })
}
