from __future__ import annotations

from pathlib import Path

import pytest

from tfgen.errors import TfgenError, UsageError
from tfgen.settings import find_root, read_settings


def test_a_flag_wins_over_a_variable(tmp_path: Path) -> None:
    variables = {"TFGEN_ENV": "dev", "TFGEN_SPEC": "a.yaml"}
    told = read_settings({"env": "prod", "directory": str(tmp_path)}, variables)
    assert (told.environment, told.environment_source) == ("prod", "flag")
    assert (told.spec, told.spec_source) == (tmp_path / "a.yaml", "variable")


def test_nothing_given_leaves_the_choice_to_the_spec() -> None:
    told = read_settings({}, {})
    assert (told.spec, told.environment, told.environment_source, told.parallelism) == (None, None, "", None)
    assert told.color
    assert not told.json
    assert not told.ci


def test_variables_are_read() -> None:
    variables = {
        "TFGEN_TERRAFORM": "/opt/terraform",
        "TFGEN_PROVIDER_MIRROR": "/opt/mirror",
        "TFGEN_PARALLELISM": "3",
        "NO_COLOR": "1",
        "CI": "true",
    }
    told = read_settings({}, variables)
    assert (told.terraform, told.provider_mirror, told.parallelism) == ("/opt/terraform", "/opt/mirror", 3)
    assert not told.color
    assert told.ci
    assert told.variables == variables


@pytest.mark.parametrize("text", ["0", "-1", "many", "1.5", "\N{SUPERSCRIPT TWO}"])
def test_a_parallelism_that_cannot_be_is_refused(text: str) -> None:
    with pytest.raises(UsageError, match="TFGEN_PARALLELISM"):
        read_settings({}, {"TFGEN_PARALLELISM": text})


def test_a_folder_that_is_not_there_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="there is no folder"):
        read_settings({"directory": str(tmp_path / "none")}, {})


def test_the_project_is_looked_for_upwards(tmp_path: Path) -> None:
    (tmp_path / "config").mkdir()
    (tmp_path / "config" / "project.yaml").write_text("")
    deep = tmp_path / "terraform" / "02-storage"
    deep.mkdir(parents=True)
    told = read_settings({"directory": str(deep)}, {})
    assert find_root(told) == (tmp_path, tmp_path / "config" / "project.yaml")


@pytest.mark.parametrize(("spec", "root"), [("config/other.yaml", "."), ("other.yaml", ".")])
def test_a_named_spec_says_where_the_project_is(tmp_path: Path, spec: str, root: str) -> None:
    told = read_settings({"directory": str(tmp_path), "spec": spec}, {})
    assert find_root(told) == (tmp_path / root, tmp_path / spec)


def test_no_project_is_explained(tmp_path: Path) -> None:
    with pytest.raises(TfgenError) as caught:
        find_root(read_settings({"directory": str(tmp_path)}, {}))
    assert caught.value.code == "no-project"
    assert caught.value.where == str(tmp_path)
    assert "tfgen init" in caught.value.hint


def test_an_environment_that_does_not_exist_is_refused_by_every_command(tmp_path: Path) -> None:
    files = tmp_path / "config" / "environments"
    files.mkdir(parents=True)
    (tmp_path / "config" / "project.yaml").touch()
    (files / "local.yaml").touch()
    with pytest.raises(UsageError, match="no environment 'nope'") as raised:
        find_root(read_settings({"directory": str(tmp_path), "env": "nope"}, {}))
    assert "local" in raised.value.hint
