# Rendered by tfgen from data-transformation/variables.tf; change the spec or the blueprint instead.

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

variable "first_day" {
  description = "The first business day that queries look for."
  type        = string
  default     = "2025-01-01"
  nullable    = false

  validation {
    condition     = can(regex("^20[0-9]{2}-[0-9]{2}-[0-9]{2}$", var.first_day))
    error_message = "first_day is a day, for example 2025-01-01."
  }
}

variable "buffer_seconds" {
  description = "Seconds for which order versions are collected before a file is written."
  type        = number
  default     = 300
  nullable    = false

  validation {
    condition     = var.buffer_seconds >= 60 && var.buffer_seconds <= 900
    error_message = "buffer_seconds lies between 60 and 900."
  }
}

variable "scan_limit_gb" {
  description = "Gigabytes after which a query is cancelled."
  type        = number
  default     = 10
  nullable    = false

  validation {
    condition     = var.scan_limit_gb >= 1 && var.scan_limit_gb <= 7168
    error_message = "scan_limit_gb lies between 1 and 7168."
  }
}

variable "max_lag_minutes" {
  description = "Minutes by which the table may lag behind the orders before an alarm."
  type        = number
  default     = 30
  nullable    = false

  validation {
    condition     = var.max_lag_minutes >= 5 && var.max_lag_minutes <= 1380
    error_message = "max_lag_minutes lies between 5 and 1380."
  }
}

variable "retry_attempts" {
  description = "How often a batch of changes is tried again before it goes to the dead-letter queue."
  type        = number
  default     = 10
  nullable    = false

  validation {
    condition     = var.retry_attempts >= 0 && var.retry_attempts <= 10000
    error_message = "retry_attempts lies between 0 and 10000."
  }
}

variable "iam_path" {
  description = "Path of the roles."
  type        = string
  default     = "/"
  nullable    = false

  validation {
    condition     = can(regex("^/([A-Za-z0-9_.-]+/)*$", var.iam_path))
    error_message = "iam_path begins and ends with a slash, such as / or /pipelines/."
  }
}

variable "lambda_runtime" {
  description = "Runtime of both functions."
  type        = string
  default     = "python3.13"
  nullable    = false

  validation {
    condition     = startswith(var.lambda_runtime, "python3.")
    error_message = "lambda_runtime is a Python 3 runtime, for example python3.13."
  }
}

variable "lambda_memory_size" {
  description = "Memory of each function in MB."
  type        = number
  default     = 512
  nullable    = false

  validation {
    condition     = var.lambda_memory_size >= 128 && var.lambda_memory_size <= 10240
    error_message = "lambda_memory_size lies between 128 and 10240."
  }
}

variable "log_level" {
  description = "Lowest level the functions log."
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
