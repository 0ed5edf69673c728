# Rendered by tfgen from lambda/stream.tf; change the spec or the blueprint instead.

locals {
  stream_arn = local.storage.orders_stream_arn

  stream_filter = {
    eventName = ["INSERT"]
  }
}

# One bad change must not hold up the rest: a failing batch is halved until the change stands alone, tried five times,
# and then described in the queue. The function names the changes that failed, the others are not repeated.
resource "aws_lambda_event_source_mapping" "stream" {
  event_source_arn                   = local.stream_arn
  function_name                      = aws_lambda_alias.live.arn
  enabled                            = true
  starting_position                  = "TRIM_HORIZON"
  batch_size                         = var.batch_size
  maximum_batching_window_in_seconds = 0
  maximum_retry_attempts             = 5
  maximum_record_age_in_seconds      = 86400
  parallelization_factor             = 1
  bisect_batch_on_function_error     = true
  function_response_types            = ["ReportBatchItemFailures"]

  dynamic "filter_criteria" {
    for_each = length(local.stream_filter) > 0 ? [jsonencode(local.stream_filter)] : []

    content {
      filter {
        pattern = filter_criteria.value
      }
    }
  }

  destination_config {
    on_failure {
      destination_arn = aws_sqs_queue.dead_letter.arn
    }
  }

  tags = local.tags
}
