# Rendered by tfgen from api-ingestion/function.tf; change the spec or the blueprint instead.

resource "aws_cloudwatch_log_group" "order_processor" {
  name              = "/aws/lambda/${local.function_name}"
  retention_in_days = var.log_retention_days
  kms_key_id        = local.foundation.kms_key_arn
  tags              = local.tags
}

resource "aws_lambda_function" "order_processor" {
  function_name    = local.function_name
  description      = "Takes an order once, whatever the network does, changes it and hands it out"
  role             = local.iam.lambda_role_arns["order_processor"]
  filename         = "${path.root}/artifacts/order_processor.zip"
  source_code_hash = filebase64sha256("${path.root}/artifacts/order_processor.zip")
  handler          = "handler.handler"
  runtime          = var.lambda_runtime
  architectures    = ["arm64"]
  memory_size      = var.lambda_memory_size
  timeout          = var.lambda_timeout
  kms_key_arn      = local.foundation.kms_key_arn
  publish          = true

  # -1 leaves the function in the account's shared pool; a new account's quota allows nothing else.
  reserved_concurrent_executions = var.reserved_concurrency

  environment {
    variables = {
      ORDERS_TABLE_NAME            = local.storage.orders_table_name
      IDEMPOTENCY_TABLE_NAME       = local.storage.idempotency_table_name
      REPORTS_BUCKET_NAME          = local.storage.reports_bucket_name
      IDEMPOTENCY_TTL_HOURS        = tostring(var.idempotency_ttl_hours)
      BUSINESS_TIME_ZONE           = local.storage.business_time_zone
      DAY_SHARDS                   = tostring(local.storage.day_shards)
      LOG_LEVEL                    = var.log_level
      POWERTOOLS_SERVICE_NAME      = "order-processor"
      POWERTOOLS_METRICS_NAMESPACE = local.name_prefix
    }
  }

  vpc_config {
    subnet_ids         = local.foundation.private_subnet_ids
    security_group_ids = [local.foundation.lambda_security_group_id]
  }

  logging_config {
    log_group             = aws_cloudwatch_log_group.order_processor.name
    log_format            = "JSON"
    application_log_level = var.log_level
    system_log_level      = "WARN"
  }

  tracing_config {
    mode = "Active"
  }

  tags = local.tags

  # Otherwise the first call could create the group, without key and retention.
  depends_on = [aws_cloudwatch_log_group.order_processor]
}

# Callers use the alias. Rolling back is pointing it at an older version.
resource "aws_lambda_alias" "live" {
  name             = "live"
  description      = "The version that serves"
  function_name    = aws_lambda_function.order_processor.function_name
  function_version = aws_lambda_function.order_processor.version
}
