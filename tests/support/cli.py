"""Run the command line in this process, or as a process of its own, and keep what it said."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from tfgen.cli import main

_SOURCE = Path(__file__).resolve().parents[2] / "src"


@dataclass(frozen=True)
class Outcome:
    """Exit code and both streams of one invocation."""

    code: int
    out: str
    err: str

    @property
    def document(self) -> Any:
        """The one JSON document on standard output."""
        return json.loads(self.out)

    def assert_explained(self) -> None:
        """A failure that is the user's: a reason and a next step, never a traceback."""
        assert self.code == 1, self
        assert self.out == "", self
        assert self.err.startswith("error: "), self
        assert "→ " in self.err, self
        assert "Traceback" not in self.err, self
        assert "bug" not in self.err, self


class Cli:
    """Calls `tfgen.cli.main` and catches its exit."""

    def __init__(self, capture: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
        self._capture = capture
        self._monkeypatch = monkeypatch

    def __call__(self, *arguments: str, cwd: Path | None = None) -> Outcome:
        if cwd is not None:
            self._monkeypatch.chdir(cwd)
        self._capture.readouterr()
        with pytest.raises(SystemExit) as ended:
            main(list(arguments))
        out, err = self._capture.readouterr()
        code = ended.value.code
        return Outcome(code if isinstance(code, int) else 0, out, err)


_MAIN = "import sys; from tfgen.cli import main; main(sys.argv[1:])"


def run_process(*arguments: str, cwd: Path, variables: Mapping[str, str] | None = None, code: str = _MAIN) -> Outcome:
    """Run the command line as a process of its own, with a small environment."""
    env = {"PATH": os.defpath, "HOME": str(cwd), "PYTHONPATH": str(_SOURCE), **(variables or {})}
    command = [sys.executable, "-c", code, *arguments]
    done = subprocess.run(command, cwd=cwd, env=env, capture_output=True, check=False, timeout=60)
    return Outcome(done.returncode, done.stdout.decode(), done.stderr.decode())
