"""One deployed reference project for the tests in this folder; they run on one worker, in file order."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.support.project import TestProject, make_test_project


@pytest.hookimpl(tryfirst=True)  # the group must be known before pytest-xdist deals the tests out
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if "integration/deployed" in str(item.path):
            item.add_marker(pytest.mark.xdist_group("typed" if item.path.stem == "test_typed" else "deployed"))
            item.add_marker(pytest.mark.terraform)
            item.add_marker(pytest.mark.emulator)


@pytest.fixture(scope="session")
def deployed(tmp_path_factory: pytest.TempPathFactory) -> Iterator[TestProject]:
    """The reference project, applied as one to an emulator of its own; others are applied module by module."""
    project = make_test_project(tmp_path_factory.mktemp("deployed") / "project")
    project.tfgen("render")
    project.tfgen("apply", "--env", "local", "--auto-approve", "--composed")
    yield project
    project.tfgen("local", "down")
