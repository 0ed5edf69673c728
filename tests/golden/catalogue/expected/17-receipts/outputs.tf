# Rendered by tfgen from email-configuration/outputs.tf; change the spec or the blueprint instead.

output "configuration_set_name" {
  description = "SES configuration set that mail is sent with."
  value       = aws_sesv2_configuration_set.this.configuration_set_name

  # Failures before that would tell nobody.
  depends_on = [aws_sesv2_configuration_set_event_destination.failures]
}

output "sender" {
  description = "Address that mail is sent from."
  value       = var.sender
}

output "sender_identity" {
  description = "Address or domain that SES must have verified before mail can leave."
  value       = aws_sesv2_email_identity.sender.email_identity
}

output "dns_records" {
  description = "Records that prove and protect a sending domain; empty for a single address."
  value       = [for record in local.dns_records : record if local.sends_as_domain]
}
