from __future__ import annotations

import json
from pathlib import Path

import jsonschema
import yaml

from tests.support.cli import Cli
from tests.support.projects import ProjectFolder
from tfgen.assets import config_root


def test_the_reference_spec_fits_the_printed_schema(cli: Cli, tmp_path: Path) -> None:
    told = cli("schema", cwd=tmp_path)
    assert told.code == 0
    schema = json.loads(told.out)
    jsonschema.validate(yaml.safe_load((config_root() / "project.yaml").read_text()), schema)


def test_a_projects_own_blueprints_are_in_it(cli: Cli, project: ProjectFolder) -> None:
    assert '"front-desk"' in cli("schema", cwd=project.root).out


def test_the_schema_is_no_document_of_ours(cli: Cli, tmp_path: Path) -> None:
    told = cli("schema", "--json", cwd=tmp_path)
    assert (told.code, told.document["error"]["message"]) == (1, "'schema' has no JSON form")


def test_a_wrong_blueprint_is_explained(cli: Cli, project: ProjectFolder) -> None:
    project.write("templates/store/blueprint.yaml", "summary: x\nsettings:\n  properties: {a: {typo: 1}}\n")
    told = cli("schema", cwd=project.root)
    told.assert_explained()
    assert "templates/store/blueprint.yaml:3:20" in told.err
