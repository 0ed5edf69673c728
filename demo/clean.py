"""`make demo-clean`: destroy the demonstration, stop the emulator, remove what both left in the project."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

_TFGEN = str(Path(sys.executable).with_name("tfgen"))


def main() -> int:
    """Take the demonstration down; returns the exit code."""
    project = Path.cwd()
    if (project / ".tfgen" / "local").is_dir():
        for words in (["destroy", "--auto-approve", "--with-backend"], ["local", "down"]):
            done = subprocess.run([_TFGEN, *words, "--env", "local"], cwd=project, check=False)
            if done.returncode:
                print(
                    "the demonstration was not taken down; throw it away whole with: tfgen local reset --auto-approve"
                )
                return done.returncode
    others = sorted(path.name for path in (project / ".tfgen" / "env").glob("*") if path.name != "local")
    if others:
        print(f"The demonstration is gone. terraform/ and .tfgen/ stay: they are in use for {', '.join(others)}.")
        return 0
    for folder in (project / "terraform", project / ".tfgen"):
        shutil.rmtree(folder, ignore_errors=True)
    print("The demonstration is gone.")
    return 0


if __name__ == "__main__":
    sys.exit(main())
