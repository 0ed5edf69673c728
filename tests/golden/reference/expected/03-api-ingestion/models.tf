# Rendered by tfgen from api-ingestion/models.tf; change the spec or the blueprint instead.

# The gateway refuses early what can be told from the shape alone; the function checks again, and
# checks what a schema cannot say (currencies, totals). Money is a decimal string, never a number.
locals {
  money_schema = {
    type    = "string"
    pattern = "^[0-9]{1,12}([.][0-9]{1,4})?$"
  }

  order_item_schema = {
    type                 = "object"
    additionalProperties = false
    required             = ["sku", "category", "quantity", "unit_price"]
    properties = {
      sku        = { type = "string", minLength = 1, maxLength = 64 }
      name       = { type = "string", minLength = 1, maxLength = 200 }
      category   = { type = "string", minLength = 1, maxLength = 64 }
      quantity   = { type = "integer", minimum = 1, maximum = 10000 }
      unit_price = local.money_schema
    }
  }

  create_order_schema = {
    "$schema"            = "http://json-schema.org/draft-04/schema#"
    title                = "CreateOrder"
    type                 = "object"
    additionalProperties = false
    required             = ["customer_id", "currency", "items"]
    properties = {
      customer_id = { type = "string", minLength = 1, maxLength = 128 }
      currency    = { type = "string", pattern = "^[A-Z]{3}$" }
      items       = { type = "array", minItems = 1, maxItems = 100, items = local.order_item_schema }
      discount    = local.money_schema
      shipping    = local.money_schema
      tax         = local.money_schema
      total       = local.money_schema
      placed_at   = { type = "string", minLength = 20, maxLength = 35 }
    }
  }
}
