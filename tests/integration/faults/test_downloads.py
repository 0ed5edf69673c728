"""One download of a provider for all modules, counted by a mirror in the network that has a provider made up here."""

from __future__ import annotations

import base64
import hashlib
import io
import json
import os
import ssl
import threading
import time
import uuid
import zipfile
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from ipaddress import ip_address
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from tests.support.fixture_project import body, make_environment, make_module, make_project
from tfgen import execution
from tfgen.aws import Aws
from tfgen.events import Event
from tfgen.isolation import isolate
from tfgen.mirror import LOCK_FILE
from tfgen.model import Project
from tfgen.places import Caller, open_place
from tfgen.process import Children
from tfgen.provider_lock import lock_providers
from tfgen.runner import StepFailed

ADDRESS, VERSION = "registry.test/acme/thing", "1.0.0"
PACKAGE = f"/{ADDRESS}/thing.zip"
PROGRAM = f"terraform-provider-thing_v{VERSION}"
REQUIRES = f"""\
terraform {{
  required_providers {{
    thing = {{ source = "{ADDRESS}", version = "{VERSION}" }}
  }}
}}
"""
MODULES = tuple(f"{number:02}-m{number}" for number in range(6))


@dataclass
class Mirror:
    """A provider mirror that speaks HTTPS, as terraform wants it, and counts.

    Attributes:
        url: Its address.
        authority: The certificate that its own is signed by.
        hash: Checksum of the provider's package.
        asked: Path → how often it was asked for.
        refuses: Path → how often it still answers that it is not available.
    """

    url: str
    authority: Path
    hash: str
    asked: dict[str, int] = field(default_factory=dict)
    refuses: dict[str, int] = field(default_factory=dict)


@pytest.fixture
def mirror(tmp_path: Path) -> Iterator[Mirror]:
    archive = _pack()
    own, authority = _certify(tmp_path)
    answers: dict[str, bytes] = {}
    lock = threading.Lock()

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            with lock:
                found.asked[self.path] = found.asked.get(self.path, 0) + 1
                found.refuses[self.path] = left = found.refuses.get(self.path, 0) - 1
            if left >= 0:
                self.send_error(503)
                return
            if self.path.endswith(".zip"):
                time.sleep(0.5)  # long enough for all others to want it, too
            answer = answers.get(self.path)
            self.send_response(200 if answer else 404)
            self.send_header("Content-Type", "application/json" if self.path.endswith(".json") else "application/zip")
            self.send_header("Content-Length", str(len(answer or b"")))
            self.end_headers()
            self.wfile.write(answer or b"")

        def log_message(self, *_: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(own)
    server.socket = context.wrap_socket(server.socket, server_side=True)
    found = Mirror(f"https://127.0.0.1:{server.server_address[1]}/", authority, _hash_package(archive))
    home = f"/{ADDRESS}/"
    package = {"url": "thing.zip", "hashes": [found.hash]}
    platforms = ("linux_amd64", "linux_arm64", "darwin_amd64", "darwin_arm64")
    answers[f"{home}index.json"] = json.dumps({"versions": {VERSION: {}}}).encode()
    answers[f"{home}{VERSION}.json"] = json.dumps({"archives": dict.fromkeys(platforms, package)}).encode()
    answers[PACKAGE] = archive
    threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True).start()
    yield found
    server.shutdown()
    server.server_close()


@pytest.fixture
def project(tmp_path: Path, upstream: str, mirror: Mirror) -> Project:
    """Modules that need the provider, and a dependency lock file in each."""
    bucket = f"st-{uuid.uuid4().hex[:12]}"
    environment = make_environment("local", bucket, endpoint=upstream)
    Aws(isolate({}, environment, work=tmp_path).env).client("s3").create_bucket(Bucket=bucket)
    bodies = {name: REQUIRES + body(make_module(name)) for name in MODULES}
    project = make_project(tmp_path / "project", environment, dict.fromkeys(MODULES, ()), bodies=bodies)
    for name in MODULES:
        (project.tree / name / LOCK_FILE).write_text(_lock(mirror.hash))
    return project


def initialise(project: Project, variables: Mapping[str, str], modules: Sequence[str] = MODULES) -> list[Event]:
    """Initialise modules, all at once, as a run does; returns what happened."""
    events: list[Event] = []
    caller = Caller(variables, on_event=events.append)
    place = open_place(project, project.environments["local"], caller, changes=False)
    with ThreadPoolExecutor(len(modules)) as pool:
        for future in [pool.submit(execution.init, place.bench, project.module(name)) for name in modules]:
            future.result()
    return events


def test_modules_that_are_initialised_at_once_download_a_provider_once(
    tmp_path: Path, project: Project, mirror: Mirror
) -> None:
    initialise(project, _variables(tmp_path, mirror))
    assert mirror.asked[PACKAGE] == 1
    for name in MODULES:
        # The module's folder links to the copy that all share.
        home = project.work / "env" / "local" / name / "data" / "providers" / ADDRESS / VERSION
        [platform] = home.iterdir()
        assert (platform / PROGRAM).resolve().is_relative_to(project.work / "plugin-cache"), platform


