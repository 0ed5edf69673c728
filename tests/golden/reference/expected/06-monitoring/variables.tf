# Rendered by tfgen from monitoring/variables.tf; change the spec or the blueprint instead.

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

variable "api_error_percent" {
  description = "Share of calls, in percent, above which refusals or server errors of the API raise an alarm."
  type        = number
  default     = 5
  nullable    = false

  validation {
    condition     = var.api_error_percent >= 0.1 && var.api_error_percent <= 100
    error_message = "api_error_percent lies between 0.1 and 100."
  }
}

variable "api_latency_p99_ms" {
  description = "Milliseconds that the slowest hundredth of the calls may take."
  type        = number
  default     = 2500
  nullable    = false

  validation {
    condition     = var.api_latency_p99_ms >= 1 && var.api_latency_p99_ms <= 29000
    error_message = "api_latency_p99_ms lies between 1 and 29000."
  }
}

variable "function_error_percent" {
  description = "Share of failed calls, in percent, above which the order processor raises an alarm."
  type        = number
  default     = 1
  nullable    = false

  validation {
    condition     = var.function_error_percent >= 0.1 && var.function_error_percent <= 100
    error_message = "function_error_percent lies between 0.1 and 100."
  }
}

variable "duration_percent" {
  description = "Share of its timeout, in percent, that a function may take before an alarm."
  type        = number
  default     = 80
  nullable    = false

  validation {
    condition     = var.duration_percent >= 1 && var.duration_percent <= 100
    error_message = "duration_percent lies between 1 and 100."
  }
}

variable "report_absence_hours" {
  description = "Hours without a new report after which one is missed; CloudWatch looks back 168 at most."
  type        = number
  default     = 26
  nullable    = false

  validation {
    condition     = var.report_absence_hours >= 1 && var.report_absence_hours <= 168
    error_message = "report_absence_hours lies between 1 and 168."
  }

  validation {
    condition     = floor(var.report_absence_hours) == var.report_absence_hours
    error_message = "report_absence_hours is a whole number."
  }
}

variable "order_absence_hours" {
  description = "Hours without a new order after which orders are missed; 0 switches the alarm off."
  type        = number
  default     = 0
  nullable    = false

  validation {
    condition     = var.order_absence_hours >= 0 && var.order_absence_hours <= 168
    error_message = "order_absence_hours lies between 0 and 168."
  }

  validation {
    condition     = floor(var.order_absence_hours) == var.order_absence_hours
    error_message = "order_absence_hours is a whole number."
  }
}

variable "dead_letter_age_days" {
  description = "Days a failure may wait in a dead-letter queue before a second alarm; messages live 14."
  type        = number
  default     = 3
  nullable    = false

  validation {
    condition     = var.dead_letter_age_days >= 1 && var.dead_letter_age_days <= 13
    error_message = "dead_letter_age_days lies between 1 and 13."
  }
}

variable "bounce_percent" {
  description = "Share of bounced mails, in percent, that raises an alarm; SES puts an account under review at 5 and stops it at 10."
  type        = number
  default     = 5
  nullable    = false

  validation {
    condition     = var.bounce_percent >= 0.1 && var.bounce_percent <= 10
    error_message = "bounce_percent lies between 0.1 and 10."
  }
}

variable "complaint_percent" {
  description = "Share of mails reported as spam, in percent, that raises an alarm; SES puts an account under review at 0.1 and stops it at 0.5."
  type        = number
  default     = 0.1
  nullable    = false

  validation {
    condition     = var.complaint_percent >= 0.01 && var.complaint_percent <= 0.5
    error_message = "complaint_percent lies between 0.01 and 0.5."
  }
}

variable "composite_alarm" {
  description = "Whether one more alarm sums up that orders are not being taken (0.50 USD a month)."
  type        = bool
  default     = false
  nullable    = false
}

variable "anomaly_detection" {
  description = "Whether an alarm learns the usual number of calls and reports the unusual (0.30 USD a month)."
  type        = bool
  default     = false
  nullable    = false
}

variable "log_retention_days" {
  description = "Days for which the event log is kept."
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
