# Rendered by tfgen from monitoring/main.tf; change the spec or the blueprint instead.

# What is watched, and who is told. Every alarm publishes to the alerts topic of 05 and names its runbook.
#   alarms_api.tf        the way of an order: API, order processor, tables
#   alarms_reports.tf    the way of a report: schedule, functions, queues, mail, and its absence
#   alarms.tf            the alarms themselves, and the two that are switched off
#   logs.tf              the log of the pipeline's events, metric filters, saved queries
#   dashboard.tf         one page to look at first

data "aws_caller_identity" "current" {}

data "aws_partition" "current" {}

locals {
  account_id = data.aws_caller_identity.current.account_id

  # What each function is called, how long it may take, and where it logs.
  functions = {
    order-processor = {
      name      = local.api_ingestion.order_processor_function_name
      timeout   = local.api_ingestion.order_processor_timeout
      log_group = local.api_ingestion.order_processor_log_group_name
    }
    report-generator = {
      name      = local.event_processing.report_generator_function_name
      timeout   = local.event_processing.report_generator_timeout
      log_group = local.event_processing.report_generator_log_group_name
    }
    notifier = {
      name      = local.notification.notifier_function_name
      timeout   = local.notification.notifier_timeout
      log_group = local.notification.notifier_log_group_name
    }
  }

  # Started by events: nobody waits for their answer, so only an alarm tells that one was lost.
  asynchronous_functions = ["report-generator", "notifier"]

  dead_letter_queues = concat(
    local.event_processing.dead_letter_queue_names,
    local.notification.dead_letter_queue_names,
  )
}
