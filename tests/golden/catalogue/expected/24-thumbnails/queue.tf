# Rendered by tfgen from lambda/queue.tf; change the spec or the blueprint instead.

locals {
  queue_name = local.function_name
  queue_arn  = aws_sqs_queue.this.arn
}

# Hidden for six times as long as the function may take, so that no message is handed out twice while it runs. Rules of
# the project may send, too; who sends as a role needs the right in its own policy.
resource "aws_sqs_queue" "this" {
  name                              = local.queue_name
  visibility_timeout_seconds        = var.lambda_timeout * 6
  message_retention_seconds         = 345600
  kms_master_key_id                 = local.foundation.kms_key_arn
  kms_data_key_reuse_period_seconds = 300
  tags                              = local.tags

  redrive_policy = jsonencode({
    deadLetterTargetArn = aws_sqs_queue.dead_letter.arn
    maxReceiveCount     = 5
  })

  policy = jsonencode({
    Version = "2012-10-17"
    Statement = [
      {
        Sid       = "DenyInsecureTransport"
        Effect    = "Deny"
        Principal = "*"
        Action    = "sqs:*"
        Resource  = "arn:${local.partition}:sqs:${var.aws_region}:${local.account_id}:${local.queue_name}"
        Condition = { Bool = { "aws:SecureTransport" = "false" } }
      },
      {
        Sid       = "AllowProjectRules"
        Effect    = "Allow"
        Principal = { Service = "events.amazonaws.com" }
        Action    = "sqs:SendMessage"
        Resource  = "arn:${local.partition}:sqs:${var.aws_region}:${local.account_id}:${local.queue_name}"
        Condition = { ArnLike = { "aws:SourceArn" = "arn:${local.partition}:events:${var.aws_region}:${local.account_id}:rule/${local.name_prefix}-*" } }
      },
    ]
  })
}

# The function names the messages that failed, the others are not repeated.
resource "aws_lambda_event_source_mapping" "queue" {
  event_source_arn                   = local.queue_arn
  function_name                      = aws_lambda_alias.live.arn
  enabled                            = true
  batch_size                         = var.batch_size
  maximum_batching_window_in_seconds = 0
  function_response_types            = ["ReportBatchItemFailures"]
  tags                               = local.tags
}
