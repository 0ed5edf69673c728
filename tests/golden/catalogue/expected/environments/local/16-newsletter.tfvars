# Rendered by tfgen from _shared/module.tfvars; change the spec or the blueprint instead.

sender               = "news@example.com"
sender_identity_type = "address"
