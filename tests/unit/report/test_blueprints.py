from __future__ import annotations

from tests.support.projects import ProjectFolder
from tfgen.catalogue import find, list_all
from tfgen.report.blueprints import describe, show_blueprint, show_catalogue

BLUEPRINT = """\
    summary: a shelf
    once: true
    functions: ["{module}", plain]
    settings:
      required: [name]
      properties:
        name: {type: string, description: What it is called}
        kind: {type: string, enum: [open, shut], default: open}
        key: {type: string, when: {kind: [shut]}, description: What opens it}
        boards: {type: integer, minimum: 1, when: {kind: [open]}, default: 3, varies: true}
        note: {type: [string, "null"], default: "ü"}
        weight: {type: number, maximum: 2.5, default: 1}
    """


def test_each_setting_tells_what_it_takes_and_when_it_counts(project: ProjectFolder) -> None:
    project.write("templates/shelf/blueprint.yaml", BLUEPRINT)
    lines = list(show_blueprint(find(project.root, "shelf")))
    assert lines[0] == "shelf: a shelf"
    assert "reads: nothing" in lines
    assert "functions: lambdas/<module>/, lambdas/plain/" in lines
    assert "a project has one module of it" in lines
    assert "  name     string, must be given" in lines
    assert "           What it is called" in lines
    assert '  kind     open | shut, default "open"' in lines
    assert "  key      string, with kind shut, must be given" in lines
    assert "  boards*  integer from 1, with kind open, default 3" in lines
    assert '  note     string or null, default "ü"' in lines
    assert "  weight   number to 2.5, default 1" in lines


def test_a_line_of_the_catalogue_fits_the_terminal(project: ProjectFolder) -> None:
    lines = list(show_catalogue(list_all(project.root)))
    assert all(len(line) <= 120 for line in lines if "tfgen add-module" not in line)


def test_what_is_not_valid_is_told_in_both_forms(project: ProjectFolder) -> None:
    project.write("templates/shelf/blueprint.yaml", "summary: x\n")
    [broken] = [item for item in list_all(project.root) if item.name == "shelf"]
    assert describe(broken)["problem"] == broken.problem
    assert any(line.startswith("shelf") and "not valid: templates/shelf" in line for line in show_catalogue([broken]))
    assert list(show_blueprint(broken)) == []
