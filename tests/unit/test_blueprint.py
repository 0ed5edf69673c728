from __future__ import annotations

import json
from pathlib import Path

import jsonschema
import pytest
import yaml

from tests.support.projects import ProjectFolder
from tfgen import workflow
from tfgen.assets import templates_root
from tfgen.blueprint import Blueprint, describe_spec, list_blueprints, load_blueprint
from tfgen.errors import SpecError
from tfgen.hcl import read_blocks

ROOT = Path(__file__).resolve().parents[2]


def load(project: ProjectFolder, name: str) -> Blueprint:
    return load_blueprint(name, project.root / "templates" / name)


def test_a_folder_is_a_blueprint(project: ProjectFolder) -> None:
    blueprint = load(project, "store")
    assert blueprint.summary == "the store"
    assert blueprint.reads == ("network",)
    assert blueprint.varying == ("protect",)
    assert blueprint.templates == ("main.tf.j2", "outputs.tf.j2", "variables.tf.j2")


def test_unknown_settings_are_refused_unless_the_blueprint_says_otherwise(project: ProjectFolder) -> None:
    assert load(project, "store").settings["additionalProperties"] is False


def test_a_users_folder_comes_first_and_shared_is_no_blueprint(project: ProjectFolder, tmp_path: Path) -> None:
    other = tmp_path / "other"
    for name in ("store", "extra", "_shared"):
        (other / name).mkdir(parents=True)
        (other / name / "blueprint.yaml").write_text("")
    (other / "no-blueprint").mkdir()
    own = project.root / "templates"
    found = list_blueprints([own, other, tmp_path / "none"])
    assert found["store"] == own / "store"
    assert found["extra"] == other / "extra"
    assert list(found) == sorted(found)
    assert not {"_shared", "no-blueprint"} & found.keys()


@pytest.mark.parametrize(
    ("text", "where", "message"),
    [
        ("settings: {}\n", "1:1", "'summary' is missing"),
        ("summary: x\nsettings: {}\nread: []\n", "3:1", "unknown key 'read'"),
        ("summary: x\nsettings:\n  properties:\n    a: {type: text, default: 1}\n", "4:15", "'text' does not fit"),
        ("summary: x\nsettings:\n  properties:\n    a: {defalt: 1}\n", "4:9", "unknown keyword 'defalt'"),
        ("summary: x\nsettings:\n  properties:\n    a: {type: string}\n", "4:5", "the setting 'a' has no default"),
        (
            "summary: x\nsettings:\n  properties:\n    a: {type: string, default: 1}\n",
            "4:32",
            "1 where text is wanted",
        ),
        (
            "summary: x\nsettings:\n  properties:\n    a: {type: string, when: {b: [1]}}\n",
            "4:29",
            "there is no choice 'b'",
        ),
        (
            "summary: x\nsettings:\n  properties:\n    a: {items: {format: output}, default: [], varies: true}\n",
            "4:5",
            "the setting 'a' names outputs and varies",
        ),
        ("summary: x\nsettings: {}\nrunbooks: [{id: a}]\n", "3:12", "'title' is missing"),
        ("summary: x\nsettings: {}\nfunctions: [../../x]\n", "3:13", "'../../x' does not fit"),
        ("summary: x\nsettings: {}\nfunctions: ['{modul}']\n", "3:13", "'{modul}' does not fit"),
        ("summary: x\nsettings: {}\nonce: often\n", "3:7", "where true or false is wanted"),
        ("summary: x\nsettings: {}\nname_limit: 1\n", "3:13", "1 is less than 8"),
        ("summary: x\nsettings: {}\nexamples: [{for: y}]\n", "3:12", "'add' is missing"),
        ("summary: x\nsummary: y\nsettings: {}\n", "2:1", "the key 'summary' stands twice"),
    ],
)
def test_a_wrong_blueprint_is_explained_with_its_place(
    project: ProjectFolder, text: str, where: str, message: str
) -> None:
    project.write("templates/store/blueprint.yaml", text)
    with pytest.raises(SpecError) as caught:
        load(project, "store")
    problem = caught.value.problems[0]
    assert problem.where == f"templates/store/blueprint.yaml:{where}"
    assert message in problem.message


