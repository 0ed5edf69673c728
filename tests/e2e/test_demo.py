"""The README's own words: a fresh clone, `make demo`, `make demo-clean`."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from pathlib import Path

import pytest

from tests.support.emulator import free_port
from tests.support.project import set_endpoint

ROOT = Path(__file__).resolve().parents[2]

pytestmark = [pytest.mark.terraform, pytest.mark.emulator, pytest.mark.xdist_group("demo")]


@pytest.fixture(scope="module")
def clone(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What git knows of this repository, in an empty folder, with a free port for the emulator."""
    folder = tmp_path_factory.mktemp("demo") / "clone"
    listed = subprocess.run(
        ["git", "ls-files", "--cached", "--others", "--exclude-standard", "-z"],
        cwd=ROOT,
        check=True,
        capture_output=True,
        text=True,
    )
    for name in filter(None, listed.stdout.split("\0")):
        if (ROOT / name).exists():
            target = folder / name
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(ROOT / name, target, follow_symlinks=False)
    set_endpoint(folder, f"http://127.0.0.1:{free_port()}")
    return folder


@pytest.fixture(scope="module")
def demonstrated(clone: Path) -> str:
    return _make(clone, "demo")


def test_every_kind_of_call_is_answered_as_it_should_be(demonstrated: str) -> None:
    kinds = dict(re.findall(r"^ +\d+ x (\w[\w ]*?) +(\d{3})", demonstrated, re.MULTILINE))
    assert kinds == {
        "order": "201",
        "replay": "201",
        "other body": "422",
        "malformed": "400",
        "invalid": "400",
        "unsigned": "403",
    }
    assert re.search(r"^ +200 x order +201", demonstrated, re.MULTILINE)


def test_the_report_agrees_with_what_was_sent(demonstrated: str) -> None:
    assert "The report agrees with the books." in demonstrated
    assert "Athena, asked by the saved query daily-figures: the same figures" in demonstrated
    assert re.search(r"mail: 'Orders of \d{4}-\d\d-\d\d'", demonstrated)
    for currency in ("EUR", "JPY", "USD"):
        assert re.search(rf"^  {currency}: \d+ orders", demonstrated, re.MULTILINE)


def test_the_html_report_is_where_it_says(demonstrated: str) -> None:
    found = re.search(r"HTML report: (.+)$", demonstrated, re.MULTILINE)
    assert found is not None
    assert Path(found[1]).read_text().startswith("<!DOCTYPE html>")


def test_it_says_that_nothing_is_in_aws(demonstrated: str) -> None:
    assert "nothing in AWS" in demonstrated
    assert "nothing was created in AWS" in demonstrated


def test_clean_takes_all_down(clone: Path, demonstrated: str) -> None:
    assert demonstrated
    assert "The demonstration is gone." in _make(clone, "demo-clean")
    assert not (clone / "terraform").exists()
    assert not (clone / ".tfgen").exists()


def _make(folder: Path, target: str) -> str:
    passed = ("PATH", "HOME", "LANG", "PIP_CONFIG_FILE")
    env = {name: value for name, value in os.environ.items() if name in passed or name.startswith("PIP_")}
    done = subprocess.run(
        ["make", target],
        cwd=folder,
        env=env,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout[-5000:]
    return done.stdout
