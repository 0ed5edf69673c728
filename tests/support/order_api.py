"""The deployed order API as a client sees it: any request, signed, with the raw answer."""

from __future__ import annotations

import http.client
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import quote, urlencode, urlsplit

from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials

from tests.support.project import TestProject


@dataclass(frozen=True)
class Reply:
    """An answer of the API."""

    status: int
    headers: Mapping[str, str]
    content: bytes

    @property
    def document(self) -> Any:
        """The body as JSON."""
        return json.loads(self.content)

    @property
    def code(self) -> str:
        """The code of a refusal by the function; empty if the gateway refused."""
        return str(self.document.get("code", ""))


@dataclass(frozen=True)
class OrderApi:
    """A client of a deployed order API."""

    url: str
    credentials: Credentials = field(default_factory=lambda: Credentials("test", "test"))

    @classmethod
    def of(cls, project: TestProject) -> OrderApi:
        """Return the client of a project, as root."""
        outputs = project.outputs()["03-api-ingestion"]
        return cls(f"{project.endpoint}/restapis/{outputs['api_id']}/{outputs['api_stage_name']}/_user_request_")

    def get(self, path: str, **query: str) -> Reply:
        """Read something."""
        return self.send("GET", path, query=query)

    def post(self, path: str, body: Any, key: str | None, **headers: str) -> Reply:
        """Send something: a JSON value, or bytes as they are."""
        content = body if isinstance(body, bytes) else json.dumps(body).encode()
        sent = {
            "Content-Type": "application/json",
            **{name.replace("_", "-"): value for name, value in headers.items()},
        }
        if key is not None:
            sent["Idempotency-Key"] = key
        return self.send("POST", path, content, sent)

    def send(
        self,
        method: str,
        path: str,
        body: bytes = b"",
        headers: Mapping[str, str] | None = None,
        query: Mapping[str, str] | None = None,
        *,
        signed: bool = True,
        timeout: float = 60,
    ) -> Reply:
        """Send a request."""
        target = self.url + quote(path) + (f"?{urlencode(query, quote_via=quote)}" if query else "")
        sent = dict(headers or {})
        if signed:
            request = AWSRequest(method, target, data=body, headers=sent)
            SigV4Auth(self.credentials, "execute-api", "us-east-1").add_auth(request)
            sent = dict(request.headers.items())
        parts = urlsplit(target)
        connection = http.client.HTTPConnection(parts.netloc, timeout=timeout)
        try:
            connection.request(method, parts.path + (f"?{parts.query}" if parts.query else ""), body, sent)
            answer = connection.getresponse()
            return Reply(answer.status, dict(answer.headers.items()), answer.read())
        finally:
            connection.close()
