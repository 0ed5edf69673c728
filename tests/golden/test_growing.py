"""Every blueprint that may be used more than once, added twice to the reference project by its own examples."""

from __future__ import annotations

import re
import shlex
import shutil
from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest
from click.testing import CliRunner

from tests.support.growing import differing
from tests.support.projects import snapshot
from tfgen import growing, workflow
from tfgen.additions import Wish
from tfgen.assets import templates_root
from tfgen.blueprint import Blueprint, list_blueprints, load_blueprint
from tfgen.commands.add_module import cli as add_module
from tfgen.growing import Growth
from tfgen.hcl import Block, read_blocks
from tfgen.model import BACKEND_CONFIG
from tfgen.names import UNIQUE
from tfgen.starting import NewProject, create_project

SHIPPED = {name: load_blueprint(name, folder) for name, folder in list_blueprints([templates_root()]).items()}
SEVERAL = {name: part for name, part in SHIPPED.items() if not part.once and name != BACKEND_CONFIG}
"""Blueprints of which a project may have several modules."""

NAMED = {**UNIQUE, "aws_apigatewayv2_api": "name"}
"""Resource types whose name a person tells them by, and the attribute that holds it."""

PARTS = re.compile(
    r"aws_(s3_bucket_\w+|iam_role_policy|lambda_(alias|permission|event_source_mapping|function_event_invoke_config)"
    r"|cloudwatch_(event_target|log_stream|log_resource_policy)|sqs_queue_policy|kms_key|scheduler_schedule"
    r"|apigatewayv2_(stage|route|integration)|glue_catalog_table|athena_named_query"
    r"|sesv2_(email_identity\w*|configuration_set_event_destination))|terraform_data"
)
"""Resource types that are named within another resource, by what they are, or not at all."""


def start(root: Path) -> tuple[Path, Path]:
    create_project(root, NewProject())
    workflow.render(workflow.load_project(root))
    return root, root / "config" / "project.yaml"


def wish_of(words: str) -> Wish:
    """Read what follows `tfgen add-module` as the command does."""
    found = add_module.make_context("add-module", shlex.split(words), obj={}).params
    return Wish(
        found["name"],
        found["blueprint"],
        found["number"],
        found["before"],
        tuple(part for text in found["reads"] for part in text.split(",")),
        found["pairs"],
    )


def examples(blueprint: Blueprint) -> list[str]:
    return [example.add for example in blueprint.examples] or [blueprint.name]


@pytest.fixture(scope="module")
def reference(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The reference project, rendered."""
    return start(tmp_path_factory.mktemp("reference") / "shop")[0]


@pytest.fixture(scope="module")
def grown(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The reference project with every blueprint twice, by its first and its last example."""
    root, spec = start(tmp_path_factory.mktemp("grown") / "shop")
    for name, blueprint in SEVERAL.items():
        for index, words in enumerate((examples(blueprint)[0], examples(blueprint)[-1])):
            wish = wish_of(words)
            growing.add(root, spec, Wish(f"{name}-{index}", name, settings=wish.settings, reads=wish.reads))
    return root


def test_every_blueprint_is_used_twice_without_a_clash_of_names(grown: Path) -> None:
    assert len(SEVERAL) >= 9
    owners: dict[tuple[str, str], str] = {}
    for module, block, local in resources(grown):
        type_, label = block.labels
        if type_ not in NAMED:
            assert PARTS.fullmatch(type_), f"say in this test whether the name of {type_} must be unique"
            continue
        text = block.attributes[NAMED[type_]]
        if "each." in text:
            text = f"{text} of {block.attributes['for_each']}"
        name = expanded(text, local)
        short_name = module.partition("-")[2]
        assert short_name in name, f"{module}: the name of {type_}.{label} does not hold the module's: {name}"
        assert owners.setdefault((type_, name), module) == module, f"{module}: {name} is taken"
    assert len(owners) >= len(SEVERAL)


def resources(root: Path) -> Iterator[tuple[str, Block, Mapping[str, str]]]:
    """Yield the resources of the added modules, with the local values of their module."""
    project = workflow.load_project(root).project
    for module in project.modules:
        if module.blueprint in SEVERAL:
            files = sorted((project.tree / module.name).glob("*.tf"))
            blocks = [block for path in files for block in read_blocks(path.read_bytes())]
            local = {key: text for block in blocks if block.type == "locals" for key, text in block.attributes.items()}
            yield from ((module.name, block, local) for block in blocks if block.type == "resource")


def expanded(text: str, local: Mapping[str, str]) -> str:
    """Put the texts of local values in their places, until nothing changes."""
    for _ in range(5):
        text = re.sub(r"\blocal\.(\w+)", lambda found: local.get(found[1], found[0]).strip('"'), text)
    return text


def test_functions_of_the_same_blueprint_have_code_of_their_own(grown: Path) -> None:
    project = workflow.load_project(grown).project
    names = [function.name for module in project.modules for function in module.functions]
    assert len(names) == len(set(names))
    for name in names:
        assert (grown / "lambdas" / name / "handler.py").is_file(), name


@pytest.mark.parametrize(
    "words", [words for part in SHIPPED.values() if not part.once for words in examples(part) if part.name in SEVERAL]
)
def test_an_example_does_what_it_says_and_is_taken_back(tmp_path: Path, reference: Path, words: str) -> None:
    root = shutil.copytree(reference, tmp_path / "shop", symlinks=True)
    spec = root / "config" / "project.yaml"
    before = snapshot(root)
    growth: Growth = growing.add(root, spec, wish_of(words))
    added = differing(before, snapshot(root))
    own = {path: word for path, word in added.items() if not path.startswith("terraform/.tfgen/")}
    changed = {path for path, word in own.items() if word != "new"}
    assert changed == {"config/project.yaml", "terraform/README.md"}
    name = growth.module.name
    for path in own.keys() - changed:
        at_home = f"terraform/{name}/", "lambdas/"
        assert path.startswith(at_home) or re.fullmatch(rf"terraform/environments/\w+/{name}\.tfvars", path), path
    growing.remove(root, spec, name, {})
    left = differing(before, snapshot(root))
    assert all(path.startswith("lambdas/") and word == "new" for path, word in left.items()), left


def test_the_help_names_every_flag_that_the_examples_use() -> None:
    told = CliRunner().invoke(add_module, ["--help"]).output
    used = {
        word for part in SHIPPED.values() for words in examples(part) for word in shlex.split(words) if word[:2] == "--"
    }
    assert {word for word in used if word not in told} == set()
