# Rendered by tfgen from notification/outputs.tf; change the spec or the blueprint instead.

output "notifier_function_name" {
  description = "Name of the notifier."
  value       = aws_lambda_function.notifier.function_name
}

output "notifier_function_arn" {
  description = "ARN of the notifier, without a version."
  value       = aws_lambda_function.notifier.arn
}

output "notifier_timeout" {
  description = "Seconds the notifier may take."
  value       = aws_lambda_function.notifier.timeout
}

output "notifier_log_group_name" {
  description = "Log group of the notifier."
  value       = aws_cloudwatch_log_group.notifier.name
}

output "alerts_topic_arn" {
  description = "Topic that alarms and mail failures are published to."
  value       = aws_sns_topic.alerts.arn

  # Alarms may publish only under the policy.
  depends_on = [aws_sns_topic_policy.alerts]
}

output "reports_topic_arn" {
  description = "Topic on which new reports are announced."
  value       = aws_sns_topic.reports.arn
  depends_on  = [aws_sns_topic_policy.reports]
}

output "configuration_set_name" {
  description = "SES configuration set the reports are sent with."
  value       = aws_sesv2_configuration_set.reports.configuration_set_name
}

output "sender_identity" {
  description = "Address or domain that SES must have verified before mail can leave."
  value       = aws_sesv2_email_identity.sender.email_identity
}

output "dns_records" {
  description = "Records that prove and protect a sending domain; empty for a single address."
  value       = [for record in local.dns_records : record if local.sends_as_domain]
}

output "report_rule_name" {
  description = "Rule that starts the notifier when a report is complete."
  value       = aws_cloudwatch_event_rule.report_written.name

  # Usable only once the rule has its target.
  depends_on = [aws_cloudwatch_event_target.report_written]
}

output "dead_letter_queue_names" {
  description = "Queues in which reports wait that could not be announced."
  value       = [aws_sqs_queue.notifier_dead_letter.name]
}
