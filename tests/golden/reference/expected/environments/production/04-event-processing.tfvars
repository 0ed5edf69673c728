# Rendered by tfgen from _shared/module.tfvars; change the spec or the blueprint instead.

lambda_memory_size   = 1769
lambda_runtime       = "python3.13"
lambda_timeout       = 900
log_level            = "INFO"
log_retention_days   = 365
reserved_concurrency = -1
schedule_enabled     = true
schedule_expression  = "cron(15 4 * * ? *)"
