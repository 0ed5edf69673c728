# Rendered by tfgen from data-transformation/delivery.tf; change the spec or the blueprint instead.

resource "aws_cloudwatch_log_group" "delivery" {
  name              = "/aws/kinesisfirehose/${local.name}"
  retention_in_days = var.log_retention_days
  kms_key_id        = local.foundation.kms_key_arn
  tags              = local.tags
}

resource "aws_cloudwatch_log_stream" "delivery" {
  name           = "S3Delivery"
  log_group_name = aws_cloudwatch_log_group.delivery.name
}

resource "aws_kinesis_firehose_delivery_stream" "this" {
  name        = local.name
  destination = "extended_s3"
  tags        = local.tags

  server_side_encryption {
    enabled  = true
    key_type = "CUSTOMER_MANAGED_CMK"
    key_arn  = local.foundation.kms_key_arn
  }

  extended_s3_configuration {
    role_arn    = aws_iam_role.firehose.arn
    bucket_arn  = local.storage.data_bucket_arn
    kms_key_arn = local.foundation.kms_key_arn

    # dt is what the transformation names in each record's answer: the order's business day, however late it comes.
    prefix              = "${local.curated_prefix}dt=!{partitionKeyFromLambda:dt}/"
    error_output_prefix = "${local.errors_prefix}!{firehose:error-output-type}/!{timestamp:yyyy-MM-dd}/"

    # 64 MB is the least that partitioning and Parquet allow.
    buffering_size     = 64
    buffering_interval = var.buffer_seconds
    compression_format = "UNCOMPRESSED"
    custom_time_zone   = "UTC"
    s3_backup_mode     = "Disabled"

    dynamic_partitioning_configuration {
      enabled        = true
      retry_duration = 300
    }

    processing_configuration {
      enabled = true

      processors {
        type = "Lambda"

        parameters {
          parameter_name  = "LambdaArn"
          parameter_value = aws_lambda_alias.transformation.arn
        }
      }
    }

    data_format_conversion_configuration {
      enabled = true

      input_format_configuration {
        deserializer {
          open_x_json_ser_de {
            case_insensitive                         = true
            convert_dots_in_json_keys_to_underscores = false
          }
        }
      }

      output_format_configuration {
        serializer {
          parquet_ser_de {
            compression = "SNAPPY"
          }
        }
      }

      schema_configuration {
        catalog_id    = local.account_id
        database_name = aws_glue_catalog_database.this.name
        table_name    = aws_glue_catalog_table.order_lines.name
        region        = var.aws_region
        role_arn      = aws_iam_role.firehose.arn
        version_id    = "LATEST"
      }
    }

    cloudwatch_logging_options {
      enabled         = true
      log_group_name  = aws_cloudwatch_log_group.delivery.name
      log_stream_name = aws_cloudwatch_log_stream.delivery.name
    }
  }

  depends_on = [aws_iam_role_policy.firehose]
}
