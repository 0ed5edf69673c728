# Rendered by tfgen from data-transformation/queries.tf; change the spec or the blueprint instead.

# Whoever asks here cannot choose where results go, nor read without limit.
resource "aws_athena_workgroup" "this" {
  name        = local.name
  description = "Questions about the orders of ${local.name_prefix}"
  state       = "ENABLED"
  tags        = local.tags

  # What goes with it is the history of queries, no data.
  force_destroy = true

  configuration {
    enforce_workgroup_configuration    = true
    publish_cloudwatch_metrics_enabled = true
    requester_pays_enabled             = false
    bytes_scanned_cutoff_per_query     = var.scan_limit_gb * 1000000000

    engine_version {
      selected_engine_version = "Athena engine version 3"
    }

    result_configuration {
      output_location       = "s3://${local.storage.data_bucket_name}/${local.results_prefix}"
      expected_bucket_owner = local.account_id

      encryption_configuration {
        encryption_option = "SSE_KMS"
        kms_key_arn       = local.foundation.kms_key_arn
      }
    }
  }
}

locals {
  # The newest version of each order of a day, each of its lines once: every version is in the table, and some twice.
  # `lines` has a row per line, `orders` one per order.
  newest_versions = <<-SQL
    WITH copies AS (
      SELECT *,
        max(version) OVER (PARTITION BY order_id) AS newest_version,
        row_number() OVER (PARTITION BY order_id, version, line_number ORDER BY updated_at) AS copy_number
      FROM "${aws_glue_catalog_database.this.name}"."${aws_glue_catalog_table.order_lines.name}"
      WHERE dt = ?
    ),
    lines AS (
      SELECT *, sum(quantity) OVER (PARTITION BY order_id) AS order_units
      FROM copies
      WHERE version = newest_version AND copy_number = 1
    ),
    orders AS (
      SELECT * FROM lines WHERE line_number = 1
    )
  SQL

  # One query per table of the daily report, each for one business day.
  queries = {
    daily-figures = {
      description = "Orders, units and amounts of a day, per currency"
      # An average is rounded once, from more digits than any day's orders can make matter.
      sql = <<-SQL
        SELECT currency, orders, units, gross, discounts, gross - discounts AS net, shipping, tax, total,
          CASE digits
            WHEN 0 THEN CAST(round(average, 0) AS DECIMAL(38, 4))
            WHEN 3 THEN CAST(round(average, 3) AS DECIMAL(38, 4))
            ELSE CAST(round(average, 2) AS DECIMAL(38, 4))
          END AS average_order_value,
          CAST(round(order_units, 2) AS DECIMAL(38, 2)) AS units_per_order
        FROM (
          SELECT currency, digits, orders, units, gross, discounts, shipping, tax, total,
            CAST(CAST(total AS DECIMAL(38, 10)) / orders AS DECIMAL(38, 10)) AS average,
            CAST(CAST(units AS DECIMAL(38, 10)) / orders AS DECIMAL(38, 10)) AS order_units
          FROM (
            SELECT currency,
              max(currency_digits) AS digits,
              count(*) AS orders,
              sum(order_units) AS units,
              sum(CAST(subtotal AS DECIMAL(38, 4))) AS gross,
              sum(CAST(discount AS DECIMAL(38, 4))) AS discounts,
              sum(CAST(shipping AS DECIMAL(38, 4))) AS shipping,
              sum(CAST(tax AS DECIMAL(38, 4))) AS tax,
              sum(CAST(total AS DECIMAL(38, 4))) AS total
            FROM orders
            GROUP BY currency
          ) AS sums
        ) AS averages
        ORDER BY currency
      SQL
    }
    customers = {
      description = "Orders and amounts of a day by new and returning customers, per currency"
      sql         = <<-SQL
        SELECT currency, customer_kind, count(*) AS orders, sum(CAST(total AS DECIMAL(38, 4))) AS total
        FROM orders
        GROUP BY currency, customer_kind
        ORDER BY currency, customer_kind
      SQL
    }
    refunds-and-cancellations = {
      description = "What became of a day's orders, per currency: refunded, voided by cancelling, and kept"
      # Of a day whose orders cost nothing, nothing is refunded.
      sql = <<-SQL
        SELECT currency, refunded_orders, refunds, refunded,
          CASE WHEN total = 0 THEN CAST(0 AS DECIMAL(38, 4))
            ELSE CAST(round(CAST(CAST(refunded AS DECIMAL(38, 10)) / total AS DECIMAL(38, 10)), 4) AS DECIMAL(38, 4))
          END AS refund_rate,
          cancelled_orders, voided,
          CAST(round(CAST(CAST(cancelled_orders AS DECIMAL(38, 10)) / orders AS DECIMAL(38, 10)), 4) AS DECIMAL(38, 4))
            AS cancellation_rate,
          total - refunded - voided AS kept
        FROM (
          SELECT currency,
            count(*) AS orders,
            count(CASE WHEN refund_count > 0 THEN 1 END) AS refunded_orders,
            sum(refund_count) AS refunds,
            sum(CAST(refunded AS DECIMAL(38, 4))) AS refunded,
            count(CASE WHEN status = 'CANCELLED' THEN 1 END) AS cancelled_orders,
            sum(CASE WHEN status = 'CANCELLED'
              THEN CAST(total AS DECIMAL(38, 4)) - CAST(refunded AS DECIMAL(38, 4))
              ELSE CAST(0 AS DECIMAL(38, 4)) END) AS voided,
            sum(CAST(total AS DECIMAL(38, 4))) AS total
          FROM orders
          GROUP BY currency
        ) AS sums
        ORDER BY currency
      SQL
    }
    by-category = {
      description = "Units and amounts of a day by category, per currency"
      sql         = <<-SQL
        SELECT currency, category, sum(quantity) AS units, sum(CAST(amount AS DECIMAL(38, 4))) AS gross
        FROM lines
        GROUP BY currency, category
        ORDER BY currency, gross DESC, units DESC, category
      SQL
    }
    by-hour = {
      description = "Orders, units and amounts of a day by local hour, per currency; hours without orders are left out"
      sql         = <<-SQL
        SELECT currency, hour_start, count(*) AS orders, sum(order_units) AS units,
          sum(CAST(subtotal AS DECIMAL(38, 4))) AS gross, sum(CAST(total AS DECIMAL(38, 4))) AS total
        FROM orders
        GROUP BY currency, hour_start
        ORDER BY currency, min(created_at)
      SQL
    }
    top-products-by-revenue = {
      description = "The ten products of a day with the highest revenue, per currency"
      sql         = <<-SQL
        SELECT currency, place, sku, units, revenue
        FROM (
          SELECT currency, sku, units, revenue,
            row_number() OVER (PARTITION BY currency ORDER BY revenue DESC, units DESC, sku) AS place
          FROM (
            SELECT currency, sku, sum(quantity) AS units, sum(CAST(amount AS DECIMAL(38, 4))) AS revenue
            FROM lines
            GROUP BY currency, sku
          ) AS products
        ) AS ranked
        WHERE place <= 10
        ORDER BY currency, place
      SQL
    }
    top-products-by-units = {
      description = "The ten products of a day sold most often, per currency"
      sql         = <<-SQL
        SELECT currency, place, sku, units, revenue
        FROM (
          SELECT currency, sku, units, revenue,
            row_number() OVER (PARTITION BY currency ORDER BY units DESC, revenue DESC, sku) AS place
          FROM (
            SELECT currency, sku, sum(quantity) AS units, sum(CAST(amount AS DECIMAL(38, 4))) AS revenue
            FROM lines
            GROUP BY currency, sku
          ) AS products
        ) AS ranked
        WHERE place <= 10
        ORDER BY currency, place
      SQL
    }
  }
}

resource "aws_athena_named_query" "report" {
  for_each = local.queries

  name        = "${local.name}-${each.key}"
  description = "${each.value.description}. Parameter: the day, '2026-11-23'"
  workgroup   = aws_athena_workgroup.this.name
  database    = aws_glue_catalog_database.this.name
  query       = "${local.newest_versions}${each.value.sql}"
}
