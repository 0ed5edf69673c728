# Rendered by tfgen from table/outputs.tf; change the spec or the blueprint instead.

output "table_name" {
  description = "Name of the table."
  value       = aws_dynamodb_table.this.name
}

output "table_arn" {
  description = "ARN of the table, for whoever may read or write."
  value       = aws_dynamodb_table.this.arn
}
