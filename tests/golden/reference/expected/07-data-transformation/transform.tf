# Rendered by tfgen from data-transformation/transform.tf; change the spec or the blueprint instead.

resource "aws_cloudwatch_log_group" "transformation" {
  name              = "/aws/lambda/${local.name}"
  retention_in_days = var.log_retention_days
  kms_key_id        = local.foundation.kms_key_arn
  tags              = local.tags
}

resource "aws_lambda_function" "transformation" {
  function_name    = local.name
  description      = "Makes rows of order lines, with a pseudonym in the customer's place"
  role             = aws_iam_role.this["transformation"].arn
  filename         = "${path.root}/artifacts/data_transformation.zip"
  source_code_hash = filebase64sha256("${path.root}/artifacts/data_transformation.zip")
  handler          = "handler.handler"
  runtime          = var.lambda_runtime
  architectures    = ["arm64"]
  memory_size      = var.lambda_memory_size
  timeout          = 60
  kms_key_arn      = local.foundation.kms_key_arn
  publish          = true

  environment {
    variables = {
      BUSINESS_TIME_ZONE           = local.storage.business_time_zone
      PSEUDONYM_KEY_ID             = aws_kms_key.pseudonyms.arn
      LOG_LEVEL                    = var.log_level
      POWERTOOLS_SERVICE_NAME      = local.name
      POWERTOOLS_METRICS_NAMESPACE = local.name_prefix
    }
  }

  logging_config {
    log_group             = aws_cloudwatch_log_group.transformation.name
    log_format            = "JSON"
    application_log_level = var.log_level
    system_log_level      = "WARN"
  }

  tracing_config {
    mode = "Active"
  }

  tags = local.tags

  # Otherwise the first call could create the group, without key and retention, or be denied the key of the pseudonyms:
  # the boundary knows it by its alias.
  depends_on = [
    aws_cloudwatch_log_group.transformation,
    aws_iam_role_policy.observability,
    aws_iam_role_policy.transformation,
    aws_kms_alias.pseudonyms,
  ]
}

# Firehose calls the alias. Rolling back is pointing it at an older version.
resource "aws_lambda_alias" "transformation" {
  name             = "live"
  description      = "The version that transforms records"
  function_name    = aws_lambda_function.transformation.function_name
  function_version = aws_lambda_function.transformation.version
}

# The secret behind the pseudonyms: made in KMS, and nowhere else to be read. Without it the tables say nothing of who a
# customer is. Keys of this kind are not rotated: each rotation would make every customer a new one.
resource "aws_kms_key" "pseudonyms" {
  description              = "Pseudonyms of customers in ${local.name}"
  customer_master_key_spec = "HMAC_256"
  key_usage                = "GENERATE_VERIFY_MAC"
  deletion_window_in_days  = 30
  enable_key_rotation      = false
  tags                     = local.tags

  # Roles get their rights from IAM policies alone.
  policy = jsonencode({
    Version = "2012-10-17"
    Statement = [{
      Sid       = "AccountAdministersThroughIam"
      Effect    = "Allow"
      Principal = { AWS = "arn:${local.partition}:iam::${local.account_id}:root" }
      Action    = "kms:*"
      Resource  = "*"
      Condition = { StringEquals = { "kms:CallerAccount" = local.account_id } }
    }]
  })
}

# The boundary of the project's roles knows keys by their aliases.
resource "aws_kms_alias" "pseudonyms" {
  name          = "alias/${local.name}-pseudonyms"
  target_key_id = aws_kms_key.pseudonyms.key_id
}
