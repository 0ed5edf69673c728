# Rendered by tfgen from table/main.tf; change the spec or the blueprint instead.

locals {
  hash_key  = "pk"
  range_key = "sk"
  stream    = "new_and_old_images"

  indexes = {}

  # Only what is part of a key is declared; items may hold anything else.
  key_types = merge(
    { (local.hash_key) = "S" },
    local.range_key == "" ? {} : { (local.range_key) = "S" },
    { for index in local.indexes : index.hash_key => index.hash_key_type },
    { for index in local.indexes : index.range_key => index.range_key_type if index.range_key != "" },
  )
}

resource "aws_dynamodb_table" "this" {
  name                        = "${local.name_prefix}-ledger"
  billing_mode                = "PAY_PER_REQUEST"
  table_class                 = "STANDARD"
  hash_key                    = local.hash_key
  range_key                   = local.range_key == "" ? null : local.range_key
  deletion_protection_enabled = var.deletion_protection
  stream_enabled              = local.stream != "none"
  stream_view_type            = local.stream == "none" ? null : upper(local.stream)
  tags                        = local.tags

  dynamic "attribute" {
    for_each = local.key_types

    content {
      name = attribute.key
      type = attribute.value
    }
  }

  dynamic "global_secondary_index" {
    for_each = local.indexes

    content {
      name               = global_secondary_index.key
      hash_key           = global_secondary_index.value.hash_key
      range_key          = global_secondary_index.value.range_key == "" ? null : global_secondary_index.value.range_key
      projection_type    = length(global_secondary_index.value.attributes) == 0 ? "ALL" : "INCLUDE"
      non_key_attributes = length(global_secondary_index.value.attributes) == 0 ? null : global_secondary_index.value.attributes
    }
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
