# Rendered by tfgen from _shared/remote_state.tf; change the spec or the blueprint instead.

# The only file that knows where other modules keep their outputs.
data "terraform_remote_state" "main_network" {
  backend = "s3"

  config = {
    bucket = var.state_bucket
    key    = "shops/books/05-main-network/terraform.tfstate"
    region = var.aws_region
  }
}

data "terraform_remote_state" "catalogue" {
  backend = "s3"

  config = {
    bucket = var.state_bucket
    key    = "shops/books/30-catalogue/terraform.tfstate"
    region = var.aws_region
  }
}

locals {
  main_network = merge(data.terraform_remote_state.main_network.outputs, { password = sensitive(data.terraform_remote_state.main_network.outputs.password) })
  catalogue    = data.terraform_remote_state.catalogue.outputs
}
