# Rendered by tfgen from _shared/environment.tfvars; change the spec or the blueprint instead.

aws_region          = "us-east-1"
environment         = "production"
project_name        = "ecommerce-analytics"
state_bucket        = "ecommerce-analytics-production-tfstate-111111111111"
state_lock_table    = "ecommerce-analytics-production-tflock"
allowed_account_ids = ["111111111111"]
