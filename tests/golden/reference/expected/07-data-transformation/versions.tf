# Rendered by tfgen from _shared/versions.tf; change the spec or the blueprint instead.

terraform {
  required_version = ">= 1.10, < 2.0"

  required_providers {
    aws = {
      source  = "hashicorp/aws"
      version = "~> 5.100"
    }
  }
}
