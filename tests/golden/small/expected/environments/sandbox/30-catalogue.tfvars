# Rendered by tfgen from _shared/module.tfvars; change the spec or the blueprint instead.

protect        = false
retention_days = 30
