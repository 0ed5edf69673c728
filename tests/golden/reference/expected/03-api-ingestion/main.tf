# Rendered by tfgen from api-ingestion/main.tf; change the spec or the blueprint instead.

# The order API and the function behind it.
#   openapi.yaml what the API promises: paths, schemas, answers
#   models.tf    the gateway's models, made from it
#   api.tf       resources, methods, validation, deployment and stage
#   problems.tf  what the gateway itself answers when it refuses a request
#   function.tf  the order processor
#   logging.tf   log groups and the account's logging role
#   waf.tf       the web application firewall, when it is switched on

data "aws_caller_identity" "current" {}

data "aws_partition" "current" {}

locals {
  api_name      = "${local.name_prefix}-orders-api"
  function_name = "${local.name_prefix}-order-processor"
  stage_name    = "live"

  # One entry per route: add a route here and its method, integration, permission
  # and place in the deployment follow.
  routes = {
    create_order = {
      http_method        = "POST"
      resource           = aws_api_gateway_resource.orders
      request_models     = { "application/json" = aws_api_gateway_model.request["CreateOrder"].name }
      request_parameters = { "method.request.header.Idempotency-Key" = true }
    }
    list_orders = {
      http_method    = "GET"
      resource       = aws_api_gateway_resource.orders
      request_models = {}
      request_parameters = {
        "method.request.querystring.customer_id" = true
        "method.request.querystring.cursor"      = false
        "method.request.querystring.limit"       = false
      }
    }
    get_order = {
      http_method        = "GET"
      resource           = aws_api_gateway_resource.order
      request_models     = {}
      request_parameters = { "method.request.path.id" = true }
    }
    cancel_order = {
      http_method        = "POST"
      resource           = aws_api_gateway_resource.cancel
      request_models     = { "application/json" = aws_api_gateway_model.request["CancelOrder"].name }
      request_parameters = { "method.request.path.id" = true, "method.request.header.Idempotency-Key" = true }
    }
    refund_order = {
      http_method        = "POST"
      resource           = aws_api_gateway_resource.refunds
      request_models     = { "application/json" = aws_api_gateway_model.request["RefundOrder"].name }
      request_parameters = { "method.request.path.id" = true, "method.request.header.Idempotency-Key" = true }
    }
    get_report = {
      http_method        = "GET"
      resource           = aws_api_gateway_resource.report
      request_models     = {}
      request_parameters = { "method.request.path.date" = true }
    }
  }
}
