# Rendered by tfgen from _shared/environment.tfvars; change the spec or the blueprint instead.

aws_region          = "eu-west-1"
environment         = "production"
project_name        = "shop-analytics"
state_bucket        = "shop-analytics-production-tfstate"
state_lock_table    = "shop-analytics-production-tflock"
allowed_account_ids = ["123456789012"]
