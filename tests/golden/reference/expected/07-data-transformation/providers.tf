# Rendered by tfgen from _shared/providers.tf; change the spec or the blueprint instead.

# A plan against any other account stops before its first call.
provider "aws" {
  region              = var.aws_region
  allowed_account_ids = var.allowed_account_ids
}
