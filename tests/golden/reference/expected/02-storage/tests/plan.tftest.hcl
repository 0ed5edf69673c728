# Rendered by tfgen from _shared/plan.tftest.hcl; change the spec or the blueprint instead.

# Run by `tfgen test`, or by `terraform init -backend=false` and `terraform test` in the module's folder. Nothing is
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
      names    = ["us-east-1a", "us-east-1b", "us-east-1c", "us-east-1d", "us-east-1e", "us-east-1f"]
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
      lambda_role_arns = {
        order_processor  = "arn:aws:iam::000000000000:role/order-processor"
        report_generator = "arn:aws:iam::000000000000:role/report-generator"
        notifier         = "arn:aws:iam::000000000000:role/notifier"
      }
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
