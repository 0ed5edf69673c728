# Rendered by tfgen from _shared/module.tfvars; change the spec or the blueprint instead.

availability_zones = 2
cidr               = "10.0.0.0/16"
existing_vpc = {
  vpc_id                  = ""
  private_subnet_ids      = []
  private_route_table_ids = []
}
iam_path                 = "/"
interface_endpoints      = []
log_retention_days       = 365
nat                      = false
permissions_boundary_arn = ""
zone_ids                 = []
