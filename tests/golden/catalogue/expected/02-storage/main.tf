# Rendered by tfgen from storage/main.tf; change the spec or the blueprint instead.

# What the pipeline keeps:
#   tables.tf            orders and idempotency records (DynamoDB)
#   table_policies.tf    what not even the functions may do with them
#   buckets.tf           data, reports and access logs (S3)
#   bucket_policies.tf   who may write what, and how
#   lifecycle.tf         what is moved and removed when

data "aws_caller_identity" "current" {}

data "aws_partition" "current" {}

locals {
  account_id = data.aws_caller_identity.current.account_id
  partition  = data.aws_partition.current.partition

  # Every role of the project, those of later modules included, by name.
  project_roles = "arn:${local.partition}:iam::${local.account_id}:role/*${local.name_prefix}-*"

  buckets = {
    data    = aws_s3_bucket.data.id
    reports = aws_s3_bucket.reports.id
    logs    = aws_s3_bucket.logs.id
  }

  # Buckets of the pipeline's own data: encrypted with the environment's key, access logged, events on.
  data_buckets = {
    data    = { id = aws_s3_bucket.data.id, arn = aws_s3_bucket.data.arn }
    reports = { id = aws_s3_bucket.reports.id, arn = aws_s3_bucket.reports.arn }
  }
}
