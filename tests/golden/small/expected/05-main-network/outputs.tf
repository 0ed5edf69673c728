# Rendered by tfgen from network/outputs.tf; change the spec or the blueprint instead.

output "vpc_id" {
  description = "Id of the network."
  value       = aws_vpc.this.id
}

output "password" {
  description = "Password of the database | kept in the state."
  value       = random_password.database.result
  sensitive   = true
}
