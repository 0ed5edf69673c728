# Rendered by tfgen from lambda/api.tf; change the spec or the blueprint instead.

# An API of this module's own: a route in another module's API would be part of that module's deployment.

locals {
  api_name = "${local.function_name}-api"

  routes = ["GET /invoices", "GET /invoices/{id}", "ANY /"]

  # No error messages here: the gateway inserts them unescaped.
  access_log_format = {
    requestId          = "$context.requestId"
    requestTime        = "$context.requestTime"
    ip                 = "$context.identity.sourceIp"
    caller             = "$context.identity.userArn"
    routeKey           = "$context.routeKey"
    protocol           = "$context.protocol"
    status             = "$context.status"
    responseType       = "$context.error.responseType"
    responseLength     = "$context.responseLength"
    latency            = "$context.responseLatency"
    integrationLatency = "$context.integrationLatency"
    integrationStatus  = "$context.integrationStatus"
  }
}

resource "aws_apigatewayv2_api" "this" {
  name                         = local.api_name
  description                  = "Requests for ${local.function_name}"
  protocol_type                = "HTTP"
  disable_execute_api_endpoint = false
  tags                         = local.tags
}

resource "aws_apigatewayv2_integration" "function" {
  api_id                 = aws_apigatewayv2_api.this.id
  integration_type       = "AWS_PROXY"
  integration_method     = "POST"
  integration_uri        = aws_lambda_alias.live.invoke_arn
  payload_format_version = "2.0"

  # One second more than the function has: its own answer comes before the gateway's 503.
  timeout_milliseconds = (var.lambda_timeout + 1) * 1000
}

resource "aws_apigatewayv2_route" "this" {
  for_each = toset(local.routes)

  api_id             = aws_apigatewayv2_api.this.id
  route_key          = each.value
  target             = "integrations/${aws_apigatewayv2_integration.function.id}"
  authorization_type = upper(var.api_auth)
}

resource "aws_lambda_permission" "route" {
  for_each = toset(local.routes)

  statement_id  = "AllowRoute-${substr(sha1(each.value), 0, 8)}"
  action        = "lambda:InvokeFunction"
  function_name = aws_lambda_function.this.function_name
  qualifier     = aws_lambda_alias.live.name
  principal     = "apigateway.amazonaws.com"

  # Exactly this method and path of this API, which has one stage; a path parameter becomes a wildcard.
  source_arn = join("/", [
    aws_apigatewayv2_api.this.execution_arn,
    "*",
    replace(split(" ", each.value)[0], "ANY", "*"),
    replace(trimprefix(split(" ", each.value)[1], "/"), "/\\{[^/]+\\}/", "*"),
  ])
}

# Routes take effect as soon as they are there; the API keeps no snapshots.
resource "aws_apigatewayv2_stage" "default" {
  api_id      = aws_apigatewayv2_api.this.id
  name        = "$default"
  description = "The only stage: environments are separate APIs"
  auto_deploy = true
  tags        = local.tags

  access_log_settings {
    destination_arn = aws_cloudwatch_log_group.access.arn
    format          = jsonencode(local.access_log_format)
  }

  default_route_settings {
    detailed_metrics_enabled = true
    throttling_rate_limit    = var.api_throttle.rate
    throttling_burst_limit   = var.api_throttle.burst
  }
}

resource "aws_cloudwatch_log_group" "access" {
  name              = "/aws/apigateway/${local.api_name}/access"
  retention_in_days = var.log_retention_days
  kms_key_id        = local.foundation.kms_key_arn
  tags              = local.tags
}
