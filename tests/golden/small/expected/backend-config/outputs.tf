# Rendered by tfgen from backend-config/outputs.tf; change the spec or the blueprint instead.

output "state_bucket" {
  description = "Name of the bucket with the states."
  value       = data.aws_s3_bucket.state.id
}
