# Rendered by tfgen from foundation/main.tf; change the spec or the blueprint instead.

data "aws_caller_identity" "current" {}

data "aws_partition" "current" {}

data "aws_availability_zones" "available" {
  state = "available"

  filter {
    name   = "opt-in-status"
    values = ["opt-in-not-required"]
  }

  lifecycle {
    postcondition {
      condition     = length(self.zone_ids) >= var.availability_zones
      error_message = "The region ${var.aws_region} offers ${length(self.zone_ids)} availability zones, fewer than availability_zones = ${var.availability_zones}."
    }
  }
}

data "aws_subnet" "existing" {
  for_each = toset(var.existing_vpc.private_subnet_ids)

  id = each.value
}

locals {
  account_id = data.aws_caller_identity.current.account_id
  partition  = data.aws_partition.current.partition

  create_vpc = var.existing_vpc.vpc_id == ""
  vpc_id     = local.create_vpc ? one(aws_vpc.main[*].id) : var.existing_vpc.vpc_id

  # Subnets are keyed by a letter of their own, never by position, so that adding a zone touches no other subnet.
  # Zone ids name the same place in every account; zone names do not.
  zone_ids = length(var.zone_ids) > 0 ? var.zone_ids : data.aws_availability_zones.available.zone_ids
  zones = {
    for index, key in slice(["a", "b", "c", "d"], 0, local.create_vpc ? var.availability_zones : 0) : key => {
      zone_id = local.zone_ids[index]

      # The lower half of the network is private, the third quarter is for NAT gateways, the rest stays free.
      private_cidr = cidrsubnet(var.cidr, 3, index)
      public_cidr  = cidrsubnet(var.cidr, 4, 8 + index)
    }
  }

  private_subnet_ids = (
    local.create_vpc ? [for key in sort(keys(local.zones)) : aws_subnet.private[key].id] : var.existing_vpc.private_subnet_ids
  )
  private_route_table_ids = (
    local.create_vpc ? [for key in sort(keys(local.zones)) : aws_route_table.private[key].id] : var.existing_vpc.private_route_table_ids
  )
  availability_zones = (
    local.create_vpc ?
    [for key in sort(keys(local.zones)) : aws_subnet.private[key].availability_zone] :
    [for id in var.existing_vpc.private_subnet_ids : data.aws_subnet.existing[id].availability_zone]
  )
}

resource "aws_vpc" "main" {
  count = local.create_vpc ? 1 : 0

  cidr_block           = var.cidr
  enable_dns_support   = true
  enable_dns_hostnames = true
  tags                 = merge(local.tags, { Name = local.name_prefix })
}

# Whatever is put into the default group by mistake can talk to nobody.
resource "aws_default_security_group" "closed" {
  count = local.create_vpc ? 1 : 0

  vpc_id = local.vpc_id
  tags   = merge(local.tags, { Name = "${local.name_prefix}-default-closed" })
}

resource "aws_subnet" "private" {
  for_each = local.zones

  vpc_id                  = local.vpc_id
  availability_zone_id    = each.value.zone_id
  cidr_block              = each.value.private_cidr
  map_public_ip_on_launch = false
  tags                    = merge(local.tags, { Name = "${local.name_prefix}-private-${each.key}" })
}

resource "aws_route_table" "private" {
  for_each = local.zones

  vpc_id = local.vpc_id
  tags   = merge(local.tags, { Name = "${local.name_prefix}-private-${each.key}" })
}

resource "aws_route_table_association" "private" {
  for_each = local.zones

  subnet_id      = aws_subnet.private[each.key].id
  route_table_id = aws_route_table.private[each.key].id
}
