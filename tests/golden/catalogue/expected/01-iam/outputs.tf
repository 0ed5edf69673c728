# Rendered by tfgen from iam/outputs.tf; change the spec or the blueprint instead.

output "lambda_role_arns" {
  description = "ARNs of the functions' execution roles, by function."
  value       = { for key, role in aws_iam_role.lambda : key => role.arn }

  # A function that starts before its rights are there fails in ways that look like something else.
  depends_on = [
    aws_iam_role_policy.network,
    aws_iam_role_policy.notifier,
    aws_iam_role_policy.observability,
    aws_iam_role_policy.order_processor,
    aws_iam_role_policy.report_generator,
  ]
}

output "lambda_role_arn" {
  description = "ARN of the order processor's execution role."
  value       = aws_iam_role.lambda["order_processor"].arn

  depends_on = [
    aws_iam_role_policy.network,
    aws_iam_role_policy.observability,
    aws_iam_role_policy.order_processor,
  ]
}

output "scheduler_role_arn" {
  description = "ARN of the role with which EventBridge Scheduler starts the report generator."
  value       = aws_iam_role.scheduler.arn

  depends_on = [aws_iam_role_policy.scheduler]
}

output "permissions_boundary_arn" {
  description = "ARN of the permissions boundary for every role of the project."
  value       = local.permissions_boundary_arn
}

output "sender" {
  description = "Address the reports are mailed from, the only one the notifier's role allows."
  value       = var.sender
}
