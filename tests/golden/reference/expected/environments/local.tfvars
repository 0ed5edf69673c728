# Rendered by tfgen from _shared/environment.tfvars; change the spec or the blueprint instead.

aws_region          = "us-east-1"
environment         = "local"
project_name        = "ecommerce-analytics"
state_bucket        = "ecommerce-analytics-local-tfstate-000000000000"
state_lock_table    = "ecommerce-analytics-local-tflock"
allowed_account_ids = ["000000000000"]
