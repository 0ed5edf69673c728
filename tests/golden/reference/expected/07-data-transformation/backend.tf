# Rendered by tfgen from _shared/backend.tf; change the spec or the blueprint instead.

# Values of the default environment (local); for another one:
# terraform init -reconfigure -backend-config=../environments/<environment>.s3.tfbackend
terraform {
  backend "s3" {
    key = "07-data-transformation/terraform.tfstate"

    bucket              = "ecommerce-analytics-local-tfstate-000000000000"
    region              = "us-east-1"
    encrypt             = true
    kms_key_id          = "alias/ecommerce-analytics-local-state"
    dynamodb_table      = "ecommerce-analytics-local-tflock"
    use_lockfile        = true
    allowed_account_ids = ["000000000000"]
  }
}
