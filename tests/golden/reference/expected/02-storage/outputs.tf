# Rendered by tfgen from storage/outputs.tf; change the spec or the blueprint instead.

output "orders_table_name" {
  description = "Name of the orders table."
  value       = aws_dynamodb_table.orders.name

  # No function works with the table before the table's own policy limits it.
  depends_on = [aws_dynamodb_resource_policy.orders]
}

output "orders_table_arn" {
  description = "ARN of the orders table."
  value       = aws_dynamodb_table.orders.arn
  depends_on  = [aws_dynamodb_resource_policy.orders]
}

output "orders_stream_arn" {
  description = "ARN of the stream of changes to the orders table."
  value       = aws_dynamodb_table.orders.stream_arn
  depends_on  = [aws_dynamodb_resource_policy.orders]
}

output "idempotency_table_name" {
  description = "Name of the table of idempotency records."
  value       = aws_dynamodb_table.idempotency.name
  depends_on  = [aws_dynamodb_resource_policy.idempotency]
}

output "idempotency_table_arn" {
  description = "ARN of the table of idempotency records."
  value       = aws_dynamodb_table.idempotency.arn
  depends_on  = [aws_dynamodb_resource_policy.idempotency]
}

output "data_bucket_name" {
  description = "Name of the bucket for raw/, curated/, athena/ and errors/."
  value       = aws_s3_bucket.data.id

  # What is written before these are there is unguarded, unencrypted or without a version.
  depends_on = [
    aws_s3_bucket_notification.data,
    aws_s3_bucket_ownership_controls.this,
    aws_s3_bucket_policy.data,
    aws_s3_bucket_server_side_encryption_configuration.data,
    aws_s3_bucket_versioning.this,
  ]
}

output "data_bucket_arn" {
  description = "ARN of that bucket."
  value       = aws_s3_bucket.data.arn

  depends_on = [
    aws_s3_bucket_notification.data,
    aws_s3_bucket_ownership_controls.this,
    aws_s3_bucket_policy.data,
    aws_s3_bucket_server_side_encryption_configuration.data,
    aws_s3_bucket_versioning.this,
  ]
}

output "reports_bucket_name" {
  description = "Name of the bucket for reports/."
  value       = aws_s3_bucket.reports.id

  # A report that is written before events are on is never mailed.
  depends_on = [
    aws_s3_bucket_notification.data,
    aws_s3_bucket_ownership_controls.this,
    aws_s3_bucket_policy.reports,
    aws_s3_bucket_server_side_encryption_configuration.data,
    aws_s3_bucket_versioning.this,
  ]
}

output "reports_bucket_arn" {
  description = "ARN of that bucket."
  value       = aws_s3_bucket.reports.arn

  depends_on = [
    aws_s3_bucket_notification.data,
    aws_s3_bucket_ownership_controls.this,
    aws_s3_bucket_policy.reports,
    aws_s3_bucket_server_side_encryption_configuration.data,
    aws_s3_bucket_versioning.this,
  ]
}

output "logs_bucket_name" {
  description = "Name of the bucket for access logs."
  value       = aws_s3_bucket.logs.id

  depends_on = [
    aws_s3_bucket_ownership_controls.this,
    aws_s3_bucket_policy.logs,
    aws_s3_bucket_server_side_encryption_configuration.logs,
    aws_s3_bucket_versioning.this,
  ]
}

output "day_shards" {
  description = "Partitions of the day index over which new orders are spread."
  value       = var.day_shards
}

output "business_time_zone" {
  description = "IANA time zone in which a business day begins and ends."
  value       = var.business_time_zone
}
