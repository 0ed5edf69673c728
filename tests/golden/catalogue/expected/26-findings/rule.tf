# Rendered by tfgen from lambda/rule.tf; change the spec or the blueprint instead.

locals {
  # The account first: events of other accounts that share the bus are not meant.
  event_pattern = merge({ account = [local.account_id] }, {
    source = ["aws.guardduty"]
    detail = {
      severity = [
        {
          numeric = [">=", 7]
        },
      ]
    }
  })
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
