# Rendered by tfgen from event-processing/request.tf; change the spec or the blueprint instead.

# A report on demand, for a day missed or to be made again:
#   {"source": "analytics.orders", "detail-type": "ReportRequested", "detail": {"report_date": "2026-11-23"}}
resource "aws_cloudwatch_event_rule" "report_requested" {
  name        = "${local.name_prefix}-report-requested"
  description = "Starts the report of the day that the event names"
  state       = "ENABLED"

  event_pattern = jsonencode({
    account     = [local.account_id]
    source      = ["analytics.orders"]
    detail-type = ["ReportRequested"]
  })

  tags = local.tags
}

resource "aws_cloudwatch_event_target" "report_requested" {
  rule      = aws_cloudwatch_event_rule.report_requested.name
  target_id = "report-generator"
  arn       = aws_lambda_alias.live.arn

  retry_policy {
    maximum_retry_attempts       = 5
    maximum_event_age_in_seconds = 3600
  }

  dead_letter_config {
    arn = aws_sqs_queue.dead_letter["report_requested"].arn
  }

  depends_on = [aws_lambda_permission.report_requested]
}

# The rule's ARN holds the account; EventBridge sends no aws:SourceAccount, and asking for it would refuse every call.
resource "aws_lambda_permission" "report_requested" {
  statement_id  = "AllowReportRequested"
  action        = "lambda:InvokeFunction"
  function_name = aws_lambda_function.report_generator.function_name
  qualifier     = aws_lambda_alias.live.name
  principal     = "events.amazonaws.com"
  source_arn    = aws_cloudwatch_event_rule.report_requested.arn
}
