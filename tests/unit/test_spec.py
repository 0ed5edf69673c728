from __future__ import annotations

import pytest

from tests.support.projects import LOCAL, ProjectFolder
from tfgen.errors import SpecError, TfgenError
from tfgen.spec import load_spec


def problems_of(project: ProjectFolder) -> list[tuple[str, str, str]]:
    with pytest.raises(SpecError) as caught:
        load_spec(project.root)
    return [(problem.where, problem.message, problem.hint) for problem in caught.value.problems]


def test_the_spec_and_its_environments_are_read(project: ProjectFolder) -> None:
    spec = load_spec(project.root)
    assert spec.document.value["project"] == "shop"
    assert list(spec.environments) == ["dev", "local"]
    assert spec.path == project.spec


def test_another_file_may_be_the_spec(project: ProjectFolder) -> None:
    other = project.spec.rename(project.spec.with_name("other.yaml"))
    assert load_spec(project.root, other).document.name == "config/other.yaml"


@pytest.mark.parametrize(
    ("old", "new", "where", "message", "hint"),
    [
        ("owner:", "ownr:", "3:1", "unknown key 'ownr'", "did you mean 'owner'?"),
        ("version: 1", "version: 2", "1:10", "2 is not one of the values", "one of: 1"),
        ("project: shop", "project: Shop_1", "2:10", "'Shop_1' does not fit", "joined by hyphens"),
        ("project: shop", "project: [shop]", "2:10", "a list where text is wanted", ""),
        ("project: shop", "project: this-name-is-far-too-long-for-buckets", "2:10", "at most 24 characters", ""),
        ("owner: data-team", 'owner: "two\\nlines"', "3:8", "does not fit", "one line"),
        ("region: eu-west-1", "region: europe", "4:9", "'europe' does not fit", "such as eu-west-1"),
        ('"~> 5.100"', "banana", "7:10", "'banana' does not fit", "version constraint"),
        ('aws: "~> 5.100"', "aws: {source: hashicorp/aws}", "7:10", "'version' is missing", "version constraint"),
        ('aws: "~> 5.100"', 'AWS: "~> 5.100"', "7:5", "unknown key 'AWS'", "^[a-z]"),
        ("blueprint: store", "blueprint: 1", "16:16", "1 where text is wanted", ""),
        ("blueprint: store", "blueprint: store\n    setings: {}", "17:5", "unknown key 'setings'", "'settings'"),
    ],
)
def test_a_wrong_spec(project: ProjectFolder, old: str, new: str, where: str, message: str, hint: str) -> None:
    project.change("config/project.yaml", old, new)
    found = [item for item in problems_of(project) if item[0] == f"config/project.yaml:{where}"]
    assert found, problems_of(project)
    assert message in found[0][1]
    assert hint in found[0][2]


def test_problems_of_all_files_come_at_once(project: ProjectFolder) -> None:
    project.change("config/project.yaml", "version: 1", "version: one")
    project.change("config/environments/dev.yaml", '"123456789012"', "123456789012")
    project.write("config/environments/local.yaml", LOCAL + "endpont: x\n")
    assert [where for where, _, _ in problems_of(project)] == [
        "config/project.yaml:1:10",
        "config/environments/dev.yaml:1:10",
        "config/environments/local.yaml:5:1",
    ]


def test_a_name_of_an_environment_is_that_of_its_file(project: ProjectFolder) -> None:
    project.write("config/environments/My Env.yaml", LOCAL)
    project.write("config/environments/a-very-long-environment.yaml", LOCAL)
    assert [(where, message) for where, message, _ in problems_of(project)] == [
        ("config/environments/My Env.yaml", "'My Env' is not an environment's name"),
        ("config/environments/a-very-long-environment.yaml", "'a-very-long-environment' is not an environment's name"),
    ]


def test_without_environments_there_is_no_project(project: ProjectFolder) -> None:
    for path in (project.root / "config" / "environments").iterdir():
        path.unlink()
    [(where, message, hint)] = problems_of(project)
    assert (where, message) == ("config/environments", "there is no environment")
    assert hint


def test_a_missing_spec(project: ProjectFolder) -> None:
    project.spec.unlink()
    with pytest.raises(TfgenError, match="does not exist"):
        load_spec(project.root)


def test_an_empty_spec(project: ProjectFolder) -> None:
    project.spec.write_text("")
    [(where, message, _)] = problems_of(project)
    assert (where, message) == ("config/project.yaml", "empty where a mapping is wanted")
