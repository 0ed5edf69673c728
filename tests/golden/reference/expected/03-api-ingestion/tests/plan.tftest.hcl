# Rendered by tfgen from api-ingestion/tests/plan.tftest.hcl; change the spec or the blueprint instead.

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
    }
  }
}

override_data {
  target = data.terraform_remote_state.storage

  values = {
    outputs = {
      business_time_zone     = "America/New_York"
      day_shards             = 10
      idempotency_table_name = "ecommerce-analytics-local-storage-idempotency-table"
      orders_table_name      = "ecommerce-analytics-local-storage-orders-table"
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

run "only_signed_and_valid_calls_pass" {
  command = plan

  assert {
    condition     = alltrue([for method in aws_api_gateway_method.route : method.authorization == upper(var.auth)])
    error_message = "Every route asks who calls."
  }

  assert {
    condition     = aws_api_gateway_request_validator.all.validate_request_body && aws_api_gateway_request_validator.all.validate_request_parameters
    error_message = "A malformed call ends at the gateway."
  }

  assert {
    condition     = alltrue([for permission in aws_lambda_permission.route : permission.principal == "apigateway.amazonaws.com"])
    error_message = "Only the gateway calls the function."
  }

  assert {
    condition     = aws_api_gateway_method_settings.all.settings[0].throttling_rate_limit == var.throttle.rate && !aws_api_gateway_method_settings.all.settings[0].data_trace_enabled
    error_message = "Calls are throttled, and bodies are not logged."
  }
}

run "the_function_is_as_all_are" {
  command = plan

  assert {
    condition     = startswith(aws_lambda_function.order_processor.function_name, local.name_prefix)
    error_message = "The name begins with project and environment."
  }

  assert {
    condition     = aws_lambda_function.order_processor.kms_key_arn == local.foundation.kms_key_arn
    error_message = "The environment variables are encrypted with the project's key."
  }

  assert {
    condition     = aws_lambda_function.order_processor.tracing_config[0].mode == "Active" && aws_lambda_function.order_processor.logging_config[0].log_format == "JSON"
    error_message = "The function is traced and logs JSON."
  }

  assert {
    condition     = aws_lambda_alias.live.name == "live" && aws_lambda_function.order_processor.publish
    error_message = "Callers use the alias of a published version."
  }

  assert {
    condition     = aws_lambda_function.order_processor.role == local.iam.lambda_role_arns["order_processor"]
    error_message = "The function has its own role."
  }

  assert {
    condition     = aws_lambda_function.order_processor.environment[0].variables.ORDERS_TABLE_NAME == local.storage.orders_table_name
    error_message = "The function writes to the table of storage."
  }

  assert {
    condition     = aws_cloudwatch_log_group.order_processor.kms_key_id == local.foundation.kms_key_arn && aws_cloudwatch_log_group.order_processor.retention_in_days > 0
    error_message = "The log group order_processor is encrypted with the project's key and does not keep its entries for ever."
  }

  assert {
    condition     = aws_cloudwatch_log_group.api_access.kms_key_id == local.foundation.kms_key_arn && aws_cloudwatch_log_group.api_access.retention_in_days > 0
    error_message = "The log group api_access is encrypted with the project's key and does not keep its entries for ever."
  }
}
