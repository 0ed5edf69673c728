# Rendered by tfgen from email-configuration/main.tf; change the spec or the blueprint instead.

locals {
  sender_domain   = split("@", var.sender)[1]
  sends_as_domain = var.sender_identity_type == "domain"
}

# An address is verified by the mail that SES sends to it, a domain by the records in output dns_records.
resource "aws_sesv2_email_identity" "sender" {
  email_identity         = local.sends_as_domain ? local.sender_domain : var.sender
  configuration_set_name = aws_sesv2_configuration_set.this.configuration_set_name

  dynamic "dkim_signing_attributes" {
    for_each = local.sends_as_domain ? ["RSA_2048_BIT"] : []

    content {
      next_signing_key_length = dkim_signing_attributes.value
    }
  }

  tags = local.tags
}

# Bounces come to a subdomain of the sender's, so that SPF agrees with the visible address.
resource "aws_sesv2_email_identity_mail_from_attributes" "sender" {
  count = local.sends_as_domain ? 1 : 0

  email_identity         = aws_sesv2_email_identity.sender.email_identity
  mail_from_domain       = "mail.${local.sender_domain}"
  behavior_on_mx_failure = "USE_DEFAULT_VALUE"
}

resource "aws_sesv2_configuration_set" "this" {
  configuration_set_name = "${local.name_prefix}-receipts"

  delivery_options {
    tls_policy = "REQUIRE"
  }

  reputation_options {
    reputation_metrics_enabled = true
  }

  sending_options {
    sending_enabled = true
  }

  suppression_options {
    suppressed_reasons = ["BOUNCE", "COMPLAINT"]
  }

  tags = local.tags
}

# The topic's policy lets in every configuration set that bears the project's name.
resource "aws_sesv2_configuration_set_event_destination" "failures" {
  configuration_set_name = aws_sesv2_configuration_set.this.configuration_set_name
  event_destination_name = "failures"

  event_destination {
    enabled = true

    matching_event_types = ["BOUNCE"]

    sns_destination {
      topic_arn = local.notification.alerts_topic_arn
    }
  }
}

# What the DNS of a sending domain has to say. SES always signs with three keys: counted rather than listed,
# the records have a type before the keys are known, and the output does not change it later.
locals {
  dkim_keys = local.sends_as_domain ? 3 : 0

  dns_records = concat(
    [for key in range(local.dkim_keys) : {
      name  = "${aws_sesv2_email_identity.sender.dkim_signing_attributes[0].tokens[key]}._domainkey.${local.sender_domain}"
      type  = "CNAME"
      value = "${aws_sesv2_email_identity.sender.dkim_signing_attributes[0].tokens[key]}.dkim.amazonses.com"
    }],
    [
      {
        name  = "mail.${local.sender_domain}"
        type  = "MX"
        value = "10 feedback-smtp.${var.aws_region}.amazonses.com"
      },
      {
        name  = "mail.${local.sender_domain}"
        type  = "TXT"
        value = "v=spf1 include:amazonses.com ~all"
      },
      {
        name  = "_dmarc.${local.sender_domain}"
        type  = "TXT"
        value = "v=DMARC1; p=quarantine; adkim=s; aspf=r"
      },
    ],
  )
}
