# Rendered by tfgen from data-transformation/outputs.tf; change the spec or the blueprint instead.

output "transformation_function_name" {
  description = "Name of the function that Firehose calls."
  value       = aws_lambda_function.transformation.function_name
}

output "stream_function_name" {
  description = "Name of the function that reads the orders table's stream."
  value       = aws_lambda_function.stream.function_name
}

output "delivery_stream_name" {
  description = "Name of the delivery stream."
  value       = aws_kinesis_firehose_delivery_stream.this.name
}

output "database_name" {
  description = "Name of the database in the Glue catalog."
  value       = aws_glue_catalog_database.this.name
}

output "table_name" {
  description = "Name of the table of order lines."
  value       = aws_glue_catalog_table.order_lines.name
}

output "workgroup_name" {
  description = "Name of the Athena workgroup."
  value       = aws_athena_workgroup.this.name
}

output "named_query_ids" {
  description = "Ids of the saved queries that equal the daily report, by name."
  value       = { for name, query in aws_athena_named_query.report : name => query.id }
}

output "dead_letter_queue_names" {
  description = "Queues that name the changes which were given up."
  value       = [aws_sqs_queue.dead_letter.name]
}

output "alarm_names" {
  description = "Names of the alarms."
  value       = [for alarm in aws_cloudwatch_metric_alarm.this : alarm.alarm_name]
}
