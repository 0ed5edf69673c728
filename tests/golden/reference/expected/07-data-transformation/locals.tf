# Rendered by tfgen from _shared/locals.tf; change the spec or the blueprint instead.

locals {
  name_prefix = "${var.project_name}-${var.environment}"

  tags = {
    Project     = var.project_name
    Module      = "data-transformation"
    Environment = var.environment
    ManagedBy   = "terraform"
    Owner       = "data-engineering-team"
  }
}
