# Rendered by tfgen from _shared/module.tfvars; change the spec or the blueprint instead.

access_log_retention_days = 365
business_time_zone        = "UTC"
day_shards                = 10
deletion_protection       = true
lifecycle_rules           = true
raw_retention_days        = 730
report_retention_days     = 400
