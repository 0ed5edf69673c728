# Rendered by tfgen from _shared/backend_local.tf; change the spec or the blueprint instead.

# The state bucket cannot hold its own state before it exists: this module starts with a local one, which is moved into
# the bucket afterwards. The README says how that is done by hand.
terraform {
  backend "local" {}
}
