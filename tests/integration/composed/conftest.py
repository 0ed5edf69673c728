from __future__ import annotations

import os
from collections.abc import Callable

import pytest

from tests.integration.engine.conftest import (  # noqa: F401 - the same fixtures serve here
    MakeProject,
    bucket,
    clients,
    endpoint,
    environment,
    make_project,
)
from tfgen import deployment
from tfgen.changes import ComposedPlan
from tfgen.compose import compose_plan
from tfgen.deployment import Caller, Choices, Place, Run
from tfgen.model import Environment, Project

Open = Callable[[Project], Place]
Compose = Callable[..., ComposedPlan]
Apply = Callable[..., Run]


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if "integration/composed" in item.path.as_posix():
            item.add_marker(pytest.mark.terraform)
            item.add_marker(pytest.mark.emulator)


def caller() -> Caller:
    return Caller({name: os.environ[name] for name in ("PATH", "HOME") if name in os.environ})


def _only(project: Project) -> Environment:
    return next(iter(project.environments.values()))


@pytest.fixture
def compose() -> Compose:
    def plan(project: Project, **options: bool) -> ComposedPlan:
        place = deployment.open_place(project, _only(project), caller(), changes=False)
        return compose_plan(place.bench, place.clients, **options)

    return plan


@pytest.fixture
def apply() -> Apply:
    def run(project: Project, *modules: str) -> Run:
        run = deployment.apply(project, _only(project), caller(), Choices(modules=modules, auto_approve=True))
        assert run.ok, [result.reason for result in run.results]
        return run

    return run


@pytest.fixture
def plan_each() -> Apply:
    """Plan every module by itself, the way that needs no composing."""

    def run(project: Project) -> Run:
        return deployment.plan(project, _only(project), caller(), Choices())

    return run
