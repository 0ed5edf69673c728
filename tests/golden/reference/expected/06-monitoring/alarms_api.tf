# Rendered by tfgen from monitoring/alarms_api.tf; change the spec or the blueprint instead.

locals {
  api_dimensions = {
    ApiName = local.api_ingestion.api_name
    Stage   = local.api_ingestion.api_stage_name
  }

  api_alarms = {
    api-5xx = {
      description         = "More than ${var.api_error_percent} % of the calls end in a server error."
      namespace           = "AWS/ApiGateway"
      metric_name         = "5XXError"
      dimensions          = local.api_dimensions
      statistic           = "Average"
      threshold           = var.api_error_percent / 100
      evaluation_periods  = 3
      datapoints_to_alarm = 2
    }
    api-4xx = {
      description         = "More than ${var.api_error_percent} % of the calls are refused."
      namespace           = "AWS/ApiGateway"
      metric_name         = "4XXError"
      dimensions          = local.api_dimensions
      statistic           = "Average"
      threshold           = var.api_error_percent / 100
      evaluation_periods  = 3
      datapoints_to_alarm = 3
    }
    api-latency = {
      description         = "One call in a hundred takes longer than ${var.api_latency_p99_ms} ms."
      namespace           = "AWS/ApiGateway"
      metric_name         = "Latency"
      dimensions          = local.api_dimensions
      statistic           = null
      extended_statistic  = "p99"
      threshold           = var.api_latency_p99_ms
      evaluation_periods  = 3
      datapoints_to_alarm = 3
    }
  }

  # The three functions alike: errors, throttles, and how near they come to their timeout.
  function_alarms = merge(
    {
      # Every call reports 0 or 1 errors, so that the average is the rate.
      order-processor-errors = {
        description         = "More than ${var.function_error_percent} % of the calls of the order processor fail."
        namespace           = "AWS/Lambda"
        metric_name         = "Errors"
        dimensions          = { FunctionName = local.functions["order-processor"].name }
        statistic           = "Average"
        threshold           = var.function_error_percent / 100
        evaluation_periods  = 3
        datapoints_to_alarm = 2
      }
    },
    {
      for id in local.asynchronous_functions : "${id}-errors" => {
        description = "A run of the ${replace(id, "-", " ")} failed."
        namespace   = "AWS/Lambda"
        metric_name = "Errors"
        dimensions  = { FunctionName = local.functions[id].name }
      }
    },
    {
      for id, function in local.functions : "${id}-throttles" => {
        description = "Lambda refused to run the ${replace(id, "-", " ")}: no execution was free."
        namespace   = "AWS/Lambda"
        metric_name = "Throttles"
        dimensions  = { FunctionName = function.name }
      }
    },
    {
      for id, function in local.functions : "${id}-duration" => {
        description = "The ${replace(id, "-", " ")} takes more than ${var.duration_percent} % of its timeout."
        namespace   = "AWS/Lambda"
        metric_name = "Duration"
        dimensions  = { FunctionName = function.name }

        # One slow order in a hundred calls may be the network; one slow report is a finding.
        statistic           = id == "order-processor" ? null : "Maximum"
        extended_statistic  = id == "order-processor" ? "p99" : null
        threshold           = function.timeout * 10 * var.duration_percent
        evaluation_periods  = id == "order-processor" ? 3 : 1
        datapoints_to_alarm = id == "order-processor" ? 3 : 1
      }
    },
    {
      for id, function in local.functions : "${id}-logged-errors" => {
        description = "The ${replace(id, "-", " ")} logged an error."
        namespace   = local.name_prefix
        metric_name = aws_cloudwatch_log_metric_filter.errors[id].metric_transformation[0].name
      }
    },
  )

  order_indexes = ["gsi1_day", "gsi2_customer"]

  table_alarms = merge(
    {
      for name, table in local.tables : "${name}-table-read-throttles" => {
        description = "Reads of table ${name} are throttled."
        namespace   = "AWS/DynamoDB"
        metric_name = "ReadThrottleEvents"
        dimensions  = { TableName = table }
      }
    },
    {
      for name, table in local.tables : "${name}-table-write-throttles" => {
        description = "Writes to table ${name} are throttled."
        namespace   = "AWS/DynamoDB"
        metric_name = "WriteThrottleEvents"
        dimensions  = { TableName = table }
      }
    },
    {
      # An index that cannot follow holds up the writes of its table.
      for index in local.order_indexes : "orders-index-${replace(index, "_", "-")}-throttles" => {
        description = "Writes to index ${index} of table orders are throttled, and with them the orders."
        namespace   = "AWS/DynamoDB"
        metric_name = "WriteThrottleEvents"
        dimensions = {
          TableName                = local.storage.orders_table_name
          GlobalSecondaryIndexName = index
        }
      }
    },
    {
      # DynamoDB reports system errors per operation only: these are the ones the functions use.
      for operation in ["TransactWriteItems", "GetItem", "Query"] : "orders-table-system-errors-${lower(operation)}" => {
        description         = "DynamoDB itself fails at ${operation} on table orders."
        namespace           = "AWS/DynamoDB"
        metric_name         = "SystemErrors"
        evaluation_periods  = 3
        datapoints_to_alarm = 2
        dimensions = {
          TableName = local.storage.orders_table_name
          Operation = operation
        }
      }
    },
  )

  tables = {
    orders      = local.storage.orders_table_name
    idempotency = local.storage.idempotency_table_name
  }
}
