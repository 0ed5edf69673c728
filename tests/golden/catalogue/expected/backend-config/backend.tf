# Rendered by tfgen from _shared/backend_local.tf; change the spec or the blueprint instead.

# The state bucket cannot hold its own state before it exists: this module starts with a local one.
# `tfgen apply` moves it into the bucket; the README says how to do that by hand.
terraform {
  backend "local" {}
}
