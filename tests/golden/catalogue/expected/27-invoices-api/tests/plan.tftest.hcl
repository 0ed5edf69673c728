# Rendered by tfgen from lambda/tests/plan.tftest.hcl; change the spec or the blueprint instead.

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
      name = "eu-west-1"
    }
  }

  mock_data "aws_availability_zones" {
    defaults = {
      names = [
        "eu-west-1a",
        "eu-west-1b",
        "eu-west-1c",
        "eu-west-1d",
        "eu-west-1e",
        "eu-west-1f",
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
      kms_key_arn = "arn:aws:kms:eu-west-1:000000000000:key/1234abcd-12ab-34cd-56ef-1234567890ab"
    }
  }
}

override_data {
  target = data.terraform_remote_state.iam

  values = {
    outputs = {
      permissions_boundary_arn = "arn:aws:iam::000000000000:policy/shop-analytics-local-iam-permissions-boundary"
    }
  }
}

override_data {
  target = data.terraform_remote_state.notification

  values = {
    outputs = {
      alerts_topic_arn = "arn:aws:sns:eu-west-1:000000000000:shop-analytics-local-notification-alerts-topic"
    }
  }
}

override_data {
  target = data.terraform_remote_state.ledger

  values = {
    outputs = {
      table_arn = "arn:aws:dynamodb:eu-west-1:000000000000:table/shop-analytics-local-ledger-table"
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

run "the_function_is_as_all_are" {
  command = plan

  assert {
    condition     = startswith(aws_lambda_function.this.function_name, local.name_prefix)
    error_message = "The name begins with project and environment."
  }

  assert {
    condition     = aws_lambda_function.this.kms_key_arn == local.foundation.kms_key_arn
    error_message = "The environment variables are encrypted with the project's key."
  }

  assert {
    condition     = aws_lambda_function.this.tracing_config[0].mode == "Active" && aws_lambda_function.this.logging_config[0].log_format == "JSON"
    error_message = "The function is traced and logs JSON."
  }

  assert {
    condition     = aws_lambda_alias.live.name == "live" && aws_lambda_function.this.publish
    error_message = "Callers use the alias of a published version."
  }

  assert {
    condition     = aws_cloudwatch_log_group.function.kms_key_id == local.foundation.kms_key_arn && aws_cloudwatch_log_group.function.retention_in_days > 0
    error_message = "The log group function is encrypted with the project's key and does not keep its entries for ever."
  }

  assert {
    condition     = aws_iam_role.this.permissions_boundary == local.iam.permissions_boundary_arn
    error_message = "The role stays within the project's boundary."
  }
}

run "no_failure_is_silent" {
  command = plan

  assert {
    condition     = aws_sqs_queue.dead_letter.kms_master_key_id == local.foundation.kms_key_arn
    error_message = "The dead-letter queue is encrypted with the project's key."
  }

  assert {
    condition     = aws_sqs_queue.dead_letter.message_retention_seconds == 1209600
    error_message = "The dead-letter queue keeps messages for the longest time there is."
  }

  assert {
    condition     = alltrue([for alarm in aws_cloudwatch_metric_alarm.this : alarm.treat_missing_data == "notBreaching" && jsonencode(alarm.alarm_actions) == jsonencode(local.alarm_topics)])
    error_message = "Every alarm is silent while there is nothing to say, and goes to the topic of the spec."
  }

  assert {
    condition     = aws_lambda_function_event_invoke_config.live.maximum_retry_attempts == 2
    error_message = "A call that nobody waits for is tried three times."
  }
}
