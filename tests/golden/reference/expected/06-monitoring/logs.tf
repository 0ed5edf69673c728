# Rendered by tfgen from monitoring/logs.tf; change the spec or the blueprint instead.

# The pipeline's diary: what asked for a report, what was reported, which alarm changed. One line per event.
# EventBridge writes only to groups whose name begins with /aws/events/.
resource "aws_cloudwatch_log_group" "events" {
  name              = "/aws/events/${local.name_prefix}"
  retention_in_days = var.log_retention_days
  kms_key_id        = local.foundation.kms_key_arn
  tags              = local.tags
}

locals {
  logged_events = {
    reports-written = {
      source      = ["aws.s3"]
      detail-type = ["Object Created"]
      detail = {
        bucket = { name = [local.storage.reports_bucket_name] }
        object = { key = [{ suffix = "/manifest.json" }] }
      }
    }
    reports-requested = {
      source      = ["analytics.orders"]
      detail-type = ["ReportRequested"]
    }
    alarm-changes = {
      source      = ["aws.cloudwatch"]
      detail-type = ["CloudWatch Alarm State Change"]
      resources = [{
        prefix = join(":", [
          "arn",
          data.aws_partition.current.partition,
          "cloudwatch",
          var.aws_region,
          local.account_id,
          "alarm",
          "${local.name_prefix}-",
        ])
      }]
    }
  }
}

resource "aws_cloudwatch_event_rule" "logged" {
  for_each = local.logged_events

  name          = "${local.name_prefix}-log-${each.key}"
  description   = "Writes ${replace(each.key, "-", " ")} to the event log"
  state         = "ENABLED"
  event_pattern = jsonencode(merge({ account = [local.account_id] }, each.value))
  tags          = local.tags
}

resource "aws_cloudwatch_event_target" "logged" {
  for_each = local.logged_events

  rule      = aws_cloudwatch_event_rule.logged[each.key].name
  target_id = "event-log"
  arn       = aws_cloudwatch_log_group.events.arn

  retry_policy {
    maximum_retry_attempts       = 5
    maximum_event_age_in_seconds = 3600
  }

  depends_on = [aws_cloudwatch_log_resource_policy.events]
}

# An account has ten such policies in a region, hence one for all rules.
resource "aws_cloudwatch_log_resource_policy" "events" {
  policy_name = "${local.name_prefix}-events"

  policy_document = jsonencode({
    Version = "2012-10-17"
    Statement = [
      {
        # No condition: EventBridge makes the stream before it speaks for a rule.
        Sid       = "AllowStreams"
        Effect    = "Allow"
        Principal = { Service = ["delivery.logs.amazonaws.com", "events.amazonaws.com"] }
        Action    = "logs:CreateLogStream"
        Resource  = "${aws_cloudwatch_log_group.events.arn}:*"
      },
      {
        Sid       = "AllowEventsOfRules"
        Effect    = "Allow"
        Principal = { Service = ["delivery.logs.amazonaws.com", "events.amazonaws.com"] }
        Action    = "logs:PutLogEvents"
        Resource  = "${aws_cloudwatch_log_group.events.arn}:*"
        Condition = {
          ArnEquals = { "aws:SourceArn" = [for id, rule in aws_cloudwatch_event_rule.logged : rule.arn] }
        }
      },
    ]
  })
}

# Code logs level ERROR, and so does Lambda for an exception that nobody caught.
resource "aws_cloudwatch_log_metric_filter" "errors" {
  for_each = local.functions

  name           = "${local.name_prefix}-${each.key}-errors"
  log_group_name = each.value.log_group
  pattern        = "{ $.level = \"ERROR\" }"

  metric_transformation {
    name          = "${each.key}-logged-errors"
    namespace     = local.name_prefix
    value         = "1"
    default_value = "0"
    unit          = "Count"
  }
}

locals {
  function_log_groups = [for function in local.functions : function.log_group]

  saved_queries = {
    "errors" = {
      log_groups = local.function_log_groups
      query      = <<-EOT
        fields @timestamp, service, message, correlation_id, @message
        | filter level = "ERROR"
        | sort @timestamp desc
        | limit 100
      EOT
    }
    "one-order" = {
      log_groups = local.function_log_groups
      query      = <<-EOT
        fields @timestamp, service, level, message
        | filter order_id = "PUT-THE-ORDER-ID-HERE" or correlation_id = "PUT-THE-CORRELATION-ID-HERE"
        | sort @timestamp asc
      EOT
    }
    "slowest-calls" = {
      log_groups = [local.api_ingestion.api_access_log_group_name]
      query      = <<-EOT
        fields @timestamp, routeKey, status, latency, integrationLatency, requestId
        | sort latency desc
        | limit 50
      EOT
    }
    "refusals-by-route" = {
      log_groups = [local.api_ingestion.api_access_log_group_name]
      query      = <<-EOT
        filter status >= 400
        | stats count(*) as calls by routeKey, status, responseType, caller
        | sort calls desc
      EOT
    }
    "pipeline-events" = {
      log_groups = [aws_cloudwatch_log_group.events.name]
      query      = <<-EOT
        fields @timestamp, `detail-type`, detail.object.key, detail.report_date, detail.alarmName, detail.state.value
        | sort @timestamp desc
        | limit 100
      EOT
    }
  }
}

resource "aws_cloudwatch_query_definition" "this" {
  for_each = local.saved_queries

  name            = "${local.name_prefix}/${each.key}"
  log_group_names = each.value.log_groups
  query_string    = trimspace(each.value.query)
}
