"""A proxy in front of the emulator that makes some calls fail: with an error of AWS, late, or not at all."""

from __future__ import annotations

import http.client
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import urlsplit

_HOP = {"connection", "transfer-encoding", "content-length", "keep-alive"}


@dataclass(frozen=True)
class Call:
    """One request that passes by."""

    method: str
    path: str
    headers: dict[str, str]
    body: bytes

    @property
    def target(self) -> str:
        """The operation of a JSON protocol: `DynamoDB_20120810.PutItem`."""
        return self.headers.get("x-amz-target", "")

    @property
    def operation(self) -> str:
        """The operation alone: `PutItem`; empty outside the JSON protocols."""
        return self.target.rpartition(".")[2]

    @property
    def service(self) -> str:
        """The service the call is signed for: `s3`, `dynamodb`, …"""
        scope = self.headers.get("authorization", "").partition("Credential=")[2].partition(",")[0]
        parts = scope.split("/")
        return parts[3] if len(parts) > 3 else ""


@dataclass(frozen=True)
class Answer:
    """What the proxy does with a call instead of handing it on.

    Attributes:
        status: Of the answer; 0 to cut the connection.
        body: Of the answer.
        headers: Of the answer.
        delay: Seconds before anything.
        pass_on: Hand the call on after the delay, and answer with what came.
        lose: Hand the call on, and cut the connection instead of answering.
    """

    status: int = 0
    body: bytes = b""
    headers: dict[str, str] = field(default_factory=dict)
    delay: float = 0.0
    pass_on: bool = False
    lose: bool = False


Rule = Callable[[Call], Answer | None]


def xml_error(status: int, code: str, message: str = "made by the proxy") -> Answer:
    """An error as S3 says it."""
    body = f'<?xml version="1.0"?><Error><Code>{code}</Code><Message>{message}</Message></Error>'
    return Answer(status, body.encode(), {"Content-Type": "application/xml"})


def query_error(status: int, code: str, message: str = "made by the proxy") -> Answer:
    """An error as IAM, SNS and the other query protocols say it."""
    body = (
        "<ErrorResponse><Error><Type>Sender</Type>"
        f"<Code>{code}</Code><Message>{message}</Message></Error><RequestId>1</RequestId></ErrorResponse>"
    )
    return Answer(status, body.encode(), {"Content-Type": "text/xml"})


def json_error(status: int, code: str, message: str = "made by the proxy") -> Answer:
    """An error as DynamoDB and the other JSON protocols say it."""
    body = f'{{"__type": "{code}", "message": "{message}"}}'
    headers = {"Content-Type": "application/x-amz-json-1.0", "X-Amzn-Errortype": code}
    return Answer(status, body.encode(), headers)


class Proxy:
    """Hands calls on to the emulator unless a rule answers; use it as a context manager.

    Args:
        endpoint: The emulator's address.
    """

    def __init__(self, endpoint: str) -> None:
        self._upstream = urlsplit(endpoint)
        self.rules: list[Rule] = []
        self.answered = 0
        self.lost: list[str] = []
        proxy = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"
            # Head and body leave in one piece. Where they do not, about one terraform run in a hundred closes the
            # connection between them, and asks once more for what was granted: a lock, say.
            wbufsize = 1 << 20

            def log_message(self, *_: object) -> None:
                pass

            def _handle(self) -> None:
                length = int(self.headers.get("Content-Length") or 0)
                body = self.rfile.read(length) if length else self._chunks()
                headers = {name.lower(): value for name, value in self.headers.items()}
                proxy._serve(self, Call(self.command, self.path, headers, body))

            def _chunks(self) -> bytes:
                if self.headers.get("Transfer-Encoding", "") != "chunked":
                    return b""
                found = b""
                while size := int(self.rfile.readline().split(b";")[0], 16):
                    found += self.rfile.read(size)
                    self.rfile.readline()
                self.rfile.readline()
                return found

        for method in ("GET", "PUT", "POST", "DELETE", "HEAD", "PATCH"):
            setattr(Handler, f"do_{method}", Handler._handle)
        self._server = _Server(("127.0.0.1", 0), Handler)
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.05,), daemon=True)

    @property
    def endpoint(self) -> str:
        """Its address."""
        return f"http://127.0.0.1:{self._server.server_address[1]}"

    def move(self, endpoint: str) -> None:
        """Hand calls on to another emulator from now on."""
        self._upstream = urlsplit(endpoint)

    def __enter__(self) -> Proxy:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._server.server_close()

    def _serve(self, handler: BaseHTTPRequestHandler, call: Call) -> None:
        answer = next((found for rule in list(self.rules) if (found := rule(call)) is not None), None)
        if answer is not None:
            self.answered += 1
            time.sleep(answer.delay)
            if answer.lose:
                self._forward(call)
            if not answer.pass_on:
                _reply(handler, call, answer)
                return
        try:
            found = self._forward(call)
        except (OSError, http.client.HTTPException) as error:
            self.lost.append(f"{call.method} {call.path} {call.target}: {error!r}")
            handler.close_connection = True
            return
        _reply(handler, call, found)

    def _forward(self, call: Call) -> Answer:
        connection = http.client.HTTPConnection(self._upstream.hostname or "", self._upstream.port, timeout=60)
        try:
            kept = {name: value for name, value in call.headers.items() if name not in _HOP}
            kept["content-length"] = str(len(call.body))
            connection.putrequest(call.method, call.path, skip_host=True, skip_accept_encoding=True)
            for name, value in kept.items():
                connection.putheader(name, value)
            connection.endheaders(call.body)
            response = connection.getresponse()
            headers = {name: value for name, value in response.getheaders() if name.lower() not in _HOP}
            if call.method == "HEAD" and response.getheader("Content-Length"):
                headers["Content-Length"] = response.getheader("Content-Length") or "0"
            return Answer(response.status, response.read(), headers)
        finally:
            connection.close()


class _Server(ThreadingHTTPServer):
    request_queue_size = 128
    daemon_threads = True

    def handle_error(self, *_: object) -> None:
        """A client that is killed leaves in the middle; that is what is tested here."""


def _reply(handler: BaseHTTPRequestHandler, call: Call, answer: Answer) -> None:
    if answer.status == 0:
        handler.close_connection = True
        return
    handler.send_response(answer.status)
    for name, value in answer.headers.items():
        handler.send_header(name, value)
    if "Content-Length" not in answer.headers:
        handler.send_header("Content-Length", str(len(answer.body)))
    handler.end_headers()
    if call.method != "HEAD":
        handler.wfile.write(answer.body)


def times(number: int, rule: Rule) -> Rule:
    """Let a rule answer so many times, then no more."""
    left = [number]
    lock = threading.Lock()

    def limited(call: Call) -> Answer | None:
        with lock:
            if left[0] <= 0:
                return None
            answer = rule(call)
            if answer is not None:
                left[0] -= 1
            return answer

    return limited
