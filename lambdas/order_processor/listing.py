"""The orders of a customer, page by page, with cursors that only this service can write.

A cursor is the sort key to go on from and a signature over it and the customer, so it opens neither another
customer's orders nor a place of the caller's choice.
"""

from __future__ import annotations

import hmac
import secrets
from base64 import urlsafe_b64decode, urlsafe_b64encode
from binascii import Error as EncodingError
from collections.abc import Mapping, Sequence

import validation
import views
from problems import Issue, Problem
from store import Store

SECRET_NAME = "cursor-signature"  # noqa: S105 - where the secret lies, not the secret
_SIGNATURE_BYTES = 32


class Signer:
    """Signs cursors with a secret that is made at the first use and shared by all execution environments."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._secret: bytes | None = None

    def seal(self, customer_id: str, position: str) -> str:
        """Write a cursor."""
        sealed = self._signature(customer_id, position.encode()) + position.encode()
        return urlsafe_b64encode(sealed).rstrip(b"=").decode()

    def open(self, customer_id: str, cursor: str) -> str:
        """Read a cursor.

        Raises:
            Problem: The cursor was not written for this customer, or not by this service.
        """
        try:
            padded = cursor.encode("ascii") + b"=" * (-len(cursor) % 4)
            sealed = urlsafe_b64decode(padded)
            signature, position = sealed[:_SIGNATURE_BYTES], sealed[_SIGNATURE_BYTES:]
            # decoding forgives what encoding never writes
            genuine = urlsafe_b64encode(sealed).rstrip(b"=") == cursor.encode("ascii")
            if genuine and hmac.compare_digest(signature, self._signature(customer_id, position)):
                return position.decode()
        except (EncodingError, ValueError):
            pass
        issue = Issue("?/cursor", "must be the next_cursor of the page before")
        raise Problem(400, "invalid_cursor", "The cursor is not valid for this customer.", issues=[issue])

    def _signature(self, customer_id: str, position: bytes) -> bytes:
        if self._secret is None:
            self._secret = self._store.secret(SECRET_NAME, secrets.token_bytes(32))
        return hmac.digest(self._secret, customer_id.encode() + b"\n" + position, "sha256")


def list_orders(query: Mapping[str, Sequence[str]], store: Store, signer: Signer) -> str:
    """Return a page of a customer's orders as JSON, newest first.

    Raises:
        Problem: The query is not valid.
        store.Unavailable: The table asks for patience.
    """
    wanted = validation.check_listing(query)
    after = None if wanted.cursor is None else signer.open(wanted.customer_id, wanted.cursor)
    page = store.customers_orders(wanted.customer_id, wanted.limit, after)
    document: dict[str, object] = {"orders": [views.entry(order) for order in page.orders]}
    if page.last is not None:
        document["next_cursor"] = signer.seal(wanted.customer_id, page.last)
    return views.text(document)
