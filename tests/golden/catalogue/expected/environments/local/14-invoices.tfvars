# Rendered by tfgen from _shared/module.tfvars; change the spec or the blueprint instead.

alarm_age_minutes          = 60
max_receive_count          = 5
retention_days             = 4
visibility_timeout_seconds = 180