def test_a_template_that_would_be_lost_is_refused(project: ProjectFolder) -> None:
    project.write("templates/store/locals.tf.j2", "locals {}\n")
    with pytest.raises(SpecError) as caught:
        load(project, "store")
    [problem] = caught.value.problems
    assert problem.where == "templates/store/locals.tf.j2"
    assert "_shared" in problem.hint


def test_a_required_setting_needs_no_default(project: ProjectFolder) -> None:
    project.write(
        "templates/store/blueprint.yaml",
        "summary: x\nsettings:\n  required: [a]\n  properties:\n    a: {type: string}\n",
    )
    assert load(project, "store").settings["required"] == ["a"]


def test_every_shipped_blueprint_is_valid_and_complete() -> None:
    found = list_blueprints([templates_root()])
    assert len(found) >= 8
    for name, folder in found.items():
        blueprint = load_blueprint(name, folder)
        assert blueprint.holds, name
        assert blueprint.facts, name
        assert blueprint.rollback, name
        for setting, part in blueprint.settings.get("properties", {}).items():
            assert part.get("description"), f"{name}: {setting} has no description"


def test_the_schema_for_editors_says_what_tfgen_says(project: ProjectFolder) -> None:
    blueprints = [load_blueprint(*item) for item in list_blueprints([project.root / "templates"]).items()]
    schema = json.loads(json.dumps(describe_spec(blueprints)))
    jsonschema.Draft202012Validator.check_schema(schema)
    validator = jsonschema.Draft202012Validator(schema)
    spec = yaml.safe_load(project.spec.read_text())
    assert validator.is_valid(spec)
    spec["modules"]["02-store"]["settings"] = {"shelves": 10}
    assert not validator.is_valid(spec)
    spec["modules"]["02-store"] = {"blueprint": "stoer"}
    assert not validator.is_valid(spec)


def test_a_fact_names_settings_that_exist(project: ProjectFolder) -> None:
    project.write(
        "templates/store/blueprint.yaml",
        "summary: x\nsettings:\n  properties:\n    mode: {type: string, default: a}\nfacts:\n"
        "  - {change: the mode, settings: [moed], apply: this module, risk: none}\n",
    )
    with pytest.raises(SpecError) as caught:
        load(project, "store")
    [problem] = caught.value.problems
    assert problem.message == "there is no setting 'moed'"
    assert "mode" in problem.hint


def test_shipped_facts_name_what_exists() -> None:
    loaded = workflow.load_project(ROOT)
    tree = workflow.preview(loaded).tree
    types = {
        (block.labels[0], module.name)
        for module in loaded.project.modules
        for path, file in tree.files.items()
        if path.startswith(f"{module.name}/") and path.endswith(".tf")
        for block in read_blocks(file.content)
        if block.type in ("resource", "data")
    }
    for module in loaded.project.modules:
        for fact in loaded.blueprints[module.blueprint].facts:
            assert set(fact.outputs) <= {*tree.outputs[module.name], "*"}, fact
            assert all((name, module.name) in types for name in fact.removed), fact
            for text in fact.reads:
                identifier, _, output = text.partition(".")
                [read] = [item for item in module.reads if item.identifier == identifier]
                assert output in tree.outputs[read.name], fact


def test_a_blueprint_says_how_often_how_long_and_for_what(project: ProjectFolder) -> None:
    project.write(
        "templates/store/blueprint.yaml",
        "summary: x\nsettings: {}\nonce: true\nname_limit: 40\nexamples: [{for: a shop, add: x --set a=1}]\n"
        'functions: ["{module}", "retry_{module}", plain]\n',
    )
    blueprint = load(project, "store")
    assert (blueprint.once, blueprint.name_limit) == (True, 40)
    assert [(example.purpose, example.add) for example in blueprint.examples] == [("a shop", "x --set a=1")]
    assert blueprint.functions_of("my_store") == ("my_store", "retry_my_store", "plain")
