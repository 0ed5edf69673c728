# Rendered by tfgen from event-processing/tests/plan.tftest.hcl; change the spec or the blueprint instead.

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
      kms_key_arn              = "arn:aws:kms:us-east-1:000000000000:key/1234abcd-12ab-34cd-56ef-1234567890ab"
      lambda_security_group_id = "sg-0123456789abcdef0"
      private_subnet_ids       = ["subnet-0123456789abcdef0", "subnet-0123456789abcdef1"]
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
      scheduler_role_arn = "arn:aws:iam::000000000000:role/ecommerce-analytics-local-iam-scheduler-role"
    }
  }
}

override_data {
  target = data.terraform_remote_state.storage

  values = {
    outputs = {
      business_time_zone  = "America/New_York"
      day_shards          = 10
      orders_table_name   = "ecommerce-analytics-local-storage-orders-table"
      reports_bucket_name = "ecommerce-analytics-local-storage-reports-bucket"
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

run "a_report_is_never_lost_silently" {
  command = plan

  assert {
    condition     = aws_scheduler_schedule.daily_report.schedule_expression_timezone == local.storage.business_time_zone
    error_message = "The day ends where the business is."
  }

  assert {
    condition     = jsondecode(aws_scheduler_schedule.daily_report.target[0].input).scheduled_time == "<aws.scheduler.scheduled-time>"
    error_message = "The function is told which day is meant."
  }

  assert {
    condition     = length(aws_scheduler_schedule.daily_report.target[0].dead_letter_config) == 1 && length(aws_cloudwatch_event_target.report_requested.dead_letter_config) == 1
    error_message = "What could not be delivered waits in a queue."
  }

  assert {
    condition     = alltrue([for queue in aws_sqs_queue.dead_letter : queue.kms_master_key_id == local.foundation.kms_key_arn && queue.message_retention_seconds == 1209600])
    error_message = "The queues are encrypted with the project's key and keep messages for two weeks."
  }

  assert {
    condition     = jsondecode(aws_sqs_queue.dead_letter["report_schedule"].policy).Statement[0].Sid == "DenyInsecureTransport"
    error_message = "The queues answer over TLS only."
  }
}

run "the_function_is_as_all_are" {
  command = plan

  assert {
    condition     = startswith(aws_lambda_function.report_generator.function_name, local.name_prefix)
    error_message = "The name begins with project and environment."
  }

  assert {
    condition     = aws_lambda_function.report_generator.kms_key_arn == local.foundation.kms_key_arn
    error_message = "The environment variables are encrypted with the project's key."
  }

  assert {
    condition     = aws_lambda_function.report_generator.tracing_config[0].mode == "Active" && aws_lambda_function.report_generator.logging_config[0].log_format == "JSON"
    error_message = "The function is traced and logs JSON."
  }

  assert {
    condition     = aws_lambda_alias.live.name == "live" && aws_lambda_function.report_generator.publish
    error_message = "Callers use the alias of a published version."
  }

  assert {
    condition     = aws_lambda_function.report_generator.role == local.iam.lambda_role_arns["report_generator"]
    error_message = "The function has its own role."
  }

  assert {
    condition     = aws_cloudwatch_log_group.report_generator.kms_key_id == local.foundation.kms_key_arn && aws_cloudwatch_log_group.report_generator.retention_in_days > 0
    error_message = "The log group report_generator is encrypted with the project's key and does not keep its entries for ever."
  }
}
