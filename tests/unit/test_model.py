from __future__ import annotations

import dataclasses

import pytest

from tests.support.projects import ProjectFolder


def test_a_module_is_found_by_its_full_name_only(project: ProjectFolder) -> None:
    loaded = project.load()
    assert loaded.module("02-store").short_name == "store"
    with pytest.raises(KeyError):
        loaded.module("store")


def test_where_things_are(project: ProjectFolder) -> None:
    loaded = project.load()
    assert (loaded.tree, loaded.work) == (project.root / "terraform", project.root / ".tfgen")


def test_the_shipped_account_is_a_placeholder(project: ProjectFolder) -> None:
    dev = project.load().environments["dev"]
    assert not dev.is_placeholder
    assert dataclasses.replace(dev, account="111111111111").is_placeholder
    assert not dataclasses.replace(dev, account="111111111111", endpoint="http://127.0.0.1:1").is_placeholder
