"""Spec → whole tree, compared both ways; `pytest tests/golden --update-golden` rewrites what is expected."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest

from tests.support.projects import snapshot
from tfgen import workflow
from tfgen.bases import unpack
from tfgen.starting import NewProject, create_project

GOLDEN = Path(__file__).parent
REFERENCE = "reference"
CASES = [*sorted(folder.name for folder in GOLDEN.iterdir() if (folder / "config").is_dir()), REFERENCE]


def make(case: str, root: Path) -> None:
    """The reference project is what `tfgen init` makes; the others stand beside what is expected of them."""
    if case == REFERENCE:
        create_project(root, NewProject())
        return
    for name in ("config", "templates"):
        if (GOLDEN / case / name).is_dir():
            shutil.copytree(GOLDEN / case / name, root / name)


@pytest.fixture(params=CASES)
def case(request: pytest.FixtureRequest) -> str:
    return str(request.param)


def test_the_tree_is_what_is_expected(case: str, tmp_path: Path, request: pytest.FixtureRequest) -> None:
    make(case, tmp_path)
    workflow.render(workflow.load_project(tmp_path))
    tree = tmp_path / "terraform"
    _check_own_notes(tree)
    shutil.rmtree(tree / ".tfgen")
    expected = GOLDEN / case / "expected"
    if request.config.getoption("--update-golden"):
        shutil.rmtree(expected, ignore_errors=True)
        shutil.copytree(tree, expected, symlinks=True)
    wanted, found = snapshot(expected), snapshot(tree)
    assert sorted(found) == sorted(wanted), "pytest tests/golden --update-golden accepts the new tree"
    for path, content in wanted.items():
        assert found[path].decode() == content.decode(), path


def _check_own_notes(tree: Path) -> None:
    """The manifest names every file, and a merge would start from the very bytes that were rendered."""
    named = json.loads((tree / ".tfgen" / "manifest.json").read_bytes())["files"]
    files = {path: data for path, data in snapshot(tree).items() if not path.startswith(".tfgen/")}
    files = {path: data for path, data in files.items() if not path.endswith("/")}
    assert sorted(named) == sorted(files)
    packed = snapshot(tree / ".tfgen" / "base").values()
    base = {path: content for text in packed for path, content in unpack(text).items()}
    assert base == {path: data for path, data in files.items() if not data.startswith(b"link:")}
