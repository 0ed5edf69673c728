from __future__ import annotations

import pytest

from tests.support.projects import ProjectFolder
from tfgen.errors import UsageError
from tfgen.select import describe_place, resolve_environment, resolve_module, resolve_modules


@pytest.mark.parametrize(
    "text", ["02", "2", "store", "02-store", "terraform/02-store", "terraform/02-store/", "/x/terraform/02-store"]
)
def test_a_module_is_named_by_number_name_or_folder(project: ProjectFolder, text: str) -> None:
    assert resolve_module(project.load(), text).name == "02-store"


def test_backend_config_has_only_its_name(project: ProjectFolder) -> None:
    assert resolve_module(project.load(), "backend-config").name == "backend-config"
    with pytest.raises(UsageError):
        resolve_module(project.load(), "")
    with pytest.raises(UsageError):
        resolve_module(project.load(), "\N{SUPERSCRIPT TWO}")


def test_an_unknown_module_is_answered_with_the_nearest(project: ProjectFolder) -> None:
    with pytest.raises(UsageError) as caught:
        resolve_module(project.load(), "02-stor")
    assert caught.value.message == "there is no module '02-stor'"
    assert caught.value.hint == "did you mean '02-store'?"


def test_lists_repeat_or_take_commas_and_come_in_order(project: ProjectFolder) -> None:
    names = [module.name for module in resolve_modules(project.load(), ["front-desk,00", "network"])]
    assert names == ["00-network", "03-front-desk"]


def test_environments(project: ProjectFolder) -> None:
    loaded = project.load()
    assert resolve_environment(loaded, None).name == "local"
    assert resolve_environment(loaded, "dev").account == "123456789012"
    with pytest.raises(UsageError) as caught:
        resolve_environment(loaded, "dve")
    assert "did you mean 'dev'?" in caught.value.hint
    assert "config/environments/" in caught.value.hint


def test_the_place_is_said(project: ProjectFolder) -> None:
    environments = project.load().environments
    assert describe_place(environments["local"]) == "local: emulator on 127.0.0.1:4566, nothing in AWS"
    assert describe_place(environments["dev"]) == "dev: account 123456789012, eu-central-1"
