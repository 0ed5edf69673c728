# Rendered by tfgen from notification/report.tf; change the spec or the blueprint instead.

# The manifest is written last: once it is there, the report is whole.
resource "aws_cloudwatch_event_rule" "report_written" {
  name        = "${local.name_prefix}-report-written"
  description = "Starts the notifier when a report is complete"
  state       = "ENABLED"

  event_pattern = jsonencode({
    account     = [local.account_id]
    source      = ["aws.s3"]
    detail-type = ["Object Created"]
    detail = {
      bucket = { name = [local.storage.reports_bucket_name] }
      object = { key = [{ suffix = "/manifest.json" }] }
    }
  })

  tags = local.tags
}

resource "aws_cloudwatch_event_target" "report_written" {
  rule      = aws_cloudwatch_event_rule.report_written.name
  target_id = "notifier"
  arn       = aws_lambda_alias.live.arn

  retry_policy {
    maximum_retry_attempts       = 5
    maximum_event_age_in_seconds = 3600
  }

  dead_letter_config {
    arn = aws_sqs_queue.notifier_dead_letter.arn
  }

  depends_on = [aws_lambda_permission.report_written]
}

# The rule's ARN holds the account; EventBridge sends no aws:SourceAccount, and asking for it would refuse every call.
resource "aws_lambda_permission" "report_written" {
  statement_id  = "AllowReportWritten"
  action        = "lambda:InvokeFunction"
  function_name = aws_lambda_function.notifier.function_name
  qualifier     = aws_lambda_alias.live.name
  principal     = "events.amazonaws.com"
  source_arn    = aws_cloudwatch_event_rule.report_written.arn
}

locals {
  dead_letter_queue_name = "${local.name_prefix}-notifier-dlq"
  dead_letter_queue_arn = join(":", [
    "arn",
    data.aws_partition.current.partition,
    "sqs",
    var.aws_region,
    local.account_id,
    local.dead_letter_queue_name,
  ])
}

# Reports that could not be announced: EventBridge could not call the function, or it failed three times.
# The policy stands in the queue: SQS takes a minute to settle after each change, and this way it is one.
# It names the queue by an ARN made from its name, because a resource cannot refer to itself.
resource "aws_sqs_queue" "notifier_dead_letter" {
  name                              = local.dead_letter_queue_name
  message_retention_seconds         = 1209600
  visibility_timeout_seconds        = 300
  kms_master_key_id                 = local.foundation.kms_key_arn
  kms_data_key_reuse_period_seconds = 300
  tags                              = local.tags

  policy = jsonencode({
    Version = "2012-10-17"
    Statement = [
      {
        Sid       = "DenyInsecureTransport"
        Effect    = "Deny"
        Principal = "*"
        Action    = "sqs:*"
        Resource  = local.dead_letter_queue_arn
        Condition = { Bool = { "aws:SecureTransport" = "false" } }
      },
      {
        Sid       = "AllowEventBridgeRule"
        Effect    = "Allow"
        Principal = { Service = "events.amazonaws.com" }
        Action    = "sqs:SendMessage"
        Resource  = local.dead_letter_queue_arn
        Condition = { ArnEquals = { "aws:SourceArn" = aws_cloudwatch_event_rule.report_written.arn } }
      },
    ]
  })
}
