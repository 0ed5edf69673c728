# Rendered by tfgen from bucket/outputs.tf; change the spec or the blueprint instead.

output "bucket_name" {
  description = "Name of the bucket."
  value       = aws_s3_bucket.this.id

  # What is written before these are there is unencrypted, unguarded, unseen or without a version.
  depends_on = [
    aws_s3_bucket_notification.this,
    aws_s3_bucket_ownership_controls.this,
    aws_s3_bucket_policy.this,
    aws_s3_bucket_server_side_encryption_configuration.this,
    aws_s3_bucket_versioning.this,
  ]
}

output "bucket_arn" {
  description = "ARN of the bucket, for whoever may read or write."
  value       = aws_s3_bucket.this.arn

  depends_on = [
    aws_s3_bucket_notification.this,
    aws_s3_bucket_ownership_controls.this,
    aws_s3_bucket_policy.this,
    aws_s3_bucket_server_side_encryption_configuration.this,
    aws_s3_bucket_versioning.this,
  ]
}
