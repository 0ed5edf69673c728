# Rendered by tfgen from lambda/outputs.tf; change the spec or the blueprint instead.

output "function_name" {
  description = "Name of the function."
  value       = aws_lambda_function.this.function_name
}

output "function_arn" {
  description = "ARN of the function, without a version."
  value       = aws_lambda_function.this.arn
}

output "function_alias_arn" {
  description = "ARN of the alias that callers use."
  value       = aws_lambda_alias.live.arn

  # Calls that fail before that would leave no trace.
  depends_on = [aws_lambda_function_event_invoke_config.live]
}

output "log_group_name" {
  description = "Log group of the function."
  value       = aws_cloudwatch_log_group.function.name
}

output "dead_letter_queue_name" {
  description = "Name of the queue in which failures wait."
  value       = aws_sqs_queue.dead_letter.name
}

output "schedule_group_name" {
  description = "Group of the schedule, and of one-off schedules beside it."
  value       = aws_scheduler_schedule_group.this.name
}

output "schedule_name" {
  description = "Name of the schedule."
  value       = aws_scheduler_schedule.this.name
}
