# Rendered by tfgen from queue/variables.tf; change the spec or the blueprint instead.

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

variable "visibility_timeout_seconds" {
  description = "Seconds for which a received message is hidden; six times the timeout of the function that reads it."
  type        = number
  default     = 180
  nullable    = false

  validation {
    condition     = var.visibility_timeout_seconds >= 0 && var.visibility_timeout_seconds <= 43200
    error_message = "visibility_timeout_seconds lies between 0 and 43200."
  }
}

variable "retention_days" {
  description = "Days a message waits before it is lost."
  type        = number
  default     = 4
  nullable    = false

  validation {
    condition     = var.retention_days >= 1 && var.retention_days <= 14
    error_message = "retention_days lies between 1 and 14."
  }
}

variable "max_receive_count" {
  description = "Attempts after which a message goes to the dead-letter queue."
  type        = number
  default     = 5
  nullable    = false

  validation {
    condition     = var.max_receive_count >= 1 && var.max_receive_count <= 1000
    error_message = "max_receive_count lies between 1 and 1000."
  }
}

variable "alarm_age_minutes" {
  description = "Minutes after which a message that still waits raises an alarm."
  type        = number
  default     = 60
  nullable    = false

  validation {
    condition     = var.alarm_age_minutes >= 1
    error_message = "alarm_age_minutes must be at least 1."
  }
}
