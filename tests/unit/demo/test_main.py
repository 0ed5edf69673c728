"""How the demonstration starts tfgen, and how it ends."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from demo import __main__ as demo
from demo import clean


@pytest.fixture
def started(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> list[Sequence[str]]:
    """The command lines that would have been started."""
    lines: list[Sequence[str]] = []

    def run(argv: Sequence[str], **_: Any) -> subprocess.CompletedProcess[str]:
        lines.append(argv)
        return subprocess.CompletedProcess(argv, 0, '{"outputs": {}, "environment": {}}', "")

    monkeypatch.setattr("subprocess.run", run)
    monkeypatch.setattr(sys, "argv", ["demo", "--project", str(tmp_path)])
    monkeypatch.chdir(tmp_path)
    return lines


@pytest.mark.parametrize(("problems", "code"), [([], 0), (["EUR total: sent 1, reported 2"], 1)])
def test_a_difference_fails_loudly(
    started: list[Sequence[str]],
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    problems: list[str],
    code: int,
) -> None:
    monkeypatch.setattr(demo, "_run", lambda *_: problems)
    assert demo.main() == code
    assert capsys.readouterr().out.count("DIFFERENCE: ") == len(problems)


def test_every_command_names_the_local_environment(started: list[Sequence[str]], monkeypatch: Any) -> None:
    monkeypatch.setattr(demo, "_run", lambda *_: [])
    demo.main()
    (Path(".tfgen") / "local").mkdir(parents=True)
    clean.main()
    assert len(started) == 7
    assert all(line[-2:] == ["--env", "local"] for line in started)


def test_clean_leaves_what_another_environment_needs(started: list[Sequence[str]]) -> None:
    for name in ("local", "dev"):
        (Path(".tfgen") / "env" / name).mkdir(parents=True)
    Path("terraform").mkdir()
    assert clean.main() == 0
    assert Path("terraform").is_dir()
    assert (Path(".tfgen") / "env" / "dev").is_dir()
    Path(".tfgen/env/dev").rmdir()
    assert clean.main() == 0
    assert not Path(".tfgen").exists()
