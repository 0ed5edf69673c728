# Rendered by tfgen from storage/buckets.tf; change the spec or the blueprint instead.

# raw/ curated/ athena/ errors/: the archive and what is computed from it. A module that transforms data fills it.
resource "aws_s3_bucket" "data" {
  bucket        = "${local.name_prefix}-data-${local.account_id}"
  force_destroy = !var.deletion_protection
  tags          = local.tags
}

# reports/dt=<day>/v<version>/: report.json, orders.csv, report.html, mail.html and, last, manifest.json
resource "aws_s3_bucket" "reports" {
  bucket        = "${local.name_prefix}-reports-${local.account_id}"
  force_destroy = !var.deletion_protection
  tags          = local.tags
}

# Access logs of the two above. Log delivery can only write objects that are encrypted with S3's own key.
resource "aws_s3_bucket" "logs" {
  bucket        = "${local.name_prefix}-logs-${local.account_id}"
  force_destroy = !var.deletion_protection
  tags          = local.tags
}

resource "aws_s3_bucket_public_access_block" "this" {
  for_each = local.buckets

  bucket                  = each.value
  block_public_acls       = true
  block_public_policy     = true
  ignore_public_acls      = true
  restrict_public_buckets = true
}

resource "aws_s3_bucket_ownership_controls" "this" {
  for_each = local.buckets

  bucket = each.value

  rule {
    object_ownership = "BucketOwnerEnforced"
  }
}

resource "aws_s3_bucket_versioning" "this" {
  for_each = local.buckets

  bucket = each.value

  versioning_configuration {
    status = "Enabled"
  }
}

resource "aws_s3_bucket_server_side_encryption_configuration" "data" {
  for_each = local.data_buckets

  bucket = each.value.id

  rule {
    bucket_key_enabled = true

    apply_server_side_encryption_by_default {
      sse_algorithm     = "aws:kms"
      kms_master_key_id = local.foundation.kms_key_arn
    }
  }
}

resource "aws_s3_bucket_server_side_encryption_configuration" "logs" {
  bucket = aws_s3_bucket.logs.id

  rule {
    apply_server_side_encryption_by_default {
      sse_algorithm = "AES256"
    }
  }
}

resource "aws_s3_bucket_logging" "data" {
  for_each = local.data_buckets

  bucket        = each.value.id
  target_bucket = aws_s3_bucket.logs.id
  target_prefix = "${each.key}/"

  depends_on = [aws_s3_bucket_policy.logs]
}

# Later modules listen on the default event bus, without a change here.
resource "aws_s3_bucket_notification" "data" {
  for_each = local.data_buckets

  bucket      = each.value.id
  eventbridge = true
}
