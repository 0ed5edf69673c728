# Rendered by tfgen from foundation/variables.tf; change the spec or the blueprint instead.

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

variable "cidr" {
  description = "IPv4 range of the VPC, between /16 and /24. Changing it replaces the network."
  type        = string
  default     = "10.0.0.0/16"

  validation {
    condition     = can(cidrhost(var.cidr, 0)) && can(regex("/(1[6-9]|2[0-4])$", var.cidr))
    error_message = "cidr must be an IPv4 range between /16 and /24, such as 10.0.0.0/16."
  }
}

variable "availability_zones" {
  description = "Number of availability zones with a private subnet."
  type        = number
  default     = 2

  validation {
    condition     = contains([2, 3, 4], var.availability_zones)
    error_message = "availability_zones must be 2, 3 or 4."
  }
}

variable "zone_ids" {
  description = "IDs of the zones to use, such as use1-az1, in the order of the subnets; empty for the region's first ones."
  type        = list(string)
  default     = []

  validation {
    condition     = length(var.zone_ids) == 0 || length(distinct(var.zone_ids)) == var.availability_zones
    error_message = "zone_ids must be empty or name exactly as many different zones as availability_zones says."
  }
}

variable "existing_vpc" {
  description = "A VPC to use instead of a new one. Without route tables it is expected to have its gateway endpoints."

  type = object({
    vpc_id                  = string
    private_subnet_ids      = list(string)
    private_route_table_ids = list(string)
  })

  default = {
    vpc_id                  = ""
    private_subnet_ids      = []
    private_route_table_ids = []
  }

  validation {
    condition     = (var.existing_vpc.vpc_id == "") == (length(var.existing_vpc.private_subnet_ids) == 0)
    error_message = "existing_vpc needs both vpc_id and private_subnet_ids, or neither."
  }
}

variable "nat" {
  description = "Build one NAT gateway per zone, so that functions in the VPC reach the internet."
  type        = bool
  default     = false

  validation {
    condition     = !var.nat || var.existing_vpc.vpc_id == ""
    error_message = "nat builds gateways for a new VPC only; an existing one brings its own."
  }
}

variable "interface_endpoints" {
  description = "AWS services to reach through interface endpoints, such as sqs or secretsmanager."
  type        = list(string)

  default = []
}

variable "log_retention_days" {
  description = "Days for which flow logs are kept."
  type        = number
  default     = 365

  validation {
    condition     = contains([1, 3, 5, 7, 14, 30, 60, 90, 120, 150, 180, 365, 400, 545, 731, 1096, 1827, 2192, 2557, 2922, 3288, 3653], var.log_retention_days)
    error_message = "log_retention_days must be a period that CloudWatch Logs offers, such as 30, 90, 365 or 731."
  }
}

variable "iam_path" {
  description = "Path of the IAM role created here."
  type        = string
  default     = "/"

  validation {
    condition     = can(regex("^/([A-Za-z0-9_.-]+/)*$", var.iam_path))
    error_message = "iam_path must begin and end with a slash, such as / or /pipelines/."
  }
}

variable "permissions_boundary_arn" {
  description = "Permissions boundary that the company demands of every role; empty for none."
  type        = string
  default     = ""
}
