# Rendered by tfgen from event-rule/tests/plan.tftest.hcl; change the spec or the blueprint instead.

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

override_data {
  target = data.terraform_remote_state.shipments

  values = {
    outputs = {
      queue_arn = "arn:aws:sqs:eu-west-1:000000000000:shop-analytics-local-shipments-queue"
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

run "no_event_is_lost_silently" {
  command = plan

  assert {
    condition     = jsondecode(aws_cloudwatch_event_rule.this.event_pattern).account == [local.account_id]
    error_message = "Events of other accounts are not meant."
  }

  assert {
    condition     = aws_cloudwatch_event_target.this.arn == local.target_arn && length(aws_cloudwatch_event_target.this.dead_letter_config) == 1
    error_message = "What the target does not take waits in a queue."
  }

  assert {
    condition     = aws_sqs_queue.dead_letter.kms_master_key_id == local.foundation.kms_key_arn
    error_message = "The dead-letter queue is encrypted with the project's key."
  }

  assert {
    condition     = aws_sqs_queue.dead_letter.message_retention_seconds == 1209600
    error_message = "The dead-letter queue keeps messages for the longest time there is."
  }

  assert {
    condition     = aws_cloudwatch_metric_alarm.undelivered.treat_missing_data == "notBreaching"
    error_message = "The alarm is silent while there is nothing to say."
  }

  assert {
    condition     = startswith(aws_cloudwatch_event_rule.this.name, local.name_prefix)
    error_message = "The name begins with project and environment."
  }
}
