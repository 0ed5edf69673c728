# Rendered by tfgen from _shared/remote_state.tf; change the spec or the blueprint instead.

# The only file that knows where other modules keep their outputs.
data "terraform_remote_state" "notification" {
  backend = "s3"

  config = {
    bucket = var.state_bucket
    key    = "05-notification/terraform.tfstate"
    region = var.aws_region
  }
}

data "terraform_remote_state" "invoices" {
  backend = "s3"

  config = {
    bucket = var.state_bucket
    key    = "14-invoices/terraform.tfstate"
    region = var.aws_region
  }
}

data "terraform_remote_state" "invoices_api" {
  backend = "s3"

  config = {
    bucket = var.state_bucket
    key    = "27-invoices-api/terraform.tfstate"
    region = var.aws_region
  }
}

locals {
  notification = data.terraform_remote_state.notification.outputs
  invoices     = data.terraform_remote_state.invoices.outputs
  invoices_api = data.terraform_remote_state.invoices_api.outputs
}
