# Rendered by tfgen from _shared/module.tfvars; change the spec or the blueprint instead.

iam_path                 = "/"
permissions_boundary_arn = ""
sender                   = "reports@example.com"
