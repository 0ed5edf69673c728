"""What stands for a customer's id in the tables: always the same, and not to be traced back without the key."""

from __future__ import annotations

import hashlib
import hmac
from dataclasses import dataclass, field
from typing import Any

_PURPOSE = b"customer pseudonyms, version 1"
_LENGTH = 32


@dataclass
class Pseudonyms:
    """Asks KMS once per execution environment for a secret that never leaves it.

    A plain hash would not do: ids can be guessed and hashed by anybody.

    Attributes:
        client: KMS client.
        key: The HMAC key's ARN.
    """

    client: Any
    key: str
    _secret: bytes = field(default=b"", repr=False)

    def of(self, customer_id: str) -> str:
        """Return the pseudonym of a customer."""
        if not self._secret:
            answer = self.client.generate_mac(KeyId=self.key, MacAlgorithm="HMAC_SHA_256", Message=_PURPOSE)
            self._secret = answer["Mac"]
        return hmac.new(self._secret, customer_id.encode(), hashlib.sha256).hexdigest()[:_LENGTH]
