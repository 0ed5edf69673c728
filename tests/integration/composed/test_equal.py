"""Applied as one or module by module, from nothing: the same states, and each way goes on where the other stopped."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.support.project import TestProject, make_test_project
from tests.support.same import canonical, differences

AS_ONE, ONE_BY_ONE = "--composed", "--per-module"


@dataclass(frozen=True)
class Pair:
    """One project twice, each with an emulator of its own."""

    as_one: TestProject
    one_by_one: TestProject

    def apply(self, first: str, second: str) -> None:
        for project, way in ((self.as_one, first), (self.one_by_one, second)):
            project.tfgen("apply", "--env", "local", "--auto-approve", way)

    def assert_same(self) -> None:
        """The states say the same, and no module has anything left to do."""
        states = self.as_one.states(), self.one_by_one.states()
        assert states[0].keys() == states[1].keys()
        assert len(states[0]) == 9
        assert differences(canonical(states[0]), canonical(states[1])) == []
        for project in (self.as_one, self.one_by_one):
            project.tfgen("plan", "--env", "local", "--per-module", "--detailed-exitcode")


@pytest.fixture(scope="module")
def pair(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Pair]:
    folder = tmp_path_factory.mktemp("pair")
    made = Pair(make_test_project(folder / "as-one"), make_test_project(folder / "one-by-one"))
    for project in (made.as_one, made.one_by_one):
        project.tfgen("render")
    try:
        yield made
    finally:
        for project in (made.as_one, made.one_by_one):
            project.tfgen("local", "down")


@pytest.mark.slow
def test_both_ways_make_the_same_from_nothing(pair: Pair) -> None:
    pair.apply(AS_ONE, ONE_BY_ONE)
    pair.assert_same()


@pytest.mark.slow
def test_each_way_goes_on_where_the_other_stopped(pair: Pair) -> None:
    for project in (pair.as_one, pair.one_by_one):
        change(project.root / "config" / "project.yaml", "day_shards: 10", "day_shards: 12")
        project.tfgen("render")
    pair.apply(ONE_BY_ONE, AS_ONE)
    pair.assert_same()


def change(path: Path, before: str, after: str) -> None:
    text = path.read_text(encoding="utf-8")
    assert before in text
    path.write_text(text.replace(before, after), encoding="utf-8")
