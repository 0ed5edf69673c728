# Rendered by tfgen from _shared/terraform.tfvars; change the spec or the blueprint instead.

# The five global variables, read by every module through its link global.auto.tfvars.
aws_region       = "us-east-1"
environment      = "local"
project_name     = "ecommerce-analytics"
state_bucket     = "ecommerce-analytics-local-tfstate-000000000000"
state_lock_table = "ecommerce-analytics-local-tflock"
