from __future__ import annotations

from pathlib import Path

import pytest

from tests.support.projects import ProjectFolder
from tfgen import workflow
from tfgen.errors import TfgenError
from tfgen.scaffold import Functions, plan_functions
from tfgen.templating import Templates


@pytest.fixture
def shipped(tmp_path: Path) -> Path:
    """Functions that come with tfgen."""
    folder = tmp_path / "shipped"
    for path, text in {
        "store/handler.py": "shipped",
        "store/tests/test_store.py": "def test_it(): pass",
        "store/__pycache__/handler.pyc": "",
        "common/__init__.py": "",
        "requirements.txt": "pins",
        "conftest.py": "conf",
        "fakes.py": "fakes",
    }.items():
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        (folder / path).write_text(text)
    return folder


def plan(project: ProjectFolder, shipped: Path, module: str = "02-store") -> Functions:
    loaded = workflow.load_project(project.root)
    found = loaded.project.module(module)
    templates = Templates([project.root / "templates"])
    return plan_functions(loaded.project, found, loaded.blueprints[found.blueprint], templates, shipped)


def give(project: ProjectFolder, functions: str) -> None:
    project.change(
        "templates/store/blueprint.yaml", "reads: [network]\n", f"reads: [network]\nfunctions: {functions}\n"
    )


SHARED = {f"lambdas/{name}" for name in ("common/__init__.py", "requirements.txt", "conftest.py", "fakes.py")}


def test_a_scaffold_is_rendered_with_the_functions_name(project: ProjectFolder, shipped: Path) -> None:
    give(project, '["{module}"]')
    project.write("templates/store/scaffold/handler.py.j2", "# {{ function | ident }} of {{ module.name | text }}\n")
    project.write("templates/store/scaffold/tests/test_{function}.py", "pass  # {{ as it is }}\n")
    project.write("templates/store/scaffold/fast.py.j2", "{% if settings.mode == 'slow' %}\nslow\n{% endif %}\n")
    found = plan(project, shipped)
    assert found.added == ("store",)
    assert found.files["lambdas/store/handler.py"] == b"# store of 02-store\n"
    assert found.files["lambdas/store/tests/test_store.py"] == b"pass  # {{ as it is }}\n"
    assert found.files.keys() == {"lambdas/store/handler.py", "lambdas/store/tests/test_store.py"} | SHARED


def test_without_a_scaffold_the_shipped_function_serves_under_the_modules_name(
    project: ProjectFolder, shipped: Path
) -> None:
    give(project, '["{module}"]')
    project.change("config/project.yaml", "  02-store:", "  02-my-store:")
    for name in ("config/environments/dev.yaml", "templates/front-desk/blueprint.yaml"):
        project.change(name, "store", "my-store")
    project.write("templates/front-desk/main.tf.j2", 'resource "terraform_data" "d" { input = local.my_store.table }\n')
    found = plan(project, shipped, "02-my-store")
    assert found.files["lambdas/my_store/handler.py"] == b"shipped"
    assert "lambdas/my_store/tests/test_my_store.py" in found.files
    assert not [path for path in found.files if "pyc" in path]


def test_several_functions_have_a_folder_each(project: ProjectFolder, shipped: Path) -> None:
    give(project, '["{module}", "{module}_retry"]')
    project.write("templates/store/scaffold/module/handler.py", "one")
    project.write("templates/store/scaffold/module_retry/handler.py", "two")
    found = plan(project, shipped)
    assert found.files["lambdas/store/handler.py"] == b"one"
    assert found.files["lambdas/store_retry/handler.py"] == b"two"


def test_what_is_there_is_kept(project: ProjectFolder, shipped: Path) -> None:
    give(project, "[store]")
    project.write("lambdas/store/handler.py", "mine")
    project.write("lambdas/requirements.txt", "mine")
    found = plan(project, shipped)
    assert (found.added, found.kept) == ((), ("store",))
    assert found.files.keys() == SHARED - {"lambdas/requirements.txt"}


def test_a_module_without_functions_needs_nothing(project: ProjectFolder, shipped: Path) -> None:
    assert plan(project, shipped) == Functions({}, (), ())


def test_a_function_without_code_is_refused_with_what_to_write(project: ProjectFolder, shipped: Path) -> None:
    give(project, "[other]")
    with pytest.raises(TfgenError) as caught:
        plan(project, shipped)
    assert "'other' has no code" in caught.value.message
    assert "lambdas/other/handler.py" in caught.value.hint


def test_a_link_in_a_scaffold_is_refused(project: ProjectFolder, shipped: Path) -> None:
    give(project, "[other]")
    project.write("templates/store/scaffold/handler.py", "x")
    (project.root / "templates/store/scaffold/passwd").symlink_to("/etc/passwd")
    with pytest.raises(TfgenError, match="a link cannot be copied"):
        plan(project, shipped)


def test_a_wrong_scaffold_names_its_line(project: ProjectFolder, shipped: Path) -> None:
    give(project, "[other]")
    project.write("templates/store/scaffold/handler.py.j2", "x\n{{ nothing | ident }}\n")
    with pytest.raises(TfgenError) as caught:
        plan(project, shipped)
    assert caught.value.where.endswith("scaffold/handler.py.j2:2")
