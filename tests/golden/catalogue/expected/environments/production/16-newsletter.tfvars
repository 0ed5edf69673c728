# Rendered by tfgen from _shared/module.tfvars; change the spec or the blueprint instead.

sender               = "news@shop.example"
sender_identity_type = "address"
