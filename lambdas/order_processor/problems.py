"""Refusals as RFC 9457 problem documents."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

MEDIA_TYPE = "application/problem+json"

# RFC 9110's names; those of the standard library differ between Python versions
_TITLES = {
    400: "Bad Request",
    404: "Not Found",
    409: "Conflict",
    413: "Content Too Large",
    415: "Unsupported Media Type",
    422: "Unprocessable Content",
    500: "Internal Server Error",
    503: "Service Unavailable",
}


@dataclass(frozen=True)
class Issue:
    """One thing that is wrong with a request body.

    Attributes:
        pointer: JSON pointer in URI fragment form, `#/items/0/quantity`.
        detail: What must hold there.
    """

    pointer: str
    detail: str


class Problem(Exception):  # noqa: N818 - the word of RFC 9457
    """A request that is not served.

    Args:
        status: HTTP status code.
        code: A stable identifier for machines.
        detail: One sentence for the caller.
        issues: Every place of the body that is wrong.
        retry_after: Seconds after which the same request may succeed.
    """

    def __init__(
        self, status: int, code: str, detail: str, *, issues: Sequence[Issue] = (), retry_after: int | None = None
    ) -> None:
        super().__init__(detail)
        self.status = status
        self.code = code
        self.detail = detail
        self.issues = tuple(issues)
        self.retry_after = retry_after

    def headers(self) -> dict[str, str]:
        """Return the headers that go with the document."""
        return {} if self.retry_after is None else {"Retry-After": str(self.retry_after)}

    def document(self, correlation_id: str) -> str:
        """Write the document."""
        content: dict[str, Any] = {
            "type": "about:blank",
            "title": _TITLES[self.status],
            "status": self.status,
            "code": self.code,
            "detail": self.detail,
            "correlation_id": correlation_id,
        }
        if self.issues:
            content["errors"] = [{"pointer": issue.pointer, "detail": issue.detail} for issue in self.issues]
        return json.dumps(content, ensure_ascii=False, separators=(",", ":"))
