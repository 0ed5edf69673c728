# Rendered by tfgen from api-ingestion/models.tf; change the spec or the blueprint instead.

# The gateway refuses early what can be told from the shape alone; the function checks again, and checks what a schema
# cannot say (currencies, totals). Both shapes come from openapi.yaml, which is also what clients read.
locals {
  openapi = yamldecode(file("${path.module}/openapi.yaml"))

  # What the gateway validates speaks JSON schema draft 4; the schemas of requests use nothing that came later.
  model_schemas = {
    for name in ["CreateOrder", "CancelOrder", "RefundOrder"] :
    name => merge({ "$schema" = "http://json-schema.org/draft-04/schema#" }, local.openapi.components.schemas[name])
  }
}

resource "aws_api_gateway_model" "request" {
  for_each = local.model_schemas

  rest_api_id  = aws_api_gateway_rest_api.orders.id
  name         = each.key
  description  = "Body of the request ${each.key}"
  content_type = "application/json"
  schema       = jsonencode(each.value)
}
