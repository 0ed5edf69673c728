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

data "terraform_remote_state" "iam" {
  backend = "s3"

  config = {
    bucket = var.state_bucket
    key    = "01-iam/terraform.tfstate"
    region = var.aws_region
  }
}

data "terraform_remote_state" "storage" {
  backend = "s3"

  config = {
    bucket = var.state_bucket
    key    = "02-storage/terraform.tfstate"
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

locals {
  foundation   = data.terraform_remote_state.foundation.outputs
  iam          = data.terraform_remote_state.iam.outputs
  storage      = data.terraform_remote_state.storage.outputs
  notification = data.terraform_remote_state.notification.outputs
}
