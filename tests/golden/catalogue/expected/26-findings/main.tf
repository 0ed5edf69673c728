# Rendered by tfgen from lambda/main.tf; change the spec or the blueprint instead.

# One function and all that is its own:
#   function.tf  the function, its log and its alias
#   role.tf      what it may do
#   failures.tf  the queue for what failed, and the alarms
#   rule.tf      what starts it: events

data "aws_caller_identity" "current" {}

data "aws_partition" "current" {}

locals {
  account_id    = data.aws_caller_identity.current.account_id
  partition     = data.aws_partition.current.partition
  function_name = "${local.name_prefix}-findings"
  function_arn  = "arn:${local.partition}:lambda:${var.aws_region}:${local.account_id}:function:${local.function_name}"
}
