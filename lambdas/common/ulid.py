"""ULIDs: identifiers that sort by time and are written in 26 characters."""

from __future__ import annotations

import re
import secrets
from datetime import datetime

_ALPHABET = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
_PATTERN = re.compile(r"[0-7][0-9A-HJKMNP-TV-Z]{25}")


def new(moment: datetime) -> str:
    """Make an identifier: 48 bits of time in milliseconds, 80 random bits."""
    number = int(moment.timestamp() * 1000) << 80 | secrets.randbits(80)
    return "".join(_ALPHABET[number >> shift & 31] for shift in range(125, -1, -5))


def is_valid(text: str) -> bool:
    """Say whether a text is an identifier as `new` writes it."""
    return _PATTERN.fullmatch(text) is not None
