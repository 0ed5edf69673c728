# Rendered by tfgen from network/main.tf; change the spec or the blueprint instead.

resource "random_password" "database" {
  length = 24
}

resource "aws_vpc" "this" {
  cidr_block = "10.4.0.0/20"
  tags       = merge(local.tags, { Name = local.name_prefix })
}

resource "aws_subnet" "a" {
  vpc_id            = aws_vpc.this.id
  cidr_block        = cidrsubnet("10.4.0.0/20", 4, 0)
  availability_zone = "${var.aws_region}a"
  tags              = local.tags
}

resource "aws_subnet" "b" {
  vpc_id            = aws_vpc.this.id
  cidr_block        = cidrsubnet("10.4.0.0/20", 4, 1)
  availability_zone = "${var.aws_region}b"
  tags              = local.tags
}
