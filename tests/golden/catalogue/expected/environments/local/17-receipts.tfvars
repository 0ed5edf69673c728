# Rendered by tfgen from _shared/module.tfvars; change the spec or the blueprint instead.

sender               = "receipts@example.org"
sender_identity_type = "domain"
