# Rendered by tfgen from storage/variables.tf; change the spec or the blueprint instead.

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

variable "deletion_protection" {
  description = "Refuse to delete the tables, and the buckets while they hold anything."
  type        = bool
  default     = false
}

variable "day_shards" {
  description = "Partitions of the day index over which new orders are spread: peak writes a second / 1000, doubled, rounded up."
  type        = number
  default     = 10

  validation {
    condition     = var.day_shards >= 1 && var.day_shards <= 100 && floor(var.day_shards) == var.day_shards
    error_message = "day_shards must be a whole number between 1 and 100."
  }
}

variable "business_time_zone" {
  description = "IANA time zone in which a business day begins and ends, such as Europe/Berlin."
  type        = string
  default     = "UTC"

  validation {
    condition     = can(regex("^[A-Za-z][A-Za-z0-9_+-]*(/[A-Za-z0-9_+-]+)*$", var.business_time_zone))
    error_message = "business_time_zone must be an IANA name such as UTC or Europe/Berlin."
  }
}

variable "lifecycle_rules" {
  description = "Move, expire and clean up objects by their age."
  type        = bool
  default     = false
}

variable "raw_retention_days" {
  description = "Days for which archived orders are kept; after 90 of them they move to Glacier Instant Retrieval."
  type        = number
  default     = 730

  validation {
    condition     = var.raw_retention_days > 90
    error_message = "raw_retention_days must be more than 90, when objects move to Glacier Instant Retrieval."
  }
}

variable "report_retention_days" {
  description = "Days for which reports are kept."
  type        = number
  default     = 400

  validation {
    condition     = var.report_retention_days >= 1
    error_message = "report_retention_days must be at least 1."
  }
}

variable "access_log_retention_days" {
  description = "Days for which access logs are kept."
  type        = number
  default     = 365

  validation {
    condition     = var.access_log_retention_days >= 1
    error_message = "access_log_retention_days must be at least 1."
  }
}
