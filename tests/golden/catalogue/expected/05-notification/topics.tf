# Rendered by tfgen from notification/topics.tf; change the spec or the blueprint instead.

# Both topics bear the project's key: with the key alias/aws/sns, alarms could not publish.
resource "aws_sns_topic" "alerts" {
  name              = "${local.name_prefix}-alerts"
  display_name      = "Alerts of ${local.name_prefix}"
  kms_master_key_id = local.foundation.kms_key_arn
  signature_version = 2
  tracing_config    = "PassThrough"
  tags              = local.tags
}

resource "aws_sns_topic" "reports" {
  name              = "${local.name_prefix}-reports"
  display_name      = "Reports of ${local.name_prefix}"
  kms_master_key_id = local.foundation.kms_key_arn
  signature_version = 2
  tracing_config    = "PassThrough"
  tags              = local.tags
}

locals {
  # Services that raise alerts, each for its own resources in this account. EventBridge sends no
  # aws:SourceAccount; its rule's ARN holds the account.
  alert_publishers = {
    Alarms = {
      service       = "cloudwatch.amazonaws.com"
      names_account = true
      source = join(":", [
        "arn",
        data.aws_partition.current.partition,
        "cloudwatch",
        var.aws_region,
        local.account_id,
        "alarm",
        "${local.name_prefix}-*",
      ])
    }
    MailFailures = {
      service       = "ses.amazonaws.com"
      names_account = true
      source = join(":", [
        "arn",
        data.aws_partition.current.partition,
        "ses",
        var.aws_region,
        local.account_id,
        "configuration-set/${local.name_prefix}-*",
      ])
    }
    Events = {
      service       = "events.amazonaws.com"
      names_account = false
      source = join(":", [
        "arn",
        data.aws_partition.current.partition,
        "events",
        var.aws_region,
        local.account_id,
        "rule/${local.name_prefix}-*",
      ])
    }
  }
}

resource "aws_sns_topic_policy" "alerts" {
  arn = aws_sns_topic.alerts.arn

  policy = jsonencode({
    Version = "2012-10-17"
    Statement = concat(
      [{
        Sid       = "DenyInsecureTransport"
        Effect    = "Deny"
        Principal = "*"
        Action    = "sns:Publish"
        Resource  = aws_sns_topic.alerts.arn
        Condition = { Bool = { "aws:SecureTransport" = "false" } }
      }],
      [for name, publisher in local.alert_publishers : {
        Sid       = "Allow${name}"
        Effect    = "Allow"
        Principal = { Service = publisher.service }
        Action    = "sns:Publish"
        Resource  = aws_sns_topic.alerts.arn
        Condition = merge(
          { ArnLike = { "aws:SourceArn" = publisher.source } },
          publisher.names_account ? { StringEquals = { "aws:SourceAccount" = local.account_id } } : {},
        )
      }],
    )
  })
}

# The notifier publishes with its role, whose policy is in the iam module.
resource "aws_sns_topic_policy" "reports" {
  arn = aws_sns_topic.reports.arn

  policy = jsonencode({
    Version = "2012-10-17"
    Statement = [{
      Sid       = "DenyInsecureTransport"
      Effect    = "Deny"
      Principal = "*"
      Action    = "sns:Publish"
      Resource  = aws_sns_topic.reports.arn
      Condition = { Bool = { "aws:SecureTransport" = "false" } }
    }]
  })
}

# Each address gets a mail with a link and stays pending until somebody follows it.
resource "aws_sns_topic_subscription" "alerts" {
  for_each = toset(var.alert_subscribers)

  topic_arn = aws_sns_topic.alerts.arn
  protocol  = "email"
  endpoint  = each.value
}

resource "aws_sns_topic_subscription" "reports" {
  for_each = toset(var.report_subscribers)

  topic_arn = aws_sns_topic.reports.arn
  protocol  = "email"
  endpoint  = each.value
}
