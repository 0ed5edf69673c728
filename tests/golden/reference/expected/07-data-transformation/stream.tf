# Rendered by tfgen from data-transformation/stream.tf; change the spec or the blueprint instead.

resource "aws_cloudwatch_log_group" "stream" {
  name              = "/aws/lambda/${local.stream_name}"
  retention_in_days = var.log_retention_days
  kms_key_id        = local.foundation.kms_key_arn
  tags              = local.tags
}

# Outside the VPC on purpose, as the transformation is: they need public AWS APIs only, and an interface endpoint for each
# would be paid by the hour and guard nothing more.
resource "aws_lambda_function" "stream" {
  function_name    = local.stream_name
  description      = "Hands every version of an order to the delivery stream"
  role             = aws_iam_role.this["stream"].arn
  filename         = "${path.root}/artifacts/data_transformation.zip"
  source_code_hash = filebase64sha256("${path.root}/artifacts/data_transformation.zip")
  handler          = "stream.handler"
  runtime          = var.lambda_runtime
  architectures    = ["arm64"]
  memory_size      = var.lambda_memory_size
  timeout          = 60
  kms_key_arn      = local.foundation.kms_key_arn
  publish          = true

  environment {
    variables = {
      DELIVERY_STREAM_NAME         = aws_kinesis_firehose_delivery_stream.this.name
      LOG_LEVEL                    = var.log_level
      POWERTOOLS_SERVICE_NAME      = local.stream_name
      POWERTOOLS_METRICS_NAMESPACE = local.name_prefix
    }
  }

  logging_config {
    log_group             = aws_cloudwatch_log_group.stream.name
    log_format            = "JSON"
    application_log_level = var.log_level
    system_log_level      = "WARN"
  }

  tracing_config {
    mode = "Active"
  }

  tags = local.tags

  # Otherwise the first call could create the group, without key and retention.
  depends_on = [
    aws_cloudwatch_log_group.stream,
    aws_iam_role_policy.observability,
    aws_iam_role_policy.stream,
  ]
}

# The mapping reads for the alias. Rolling back is pointing it at an older version.
resource "aws_lambda_alias" "stream" {
  name             = "live"
  description      = "The version that reads the stream"
  function_name    = aws_lambda_function.stream.function_name
  function_version = aws_lambda_function.stream.version
}

# From the beginning of what the stream holds, so that orders of the hours before the deployment are not missed.
# A batch that fails is halved until the change that does it stands alone, so that it does not hold up the others.
resource "aws_lambda_event_source_mapping" "orders" {
  event_source_arn                   = local.storage.orders_stream_arn
  function_name                      = aws_lambda_alias.stream.arn
  enabled                            = true
  starting_position                  = "TRIM_HORIZON"
  batch_size                         = 500
  maximum_batching_window_in_seconds = 5
  parallelization_factor             = 1
  bisect_batch_on_function_error     = true
  maximum_retry_attempts             = var.retry_attempts
  maximum_record_age_in_seconds      = 86400
  function_response_types            = ["ReportBatchItemFailures"]
  tags                               = local.tags

  # Versions of orders; the table holds more than that.
  filter_criteria {
    filter {
      pattern = jsonencode({
        eventName = ["INSERT", "MODIFY"]
        dynamodb = {
          Keys = {
            pk = { S = [{ prefix = "ORDER#" }] }
            sk = { S = ["META"] }
          }
        }
      })
    }
  }

  destination_config {
    on_failure {
      destination_arn = aws_sqs_queue.dead_letter.arn
    }
  }
}

# Lambda sends with the function's role. The policy stands in the queue: SQS takes a minute to settle after each change.
# It names the queue by an ARN made from its name, because a resource cannot refer to itself.
resource "aws_sqs_queue" "dead_letter" {
  name                              = "${local.stream_name}-dlq"
  message_retention_seconds         = 1209600
  visibility_timeout_seconds        = 300
  kms_master_key_id                 = local.foundation.kms_key_arn
  kms_data_key_reuse_period_seconds = 300
  tags                              = local.tags

  policy = jsonencode({
    Version = "2012-10-17"
    Statement = [{
      Sid       = "DenyInsecureTransport"
      Effect    = "Deny"
      Principal = "*"
      Action    = "sqs:*"
      Resource  = "arn:${local.partition}:sqs:${var.aws_region}:${local.account_id}:${local.stream_name}-dlq"
      Condition = { Bool = { "aws:SecureTransport" = "false" } }
    }]
  })
}
