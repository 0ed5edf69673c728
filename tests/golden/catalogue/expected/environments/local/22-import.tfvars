# Rendered by tfgen from _shared/module.tfvars; change the spec or the blueprint instead.

environment_variables = {}
iam_path              = "/"
lambda_memory_size    = 256
lambda_runtime        = "python3.13"
lambda_timeout        = 29
log_level             = "INFO"
log_retention_days    = 365
reserved_concurrency  = -1
