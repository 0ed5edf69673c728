"""tfgen: one YAML spec in, plain layered Terraform out, planned, applied and proven."""
