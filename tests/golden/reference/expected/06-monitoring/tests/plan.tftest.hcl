# Rendered by tfgen from monitoring/tests/plan.tftest.hcl; change the spec or the blueprint instead.

# Run by `terraform init -backend=false` and `terraform test` in the module's folder. Nothing is
# called: the providers are mocked, and so is what other modules give.
mock_provider "aws" {
  mock_data "aws_caller_identity" {
    defaults = {
      account_id = "000000000000"
      arn        = "arn:aws:iam::000000000000:root"
      user_id    = "000000000000"
    }
  }

  mock_data "aws_partition" {
    defaults = {
      partition  = "aws"
      dns_suffix = "amazonaws.com"
    }
  }

  mock_data "aws_region" {
    defaults = {
      name = "us-east-1"
    }
  }

  mock_data "aws_availability_zones" {
    defaults = {
      names = [
        "us-east-1a",
        "us-east-1b",
        "us-east-1c",
        "us-east-1d",
        "us-east-1e",
        "us-east-1f",
      ]
      zone_ids = ["zone-a", "zone-b", "zone-c", "zone-d", "zone-e", "zone-f"]
    }
  }

  mock_data "aws_iam_policy_document" {
    defaults = {
      json = "{\"Version\":\"2012-10-17\",\"Statement\":[]}"
    }
  }
}

override_data {
  target = data.terraform_remote_state.foundation

  values = {
    outputs = {
      kms_key_arn = "arn:aws:kms:us-east-1:000000000000:key/1234abcd-12ab-34cd-56ef-1234567890ab"
    }
  }
}

override_data {
  target = data.terraform_remote_state.storage

  values = {
    outputs = {
      idempotency_table_name = "ecommerce-analytics-local-storage-idempotency-table"
      orders_table_name      = "ecommerce-analytics-local-storage-orders-table"
      reports_bucket_name    = "ecommerce-analytics-local-storage-reports-bucket"
    }
  }
}

override_data {
  target = data.terraform_remote_state.api_ingestion

  values = {
    outputs = {
      api_access_log_group_name      = "ecommerce-analytics-local-api-ingestion-api-access-log-group"
      api_name                       = "ecommerce-analytics-local-api-ingestion-api"
      api_stage_name                 = "ecommerce-analytics-local-api-ingestion-api-stage"
      order_processor_function_name  = "ecommerce-analytics-local-api-ingestion-order-processor-function"
      order_processor_log_group_name = "ecommerce-analytics-local-api-ingestion-order-processor-log-group"
      order_processor_timeout        = 30
    }
  }
}

override_data {
  target = data.terraform_remote_state.event_processing

  values = {
    outputs = {
      dead_letter_queue_names = [
        "ecommerce-analytics-local-event-processing-dead-letter-queue",
        "ecommerce-analytics-local-event-processing-dead-letter-queue-2",
      ]
      report_generator_function_name  = "ecommerce-analytics-local-event-processing-report-generator-function"
      report_generator_log_group_name = "ecommerce-analytics-local-event-processing-report-generator-log-group"
      report_generator_timeout        = 30
      report_requested_rule_name      = "ecommerce-analytics-local-event-processing-report-requested-rule"
      schedule_group_name             = "ecommerce-analytics-local-event-processing-schedule-group"
    }
  }
}

override_data {
  target = data.terraform_remote_state.notification

  values = {
    outputs = {
      alerts_topic_arn = "arn:aws:sns:us-east-1:000000000000:ecommerce-analytics-local-notification-alerts-topic"
      dead_letter_queue_names = [
        "ecommerce-analytics-local-notification-dead-letter-queue",
        "ecommerce-analytics-local-notification-dead-letter-queue-2",
      ]
      notifier_function_name  = "ecommerce-analytics-local-notification-notifier-function"
      notifier_log_group_name = "ecommerce-analytics-local-notification-notifier-log-group"
      notifier_timeout        = 30
      report_rule_name        = "ecommerce-analytics-local-notification-report-rule"
    }
  }
}

run "plan" {
  command = plan

  assert {
    condition     = length(setsubtract(["Project", "Module", "Environment", "ManagedBy", "Owner"], keys(local.tags))) == 0
    error_message = "Every resource carries the tags Project, Module, Environment, ManagedBy and Owner."
  }
}

run "every_alarm_reaches_somebody" {
  command = plan

  assert {
    condition     = alltrue([for alarm in aws_cloudwatch_metric_alarm.this : contains(["breaching", "notBreaching", "ignore", "missing"], alarm.treat_missing_data)])
    error_message = "Every alarm says what it makes of missing data."
  }

  assert {
    condition     = alltrue([for alarm in aws_cloudwatch_metric_alarm.this : startswith(alarm.alarm_name, local.name_prefix)])
    error_message = "Names begin with project and environment."
  }

  assert {
    condition     = alltrue([for alarm in aws_cloudwatch_metric_alarm.this : alarm.alarm_actions == toset([local.notification.alerts_topic_arn])])
    error_message = "Every alarm goes to the alerts."
  }

  assert {
    condition     = alltrue([for alarm in aws_cloudwatch_metric_alarm.this : strcontains(alarm.alarm_description, "Runbook: ")])
    error_message = "Every alarm names its runbook."
  }

  assert {
    condition     = alltrue([for alarm in aws_cloudwatch_metric_alarm.this : alarm.datapoints_to_alarm <= alarm.evaluation_periods])
    error_message = "No alarm waits for more data points than it looks at."
  }
}

run "events_are_logged" {
  command = plan

  assert {
    condition     = aws_cloudwatch_log_group.events.kms_key_id == local.foundation.kms_key_arn && aws_cloudwatch_log_group.events.retention_in_days > 0
    error_message = "The log group events is encrypted with the project's key and does not keep its entries for ever."
  }

  assert {
    condition     = startswith(aws_cloudwatch_dashboard.pipeline.dashboard_name, local.name_prefix)
    error_message = "The name begins with project and environment."
  }
}
