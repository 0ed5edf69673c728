from __future__ import annotations

from pathlib import Path

import pytest

from tests.support.growing import add_queue
from tests.support.projects import ProjectFolder
from tfgen import catalogue, growing
from tfgen.additions import Wish
from tfgen.assets import templates_root
from tfgen.blueprint import list_blueprints, load_blueprint
from tfgen.errors import SpecError, TfgenError, UsageError


def test_the_projects_own_blueprints_stand_among_the_shipped_ones(project: ProjectFolder) -> None:
    add_queue(project)
    found = {item.name: item for item in catalogue.list_all(project.root)}
    assert (found["queue"].origin, found["network"].origin) == (catalogue.OWN, catalogue.OWN)
    assert found["iam"].origin == catalogue.SHIPPED
    assert "backend-config" not in found
    assert list(found) == sorted(found)


def test_one_that_is_not_valid_is_listed_with_what_is_wrong(project: ProjectFolder) -> None:
    project.write("templates/broken/blueprint.yaml", "summary: x\n")
    [broken] = [item for item in catalogue.list_all(project.root) if item.name == "broken"]
    assert broken.blueprint is None
    assert broken.problem == "templates/broken/blueprint.yaml:1:1: 'settings' is missing"
    with pytest.raises(SpecError):
        catalogue.find(project.root, "broken")
    with pytest.raises(UsageError, match="there is no blueprint 'broke'"):
        catalogue.find(project.root, "broke")


def test_a_new_one_renders_as_it_stands_and_twice(project: ProjectFolder) -> None:
    project.render()
    files = catalogue.create(project.root, "audit-log")
    assert [path.name for path in files] == ["blueprint.yaml", "main.tf.j2", "outputs.tf.j2", "variables.tf.j2"]
    blueprint = load_blueprint("audit-log", project.root / "templates" / "audit-log")
    assert blueprint.examples[0].add == "audit-log --set retention_days=7"
    growing.add(project.root, project.spec, Wish("audit-log", settings=("retention_days=7",)))
    growing.add(project.root, project.spec, Wish("other", blueprint="audit-log"))
    assert '"/${local.name_prefix}/audit-log"' in project.rendered("04-audit-log/main.tf")
    assert '"/${local.name_prefix}/other"' in project.rendered("05-other/main.tf")


@pytest.mark.parametrize("name", ["Audit", "a b", "../up", "_shared", "-a", "a" * 41, ""])
def test_a_new_one_has_a_plain_name(project: ProjectFolder, name: str) -> None:
    before = project.snapshot()
    with pytest.raises(UsageError, match="not a blueprint's name"):
        catalogue.create(project.root, name)
    assert project.snapshot() == before


def test_what_is_there_is_never_written_over(project: ProjectFolder) -> None:
    before = project.snapshot()
    with pytest.raises(TfgenError, match="there already") as caught:
        catalogue.create(project.root, "store")
    assert (caught.value.where, caught.value.code) == ("templates/store", "exists")
    with pytest.raises(UsageError, match="tfgen has a blueprint 'iam'"):
        catalogue.create(project.root, "iam")
    with pytest.raises(UsageError, match="tfgen has no blueprint 'store'"):
        catalogue.copy(project.root, "store")
    (project.root / "templates" / "iam").symlink_to(project.root)
    with pytest.raises(TfgenError, match="there already"):
        catalogue.copy(project.root, "iam")
    (project.root / "templates" / "iam").unlink()
    assert project.snapshot() == before


@pytest.mark.parametrize("name", sorted(list_blueprints([templates_root()])))
def test_a_copy_takes_the_shipped_ones_place(tmp_path: Path, name: str) -> None:
    files = catalogue.copy(tmp_path, name)
    source = templates_root() / name
    kept = {path.relative_to(source): path.read_bytes() for path in source.rglob("*") if path.is_file()}
    assert {path.relative_to(Path("templates") / name): (tmp_path / path).read_bytes() for path in files} == kept
    assert list_blueprints([tmp_path / "templates", templates_root()])[name] == tmp_path / "templates" / name
    assert load_blueprint(name, tmp_path / "templates" / name).summary == load_blueprint(name, source).summary


def test_a_failure_leaves_nothing_behind(project: ProjectFolder, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_arguments: object, **_choices: object) -> None:
        raise OSError(28, "No space left on device")

    before = project.snapshot()
    monkeypatch.setattr(Path, "write_text", full)
    with pytest.raises(TfgenError, match="No space left on device"):
        catalogue.create(project.root, "audit-log")
    assert project.snapshot() == before
