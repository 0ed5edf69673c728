"""Two machines, time zones, locales and hash seeds: the same bytes."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from tests.support.cli import run_process
from tests.support.projects import ProjectFolder, make_project, snapshot
from tfgen.starting import NewProject, create_project

MACHINES = (
    {"TZ": "UTC", "LC_ALL": "C", "PYTHONHASHSEED": "0"},
    {"TZ": "Pacific/Kiritimati", "LC_ALL": "tr_TR.UTF-8", "PYTHONHASHSEED": "4711", "PYTHONUTF8": "0"},
)


def tree_of(root: Path, machine: dict[str, str], cwd: Path) -> dict[str, bytes]:
    code = (
        "import sys\nfrom pathlib import Path\nfrom tfgen import workflow\n"
        "workflow.render(workflow.load_project(Path(sys.argv[1])))\n"
    )
    told = run_process(str(root), cwd=cwd, variables=machine, code=code)
    assert told.code == 0, told.err
    return snapshot(root / "terraform")


def test_a_small_project(tmp_path: Path) -> None:
    one = make_project(tmp_path / "one")
    two = ProjectFolder(tmp_path / "another place" / "two")
    shutil.copytree(one.root, two.root)
    one.change("config/project.yaml", "data-team", "équipe")
    two.change("config/project.yaml", "data-team", "équipe")
    first = tree_of(one.root, MACHINES[0], one.root)
    assert first == tree_of(two.root, MACHINES[1], tmp_path)
    assert "équipe".encode() in first["02-store/locals.tf"]


@pytest.mark.parametrize("name", ["reference"])
def test_the_reference_project(tmp_path: Path, name: str) -> None:
    trees = []
    for machine in MACHINES:
        root = tmp_path / machine["PYTHONHASHSEED"] / name
        create_project(root, NewProject())
        trees.append(tree_of(root, machine, tmp_path))
    assert trees[0] == trees[1]
