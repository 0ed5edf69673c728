# Rendered by tfgen from _shared/module.tfvars; change the spec or the blueprint instead.

alert_subscribers    = []
lambda_memory_size   = 256
lambda_runtime       = "python3.13"
lambda_timeout       = 60
log_level            = "INFO"
log_retention_days   = 365
recipients           = ["analytics@example.com"]
report_subscribers   = []
reserved_concurrency = -1
sender_identity_type = "address"
