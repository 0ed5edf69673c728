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

data "terraform_remote_state" "notification" {
  backend = "s3"

  config = {
    bucket = var.state_bucket
    key    = "05-notification/terraform.tfstate"
    region = var.aws_region
  }
}

data "terraform_remote_state" "customers" {
  backend = "s3"

  config = {
    bucket = var.state_bucket
    key    = "10-customers/terraform.tfstate"
    region = var.aws_region
  }
}

data "terraform_remote_state" "ledger" {
  backend = "s3"

  config = {
    bucket = var.state_bucket
    key    = "11-ledger/terraform.tfstate"
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

data "terraform_remote_state" "shipments" {
  backend = "s3"

  config = {
    bucket = var.state_bucket
    key    = "15-shipments/terraform.tfstate"
    region = var.aws_region
  }
}

data "terraform_remote_state" "receipts" {
  backend = "s3"

  config = {
    bucket = var.state_bucket
    key    = "17-receipts/terraform.tfstate"
    region = var.aws_region
  }
}

locals {
  foundation   = data.terraform_remote_state.foundation.outputs
  iam          = data.terraform_remote_state.iam.outputs
  notification = data.terraform_remote_state.notification.outputs
  customers    = data.terraform_remote_state.customers.outputs
  ledger       = data.terraform_remote_state.ledger.outputs
  invoices     = data.terraform_remote_state.invoices.outputs
  shipments    = data.terraform_remote_state.shipments.outputs
  receipts     = data.terraform_remote_state.receipts.outputs
}
