# Rendered by tfgen from api-ingestion/api.tf; change the spec or the blueprint instead.

resource "aws_api_gateway_rest_api" "orders" {
  name                         = local.api_name
  description                  = "Takes, changes and hands out orders, and links to reports"
  disable_execute_api_endpoint = false

  endpoint_configuration {
    types = ["REGIONAL"]
  }

  tags = local.tags

  lifecycle {
    create_before_destroy = true
  }
}

resource "aws_api_gateway_resource" "orders" {
  rest_api_id = aws_api_gateway_rest_api.orders.id
  parent_id   = aws_api_gateway_rest_api.orders.root_resource_id
  path_part   = "orders"
}

resource "aws_api_gateway_resource" "order" {
  rest_api_id = aws_api_gateway_rest_api.orders.id
  parent_id   = aws_api_gateway_resource.orders.id
  path_part   = "{id}"
}

resource "aws_api_gateway_resource" "cancel" {
  rest_api_id = aws_api_gateway_rest_api.orders.id
  parent_id   = aws_api_gateway_resource.order.id
  path_part   = "cancel"
}

resource "aws_api_gateway_resource" "refunds" {
  rest_api_id = aws_api_gateway_rest_api.orders.id
  parent_id   = aws_api_gateway_resource.order.id
  path_part   = "refunds"
}

resource "aws_api_gateway_resource" "reports" {
  rest_api_id = aws_api_gateway_rest_api.orders.id
  parent_id   = aws_api_gateway_rest_api.orders.root_resource_id
  path_part   = "reports"
}

resource "aws_api_gateway_resource" "report" {
  rest_api_id = aws_api_gateway_rest_api.orders.id
  parent_id   = aws_api_gateway_resource.reports.id
  path_part   = "{date}"
}

resource "aws_api_gateway_request_validator" "all" {
  name                        = "body-and-parameters"
  rest_api_id                 = aws_api_gateway_rest_api.orders.id
  validate_request_body       = true
  validate_request_parameters = true
}

resource "aws_api_gateway_method" "route" {
  for_each = local.routes

  rest_api_id          = aws_api_gateway_rest_api.orders.id
  resource_id          = each.value.resource.id
  http_method          = each.value.http_method
  authorization        = upper(var.auth)
  api_key_required     = false
  request_validator_id = aws_api_gateway_request_validator.all.id
  request_models       = each.value.request_models
  request_parameters   = each.value.request_parameters
}

resource "aws_api_gateway_integration" "route" {
  for_each = local.routes

  rest_api_id             = aws_api_gateway_rest_api.orders.id
  resource_id             = each.value.resource.id
  http_method             = aws_api_gateway_method.route[each.key].http_method
  type                    = "AWS_PROXY"
  integration_http_method = "POST"
  uri                     = aws_lambda_alias.live.invoke_arn
  passthrough_behavior    = "WHEN_NO_MATCH"

  # One second more than the function has: its own answer comes before the gateway's 504.
  timeout_milliseconds = (var.lambda_timeout + 1) * 1000
}

resource "aws_lambda_permission" "route" {
  for_each = local.routes

  statement_id  = "AllowOrdersApi-${each.key}"
  action        = "lambda:InvokeFunction"
  function_name = aws_lambda_function.order_processor.function_name
  qualifier     = aws_lambda_alias.live.name
  principal     = "apigateway.amazonaws.com"

  # Exactly this stage, method and path, in this account; a path parameter becomes a wildcard.
  source_arn = join("", [
    "${aws_api_gateway_rest_api.orders.execution_arn}/${local.stage_name}/${each.value.http_method}",
    replace(each.value.resource.path, "/\\{[^/]+\\}/", "*"),
  ])
}

# A deployment is a snapshot of the API, taken anew whenever anything in it changes. The hash covers
# what is configured, not what the resources read back: empty maps and absent status codes
# come back differently, and that would cause one more deployment for nothing.
resource "aws_api_gateway_deployment" "live" {
  rest_api_id = aws_api_gateway_rest_api.orders.id
  description = "Orders API of ${local.name_prefix}"

  triggers = {
    api = sha1(jsonencode({
      routes = {
        for name, route in local.routes : name => {
          path       = route.resource.path
          method     = route.http_method
          models     = route.request_models
          parameters = route.request_parameters
        }
      }
      auth              = var.auth
      function          = aws_lambda_alias.live.invoke_arn
      timeout           = var.lambda_timeout
      schemas           = local.model_schemas
      gateway_responses = local.gateway_responses
    }))
  }

  depends_on = [
    aws_api_gateway_gateway_response.problem,
    aws_api_gateway_integration.route,
    aws_api_gateway_method.route,
  ]

  lifecycle {
    create_before_destroy = true
  }
}

resource "aws_api_gateway_client_certificate" "live" {
  count = var.client_certificate ? 1 : 0

  description = "Shown by ${local.api_name} to its backends"
  tags        = local.tags
}

resource "aws_api_gateway_stage" "live" {
  rest_api_id           = aws_api_gateway_rest_api.orders.id
  deployment_id         = aws_api_gateway_deployment.live.id
  stage_name            = local.stage_name
  description           = "The only stage: environments are separate APIs"
  xray_tracing_enabled  = true
  client_certificate_id = one(aws_api_gateway_client_certificate.live[*].id)

  # No cache: POST cannot be cached, and GET /orders/{id} promises a consistent read.
  cache_cluster_enabled = false

  access_log_settings {
    destination_arn = aws_cloudwatch_log_group.api_access.arn
    format          = jsonencode(local.access_log_format)
  }

  tags = local.tags

  # The gateway would create the execution log group itself, unencrypted and kept for ever.
  # Without the account's role it refuses a stage that logs.
  depends_on = [
    aws_cloudwatch_log_group.api_execution,
    aws_api_gateway_account.this,
  ]
}

resource "aws_api_gateway_method_settings" "all" {
  rest_api_id = aws_api_gateway_rest_api.orders.id
  stage_name  = aws_api_gateway_stage.live.stage_name
  method_path = "*/*"

  settings {
    metrics_enabled        = true
    logging_level          = "ERROR"
    data_trace_enabled     = false
    throttling_rate_limit  = var.throttle.rate
    throttling_burst_limit = var.throttle.burst
    caching_enabled        = false
  }
}
