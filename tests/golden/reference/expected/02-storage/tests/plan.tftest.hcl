# Rendered by tfgen from storage/tests/plan.tftest.hcl; change the spec or the blueprint instead.

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

run "nobody_reads_buckets_by_accident" {
  command = plan

  assert {
    condition = alltrue([
      for block in aws_s3_bucket_public_access_block.this :
      block.block_public_acls && block.block_public_policy && block.ignore_public_acls && block.restrict_public_buckets
    ])

    error_message = "No bucket can be made public."
  }

  assert {
    condition     = alltrue([for document in data.aws_iam_policy_document.secure_transport : contains(document.statement[*].sid, "DenyInsecureTransport")])
    error_message = "Buckets answer over TLS only."
  }

  assert {
    condition     = alltrue([for controls in aws_s3_bucket_ownership_controls.this : controls.rule[0].object_ownership == "BucketOwnerEnforced"])
    error_message = "Access lists are off."
  }
}

run "data_is_encrypted_and_kept" {
  command = plan

  assert {
    condition = alltrue([
      for encryption in aws_s3_bucket_server_side_encryption_configuration.data :
      one(one(encryption.rule).apply_server_side_encryption_by_default).kms_master_key_id == local.foundation.kms_key_arn
    ])

    error_message = "Buckets are encrypted with the project's key."
  }

  assert {
    condition     = alltrue([for versioning in aws_s3_bucket_versioning.this : versioning.versioning_configuration[0].status == "Enabled"])
    error_message = "What was overwritten can be had back."
  }

  assert {
    condition     = aws_dynamodb_table.orders.server_side_encryption[0].kms_key_arn == local.foundation.kms_key_arn
    error_message = "The orders are encrypted with the project's key."
  }

  assert {
    condition     = aws_dynamodb_table.orders.point_in_time_recovery[0].enabled
    error_message = "The orders can be had back as of any second."
  }

  assert {
    condition     = aws_dynamodb_table.orders.deletion_protection_enabled == var.deletion_protection
    error_message = "The orders are protected where the environment says so."
  }

  assert {
    condition     = aws_dynamodb_table.orders.name == "${local.name_prefix}-orders" && aws_dynamodb_table.idempotency.name == "${local.name_prefix}-idempotency"
    error_message = "Policies of earlier modules know the tables by these names."
  }
}
