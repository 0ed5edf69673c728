"""The shop's side: signed calls to the order API."""

from __future__ import annotations

import http.client
import json
from collections.abc import Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials

from demo.catalogue import Call

AT_ONCE = 4


@dataclass(frozen=True)
class Answer:
    """What the API said to a call.

    Attributes:
        call: The call.
        status: HTTP status code.
        replayed: True if the API said that it had taken this order before.
        document: The JSON body.
    """

    call: Call
    status: int
    replayed: bool
    document: Any


@dataclass(frozen=True)
class Shop:
    """A client of the order API.

    Attributes:
        url: The API's URL with its stage.
        region: Region that signatures are made for.
        access_key: Access key id of the caller.
        secret_key: Its secret.
    """

    url: str
    region: str
    access_key: str
    secret_key: str

    def place(self, calls: Sequence[Call]) -> list[Answer]:
        """Make the calls, a few at once; the answers keep their order."""
        with ThreadPoolExecutor(AT_ONCE) as pool:
            return list(pool.map(self._place, calls))

    def read(self, order_id: str) -> Answer:
        """Read one order back."""
        call = Call("read", "", b"", signed=True, expected=200)
        return self._send("GET", f"/orders/{order_id}", call, {})

    def _place(self, call: Call) -> Answer:
        return self._send("POST", "/orders", call, {"Content-Type": "application/json", "Idempotency-Key": call.key})

    def _send(self, method: str, path: str, call: Call, headers: dict[str, str]) -> Answer:
        url = self.url + path
        if call.signed:
            request = AWSRequest(method, url, data=call.body, headers=headers)
            SigV4Auth(Credentials(self.access_key, self.secret_key), "execute-api", self.region).add_auth(request)
            headers = dict(request.headers.items())
        parts = urlsplit(url)
        connection = http.client.HTTPConnection(parts.netloc, timeout=60)
        try:
            connection.request(method, parts.path, call.body, headers)
            response = connection.getresponse()
            content = response.read()
            replayed = response.headers.get("Idempotency-Replayed") == "true"
            return Answer(call, response.status, replayed, _parsed(content))
        finally:
            connection.close()


def surprises(answers: Iterable[Answer]) -> list[str]:
    """Return a sentence for every answer that is not the expected one."""
    found = []
    for answer in answers:
        call = answer.call
        if answer.status != call.expected:
            found.append(f"{call.kind} {call.key}: {answer.status} instead of {call.expected}: {answer.document}")
        if answer.replayed != (call.kind == "replay"):
            found.append(f"{call.kind} {call.key}: Idempotency-Replayed is {answer.replayed}")
    return found


def _parsed(content: bytes) -> Any:
    try:
        return json.loads(content)
    except ValueError:
        return content.decode("utf-8", "replace")
