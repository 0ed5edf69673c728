# Rendered by tfgen from event-rule/outputs.tf; change the spec or the blueprint instead.

output "rule_name" {
  description = "Name of the rule."
  value       = aws_cloudwatch_event_rule.this.name

  # Usable only once the rule has its target.
  depends_on = [aws_cloudwatch_event_target.this]
}

output "dead_letter_queue_name" {
  description = "Name of the queue in which undelivered events wait."
  value       = aws_sqs_queue.dead_letter.name
}
