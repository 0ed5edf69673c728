# Rendered by tfgen from api-ingestion/outputs.tf; change the spec or the blueprint instead.

output "order_processor_function_name" {
  description = "Name of the order processor."
  value       = aws_lambda_function.order_processor.function_name
}

output "order_processor_function_arn" {
  description = "ARN of the order processor, without a version."
  value       = aws_lambda_function.order_processor.arn
}

output "order_processor_alias_arn" {
  description = "ARN of the alias that the API calls."
  value       = aws_lambda_alias.live.arn
}

output "order_processor_timeout" {
  description = "Seconds the order processor may take."
  value       = aws_lambda_function.order_processor.timeout
}

output "order_processor_log_group_name" {
  description = "Log group of the order processor."
  value       = aws_cloudwatch_log_group.order_processor.name
}

output "api_id" {
  description = "Id of the REST API."
  value       = aws_api_gateway_rest_api.orders.id
}

output "api_name" {
  description = "Name of the REST API, which its metrics bear as a dimension."
  value       = aws_api_gateway_rest_api.orders.name
}

output "api_stage_name" {
  description = "Name of the stage."
  value       = aws_api_gateway_stage.live.stage_name
}

output "api_endpoint" {
  description = "Base URL: POST <api_endpoint>/orders."
  value       = aws_api_gateway_stage.live.invoke_url

  # Usable only once the routes may call the function and the limits are set.
  depends_on = [
    aws_lambda_permission.route,
    aws_api_gateway_method_settings.all,
  ]
}

output "api_access_log_group_name" {
  description = "Log group with one JSON line per request."
  value       = aws_cloudwatch_log_group.api_access.name
}
