# Rendered by tfgen from _shared/environment.tfvars; change the spec or the blueprint instead.

aws_region          = "us-east-1"
environment         = "dev"
project_name        = "ecommerce-analytics"
state_bucket        = "ecommerce-analytics-dev-tfstate-111111111111"
state_lock_table    = "ecommerce-analytics-dev-tflock"
allowed_account_ids = ["111111111111"]
