# Rendered by tfgen from queue/outputs.tf; change the spec or the blueprint instead.

output "queue_name" {
  description = "Name of the queue."
  value       = aws_sqs_queue.this.name
}

output "queue_arn" {
  description = "ARN of the queue, for whoever may send or receive."
  value       = aws_sqs_queue.this.arn
}

output "queue_url" {
  description = "URL of the queue, which clients send to."
  value       = aws_sqs_queue.this.url
}

output "dead_letter_queue_name" {
  description = "Name of the queue in which failed messages wait."
  value       = aws_sqs_queue.dead_letter.name
}
