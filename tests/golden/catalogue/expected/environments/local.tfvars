# Rendered by tfgen from _shared/environment.tfvars; change the spec or the blueprint instead.

aws_region          = "eu-west-1"
environment         = "local"
project_name        = "shop-analytics"
state_bucket        = "shop-analytics-local-tfstate"
state_lock_table    = "shop-analytics-local-tflock"
allowed_account_ids = ["000000000000"]
