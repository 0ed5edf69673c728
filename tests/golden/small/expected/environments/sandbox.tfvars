# Rendered by tfgen from _shared/environment.tfvars; change the spec or the blueprint instead.

aws_region          = "eu-west-1"
environment         = "sandbox"
project_name        = "book-shop"
state_bucket        = "book-shop-sandbox-tfstate"
state_lock_table    = "book-shop-tflock"
allowed_account_ids = ["000000000000"]
