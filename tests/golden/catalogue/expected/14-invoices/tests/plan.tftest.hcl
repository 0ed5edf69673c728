# Rendered by tfgen from queue/tests/plan.tftest.hcl; change the spec or the blueprint instead.

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
  target = data.terraform_remote_state.notification

  values = {
    outputs = {
      alerts_topic_arn = "arn:aws:sns:eu-west-1:000000000000:shop-analytics-local-notification-alerts-topic"
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

run "messages_are_guarded_and_kept" {
  command = plan

  assert {
    condition     = startswith(aws_sqs_queue.this.name, local.name_prefix)
    error_message = "The name begins with project and environment."
  }

  assert {
    condition     = aws_sqs_queue.this.kms_master_key_id == local.foundation.kms_key_arn
    error_message = "Messages are encrypted with the project's key."
  }

  assert {
    condition     = jsondecode(aws_sqs_queue.this.policy).Statement[0].Sid == "DenyInsecureTransport"
    error_message = "The queue answers over TLS only."
  }

  assert {
    condition     = aws_sqs_queue.this.message_retention_seconds == var.retention_days * 86400
    error_message = "Messages wait as long as the spec says."
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

run "no_failure_is_silent" {
  command = plan

  assert {
    condition     = alltrue([for alarm in aws_cloudwatch_metric_alarm.this : alarm.treat_missing_data == "notBreaching" && jsonencode(alarm.alarm_actions) == jsonencode(local.alarm_topics)])
    error_message = "Every alarm is silent while there is nothing to say, and goes to the topic of the spec."
  }
}
