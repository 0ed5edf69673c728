# Rendered by tfgen from api-ingestion/problems.tf; change the spec or the blueprint instead.

# Refusals by the gateway itself look like the function's own: application/problem+json (RFC 9457).
# The detail comes from messageString, which arrives quoted and escaped. The validation errors would say
# more, but the gateway inserts them unescaped, and one quote in them makes the answer invalid JSON.
locals {
  problems = {
    ACCESS_DENIED                = { status = 403, title = "Forbidden" }
    API_CONFIGURATION_ERROR      = { status = 500, title = "Internal Server Error" }
    BAD_REQUEST_BODY             = { status = 400, title = "Bad Request" }
    BAD_REQUEST_PARAMETERS       = { status = 400, title = "Bad Request" }
    DEFAULT_4XX                  = { status = null, title = "Request refused" }
    DEFAULT_5XX                  = { status = null, title = "Service error" }
    EXPIRED_TOKEN                = { status = 403, title = "Forbidden" }
    INTEGRATION_FAILURE          = { status = 502, title = "Bad Gateway" }
    INTEGRATION_TIMEOUT          = { status = 504, title = "Gateway Timeout" }
    INVALID_SIGNATURE            = { status = 403, title = "Forbidden" }
    MISSING_AUTHENTICATION_TOKEN = { status = 403, title = "Forbidden" }
    REQUEST_TOO_LARGE            = { status = 413, title = "Content Too Large" }
    RESOURCE_NOT_FOUND           = { status = 404, title = "Not Found" }
    THROTTLED                    = { status = 429, title = "Too Many Requests" }
    UNAUTHORIZED                 = { status = 401, title = "Unauthorized" }
    UNSUPPORTED_MEDIA_TYPE       = { status = 415, title = "Unsupported Media Type" }
    WAF_FILTERED                 = { status = 403, title = "Forbidden" }
  }

  gateway_responses = {
    for type, problem in local.problems : type => {
      status = problem.status
      body = join("", [
        "{\"type\":\"about:blank\",\"title\":\"${problem.title}\",",
        problem.status == null ? "" : "\"status\":${coalesce(problem.status, 0)},",
        "\"detail\":$context.error.messageString,",
        "\"correlation_id\":\"$context.requestId\"}",
      ])
      headers = merge(
        { "gatewayresponse.header.Content-Type" = "'application/problem+json'" },
        type == "THROTTLED" ? { "gatewayresponse.header.Retry-After" = "'1'" } : {},
      )
    }
  }
}

resource "aws_api_gateway_gateway_response" "problem" {
  for_each = local.gateway_responses

  rest_api_id         = aws_api_gateway_rest_api.orders.id
  response_type       = each.key
  response_templates  = { "application/json" = each.value.body }
  response_parameters = each.value.headers

  # The two defaults stand for many refusals: each keeps the status it has.
  status_code = each.value.status
}
