# Rendered by tfgen from foundation/security_groups.tf; change the spec or the blueprint instead.

data "aws_ec2_managed_prefix_list" "gateway" {
  for_each = toset(["dynamodb", "s3"])

  name = "com.amazonaws.${var.aws_region}.${each.key}"
}

# Functions accept no connection and open only those listed below. The name is a prefix and the replacement comes first,
# because a group in use cannot be deleted.
resource "aws_security_group" "lambda" {
  name_prefix = "${local.name_prefix}-lambda-"
  description = "Lambda functions of ${local.name_prefix}"
  vpc_id      = local.vpc_id
  tags        = merge(local.tags, { Name = "${local.name_prefix}-lambda" })

  lifecycle {
    create_before_destroy = true
  }
}

resource "aws_vpc_security_group_egress_rule" "lambda_to_gateway" {
  for_each = data.aws_ec2_managed_prefix_list.gateway

  security_group_id = aws_security_group.lambda.id
  description       = "HTTPS to ${each.key} in this region"
  prefix_list_id    = each.value.id
  ip_protocol       = "tcp"
  from_port         = 443
  to_port           = 443
  tags              = merge(local.tags, { Name = "${local.name_prefix}-lambda-${each.key}" })
}

resource "aws_vpc_security_group_egress_rule" "lambda_to_internet" {
  count = var.nat ? 1 : 0

  security_group_id = aws_security_group.lambda.id
  description       = "HTTPS to the internet through NAT"
  cidr_ipv4         = "0.0.0.0/0"
  ip_protocol       = "tcp"
  from_port         = 443
  to_port           = 443
  tags              = merge(local.tags, { Name = "${local.name_prefix}-lambda-internet" })
}

resource "aws_vpc_security_group_egress_rule" "lambda_to_endpoints" {
  count = length(var.interface_endpoints) > 0 ? 1 : 0

  security_group_id            = aws_security_group.lambda.id
  description                  = "HTTPS to the interface endpoints"
  referenced_security_group_id = aws_security_group.endpoints[0].id
  ip_protocol                  = "tcp"
  from_port                    = 443
  to_port                      = 443
  tags                         = merge(local.tags, { Name = "${local.name_prefix}-lambda-endpoints" })
}

resource "aws_security_group" "endpoints" {
  count = length(var.interface_endpoints) > 0 ? 1 : 0

  name_prefix = "${local.name_prefix}-endpoints-"
  description = "Interface endpoints of ${local.name_prefix}"
  vpc_id      = local.vpc_id
  tags        = merge(local.tags, { Name = "${local.name_prefix}-endpoints" })

  lifecycle {
    create_before_destroy = true
  }
}

resource "aws_vpc_security_group_ingress_rule" "endpoints_from_lambda" {
  count = length(var.interface_endpoints) > 0 ? 1 : 0

  security_group_id            = aws_security_group.endpoints[0].id
  description                  = "HTTPS from the Lambda functions"
  referenced_security_group_id = aws_security_group.lambda.id
  ip_protocol                  = "tcp"
  from_port                    = 443
  to_port                      = 443
  tags                         = merge(local.tags, { Name = "${local.name_prefix}-endpoints-lambda" })
}
