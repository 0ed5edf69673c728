# Rendered by tfgen from _shared/terraform.tfvars; change the spec or the blueprint instead.

# The five global variables, read by every module through its link global.auto.tfvars.
aws_region       = "eu-west-1"
environment      = "sandbox"
project_name     = "book-shop"
state_bucket     = "book-shop-sandbox-tfstate"
state_lock_table = "book-shop-tflock"
