# Rendered by tfgen from backend-config/main.tf; change the spec or the blueprint instead.

data "aws_s3_bucket" "state" {
  bucket = var.state_bucket
}
