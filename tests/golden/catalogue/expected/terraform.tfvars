# Rendered by tfgen from _shared/terraform.tfvars; change the spec or the blueprint instead.

# The five global variables, read by every module through its link global.auto.tfvars.
aws_region       = "eu-west-1"
environment      = "local"
project_name     = "shop-analytics"
state_bucket     = "shop-analytics-local-tfstate"
state_lock_table = "shop-analytics-local-tflock"
