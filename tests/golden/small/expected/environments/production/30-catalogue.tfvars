# Rendered by tfgen from _shared/module.tfvars; change the spec or the blueprint instead.

protect        = true
retention_days = 365
