# Rendered by tfgen from foundation/nat.tf; change the spec or the blueprint instead.

# The way to the internet, one gateway per zone. Off by default: the pipeline needs AWS services only,
# and a NAT gateway costs about 37 USD a month before its first byte.

locals {
  nat_zones = var.nat ? local.zones : {}
}

resource "aws_internet_gateway" "main" {
  count = length(local.nat_zones) > 0 ? 1 : 0

  vpc_id = local.vpc_id
  tags   = merge(local.tags, { Name = local.name_prefix })
}

resource "aws_subnet" "public" {
  for_each = local.nat_zones

  vpc_id                  = local.vpc_id
  availability_zone_id    = each.value.zone_id
  cidr_block              = each.value.public_cidr
  map_public_ip_on_launch = false
  tags                    = merge(local.tags, { Name = "${local.name_prefix}-public-${each.key}" })
}

resource "aws_route_table" "public" {
  count = length(local.nat_zones) > 0 ? 1 : 0

  vpc_id = local.vpc_id
  tags   = merge(local.tags, { Name = "${local.name_prefix}-public" })
}

resource "aws_route" "internet" {
  count = length(local.nat_zones) > 0 ? 1 : 0

  route_table_id         = aws_route_table.public[0].id
  destination_cidr_block = "0.0.0.0/0"
  gateway_id             = aws_internet_gateway.main[0].id
}

resource "aws_route_table_association" "public" {
  for_each = local.nat_zones

  subnet_id      = aws_subnet.public[each.key].id
  route_table_id = aws_route_table.public[0].id
}

resource "aws_eip" "nat" {
  for_each = local.nat_zones

  domain = "vpc"
  tags   = merge(local.tags, { Name = "${local.name_prefix}-nat-${each.key}" })

  depends_on = [aws_internet_gateway.main]
}

resource "aws_nat_gateway" "main" {
  for_each = local.nat_zones

  allocation_id = aws_eip.nat[each.key].id
  subnet_id     = aws_subnet.public[each.key].id
  tags          = merge(local.tags, { Name = "${local.name_prefix}-${each.key}" })

  depends_on = [aws_internet_gateway.main]
}

resource "aws_route" "nat" {
  for_each = local.nat_zones

  route_table_id         = aws_route_table.private[each.key].id
  destination_cidr_block = "0.0.0.0/0"
  nat_gateway_id         = aws_nat_gateway.main[each.key].id
}
