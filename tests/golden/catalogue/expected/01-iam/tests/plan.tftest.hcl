# Rendered by tfgen from iam/tests/plan.tftest.hcl; change the spec or the blueprint instead.

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

run "plan" {
  command = plan

  assert {
    condition     = length(setsubtract(["Project", "Module", "Environment", "ManagedBy", "Owner"], keys(local.tags))) == 0
    error_message = "Every resource carries the tags Project, Module, Environment, ManagedBy and Owner."
  }
}

run "every_role_is_limited" {
  command = plan

  assert {
    condition     = alltrue([for role in aws_iam_role.lambda : startswith(role.name, local.name_prefix)])
    error_message = "Names begin with project and environment."
  }

  assert {
    condition = alltrue(flatten([
      for statement in data.aws_iam_policy_document.lambda_trust.statement :
      [for principal in statement.principals : principal.identifiers == toset(["lambda.amazonaws.com"])]
    ]))

    error_message = "Only Lambda takes a function's role."
  }

  assert {
    condition = alltrue([
      for statement in data.aws_iam_policy_document.lambda_trust.statement : anytrue([
        for condition in statement.condition : condition.variable == "aws:SourceAccount"
      ])
    ])

    error_message = "Only for functions of this account."
  }

  assert {
    condition = alltrue([
      for statement in data.aws_iam_policy_document.order_processor.statement : alltrue([for action in statement.actions : !endswith(action, "*")])
    ])

    error_message = "The order processor names each action that it may do."
  }

  assert {
    condition     = length(aws_iam_policy.boundary) == (var.permissions_boundary_arn == "" ? 1 : 0)
    error_message = "The project brings a boundary unless the company has one."
  }
}
