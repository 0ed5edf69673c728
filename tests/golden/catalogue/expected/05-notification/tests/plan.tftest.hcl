# Rendered by tfgen from notification/tests/plan.tftest.hcl; change the spec or the blueprint instead.

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
      lambda_role_arns = {
        order_processor  = "arn:aws:iam::000000000000:role/order-processor"
        report_generator = "arn:aws:iam::000000000000:role/report-generator"
        notifier         = "arn:aws:iam::000000000000:role/notifier"
      }
      sender = "reports@example.com"
    }
  }
}

override_data {
  target = data.terraform_remote_state.storage

  values = {
    outputs = {
      orders_table_name   = "shop-analytics-local-storage-orders-table"
      reports_bucket_name = "shop-analytics-local-storage-reports-bucket"
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

run "topics_and_mails_are_guarded" {
  command = plan

  assert {
    condition     = aws_sns_topic.alerts.kms_master_key_id == local.foundation.kms_key_arn && aws_sns_topic.reports.kms_master_key_id == local.foundation.kms_key_arn
    error_message = "The topics are encrypted with the project's key."
  }

  assert {
    condition     = aws_sesv2_configuration_set.reports.delivery_options[0].tls_policy == "REQUIRE"
    error_message = "Mail goes over TLS or not at all."
  }

  assert {
    condition     = aws_sesv2_configuration_set_event_destination.failures.event_destination[0].enabled
    error_message = "A mail that bounces raises an alert."
  }

  assert {
    condition     = length(aws_sns_topic_subscription.alerts) == length(toset(var.alert_subscribers))
    error_message = "Everybody who asked for alerts gets them."
  }

  assert {
    condition     = aws_sqs_queue.notifier_dead_letter.kms_master_key_id == local.foundation.kms_key_arn
    error_message = "The dead-letter queue is encrypted with the project's key."
  }

  assert {
    condition     = aws_sqs_queue.notifier_dead_letter.message_retention_seconds == 1209600
    error_message = "The dead-letter queue keeps messages for the longest time there is."
  }
}

run "the_function_is_as_all_are" {
  command = plan

  assert {
    condition     = startswith(aws_lambda_function.notifier.function_name, local.name_prefix)
    error_message = "The name begins with project and environment."
  }

  assert {
    condition     = aws_lambda_function.notifier.kms_key_arn == local.foundation.kms_key_arn
    error_message = "The environment variables are encrypted with the project's key."
  }

  assert {
    condition     = aws_lambda_function.notifier.tracing_config[0].mode == "Active" && aws_lambda_function.notifier.logging_config[0].log_format == "JSON"
    error_message = "The function is traced and logs JSON."
  }

  assert {
    condition     = aws_lambda_alias.live.name == "live" && aws_lambda_function.notifier.publish
    error_message = "Callers use the alias of a published version."
  }

  assert {
    condition     = aws_lambda_function.notifier.role == local.iam.lambda_role_arns["notifier"]
    error_message = "The function has its own role."
  }

  assert {
    condition     = aws_cloudwatch_log_group.notifier.kms_key_id == local.foundation.kms_key_arn && aws_cloudwatch_log_group.notifier.retention_in_days > 0
    error_message = "The log group notifier is encrypted with the project's key and does not keep its entries for ever."
  }
}
