# Rendered by tfgen from backend-config/outputs.tf; change the spec or the blueprint instead.

output "state_bucket" {
  description = "Name of the bucket that keeps the states."
  value       = aws_s3_bucket.state.id

  # Whoever stores a state through this output finds the bucket closed, versioned and encrypted.
  depends_on = [
    aws_s3_bucket_policy.state,
    aws_s3_bucket_server_side_encryption_configuration.state,
    aws_s3_bucket_versioning.state,
  ]
}

output "state_bucket_arn" {
  description = "ARN of the bucket that keeps the states."
  value       = aws_s3_bucket.state.arn
}

output "state_lock_table" {
  description = "Name of the table that locks the states."
  value       = aws_dynamodb_table.locks.name
}

output "state_kms_key_arn" {
  description = "ARN of the key that encrypts the states and the lock table."
  value       = aws_kms_key.state.arn
}
