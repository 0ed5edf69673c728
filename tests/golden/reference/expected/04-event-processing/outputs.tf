# Rendered by tfgen from event-processing/outputs.tf; change the spec or the blueprint instead.

output "report_generator_function_name" {
  description = "Name of the report generator."
  value       = aws_lambda_function.report_generator.function_name
}

output "report_generator_function_arn" {
  description = "ARN of the report generator, without a version."
  value       = aws_lambda_function.report_generator.arn
}

output "report_generator_alias_arn" {
  description = "ARN of the alias that schedule and rule call; a one-off schedule calls it too."
  value       = aws_lambda_alias.live.arn
}

output "report_generator_timeout" {
  description = "Seconds the report generator may take."
  value       = aws_lambda_function.report_generator.timeout
}

output "report_generator_log_group_name" {
  description = "Log group of the report generator."
  value       = aws_cloudwatch_log_group.report_generator.name
}

output "schedule_group_name" {
  description = "Group of the daily schedule, and of one-off schedules beside it."
  value       = aws_scheduler_schedule_group.reports.name
}

output "schedule_name" {
  description = "Name of the daily schedule."
  value       = aws_scheduler_schedule.daily_report.name
}

output "report_requested_rule_name" {
  description = "Rule that starts a report on demand."
  value       = aws_cloudwatch_event_rule.report_requested.name

  # Usable only once the rule has its target.
  depends_on = [aws_cloudwatch_event_target.report_requested]
}

output "dead_letter_queue_names" {
  description = "Queues in which failed starts and failed reports wait."
  value       = [for queue in aws_sqs_queue.dead_letter : queue.name]
}
