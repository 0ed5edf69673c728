# Rendered by tfgen from foundation/tests/plan.tftest.hcl; change the spec or the blueprint instead.

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

run "plan" {
  command = plan

  assert {
    condition     = length(setsubtract(["Project", "Module", "Environment", "ManagedBy", "Owner"], keys(local.tags))) == 0
    error_message = "Every resource carries the tags Project, Module, Environment, ManagedBy and Owner."
  }
}

run "the_network_is_closed" {
  command = plan

  assert {
    condition     = alltrue([for subnet in aws_subnet.private : !subnet.map_public_ip_on_launch])
    error_message = "Nothing in a private subnet gets a public address."
  }

  assert {
    condition     = length(aws_default_security_group.closed) == (local.create_vpc ? 1 : 0)
    error_message = "The default group lets nothing in or out."
  }

  assert {
    condition     = alltrue([for rule in aws_vpc_security_group_egress_rule.lambda_to_gateway : rule.from_port == 443 && rule.to_port == 443])
    error_message = "Functions reach services over HTTPS only."
  }

  assert {
    condition     = alltrue([for log in aws_flow_log.vpc : log.traffic_type == "ALL"])
    error_message = "Who talked to whom is logged."
  }
}

run "data_has_a_key" {
  command = plan

  assert {
    condition     = aws_kms_key.main.enable_key_rotation && aws_kms_key.main.deletion_window_in_days == 30
    error_message = "The key is renewed every year, and there is a month to take its deletion back."
  }

  assert {
    condition     = aws_kms_alias.main.name == "alias/${local.name_prefix}"
    error_message = "Later modules find the key by its alias."
  }

  assert {
    condition     = alltrue([for group in aws_cloudwatch_log_group.flow_logs : group.retention_in_days > 0])
    error_message = "Logs are not kept for ever."
  }
}