@pytest.mark.parametrize(
    "path",
    [
        pytest.param(f"/{ADDRESS}/index.json", marks=pytest.mark.slow),
        pytest.param(f"/{ADDRESS}/{VERSION}.json", marks=pytest.mark.slow),
        PACKAGE,
    ],
)
def test_a_mirror_that_is_not_available_for_a_moment_is_asked_again(
    tmp_path: Path, project: Project, mirror: Mirror, path: str
) -> None:
    mirror.refuses[path] = 2
    events = initialise(project, _variables(tmp_path, mirror), MODULES[:1])
    assert mirror.asked[path] > 2
    assert [event.text for event in events if event.text.startswith("init: registry, again in ")], events


def test_another_package_than_the_locked_one_is_refused_and_locked_by_the_command_that_is_named(
    tmp_path: Path, project: Project, mirror: Mirror
) -> None:
    variables = _variables(tmp_path, mirror)
    for name in MODULES:
        (project.tree / name / LOCK_FILE).write_text(_lock(f"h1:{'A' * 43}="))
    with pytest.raises(StepFailed, match="checksum") as refused:
        initialise(project, variables, MODULES[:1])
    assert "tfgen providers lock" in refused.value.hint

    for name in MODULES:
        (project.tree / name / LOCK_FILE).unlink()
    locked = lock_providers(project, variables, [], Children())
    assert locked.versions == {ADDRESS: VERSION}
    assert locked.changed == MODULES
    initialise(project, variables)


def _variables(tmp_path: Path, mirror: Mirror) -> Mapping[str, str]:
    """What a user has exported who keeps a mirror in the network."""
    config = tmp_path / "terraformrc"
    config.write_text(f'provider_installation {{\n  network_mirror {{\n    url = "{mirror.url}"\n  }}\n}}\n')
    kept = {name: os.environ[name] for name in ("PATH", "TFGEN_TERRAFORM") if name in os.environ}
    return {
        **kept,
        "HOME": str(tmp_path),
        "TF_CLI_CONFIG_FILE": str(config),
        "SSL_CERT_FILE": str(mirror.authority),
    }


def _lock(checksum: str) -> str:
    return (
        f'provider "{ADDRESS}" {{\n  version     = "{VERSION}"\n  constraints = "{VERSION}"\n'
        f'  hashes = [\n    "{checksum}",\n  ]\n}}\n'
    )


def _pack() -> bytes:
    """Return a package whose program can do nothing: to be initialised, it need not."""
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w") as archive:
        entry = zipfile.ZipInfo(PROGRAM)
        entry.external_attr = 0o755 << 16
        archive.writestr(entry, "#!/bin/sh\nexit 1\n")
    return stream.getvalue()


def _hash_package(archive: bytes) -> str:
    """Return the `h1:` checksum: that of the list of the files' checksums (golang.org/x/mod/sumdb/dirhash, Hash1)."""
    with zipfile.ZipFile(io.BytesIO(archive)) as package:
        lines = [f"{hashlib.sha256(package.read(name)).hexdigest()}  {name}\n" for name in sorted(package.namelist())]
    return f"h1:{base64.b64encode(hashlib.sha256(''.join(lines).encode()).digest()).decode()}"


def _certify(folder: Path) -> tuple[Path, Path]:
    """Write the server's key with its certificate, and the certificate of the authority that signed it."""
    issuer, key = ec.generate_private_key(ec.SECP256R1()), ec.generate_private_key(ec.SECP256R1())
    authority = _sign(issuer, issuer, "tests", authority=True)
    certificate = _sign(key, issuer, "127.0.0.1", authority=False)
    own, trusted = folder / "server.pem", folder / "authority.pem"
    secret = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    own.write_bytes(secret + certificate.public_bytes(serialization.Encoding.PEM))
    trusted.write_bytes(authority.public_bytes(serialization.Encoding.PEM))
    return own, trusted


def _sign(
    key: ec.EllipticCurvePrivateKey, issuer: ec.EllipticCurvePrivateKey, name: str, *, authority: bool
) -> x509.Certificate:
    now = datetime.now(UTC)
    builder = (
        x509.CertificateBuilder()
        .subject_name(x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)]))
        .issuer_name(x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "tests")]))
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(hours=1))
        .not_valid_after(now + timedelta(hours=1))
        .add_extension(x509.BasicConstraints(ca=authority, path_length=None), critical=True)
    )
    if not authority:
        addresses = x509.SubjectAlternativeName([x509.IPAddress(ip_address("127.0.0.1"))])
        builder = builder.add_extension(addresses, critical=False)
    return builder.sign(issuer, hashes.SHA256())
