# Rendered by tfgen from alarm/tests/plan.tftest.hcl; change the spec or the blueprint instead.

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
  target = data.terraform_remote_state.notification

  values = {
    outputs = {
      alerts_topic_arn = "arn:aws:sns:eu-west-1:000000000000:shop-analytics-local-notification-alerts-topic"
    }
  }
}

override_data {
  target = data.terraform_remote_state.invoices

  values = {
    outputs = {
      queue_name = "shop-analytics-local-invoices-queue"
    }
  }
}

override_data {
  target = data.terraform_remote_state.invoices_api

  values = {
    outputs = {
      api_id = "a1b2c3d4e0"
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

run "every_alarm_is_complete" {
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
    condition     = length(aws_cloudwatch_metric_alarm.this) == length(local.alarms)
    error_message = "Every alarm of the spec is there."
  }

  assert {
    condition     = alltrue([for alarm in aws_cloudwatch_metric_alarm.this : jsonencode(alarm.alarm_actions) == jsonencode(local.topics)])
    error_message = "Every alarm goes to the topic of the spec."
  }
}
