# Rendered by tfgen from _shared/module.tfvars; change the spec or the blueprint instead.

deletion_protection = false
expiration_days     = 0
lifecycle_rules     = false
