# Rendered by tfgen from catalogue/outputs.tf; change the spec or the blueprint instead.

output "catalogue_id" {
  description = "Id of the catalogue."
  value       = terraform_data.shelves.id
}
