# Rendered by tfgen from _shared/backend.tf; change the spec or the blueprint instead.

# Values of the default environment (local); for another one:
# terraform init -reconfigure -backend-config=../environments/<environment>.s3.tfbackend
terraform {
  backend "s3" {
    key = "32-failed-builds/terraform.tfstate"

    bucket              = "shop-analytics-local-tfstate"
    region              = "eu-west-1"
    encrypt             = true
    kms_key_id          = "alias/shop-analytics-local-state"
    dynamodb_table      = "shop-analytics-local-tflock"
    use_lockfile        = true
    allowed_account_ids = ["000000000000"]
  }
}
