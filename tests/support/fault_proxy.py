"""A proxy before the emulator that spoils what a test tells it to: `with FaultProxy(endpoint, decide) as proxy: …`."""

from __future__ import annotations

import http.client
import threading
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import urlsplit


@dataclass(frozen=True)
class Request:
    """What a test decides on: `operation` is that of AWS's JSON protocols (`TransactWriteItems`), else the method."""

    operation: str
    path: str
    body: bytes


@dataclass(frozen=True)
class Fault:
    """What happens to a request instead of being served.

    Attributes:
        status: Answer with this status and `body`; 0 for none.
        body: The answer's body.
        delay: Wait so many seconds first.
        cut: Serve the request and close the connection without handing the answer over.
    """

    status: int = 0
    body: bytes = b"{}"
    delay: float = 0.0
    cut: bool = False


def dynamodb_error(code: str, status: int = 400) -> Fault:
    """Return the answer by which DynamoDB refuses."""
    return Fault(status, b'{"__type":"com.amazonaws.dynamodb.v20120810#%s","message":"injected"}' % code.encode())


Decide = Callable[[Request], Fault | None]


class _Server(ThreadingHTTPServer):
    daemon_threads = True

    def handle_error(self, *_: Any) -> None:
        """Say nothing of clients that went away: that is what some of them are for."""


class FaultProxy:
    """Forwards to the emulator, byte for byte, what `decide` leaves alone; `counts` tells what came and was spoilt."""

    def __init__(self, upstream: str, decide: Decide) -> None:
        self.decide = decide
        self.counts: Counter[str] = Counter()
        proxy, netloc = self, urlsplit(upstream).netloc

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
                operation = (self.headers.get("X-Amz-Target") or self.command).rpartition(".")[2]
                proxy.counts[operation] += 1
                fault = proxy.decide(Request(operation, self.path, body))
                if fault is not None:
                    proxy.counts["spoilt"] += 1
                    time.sleep(fault.delay)
                if fault is not None and fault.status:
                    self.reply(fault.status, fault.body, "application/x-amz-json-1.0")
                    return
                status, content, kind = self.forward(body)
                if fault is not None and fault.cut:
                    self.close_connection = True
                else:
                    self.reply(status, content, kind)

            do_GET = do_PUT = do_DELETE = do_HEAD = do_PATCH = do_POST  # noqa: N815

            def forward(self, body: bytes) -> tuple[int, bytes, str]:
                upstream = http.client.HTTPConnection(netloc, timeout=60)
                try:
                    upstream.putrequest(self.command, self.path, skip_host=True, skip_accept_encoding=True)
                    for name, value in self.headers.items():  # the Host of the caller too: it is signed
                        if name.lower() != "connection":
                            upstream.putheader(name, value)
                    upstream.endheaders(body)
                    answer = upstream.getresponse()
                    return answer.status, answer.read(), answer.headers.get("Content-Type", "")
                finally:
                    upstream.close()

            def reply(self, status: int, content: bytes, kind: str) -> None:
                self.send_response(status)
                self.send_header("Content-Type", kind)
                self.send_header("Content-Length", str(len(content)))
                self.end_headers()
                self.wfile.write(content)

            def log_message(self, *_: Any) -> None:
                """Say nothing."""

        self._server = _Server(("127.0.0.1", 0), Handler)
        self.endpoint = f"http://127.0.0.1:{self._server.server_port}"

    def __enter__(self) -> FaultProxy:
        threading.Thread(target=self._server.serve_forever, daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._server.server_close()
