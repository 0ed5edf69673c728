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

data "terraform_remote_state" "storage" {
  backend = "s3"

  config = {
    bucket = var.state_bucket
    key    = "02-storage/terraform.tfstate"
    region = var.aws_region
  }
}

data "terraform_remote_state" "api_ingestion" {
  backend = "s3"

  config = {
    bucket = var.state_bucket
    key    = "03-api-ingestion/terraform.tfstate"
    region = var.aws_region
  }
}

data "terraform_remote_state" "event_processing" {
  backend = "s3"

  config = {
    bucket = var.state_bucket
    key    = "04-event-processing/terraform.tfstate"
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
  foundation       = data.terraform_remote_state.foundation.outputs
  storage          = data.terraform_remote_state.storage.outputs
  api_ingestion    = data.terraform_remote_state.api_ingestion.outputs
  event_processing = data.terraform_remote_state.event_processing.outputs
  notification     = data.terraform_remote_state.notification.outputs
}
