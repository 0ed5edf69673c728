# Rendered by tfgen from _shared/environment.tfvars; change the spec or the blueprint instead.

aws_region          = "eu-central-1"
environment         = "production"
project_name        = "book-shop"
state_bucket        = "book-shop-production-tfstate"
state_lock_table    = "book-shop-production-tflock"
allowed_account_ids = ["123456789012"]
