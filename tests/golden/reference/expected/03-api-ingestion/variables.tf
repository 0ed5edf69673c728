# Rendered by tfgen from api-ingestion/variables.tf; change the spec or the blueprint instead.

variable "aws_region" {
  description = "Region of every resource and of the state bucket."
  type        = string
  default     = "us-east-1"
}

variable "environment" {
  description = "Name of the environment; part of every resource name."
  type        = string
  default     = "local"

  validation {
    condition     = can(regex("^[a-z][a-z0-9-]{0,15}$", var.environment))
    error_message = "An environment's name has 1 to 16 lower-case letters, digits and hyphens."
  }
}

variable "project_name" {
  description = "Name of the project; the beginning of every resource name."
  type        = string
  default     = "ecommerce-analytics"
}

variable "state_bucket" {
  description = "S3 bucket with the states of all modules."
  type        = string
  default     = "ecommerce-analytics-local-tfstate-000000000000"
}

variable "state_lock_table" {
  description = "DynamoDB table with the state locks of all modules."
  type        = string
  default     = "ecommerce-analytics-local-tflock"
}

variable "allowed_account_ids" {
  description = "The only AWS accounts this module may be applied to."
  type        = list(string)
  default     = ["000000000000"]
}

variable "auth" {
  description = "Who may call the API: aws_iam asks for SigV4 and execute-api:Invoke; none is for local trials only."
  type        = string
  default     = "aws_iam"
  nullable    = false

  validation {
    condition     = contains(["aws_iam", "none"], var.auth)
    error_message = "auth is aws_iam or none."
  }

  validation {
    condition     = var.auth != "none" || var.environment == "local"
    error_message = "auth = none is refused outside environment local: the API would be open to the internet."
  }
}

variable "throttle" {
  description = "Steady requests per second and burst that the stage lets through, over all callers."
  type = object({
    rate  = number
    burst = number
  })
  nullable = false

  default = {
    rate  = 100
    burst = 200
  }

  validation {
    condition     = var.throttle.rate > 0 && var.throttle.burst > 0
    error_message = "throttle.rate and throttle.burst are greater than 0 (0 would refuse every request)."
  }
}

variable "manage_account_role" {
  description = "Whether this module sets the logging role of API Gateway, one for all REST APIs of the account and region."
  type        = bool
  default     = false
  nullable    = false
}

variable "client_certificate" {
  description = "Whether the stage shows a client certificate to its backends."
  type        = bool
  default     = false
  nullable    = false
}

variable "waf" {
  description = "Whether a web application firewall guards the stage (about 8 USD a month)."
  type        = bool
  default     = false
  nullable    = false
}

variable "waf_requests_per_five_minutes" {
  description = "Requests that one address may send in five minutes before the firewall blocks it."
  type        = number
  default     = 2000
  nullable    = false

  validation {
    condition     = var.waf_requests_per_five_minutes >= 10 && var.waf_requests_per_five_minutes <= 2000000000
    error_message = "waf_requests_per_five_minutes lies between 10 and 2000000000."
  }
}

variable "lambda_runtime" {
  description = "Runtime of the order processor."
  type        = string
  default     = "python3.13"
  nullable    = false

  validation {
    condition     = startswith(var.lambda_runtime, "python3.")
    error_message = "lambda_runtime is a Python 3 runtime, for example python3.13."
  }
}

variable "lambda_memory_size" {
  description = "Memory of the order processor in MB; processor time grows with it."
  type        = number
  default     = 512
  nullable    = false

  validation {
    condition     = var.lambda_memory_size >= 128 && var.lambda_memory_size <= 10240
    error_message = "lambda_memory_size lies between 128 and 10240."
  }
}

variable "lambda_timeout" {
  description = "Seconds the order processor may take; the gateway waits one second longer, 29 at most."
  type        = number
  default     = 10
  nullable    = false

  validation {
    condition     = var.lambda_timeout >= 1 && var.lambda_timeout <= 28
    error_message = "lambda_timeout lies between 1 and 28."
  }
}

variable "reserved_concurrency" {
  description = "Executions reserved for the order processor; -1 reserves none, 0 stops it."
  type        = number
  default     = -1
  nullable    = false

  validation {
    condition     = var.reserved_concurrency >= -1
    error_message = "reserved_concurrency is -1 or more."
  }
}

variable "idempotency_ttl_hours" {
  description = "Hours for which a replay of an Idempotency-Key gets the first answer again."
  type        = number
  default     = 24
  nullable    = false

  validation {
    condition     = var.idempotency_ttl_hours >= 1 && var.idempotency_ttl_hours <= 168
    error_message = "idempotency_ttl_hours lies between 1 and 168."
  }
}

variable "log_level" {
  description = "Lowest level the order processor logs."
  type        = string
  default     = "INFO"
  nullable    = false

  validation {
    condition     = contains(["DEBUG", "INFO", "WARN", "ERROR"], var.log_level)
    error_message = "log_level is DEBUG, INFO, WARN or ERROR."
  }
}

variable "log_retention_days" {
  description = "Days for which logs are kept."
  type        = number
  default     = 365
  nullable    = false

  validation {
    condition = contains(
      [1, 3, 5, 7, 14, 30, 60, 90, 120, 150, 180, 365, 400, 545, 731, 1096, 1827, 2192, 2557, 2922, 3288, 3653],
      var.log_retention_days,
    )
    error_message = "log_retention_days is a number that CloudWatch Logs offers, for example 30, 90 or 365."
  }
}
