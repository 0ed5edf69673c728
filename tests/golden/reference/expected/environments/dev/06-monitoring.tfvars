# Rendered by tfgen from _shared/module.tfvars; change the spec or the blueprint instead.

anomaly_detection      = false
api_error_percent      = 5
api_latency_p99_ms     = 2500
bounce_percent         = 5
complaint_percent      = 0.1
composite_alarm        = false
dead_letter_age_days   = 3
duration_percent       = 80
function_error_percent = 1
log_retention_days     = 365
order_absence_hours    = 0
report_absence_hours   = 26
