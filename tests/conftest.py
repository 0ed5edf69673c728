"""What every tier has in common: a clean environment, the golden flag, and no terraform where none belongs."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path
from typing import Any

import pytest

from tests.support.cli import Cli
from tests.support.projects import ProjectFolder, make_project

_WITHOUT_TERRAFORM = ("unit", "golden")
_TESTS = Path(__file__).parent


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--update-golden", action="store_true", help="rewrite the golden trees instead of comparing")


@pytest.fixture(scope="session")
def _cache(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("cache")


@pytest.fixture(autouse=True)
def _clean_environment(monkeypatch: pytest.MonkeyPatch, request: pytest.FixtureRequest, _cache: Path) -> None:
    """Nothing of the caller's shell steers a test of the lower tiers."""
    if not _is_lower_tier(request.node.path):
        return
    for name in list(os.environ):
        if name.startswith(("TFGEN_", "AWS_", "TF_")) or name in ("CI", "NO_COLOR"):
            monkeypatch.delenv(name)
    monkeypatch.setenv("XDG_CACHE_HOME", str(_cache))


@pytest.fixture(autouse=True)
def _no_terraform(monkeypatch: pytest.MonkeyPatch, request: pytest.FixtureRequest) -> None:
    """The real binary is out of reach of the unit and golden tiers."""
    if not _is_lower_tier(request.node.path):
        return
    start = subprocess.Popen.__init__

    def guarded(self: subprocess.Popen[Any], args: Any, *rest: Any, **options: Any) -> None:
        words = [args] if isinstance(args, str | os.PathLike) else list(args)
        binary = os.fspath(options.get("executable") or words[0])
        resolved = Path(os.fsdecode(binary)).name
        assert resolved != "terraform" or _is_fake(os.fsdecode(binary)), "this tier starts no real terraform"
        start(self, args, *rest, **options)

    monkeypatch.setattr(subprocess.Popen, "__init__", guarded)


def _is_fake(binary: str) -> bool:
    """True for a script that a test wrote in terraform's place."""
    path = Path(binary)
    return path.is_absolute() and path.is_file() and path.read_bytes()[:2] == b"#!"


def _is_lower_tier(path: Path) -> bool:
    return path.is_relative_to(_TESTS) and path.relative_to(_TESTS).parts[0] in _WITHOUT_TERRAFORM


@pytest.fixture
def cli(capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Cli:
    """The command line, in this process: `cli("render", cwd=folder)`."""
    return Cli(capfd, monkeypatch)


@pytest.fixture
def project(tmp_path: Path) -> ProjectFolder:
    """A small project with blueprints of its own."""
    return make_project(tmp_path / "project")
