"""The deployed project without tfgen: nothing is left to do in any of its modules."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

from tests.support.project import TestProject

NO_CHANGES = 0


def test_after_ejecting_no_module_has_anything_to_do(deployed: TestProject, tmp_path: Path) -> None:
    before = deployed.states()
    document = deployed.json("eject", "--to", str(tmp_path / "plain"), "--env", "local")
    assert document["eject"]["backend"] == "s3"
    assert document["eject"]["mentions"] == []
    tree = tmp_path / "plain" / "terraform"
    mentions = [path for path in tree.rglob("*") if path.is_file() and b"tfgen" in path.read_bytes().lower()]
    assert [path for path in mentions if path.suffix != ".zip"] == []
    modules = sorted(path.parent for path in tree.glob("*/versions.tf"))
    assert [folder.name for folder in modules] == sorted(path.split("/")[0] for path in before)
    ended = {folder.name: _plan(deployed, folder) for folder in modules}
    assert {name: code for name, (code, _) in ended.items() if code != NO_CHANGES} == {}, ended
    assert deployed.states() == before


def _plan(project: TestProject, folder: Path) -> tuple[int, str]:
    project.typed("terraform init -input=false -no-color", folder)
    done = subprocess.run(
        ["terraform", "plan", "-input=false", "-no-color", "-detailed-exitcode"],
        cwd=folder,
        env={**project.typed_environment, "TERM": os.environ.get("TERM", "dumb")},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
    )
    return done.returncode, done.stdout + done.stderr
