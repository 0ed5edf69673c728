# Rendered by tfgen from lambda/variables.tf; change the spec or the blueprint instead.

variable "aws_region" {
  description = "Region of every resource and of the state bucket."
  type        = string
  default     = "eu-west-1"
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
  default     = "shop-analytics"
}

variable "state_bucket" {
  description = "S3 bucket with the states of all modules."
  type        = string
  default     = "shop-analytics-local-tfstate"
}

variable "state_lock_table" {
  description = "DynamoDB table with the state locks of all modules."
  type        = string
  default     = "shop-analytics-local-tflock"
}

variable "allowed_account_ids" {
  description = "The only AWS accounts this module may be applied to."
  type        = list(string)
  default     = ["000000000000"]
}

variable "environment_variables" {
  description = "Environment variables of the function; never secrets."
  type        = map(string)
  nullable    = false

  default = {}

  validation {
    condition     = alltrue([for name in keys(var.environment_variables) : can(regex("^[A-Z][A-Z0-9_]*$", name))])
    error_message = "Names of environment_variables consist of A-Z, 0-9 and _."
  }
}

variable "iam_path" {
  description = "Path of the roles. Changing it replaces them."
  type        = string
  default     = "/"
  nullable    = false

  validation {
    condition     = can(regex("^/([A-Za-z0-9_.-]+/)*$", var.iam_path))
    error_message = "iam_path must begin and end with a slash, such as / or /pipelines/."
  }
}

variable "lambda_runtime" {
  description = "Runtime of the function."
  type        = string
  default     = "python3.13"
  nullable    = false

  validation {
    condition     = startswith(var.lambda_runtime, "python3.")
    error_message = "lambda_runtime is a Python 3 runtime, for example python3.13."
  }
}

variable "lambda_memory_size" {
  description = "Memory of the function in MB."
  type        = number
  default     = 256
  nullable    = false

  validation {
    condition     = var.lambda_memory_size >= 128 && var.lambda_memory_size <= 10240
    error_message = "lambda_memory_size lies between 128 and 10240."
  }
}

variable "lambda_timeout" {
  description = "Seconds the function may take; at most 29 behind an API."
  type        = number
  default     = 29
  nullable    = false

  validation {
    condition     = var.lambda_timeout >= 1 && var.lambda_timeout <= 900
    error_message = "lambda_timeout lies between 1 and 900."
  }
}

variable "reserved_concurrency" {
  description = "Executions reserved for the function; -1 reserves none, 0 stops it."
  type        = number
  default     = -1
  nullable    = false

  validation {
    condition     = var.reserved_concurrency >= -1
    error_message = "reserved_concurrency is -1 or more."
  }
}

variable "log_level" {
  description = "Lowest level the function logs."
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
