# Rendered by tfgen from queue/main.tf; change the spec or the blueprint instead.

# The queue, and beside it the one for what failed. Policies stand in the queues themselves: SQS takes a minute to
# settle after each change, and this way it is one. They name the queues by ARNs made from their names, because a
# resource cannot refer to itself.

data "aws_caller_identity" "current" {}

data "aws_partition" "current" {}

locals {
  account_id = data.aws_caller_identity.current.account_id
  partition  = data.aws_partition.current.partition

  fifo   = true
  suffix = local.fifo ? ".fifo" : ""

  queue_name             = "${local.name_prefix}-shipments${local.suffix}"
  dead_letter_queue_name = "${local.name_prefix}-shipments-dlq${local.suffix}"
  queue_arn              = "arn:${local.partition}:sqs:${var.aws_region}:${local.account_id}:${local.queue_name}"
  dead_letter_queue_arn  = "arn:${local.partition}:sqs:${var.aws_region}:${local.account_id}:${local.dead_letter_queue_name}"

  # Services that may be let in, each for resources that bear the project's name. EventBridge sends no
  # aws:SourceAccount; its rule's ARN holds the account.
  sender_kinds = {
    events = {
      service   = "events.amazonaws.com"
      condition = { ArnLike = { "aws:SourceArn" = "arn:${local.partition}:events:${var.aws_region}:${local.account_id}:rule/${local.name_prefix}-*" } }
    }
    topics = {
      service   = "sns.amazonaws.com"
      condition = { ArnLike = { "aws:SourceArn" = "arn:${local.partition}:sns:${var.aws_region}:${local.account_id}:${local.name_prefix}-*" } }
    }
    buckets = {
      service = "s3.amazonaws.com"
      condition = {
        ArnLike      = { "aws:SourceArn" = "arn:${local.partition}:s3:::${local.name_prefix}-*" }
        StringEquals = { "aws:SourceAccount" = local.account_id }
      }
    }
  }

  senders = ["events", "topics", "buckets"]
}

resource "aws_sqs_queue" "this" {
  name                              = local.queue_name
  fifo_queue                        = local.fifo
  content_based_deduplication       = local.fifo
  visibility_timeout_seconds        = var.visibility_timeout_seconds
  message_retention_seconds         = var.retention_days * 86400
  kms_master_key_id                 = local.foundation.kms_key_arn
  kms_data_key_reuse_period_seconds = 300
  tags                              = local.tags

  redrive_policy = jsonencode({
    deadLetterTargetArn = aws_sqs_queue.dead_letter.arn
    maxReceiveCount     = var.max_receive_count
  })

  policy = jsonencode({
    Version = "2012-10-17"
    Statement = concat(
      [{
        Sid       = "DenyInsecureTransport"
        Effect    = "Deny"
        Principal = "*"
        Action    = "sqs:*"
        Resource  = local.queue_arn
        Condition = { Bool = { "aws:SecureTransport" = "false" } }
      }],
      [for sender in local.senders : {
        Sid       = "AllowProject${title(sender)}"
        Effect    = "Allow"
        Principal = { Service = local.sender_kinds[sender].service }
        Action    = "sqs:SendMessage"
        Resource  = local.queue_arn
        Condition = local.sender_kinds[sender].condition
      }],
    )
  })
}

# Messages that failed for good wait here for a person. Only this queue may hand them over.
resource "aws_sqs_queue" "dead_letter" {
  name                              = local.dead_letter_queue_name
  fifo_queue                        = local.fifo
  visibility_timeout_seconds        = 300
  message_retention_seconds         = 1209600
  kms_master_key_id                 = local.foundation.kms_key_arn
  kms_data_key_reuse_period_seconds = 300
  tags                              = local.tags

  redrive_allow_policy = jsonencode({
    redrivePermission = "byQueue"
    sourceQueueArns   = [local.queue_arn]
  })

  policy = jsonencode({
    Version = "2012-10-17"
    Statement = [{
      Sid       = "DenyInsecureTransport"
      Effect    = "Deny"
      Principal = "*"
      Action    = "sqs:*"
      Resource  = local.dead_letter_queue_arn
      Condition = { Bool = { "aws:SecureTransport" = "false" } }
    }]
  })
}
