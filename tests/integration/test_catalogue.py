"""The project with every blueprint and trigger: valid Terraform, and functions whose first test passes."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.support.project import TestProject
from tfgen.assets import lambdas_root, template_roots
from tfgen.scaffold import plan_functions
from tfgen.templating import Templates
from tfgen.workflow import load_project

CATALOGUE = Path(__file__).parents[1] / "golden" / "catalogue"


@pytest.fixture(scope="module")
def catalogue(tmp_path_factory: pytest.TempPathFactory) -> TestProject:
    """The catalogue's spec, with the code that `tfgen add-module` writes for each function."""
    root = tmp_path_factory.mktemp("catalogue") / "project"
    shutil.copytree(CATALOGUE / "config", root / "config")
    loaded = load_project(root)
    for module in loaded.project.modules:
        blueprint, templates = loaded.blueprints[module.blueprint], Templates(template_roots(root))
        for name, content in plan_functions(loaded.project, module, blueprint, templates, lambdas_root()).files.items():
            path = root / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(content)
    return TestProject(root, 0)


def test_every_functions_first_test_passes(catalogue: TestProject) -> None:
    lambdas = catalogue.root / "lambdas"
    tests = sorted(path.parts[-3] for path in lambdas.glob("*/tests/test_*.py") if path.parts[-3] not in ("common",))
    assert len(set(tests) - {"notifier"}) == 8
    command = [sys.executable, "-m", "pytest", "-q", "--import-mode=importlib", "-p", "no:cacheprovider", str(lambdas)]
    done = subprocess.run(
        command, cwd=catalogue.root, capture_output=True, text=True, check=False, env=dict(os.environ)
    )
    assert done.returncode == 0, done.stdout


def test_what_is_begun_is_as_tidy_as_the_rest(catalogue: TestProject) -> None:
    config = Path(__file__).parents[2] / "pyproject.toml"
    for words in (["check"], ["format", "--check"]):
        command = [sys.executable, "-m", "ruff", *words, "--config", str(config), "lambdas"]
        done = subprocess.run(command, cwd=catalogue.root, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stdout


@pytest.mark.terraform
def test_all_of_it_is_valid_terraform(catalogue: TestProject) -> None:
    catalogue.tfgen("render")
    assert "ok: 29 modules" in catalogue.tfgen("check").stdout
