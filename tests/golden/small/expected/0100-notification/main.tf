# Rendered by tfgen from notification/main.tf; change the spec or the blueprint instead.

# book-shop: 4 modules
resource "terraform_data" "told" {
  for_each = toset(var.recipients)
  input    = "${local.catalogue.catalogue_id} in ${local.main_network.vpc_id}"
}
