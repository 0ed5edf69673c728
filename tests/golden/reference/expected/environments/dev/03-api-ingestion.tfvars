# Rendered by tfgen from _shared/module.tfvars; change the spec or the blueprint instead.

auth                  = "aws_iam"
client_certificate    = false
idempotency_ttl_hours = 24
lambda_memory_size    = 512
lambda_runtime        = "python3.13"
lambda_timeout        = 10
log_level             = "INFO"
log_retention_days    = 365
manage_account_role   = false
reserved_concurrency  = -1
throttle = {
  rate  = 100
  burst = 200
}
waf                           = false
waf_requests_per_five_minutes = 2000
