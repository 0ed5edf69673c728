# Rendered by tfgen from _shared/backend.tf; change the spec or the blueprint instead.

# Values of the default environment (sandbox); for another one:
# terraform init -reconfigure -backend-config=../environments/<environment>.s3.tfbackend
terraform {
  backend "s3" {
    key = "shops/books/30-catalogue/terraform.tfstate"

    bucket              = "book-shop-sandbox-tfstate"
    region              = "eu-west-1"
    encrypt             = true
    kms_key_id          = "alias/book-shop-sandbox-state"
    use_lockfile        = true
    allowed_account_ids = ["000000000000"]
  }
}
