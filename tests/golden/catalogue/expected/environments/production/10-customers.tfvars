# Rendered by tfgen from _shared/module.tfvars; change the spec or the blueprint instead.

deletion_protection = true
