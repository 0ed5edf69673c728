# Rendered by tfgen from _shared/module.tfvars; change the spec or the blueprint instead.

buffer_seconds     = 300
first_day          = "2025-01-01"
iam_path           = "/"
lambda_memory_size = 512
lambda_runtime     = "python3.13"
log_level          = "INFO"
log_retention_days = 365
max_lag_minutes    = 30
retry_attempts     = 10
scan_limit_gb      = 10
