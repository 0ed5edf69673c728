# Rendered by tfgen from data-transformation/catalog.tf; change the spec or the blueprint instead.

resource "aws_glue_catalog_database" "this" {
  name        = local.database_name
  catalog_id  = local.account_id
  description = "Orders of ${local.name_prefix}"
  tags        = local.tags
}

locals {
  # What the transformation writes. A column may be added at the end; a type never changes.
  columns = [
    { name = "order_id", type = "string", comment = "The order" },
    { name = "version", type = "bigint", comment = "Version of the order; the highest one counts" },
    { name = "line_number", type = "int", comment = "Place of the line in the order, from 1" },
    { name = "line_count", type = "int", comment = "Lines of the order in this version" },
    { name = "status", type = "string", comment = "State of the order" },
    { name = "customer_key", type = "string", comment = "Pseudonym of the customer" },
    { name = "customer_kind", type = "string", comment = "new or returning, when the order was placed" },
    { name = "created_at", type = "timestamp", comment = "When the order was placed, in UTC" },
    { name = "updated_at", type = "timestamp", comment = "When this version was written, in UTC" },
    { name = "hour_start", type = "string", comment = "Local start of the hour it was placed in" },
    { name = "currency", type = "string", comment = "ISO 4217" },
    { name = "currency_digits", type = "int", comment = "Digits of an amount after the point" },
    { name = "subtotal", type = "string", comment = "Sum of the order's lines" },
    { name = "discount", type = "string", comment = "Discount on the order" },
    { name = "shipping", type = "string", comment = "Shipping of the order" },
    { name = "tax", type = "string", comment = "Tax of the order" },
    { name = "total", type = "string", comment = "What the order comes to" },
    { name = "refunded", type = "string", comment = "What of it was given back" },
    { name = "refund_count", type = "bigint", comment = "In how many refunds" },
    { name = "sku", type = "string", comment = "Product of the line" },
    { name = "category", type = "string", comment = "Category of the product" },
    { name = "quantity", type = "bigint", comment = "Units in the line" },
    { name = "amount", type = "string", comment = "What the line comes to" },
  ]
}

# One row per line and version of an order. Athena computes the partitions, so there is nothing to crawl or repair.
resource "aws_glue_catalog_table" "order_lines" {
  name          = "order_lines"
  catalog_id    = local.account_id
  database_name = aws_glue_catalog_database.this.name
  description   = "Lines of every version of every order; amounts are decimal texts"
  table_type    = "EXTERNAL_TABLE"
  retention     = 0

  parameters = {
    EXTERNAL                      = "TRUE"
    classification                = "parquet"
    "parquet.compression"         = "SNAPPY"
    "projection.enabled"          = "true"
    "projection.dt.type"          = "date"
    "projection.dt.format"        = "yyyy-MM-dd"
    "projection.dt.interval"      = "1"
    "projection.dt.interval.unit" = "DAYS"
    # NOW is in UTC; the business day may be ahead of it.
    "projection.dt.range"       = "${var.first_day},NOW+1DAYS"
    "storage.location.template" = "s3://${local.storage.data_bucket_name}/${local.curated_prefix}dt=$${dt}/"
  }

  partition_keys {
    name    = "dt"
    type    = "string"
    comment = "Business day of the order"
  }

  storage_descriptor {
    location      = "s3://${local.storage.data_bucket_name}/${local.curated_prefix}"
    input_format  = "org.apache.hadoop.hive.ql.io.parquet.MapredParquetInputFormat"
    output_format = "org.apache.hadoop.hive.ql.io.parquet.MapredParquetOutputFormat"

    ser_de_info {
      name                  = "parquet"
      serialization_library = "org.apache.hadoop.hive.ql.io.parquet.serde.ParquetHiveSerDe"
      parameters            = { "serialization.format" = "1" }
    }

    dynamic "columns" {
      for_each = local.columns

      content {
        name    = columns.value.name
        type    = columns.value.type
        comment = columns.value.comment
      }
    }
  }
}
