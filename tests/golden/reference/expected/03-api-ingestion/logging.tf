# Rendered by tfgen from api-ingestion/logging.tf; change the spec or the blueprint instead.

resource "aws_cloudwatch_log_group" "api_access" {
  name              = "/aws/apigateway/${local.api_name}/access"
  retention_in_days = var.log_retention_days
  kms_key_id        = local.foundation.kms_key_arn
  tags              = local.tags
}

# The name is the gateway's, not ours to choose.
resource "aws_cloudwatch_log_group" "api_execution" {
  name              = "API-Gateway-Execution-Logs_${aws_api_gateway_rest_api.orders.id}/${local.stage_name}"
  retention_in_days = var.log_retention_days
  kms_key_id        = local.foundation.kms_key_arn
  tags              = local.tags
}

locals {
  # No error messages here: the gateway inserts them unescaped, and a refused signature
  # quotes the whole canonical request. The response type says what happened.
  access_log_format = {
    requestId          = "$context.requestId"
    extendedRequestId  = "$context.extendedRequestId"
    traceId            = "$context.xrayTraceId"
    requestTime        = "$context.requestTime"
    ip                 = "$context.identity.sourceIp"
    caller             = "$context.identity.userArn"
    routeKey           = "$context.httpMethod $context.resourcePath"
    path               = "$context.path"
    protocol           = "$context.protocol"
    status             = "$context.status"
    responseType       = "$context.error.responseType"
    responseLength     = "$context.responseLength"
    latency            = "$context.responseLatency"
    integrationLatency = "$context.integrationLatency"
    integrationStatus  = "$context.integrationStatus"
    authorizeStatus    = "$context.authorize.status"
    wafResponseCode    = "$context.wafResponseCode"
  }
}

# The logging role is one setting for all REST APIs of an account and region. Whoever manages it here
# manages it for every other API too, hence off unless this account belongs to the pipeline.
resource "aws_api_gateway_account" "this" {
  count = var.manage_account_role ? 1 : 0

  cloudwatch_role_arn = aws_iam_role.api_logging[0].arn

  depends_on = [aws_iam_role_policy.api_logging]
}

resource "aws_iam_role" "api_logging" {
  count = var.manage_account_role ? 1 : 0

  name        = "${local.name_prefix}-api-gateway-logs"
  description = "Lets API Gateway write the logs of this account's REST APIs"

  assume_role_policy = jsonencode({
    Version = "2012-10-17"
    Statement = [{
      Effect    = "Allow"
      Principal = { Service = "apigateway.amazonaws.com" }
      Action    = "sts:AssumeRole"
    }]
  })

  tags = local.tags
}

resource "aws_iam_role_policy" "api_logging" {
  count = var.manage_account_role ? 1 : 0

  name = "write-logs"
  role = aws_iam_role.api_logging[0].id

  # API Gateway probes all of these when it is given the role.
  policy = jsonencode({
    Version = "2012-10-17"
    Statement = [{
      Effect = "Allow"
      Action = [
        "logs:CreateLogGroup",
        "logs:CreateLogStream",
        "logs:DescribeLogGroups",
        "logs:DescribeLogStreams",
        "logs:FilterLogEvents",
        "logs:GetLogEvents",
        "logs:PutLogEvents",
      ]
      Resource = join(":", [
        "arn",
        data.aws_partition.current.partition,
        "logs",
        var.aws_region,
        data.aws_caller_identity.current.account_id,
        "log-group",
        "*",
      ])
    }]
  })
}
