# Rendered by tfgen from notification/main.tf; change the spec or the blueprint instead.

# Mail and alerts.
#   mail.tf      the sender and how mail is sent (SES)
#   topics.tf    alerts and reports, and who may publish to them (SNS)
#   function.tf  the notifier
#   report.tf    what starts it: the manifest of a new report
#
# Nobody calls this module. It listens to the reports bucket, and alarms publish to its topic.

data "aws_caller_identity" "current" {}

data "aws_partition" "current" {}

locals {
  account_id    = data.aws_caller_identity.current.account_id
  function_name = "${local.name_prefix}-notifier"
}
