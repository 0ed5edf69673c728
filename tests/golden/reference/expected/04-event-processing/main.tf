# Rendered by tfgen from event-processing/main.tf; change the spec or the blueprint instead.

# The daily report: who starts it, what makes it, and where failures wait.
#   function.tf  the report generator
#   schedule.tf  every day, by EventBridge Scheduler
#   request.tf   on demand, by an event
#   queues.tf    dead-letter queues
#
# The report goes to the reports bucket, its manifest last. What happens then is the business of
# whoever listens to that bucket: this module calls nobody.

data "aws_caller_identity" "current" {}

data "aws_partition" "current" {}

locals {
  account_id    = data.aws_caller_identity.current.account_id
  function_name = "${local.name_prefix}-report-generator"
}
