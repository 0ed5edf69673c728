# Rendered by tfgen from notification/function.tf; change the spec or the blueprint instead.

resource "aws_cloudwatch_log_group" "notifier" {
  name              = "/aws/lambda/${local.function_name}"
  retention_in_days = var.log_retention_days
  kms_key_id        = local.foundation.kms_key_arn
  tags              = local.tags
}

# Outside the VPC on purpose: it needs SES and SNS only, and in the private subnets each of them
# would want an interface endpoint, which is paid by the hour and guards nothing more.
resource "aws_lambda_function" "notifier" {
  function_name    = local.function_name
  description      = "Mails a new report and announces it, once per version"
  role             = local.iam.lambda_role_arns["notifier"]
  filename         = "${path.root}/artifacts/notifier.zip"
  source_code_hash = filebase64sha256("${path.root}/artifacts/notifier.zip")
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
      REPORTS_BUCKET_NAME          = local.storage.reports_bucket_name
      ORDERS_TABLE_NAME            = local.storage.orders_table_name
      SENDER                       = local.iam.sender
      RECIPIENTS                   = join(",", var.recipients)
      CONFIGURATION_SET_NAME       = aws_sesv2_configuration_set.reports.configuration_set_name
      REPORTS_TOPIC_ARN            = aws_sns_topic.reports.arn
      LOG_LEVEL                    = var.log_level
      POWERTOOLS_SERVICE_NAME      = "notifier"
      POWERTOOLS_METRICS_NAMESPACE = local.name_prefix
    }
  }

  logging_config {
    log_group             = aws_cloudwatch_log_group.notifier.name
    log_format            = "JSON"
    application_log_level = var.log_level
    system_log_level      = "WARN"
  }

  tracing_config {
    mode = "Active"
  }

  tags = local.tags

  # Otherwise the first call could create the group, without key and retention.
  depends_on = [aws_cloudwatch_log_group.notifier]
}

# The rule calls the alias. Rolling back is pointing it at an older version.
resource "aws_lambda_alias" "live" {
  name             = "live"
  description      = "The version that mails the reports"
  function_name    = aws_lambda_function.notifier.function_name
  function_version = aws_lambda_function.notifier.version
}

# A second try does no harm: the function records that a version was mailed, and mails it once.
resource "aws_lambda_function_event_invoke_config" "live" {
  function_name                = aws_lambda_function.notifier.function_name
  qualifier                    = aws_lambda_alias.live.name
  maximum_retry_attempts       = 2
  maximum_event_age_in_seconds = 3600

  destination_config {
    on_failure {
      destination = aws_sqs_queue.notifier_dead_letter.arn
    }
  }
}
