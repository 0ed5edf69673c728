# Rendered by tfgen from _shared/locals.tf; change the spec or the blueprint instead.

locals {
  name_prefix = "${var.project_name}-${var.environment}"

  extra_tags = {
    CostCentre = "4711"
    Note       = "costs $${5} or 5 %%{"
  }

  tags = merge(local.extra_tags, {
    Project     = var.project_name
    Module      = "backend-config"
    Environment = var.environment
    ManagedBy   = "terraform"
    Owner       = "Ada's team"
  })
}
