# Rendered by tfgen from _shared/module.tfvars; change the spec or the blueprint instead.

access_log_retention_days = 365
deletion_protection       = true
lifecycle_rules           = true
noncurrent_version_days   = 90
noncurrent_versions_kept  = 30
