# Rendered by tfgen from storage/tables.tf; change the spec or the blueprint instead.

# All that belongs to an order, in one table:
#   ORDER#<id>/META               an order; gsi1 finds the orders of a day, gsi2 those of a customer
#   CUSTOMER#<id>/META            whether a customer is new
#   SHARDS#<day>/META             over how many partitions the orders of a day are spread
#   REPORT#<day>/META, …/SENT     versions of the day's report, and that one was mailed
resource "aws_dynamodb_table" "orders" {
  name                        = "${local.name_prefix}-orders"
  billing_mode                = "PAY_PER_REQUEST"
  table_class                 = "STANDARD"
  hash_key                    = "pk"
  range_key                   = "sk"
  deletion_protection_enabled = var.deletion_protection
  stream_enabled              = true
  stream_view_type            = "NEW_AND_OLD_IMAGES"
  tags                        = local.tags

  attribute {
    name = "pk"
    type = "S"
  }

  attribute {
    name = "sk"
    type = "S"
  }

  attribute {
    name = "gsi1pk"
    type = "S"
  }

  attribute {
    name = "gsi1sk"
    type = "S"
  }

  attribute {
    name = "gsi2pk"
    type = "S"
  }

  attribute {
    name = "gsi2sk"
    type = "S"
  }

  # DAY#<business day>#<shard>: a day is written to many partitions, because one takes 1,000 writes a second and a
  # throttled index throttles the table. It carries all that the daily report needs.
  global_secondary_index {
    name            = "gsi1_day"
    hash_key        = "gsi1pk"
    range_key       = "gsi1sk"
    projection_type = "INCLUDE"

    non_key_attributes = [
      "order_id",
      "status",
      "currency",
      "subtotal",
      "discount",
      "shipping",
      "tax",
      "total",
      "customer_id",
      "customer_kind",
      "lines",
      "business_day",
      "created_at",
      "updated_at",
      "version",
    ]
  }

  global_secondary_index {
    name               = "gsi2_customer"
    hash_key           = "gsi2pk"
    range_key          = "gsi2sk"
    projection_type    = "INCLUDE"
    non_key_attributes = ["order_id", "status", "currency", "total", "created_at"]
  }

  ttl {
    attribute_name = "expires_at"
    enabled        = true
  }

  point_in_time_recovery {
    enabled = true
  }

  server_side_encryption {
    enabled     = true
    kms_key_arn = local.foundation.kms_key_arn
  }
}

# Answers to requests that may come again. Apart from the orders, so that its many short-lived writes and its rights are.
resource "aws_dynamodb_table" "idempotency" {
  name                        = "${local.name_prefix}-idempotency"
  billing_mode                = "PAY_PER_REQUEST"
  table_class                 = "STANDARD"
  hash_key                    = "pk"
  deletion_protection_enabled = var.deletion_protection
  tags                        = local.tags

  attribute {
    name = "pk"
    type = "S"
  }

  ttl {
    attribute_name = "expires_at"
    enabled        = true
  }

  point_in_time_recovery {
    enabled = true
  }

  server_side_encryption {
    enabled     = true
    kms_key_arn = local.foundation.kms_key_arn
  }
}
