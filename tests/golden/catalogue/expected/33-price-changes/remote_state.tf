# Rendered by tfgen from _shared/remote_state.tf; change the spec or the blueprint instead.

# The only file that knows where other modules keep their outputs.
data "terraform_remote_state" "foundation" {
  backend = "s3"

  config = {
    bucket = var.state_bucket
    key    = "00-foundation/terraform.tfstate"
    region = var.aws_region
  }
}

data "terraform_remote_state" "notification" {
  backend = "s3"

  config = {
    bucket = var.state_bucket
    key    = "05-notification/terraform.tfstate"
    region = var.aws_region
  }
}

data "terraform_remote_state" "price_lookup" {
  backend = "s3"

  config = {
    bucket = var.state_bucket
    key    = "20-price-lookup/terraform.tfstate"
    region = var.aws_region
  }
}

locals {
  foundation   = data.terraform_remote_state.foundation.outputs
  notification = data.terraform_remote_state.notification.outputs
  price_lookup = data.terraform_remote_state.price_lookup.outputs
}
