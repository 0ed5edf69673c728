# Rendered by tfgen from notification/variables.tf; change the spec or the blueprint instead.

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

variable "sender_identity_type" {
  description = "What SES verifies: the address alone, or its whole domain with DKIM (needs DNS records, see output dns_records)."
  type        = string
  default     = "address"
  nullable    = false

  validation {
    condition     = contains(["address", "domain"], var.sender_identity_type)
    error_message = "sender_identity_type is address or domain."
  }
}

variable "recipients" {
  description = "Addresses the report is mailed to. In the SES sandbox each of them must be verified."
  type        = list(string)
  nullable    = false

  default = ["analytics@example.com"]

  validation {
    condition     = length(var.recipients) >= 1 && length(var.recipients) <= 50
    error_message = "recipients holds 1 to 50 addresses, as many as SES takes in one mail."
  }

  validation {
    condition     = alltrue([for address in var.recipients : can(regex("^[^@, ]+@[^@, ]+[.][^@, ]+$", address))])
    error_message = "Each of recipients is one e-mail address."
  }
}

variable "alert_subscribers" {
  description = "Addresses that get the alerts; each must confirm its subscription once."
  type        = list(string)
  nullable    = false

  default = []

  validation {
    condition     = alltrue([for address in var.alert_subscribers : can(regex("^[^@, ]+@[^@, ]+[.][^@, ]+$", address))])
    error_message = "Each of alert_subscribers is one e-mail address."
  }
}

variable "report_subscribers" {
  description = "Addresses that are told of new reports by SNS; each must confirm its subscription once."
  type        = list(string)
  nullable    = false

  default = []

  validation {
    condition     = alltrue([for address in var.report_subscribers : can(regex("^[^@, ]+@[^@, ]+[.][^@, ]+$", address))])
    error_message = "Each of report_subscribers is one e-mail address."
  }
}

variable "lambda_runtime" {
  description = "Runtime of the notifier."
  type        = string
  default     = "python3.13"
  nullable    = false

  validation {
    condition     = startswith(var.lambda_runtime, "python3.")
    error_message = "lambda_runtime is a Python 3 runtime, for example python3.13."
  }
}

variable "lambda_memory_size" {
  description = "Memory of the notifier in MB."
  type        = number
  default     = 256
  nullable    = false

  validation {
    condition     = var.lambda_memory_size >= 128 && var.lambda_memory_size <= 10240
    error_message = "lambda_memory_size lies between 128 and 10240."
  }
}

variable "lambda_timeout" {
  description = "Seconds the notifier may take."
  type        = number
  default     = 60
  nullable    = false

  validation {
    condition     = var.lambda_timeout >= 5 && var.lambda_timeout <= 900
    error_message = "lambda_timeout lies between 5 and 900."
  }
}

variable "reserved_concurrency" {
  description = "Executions reserved for the notifier; -1 reserves none, 0 stops it."
  type        = number
  default     = -1
  nullable    = false

  validation {
    condition     = var.reserved_concurrency >= -1
    error_message = "reserved_concurrency is -1 or more."
  }
}

variable "log_level" {
  description = "Lowest level the notifier logs."
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
