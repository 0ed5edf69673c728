"""Which of several composed states of one run counts."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from tests.support.fixture_project import make_environment, make_project
from tfgen import unsplit
from tfgen.composed_object import Note
from tfgen.errors import TfgenError
from tfgen.model import Environment, Project
from tfgen.scratch import Scratch, apply_home
from tfgen.state_writing import Backend

NOTE = Note("run-1", "shop", "dev", "apply", "ann@desk", "then", "mine", "key", Backend("b", "t", ()), {})


def document(serial: int, lineage: str = "mine", **more: Any) -> dict[str, Any]:
    return {"lineage": lineage, "serial": serial, **more}


@pytest.fixture
def environment() -> Environment:
    return make_environment("dev", "b", endpoint="http://127.0.0.1:1")


@pytest.fixture
def project(tmp_path: Path, environment: Environment) -> Project:
    return make_project(tmp_path, environment, {"00-base": ()})


def test_the_newest_of_the_runs_own_lineage_counts(project: Project, environment: Environment, tmp_path: Path) -> None:
    file = tmp_path / "composed.tfstate"
    file.write_text(json.dumps(document(4)))
    assert unsplit.newest(project, environment, NOTE, file, document(3), document(9, "other"), None) == document(4)
    file.write_text(json.dumps(document(4))[:-5])
    assert unsplit.newest(project, environment, NOTE, file, document(3)) == document(3), "the file was cut off"
    with pytest.raises(TfgenError, match="damaged, and there is no other copy"):
        unsplit.newest(project, environment, NOTE, file, document(9, "other"))


def test_what_terraform_could_not_write_there_is_its_last_word(
    project: Project, environment: Environment, tmp_path: Path
) -> None:
    file = tmp_path / "composed.tfstate"
    file.write_text(json.dumps(document(4)))
    root = Scratch(project, apply_home(project, "dev")).root
    root.mkdir(parents=True)
    (root / unsplit.ERRORED).write_text(json.dumps(document(4, resources=["more"])))
    assert unsplit.newest(project, environment, NOTE, file, document(4))["resources"] == ["more"]
    (root / unsplit.ERRORED).unlink()
    dumped = document(4, resources=["most"])
    assert unsplit.newest(project, environment, NOTE, file, dumped, document(4)) == dumped
