# Rendered by tfgen from event-processing/schedule.tf; change the spec or the blueprint instead.

resource "aws_scheduler_schedule_group" "reports" {
  name = "${local.name_prefix}-reports"
  tags = local.tags
}

# In the zone of the business day, so that a day ends when it ends there, summer and winter.
# At 04:15 no zone skips or repeats an hour.
resource "aws_scheduler_schedule" "daily_report" {
  name                         = "${local.name_prefix}-daily-report"
  description                  = "Starts the report of the day before"
  group_name                   = aws_scheduler_schedule_group.reports.name
  schedule_expression          = var.schedule_expression
  schedule_expression_timezone = local.storage.business_time_zone
  state                        = var.schedule_enabled ? "ENABLED" : "DISABLED"
  kms_key_arn                  = local.foundation.kms_key_arn

  flexible_time_window {
    mode = "OFF"
  }

  target {
    arn      = aws_lambda_alias.live.arn
    role_arn = local.iam.scheduler_role_arn

    # Not jsonencode: it writes < and > as \u003c and \u003e, and Scheduler would not know its keyword.
    input = "{\"scheduled_time\":\"<aws.scheduler.scheduled-time>\"}"

    retry_policy {
      maximum_retry_attempts       = 5
      maximum_event_age_in_seconds = 3600
    }

    dead_letter_config {
      arn = aws_sqs_queue.dead_letter["report_schedule"].arn
    }
  }
}
