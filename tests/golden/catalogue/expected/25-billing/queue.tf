# Rendered by tfgen from lambda/queue.tf; change the spec or the blueprint instead.

locals {
  queue_arn = local.invoices.queue_arn
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
