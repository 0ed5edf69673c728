# Rendered by tfgen from data-transformation/tests/plan.tftest.hcl; change the spec or the blueprint instead.

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
  target = data.terraform_remote_state.iam

  values = {
    outputs = {
      permissions_boundary_arn = "arn:aws:iam::000000000000:policy/ecommerce-analytics-local-iam-permissions-boundary"
    }
  }
}

override_data {
  target = data.terraform_remote_state.storage

  values = {
    outputs = {
      business_time_zone = "America/New_York"
      data_bucket_arn    = "arn:aws:s3:::ecommerce-analytics-local-storage-data-bucket"
      data_bucket_name   = "ecommerce-analytics-local-storage-data-bucket"
      orders_stream_arn  = "arn:aws:dynamodb:us-east-1:000000000000:table/ecommerce-analytics-local-storage-orders-stream/stream/2026-01-01T00:00:00.000"
    }
  }
}

override_data {
  target = data.terraform_remote_state.notification

  values = {
    outputs = {
      alerts_topic_arn = "arn:aws:sns:us-east-1:000000000000:ecommerce-analytics-local-notification-alerts-topic"
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

run "records_are_delivered_encrypted" {
  command = plan

  assert {
    condition     = aws_kinesis_firehose_delivery_stream.this.server_side_encryption[0].key_arn == local.foundation.kms_key_arn
    error_message = "What is under way is encrypted with the project's key."
  }

  assert {
    condition     = aws_kinesis_firehose_delivery_stream.this.extended_s3_configuration[0].kms_key_arn == local.foundation.kms_key_arn
    error_message = "What is delivered is encrypted with the project's key."
  }

  assert {
    condition     = aws_lambda_event_source_mapping.orders.event_source_arn == local.storage.orders_stream_arn && aws_lambda_event_source_mapping.orders.bisect_batch_on_function_error
    error_message = "One bad change does not hold up the others."
  }

  assert {
    condition     = aws_sqs_queue.dead_letter.kms_master_key_id == local.foundation.kms_key_arn
    error_message = "The dead-letter queue is encrypted with the project's key."
  }

  assert {
    condition     = aws_sqs_queue.dead_letter.message_retention_seconds == 1209600
    error_message = "The dead-letter queue keeps messages for the longest time there is."
  }
}

run "queries_are_limited_and_encrypted" {
  command = plan

  assert {
    condition     = aws_athena_workgroup.this.configuration[0].enforce_workgroup_configuration && aws_athena_workgroup.this.configuration[0].bytes_scanned_cutoff_per_query == var.scan_limit_gb * 1000000000
    error_message = "Nobody reads without limit."
  }

  assert {
    condition     = aws_athena_workgroup.this.configuration[0].result_configuration[0].encryption_configuration[0].kms_key_arn == local.foundation.kms_key_arn
    error_message = "Results are encrypted with the project's key."
  }

  assert {
    condition     = alltrue([for query in aws_athena_named_query.report : strcontains(query.query, "WHERE dt = ?")])
    error_message = "Every query reads one business day."
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
    condition     = alltrue([for role in aws_iam_role.this : role.permissions_boundary == local.iam.permissions_boundary_arn])
    error_message = "The roles stay within the project's boundary."
  }
}
