# Rendered by tfgen from alarm/outputs.tf; change the spec or the blueprint instead.

output "alarm_names" {
  description = "Names of the alarms."
  value       = [for alarm in aws_cloudwatch_metric_alarm.this : alarm.alarm_name]
}
