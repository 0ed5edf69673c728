# Rendered by tfgen from foundation/outputs.tf; change the spec or the blueprint instead.

output "vpc_id" {
  description = "ID of the VPC."
  value       = local.vpc_id
}

output "private_subnet_ids" {
  description = "IDs of the private subnets, one per availability zone, for functions in the VPC."
  value       = local.private_subnet_ids

  # A function in these subnets reaches nothing before the routes and endpoints are there, and is unseen before the log.
  depends_on = [
    aws_flow_log.vpc,
    aws_route.internet,
    aws_route.nat,
    aws_route_table_association.private,
    aws_route_table_association.public,
    aws_vpc_endpoint.gateway,
    aws_vpc_endpoint.interface,
    aws_vpc_security_group_ingress_rule.endpoints_from_lambda,
  ]
}

output "private_route_table_ids" {
  description = "IDs of the private subnets' route tables."
  value       = local.private_route_table_ids
}

output "lambda_security_group_id" {
  description = "ID of the security group for functions in the VPC."
  value       = aws_security_group.lambda.id

  depends_on = [
    aws_vpc_security_group_egress_rule.lambda_to_endpoints,
    aws_vpc_security_group_egress_rule.lambda_to_gateway,
    aws_vpc_security_group_egress_rule.lambda_to_internet,
  ]
}

output "availability_zones" {
  description = "Names of the availability zones of the private subnets, in the same order."
  value       = local.availability_zones
}

output "kms_key_arn" {
  description = "ARN of the key that encrypts the environment's data at rest."
  value       = aws_kms_key.main.arn
  depends_on  = [aws_kms_alias.main]
}

output "kms_key_alias" {
  description = "Alias of that key."
  value       = aws_kms_alias.main.name
}
