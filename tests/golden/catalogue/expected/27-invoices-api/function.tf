# Rendered by tfgen from lambda/function.tf; change the spec or the blueprint instead.

resource "aws_cloudwatch_log_group" "function" {
  name              = "/aws/lambda/${local.function_name}"
  retention_in_days = var.log_retention_days
  kms_key_id        = local.foundation.kms_key_arn
  tags              = local.tags
}

locals {
  upstream_environment = {}
}

resource "aws_lambda_function" "this" {
  function_name    = local.function_name
  description      = "lambdas/invoices_api"
  role             = aws_iam_role.this.arn
  filename         = "${path.root}/artifacts/invoices_api.zip"
  source_code_hash = filebase64sha256("${path.root}/artifacts/invoices_api.zip")
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
    variables = merge(var.environment_variables, local.upstream_environment, {
      LOG_LEVEL                    = var.log_level
      POWERTOOLS_SERVICE_NAME      = "invoices-api"
      POWERTOOLS_METRICS_NAMESPACE = local.name_prefix
    })
  }

  logging_config {
    log_group             = aws_cloudwatch_log_group.function.name
    log_format            = "JSON"
    application_log_level = var.log_level
    system_log_level      = "WARN"
  }

  tracing_config {
    mode = "Active"
  }

  tags = local.tags

  # Otherwise the first call could create the group, without key and retention, or come before its rights.
  depends_on = [
    aws_cloudwatch_log_group.function,
    aws_iam_role_policy.function,
  ]

  lifecycle {
    precondition {
      condition     = var.lambda_timeout <= 29
      error_message = "An API waits for 30 seconds at most: lambda_timeout is 29 or less."
    }
  }
}

# Callers use the alias. Rolling back is pointing it at an older version.
resource "aws_lambda_alias" "live" {
  name             = "live"
  description      = "The version that serves"
  function_name    = aws_lambda_function.this.function_name
  function_version = aws_lambda_function.this.version
}

# For callers that do not wait for an answer: Lambda itself tries twice more, then hands the event to the queue.
resource "aws_lambda_function_event_invoke_config" "live" {
  function_name                = aws_lambda_function.this.function_name
  qualifier                    = aws_lambda_alias.live.name
  maximum_retry_attempts       = 2
  maximum_event_age_in_seconds = 3600

  destination_config {
    on_failure {
      destination = aws_sqs_queue.dead_letter.arn
    }
  }
}
