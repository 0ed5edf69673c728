# Rendered by tfgen from iam/scheduler.tf; change the spec or the blueprint instead.

# EventBridge Scheduler starts the report generator with this role, for schedules of the project's group only.

resource "aws_iam_role" "scheduler" {
  name                 = "${local.name_prefix}-report-scheduler"
  path                 = var.iam_path
  description          = "Lets EventBridge Scheduler start the report generator"
  assume_role_policy   = data.aws_iam_policy_document.scheduler_trust.json
  permissions_boundary = local.permissions_boundary_arn
  tags                 = local.tags
}

data "aws_iam_policy_document" "scheduler_trust" {
  statement {
    actions = ["sts:AssumeRole"]

    principals {
      type        = "Service"
      identifiers = ["scheduler.amazonaws.com"]
    }

    condition {
      test     = "StringEquals"
      variable = "aws:SourceAccount"
      values   = [local.account_id]
    }

    condition {
      test     = "ArnEquals"
      variable = "aws:SourceArn"
      values   = ["arn:${local.partition}:scheduler:${var.aws_region}:${local.account_id}:schedule-group/${local.name_prefix}-reports"]
    }
  }
}

resource "aws_iam_role_policy" "scheduler" {
  name   = "start-reports"
  role   = aws_iam_role.scheduler.id
  policy = data.aws_iam_policy_document.scheduler.json
}

data "aws_iam_policy_document" "scheduler" {
  statement {
    sid       = "InvokeTheLiveReportGenerator"
    actions   = ["lambda:InvokeFunction"]
    resources = ["${local.function_arns["report_generator"]}:live"]
  }

  statement {
    sid       = "KeepUndeliveredEvents"
    actions   = ["sqs:SendMessage"]
    resources = ["${local.queue_arns}-report-schedule-dlq"]
  }

  statement {
    sid       = "UseTheKeyThroughServices"
    actions   = ["kms:Decrypt", "kms:GenerateDataKey"]
    resources = [local.foundation.kms_key_arn]

    condition {
      test     = "StringEquals"
      variable = "kms:ViaService"
      values   = ["scheduler.${local.service_suffix}", "sqs.${local.service_suffix}"]
    }
  }
}
