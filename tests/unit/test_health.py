from __future__ import annotations

from dataclasses import replace

import pytest

from tests.support.fixture_project import make_environment, make_project
from tfgen import health
from tfgen.errors import TfgenError, UsageError
from tfgen.settings import read_settings


@pytest.fixture
def terraform(tmp_path):
    binary = tmp_path / "bin" / "terraform"
    binary.parent.mkdir()
    binary.write_text('#!/bin/sh\necho \'{"terraform_version": "1.9.8"}\'\n')
    binary.chmod(0o755)
    return str(binary)


def examine(tmp_path, project, variables, *, environment=None, trouble=None):
    settings = read_settings({"directory": str(tmp_path), "env": environment}, {"HOME": str(tmp_path), **variables})
    return {finding.name: finding for finding in health.examine(settings, project, trouble)}, settings


def test_what_is_wrong_says_what_to_do(tmp_path, terraform):
    environment = make_environment("local", "b", endpoint="http://127.0.0.1:1")
    project = make_project(tmp_path, environment, {"00-base": ()})
    found, settings = examine(tmp_path, project, {"TFGEN_TERRAFORM": terraform, "PATH": "/usr/bin:/bin"})
    assert not found["terraform"].ok
    assert "terraform 1.9.8" in found["terraform"].text
    assert found["terraform"].mend
    assert found["credentials"].text == "environment local needs none"
    assert found["emulator"].text == "environment local does not use it"
    sources = {name: (value, origin) for name, value, origin in health.provenance(settings, project)}
    assert sources["terraform"] == (terraform, "TFGEN_TERRAFORM")
    assert sources["environment"] == ("local", "spec")


def test_without_a_project_the_rest_is_still_looked_at(tmp_path, terraform):
    trouble = TfgenError("there is no project", hint="tfgen init DIR")
    found, _ = examine(tmp_path, None, {"TFGEN_TERRAFORM": terraform, "PATH": "/usr/bin:/bin"}, trouble=trouble)
    assert (found["project"].ok, found["project"].mend) == (False, "tfgen init DIR")
    assert found["python"].ok


def test_an_account_is_asked_only_if_it_was_named(tmp_path, monkeypatch):
    asked = []
    monkeypatch.setattr(health.accounts, "check_account", lambda *_: asked.append(1) or "arn:aws:iam::2:user/ann")
    environment = make_environment("production", "b", endpoint=None, account="222222222222")
    project = make_project(tmp_path, environment, {"00-base": ()})
    found, _ = examine(tmp_path, project, {"PATH": ""})
    assert "not asked" in found["credentials"].text
    assert asked == []
    found, _ = examine(tmp_path, project, {"PATH": ""}, environment="production")
    assert "arn:aws:iam::2:user/ann" in found["credentials"].text
    assert asked == [1]


def test_a_placeholder_is_told(tmp_path):
    environment = make_environment("production", "b", endpoint=None, account="111111111111")
    project = make_project(tmp_path, environment, {"00-base": ()})
    found, _ = examine(tmp_path, replace(project), {"PATH": ""}, environment="production")
    assert not found["credentials"].ok
    assert "config/environments/production.yaml" in found["credentials"].mend


def test_an_environment_that_does_not_exist_is_no_clean_bill_of_health(tmp_path):
    project = make_project(tmp_path, make_environment("local", "b", endpoint="http://127.0.0.1:1"), {"00-base": ()})
    with pytest.raises(UsageError, match="there is no environment 'lokal'") as error:
        examine(tmp_path, project, {"PATH": ""}, environment="lokal")
    assert "did you mean 'local'?" in error.value.hint
