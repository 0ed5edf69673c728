# Rendered by tfgen from lambda/rule.tf; change the spec or the blueprint instead.

locals {
  key_prefix = "incoming/"

  # The bucket sends its events to the default bus; its owner is not touched.
  event_pattern = {
    account     = [local.account_id]
    source      = ["aws.s3"]
    detail-type = ["Object Created"]
    detail = merge(
      { bucket = { name = [local.uploads.bucket_name] } },
      local.key_prefix == "" ? {} : { object = { key = [{ prefix = local.key_prefix }] } },
    )
  }
}

resource "aws_cloudwatch_event_rule" "this" {
  name          = local.function_name
  description   = "Starts ${local.function_name}"
  state         = "ENABLED"
  event_pattern = jsonencode(local.event_pattern)
  tags          = local.tags
}

resource "aws_cloudwatch_event_target" "this" {
  rule      = aws_cloudwatch_event_rule.this.name
  target_id = "function"
  arn       = aws_lambda_alias.live.arn

  retry_policy {
    maximum_retry_attempts       = 5
    maximum_event_age_in_seconds = 3600
  }

  dead_letter_config {
    arn = aws_sqs_queue.dead_letter.arn
  }

  depends_on = [aws_lambda_permission.rule]
}

# The rule's ARN holds the account; EventBridge sends no aws:SourceAccount, and asking for it would refuse every call.
resource "aws_lambda_permission" "rule" {
  statement_id  = "AllowRule"
  action        = "lambda:InvokeFunction"
  function_name = aws_lambda_function.this.function_name
  qualifier     = aws_lambda_alias.live.name
  principal     = "events.amazonaws.com"
  source_arn    = aws_cloudwatch_event_rule.this.arn
}
