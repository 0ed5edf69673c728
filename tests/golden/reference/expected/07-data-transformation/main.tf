# Rendered by tfgen from data-transformation/main.tf; change the spec or the blueprint instead.

# From the orders table's stream to tables that can be asked:
#   stream.tf     the function that reads the stream, its retries and its dead-letter queue
#   delivery.tf   Firehose: buffers, has records transformed, writes Parquet by business day
#   transform.tf  the function that Firehose calls, and the key of the customers' pseudonyms
#   catalog.tf    the Glue table, its partitions computed
#   queries.tf    the Athena workgroup and the queries that equal the daily report
#   roles.tf      one role each, within the project's boundary
#   alarms.tf     what is watched
#
# No other module reads this one.

data "aws_caller_identity" "current" {}

data "aws_partition" "current" {}

locals {
  account_id = data.aws_caller_identity.current.account_id
  partition  = data.aws_partition.current.partition
  # s3.us-east-1.amazonaws.com and so on: what kms:ViaService is compared with
  service_suffix = "${var.aws_region}.${data.aws_partition.current.dns_suffix}"

  # Everything here is named after the module, so that a second one of its kind can stand beside it.
  module_name = "data-transformation"
  name        = "${local.name_prefix}-${local.module_name}"
  stream_name = "${local.name}-stream"

  # Glue and Athena want names without hyphens.
  database_name = replace(local.name, "-", "_")

  curated_prefix = "curated/${local.module_name}/"
  errors_prefix  = "errors/${local.module_name}/"
  results_prefix = "athena/${local.module_name}/"
}
