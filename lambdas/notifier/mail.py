"""The mail of a report: a text part for those who read text, the page for everybody else."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from email.message import EmailMessage
from email.policy import SMTP
from typing import Any

_ROWS = (
    ("Orders", "orders"),
    ("Units", "units"),
    ("Gross", "gross"),
    ("Discounts", "discounts"),
    ("Net", "net"),
    ("Shipping", "shipping"),
    ("Tax", "tax"),
    ("Total", "total"),
    ("Kept", "kept"),
    ("Average order", "average_order_value"),
)


def subject(manifest: Mapping[str, Any]) -> str:
    """Return the subject line; a corrected report says so."""
    version = int(manifest["version"])
    corrected = f" (version {version})" if version > 1 else ""
    return f"Orders of {manifest['report_date']}{corrected}"


def text(manifest: Mapping[str, Any], bucket: str) -> str:
    """Return the report in plain text."""
    lines = [subject(manifest), "", f"{manifest['input_count']} orders, time zone {manifest['time_zone']}", ""]
    for code, figures in manifest["currencies"].items():
        rows = [f"  {label + ':':<15}{figures[name]:>20}" for label, name in _ROWS if name in figures]
        lines += [code, *rows, ""]
    if not manifest["currencies"]:
        lines += ["There were no orders on this day.", ""]
    lines += [f"Files in s3://{bucket}:", *(f"  {file['key']}" for file in manifest["files"])]
    return "\n".join(lines) + "\n"


def message(
    manifest: Mapping[str, Any], page: str, bucket: str, sender: str, recipients: Sequence[str]
) -> EmailMessage:
    """Write the mail."""
    mail = EmailMessage(policy=SMTP)
    mail["Subject"] = subject(manifest)
    mail["From"] = sender
    mail["To"] = ", ".join(recipients)
    mail["Auto-Submitted"] = "auto-generated"  # keeps holiday answers away
    mail.set_content(text(manifest, bucket))
    mail.add_alternative(page, subtype="html")
    return mail
