# Rendered by tfgen from monitoring/alarms_reports.tf; change the spec or the blueprint instead.

locals {
  asynchronous_alarms = merge(
    {
      for id in local.asynchronous_functions : "${id}-events-dropped" => {
        description = "Lambda gave up an event for the ${replace(id, "-", " ")}."
        namespace   = "AWS/Lambda"
        metric_name = "AsyncEventsDropped"
        dimensions  = { FunctionName = local.functions[id].name }
      }
    },
    {
      # The counterpart of DeadLetterErrors for functions with an on-failure destination.
      for id in local.asynchronous_functions : "${id}-destination-failures" => {
        description = "Lambda could not put a failed event of the ${replace(id, "-", " ")} into its dead-letter queue."
        namespace   = "AWS/Lambda"
        metric_name = "DestinationDeliveryFailures"
        dimensions  = { FunctionName = local.functions[id].name }
      }
    },
  )

  # Queue names are known before apply, so that they can be keys; without the prefix they name the runbook.
  queue_alarms = merge(
    {
      for queue in local.dead_letter_queues : "${trimprefix(queue, "${local.name_prefix}-")}-not-empty" => {
        description = "Queue ${queue} holds a failure."
        namespace   = "AWS/SQS"
        metric_name = "ApproximateNumberOfMessagesVisible"
        dimensions  = { QueueName = queue }
        statistic   = "Maximum"
      }
    },
    {
      # Messages are kept for 14 days: this one is the last call.
      for queue in local.dead_letter_queues : "${trimprefix(queue, "${local.name_prefix}-")}-age" => {
        description = "A failure has waited in ${queue} for ${var.dead_letter_age_days} days and will be lost after 14."
        namespace   = "AWS/SQS"
        metric_name = "ApproximateAgeOfOldestMessage"
        dimensions  = { QueueName = queue }
        statistic   = "Maximum"
        threshold   = var.dead_letter_age_days * 86400
        period      = 3600
      }
    },
  )

  schedule_dimensions = { ScheduleGroup = local.event_processing.schedule_group_name }

  event_rules = {
    report-requested = local.event_processing.report_requested_rule_name
    report-written   = local.notification.report_rule_name
  }

  trigger_alarms = merge(
    {
      schedule-target-errors = {
        description = "Scheduler could not start the daily report at the first try."
        namespace   = "AWS/Scheduler"
        metric_name = "TargetErrorCount"
        dimensions  = local.schedule_dimensions
      }
      schedule-dropped = {
        description = "Scheduler gave up starting the daily report."
        namespace   = "AWS/Scheduler"
        metric_name = "InvocationDroppedCount"
        dimensions  = local.schedule_dimensions
      }
      schedule-dead-lettered = {
        description = "Scheduler put a start of the daily report into its dead-letter queue."
        namespace   = "AWS/Scheduler"
        metric_name = "InvocationsSentToDeadLetterCount"
        dimensions  = local.schedule_dimensions
      }
    },
    {
      for id, rule in local.event_rules : "${id}-rule-failures" => {
        description = "EventBridge could not start what rule ${rule} starts."
        namespace   = "AWS/Events"
        metric_name = "FailedInvocations"
        dimensions  = { RuleName = rule }
      }
    },
  )

  # Of the whole account: this is what SES goes by when it suspends sending.
  mail_alarms = {
    mail-bounces = {
      description = "More than ${var.bounce_percent} % of the mails bounce."
      namespace   = "AWS/SES"
      metric_name = "Reputation.BounceRate"
      statistic   = "Average"
      threshold   = var.bounce_percent / 100
      period      = 3600
    }
    mail-complaints = {
      description = "More than ${var.complaint_percent} % of the mails are reported as spam."
      namespace   = "AWS/SES"
      metric_name = "Reputation.ComplaintRate"
      statistic   = "Average"
      threshold   = var.complaint_percent / 100
      period      = 3600
    }
  }

  # What does not happen raises no error. With periods of an hour CloudWatch looks back up to seven days
  # (with shorter ones one day), hence hours: as many empty ones in a row as the variable says.
  absence_alarms = merge(
    {
      report-missing = {
        description         = "No report was made in ${var.report_absence_hours} hours."
        namespace           = local.name_prefix
        metric_name         = "ReportGenerated"
        dimensions          = { service = "report-generator" }
        comparison_operator = "LessThanThreshold"
        threshold           = 1
        period              = 3600
        evaluation_periods  = var.report_absence_hours
        datapoints_to_alarm = var.report_absence_hours
        treat_missing_data  = "breaching"
      }
    },
    {
      for id in var.order_absence_hours == 0 ? [] : ["orders-missing"] : id => {
        description         = "No order was taken in ${var.order_absence_hours} hours."
        namespace           = local.name_prefix
        metric_name         = "OrdersAccepted"
        dimensions          = { service = "order-processor" }
        comparison_operator = "LessThanThreshold"
        threshold           = 1
        period              = 3600
        evaluation_periods  = var.order_absence_hours
        datapoints_to_alarm = var.order_absence_hours
        treat_missing_data  = "breaching"
      }
    },
  )
}
