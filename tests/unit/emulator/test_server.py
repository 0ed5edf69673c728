from __future__ import annotations

import asyncio
import json
from collections.abc import MutableMapping
from pathlib import Path
from typing import Any

import pytest

from tfgen.emulator import identity, server
from tfgen.emulator.server import Application, Options


def call(app: Application, path: str, *, method: str = "GET", query: str = "", **headers: str) -> tuple[int, Any]:
    """Send one request through an ASGI application; returns its status and document."""
    sent: list[MutableMapping[str, Any]] = []
    scope = {
        "type": "http",
        "method": method,
        "path": path,
        "query_string": query.encode(),
        "headers": [(name.encode(), value.encode()) for name, value in {"host": "127.0.0.1:1", **headers}.items()],
    }

    async def receive() -> MutableMapping[str, Any]:
        raise AssertionError("the body is not read")

    async def send(message: MutableMapping[str, Any]) -> None:
        sent.append(message)

    asyncio.run(app(scope, receive, send))
    return sent[0]["status"], json.loads(sent[1]["body"])


async def inner(scope: Any, receive: Any, send: Any) -> None:
    del scope, receive
    await send({"type": "http.response.start", "status": 200, "headers": []})
    await send({"type": "http.response.body", "body": b'"inner"'})


def test_the_environment_holds_nothing_of_the_callers_but_a_few_names() -> None:
    caller = {"PATH": "/bin", "HOME": "/home/me", "AWS_PROFILE": "x", "TF_VAR_a": "x", "SERVICES": "x", "AUTH": "false"}
    own = server.environment(Options(4566, Path("/state")), caller)
    assert (own["PATH"], own["HOME"], own["AUTH"]) == ("/bin", "/home/me", "true")
    assert "x" not in own.values()
    assert own["PERSIST_STATE"] == own["S3_PERSIST"] == "1"
    assert (own["SFTP_ENABLED"], own["IOT_MTLS_ENABLED"], own["BIND_HOST"]) == ("0", "0", "127.0.0.1")
    forgetful = server.environment(Options(4566, Path("/state"), persist=False), caller)
    assert forgetful["PERSIST_STATE"] == forgetful["S3_PERSIST"] == "0"


def test_identity_is_proven_and_everything_else_passed_on() -> None:
    app = server.with_identity(inner, token="secret", project="/shop")
    nonce = "n" * 32
    status, document = call(app, identity.PATH, query=f"nonce={nonce}")
    assert status == 200
    assert identity.is_genuine("secret", nonce, document)
    assert document["project"] == "/shop"
    assert call(app, identity.PATH)[0] == 400
    assert call(app, identity.PATH, query=f"nonce={nonce}", method="POST")[0] == 400
    assert call(app, "/elsewhere") == (200, "inner")
    assert call(server.with_identity(inner, token="", project="/shop"), identity.PATH, query=f"nonce={nonce}")[0] == 403


@pytest.mark.parametrize(
    ("path", "headers", "status"),
    [
        ("/_ministack/reset", {}, 200),
        ("/_ministack/reset", {"host": "localhost:1"}, 200),
        ("/_ministack/reset", {"origin": "http://page.example"}, 403),
        ("/_localstack/health", {"host": "page.example:1"}, 403),
        ("/bucket/key", {"origin": "http://page.example"}, 200),
    ],
)
def test_web_pages_reach_nothing_that_needs_no_signature(path: str, headers: dict[str, str], status: int) -> None:
    assert call(server.without_browsers(inner), path, **headers)[0] == status


@pytest.mark.parametrize(
    ("folder", "project"), [("/shop/.tfgen/local", "/shop"), ("/tmp/state", "/tmp/state"), ("/a/local", "/a/local")]
)
def test_the_project_is_the_folder_around_the_state(folder: str, project: str) -> None:
    assert server._project(Path(folder)) == Path(project)
