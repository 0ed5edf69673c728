# Rendered by tfgen from monitoring/outputs.tf; change the spec or the blueprint instead.

output "dashboard_name" {
  description = "Dashboard to look at first."
  value       = aws_cloudwatch_dashboard.pipeline.dashboard_name
}

output "alarm_names" {
  description = "All alarms of the pipeline."
  value = concat(
    [for alarm in aws_cloudwatch_metric_alarm.this : alarm.alarm_name],
    aws_cloudwatch_metric_alarm.request_anomaly[*].alarm_name,
    aws_cloudwatch_composite_alarm.order_intake[*].alarm_name,
  )
}

output "event_log_group_name" {
  description = "Log group with one line per event of the pipeline."
  value       = aws_cloudwatch_log_group.events.name
}
