from __future__ import annotations

import os
import re
from contextlib import suppress
from pathlib import Path

import pytest

from tests.support.cli import Cli
from tests.support.projects import ProjectFolder, snapshot
from tfgen import disk, ejecting, workflow
from tfgen.errors import TfgenError
from tfgen.starting import NewProject, create_project

STORE, README, BACKEND = "terraform/02-store/main.tf", "terraform/02-store/README.md", "terraform/backend-config"
NOTES = "kept -->\n\nmy notes\r\n\n"


@pytest.fixture
def rendered(cli: Cli, project: ProjectFolder) -> ProjectFolder:
    """A rendered project with an edit that was kept, notes in a README, and a file of the user's own."""
    cli("render", cwd=project.root)
    project.change(STORE, "shelves = 3", "shelves = 4")
    readme = project.root / README
    readme.write_bytes(readme.read_bytes().replace(b"kept -->\n", NOTES.encode()))
    project.write("terraform/02-store/own.tf", "# mine\n")
    project.write("terraform/02-store/artifacts/clerk.zip", "zip\n")
    project.write("terraform/02-store/.terraform/providers/x", "x\n")
    project.write(f"{BACKEND}/terraform.tfstate", '{"version": 4, "serial": 1, "lineage": "x"}\n')
    project.write("lambdas/clerk/handler.py", "x = 1\n")
    project.write(".gitignore", "mine\n/.tfgen/\n.terraform/\n/terraform/*/artifacts/\n")
    cli("render", "--merge")
    return project


def trees(folder: Path) -> dict[str, bytes]:
    """Everything below a folder but tfgen's working files."""
    return {path: data for path, data in snapshot(folder).items() if not path.startswith(".tfgen/")}


def eject(project: ProjectFolder, *, bucket: bool = True) -> ejecting.Ejection:
    return ejecting.plan_ejection(workflow.load_project(project.root), bucket=bucket)


def test_in_a_folder_of_its_own(cli: Cli, rendered: ProjectFolder, tmp_path: Path) -> None:
    before = rendered.snapshot()
    told = cli("eject", "--to", str(tmp_path / "plain"), "--backend", "s3")
    assert (told.code, told.err.count("warning")) == (0, 0), told
    assert rendered.snapshot() == before
    found = trees(tmp_path / "plain")
    assert not [path for path, data in found.items() if b"tfgen" in data.lower() or "tfgen" in path]
    assert not [path for path in found if "tfstate" in path or ".terraform/" in path or path.startswith("config")]
    assert found["terraform/02-store/own.tf"] == b"# mine\n"
    assert found["terraform/02-store/artifacts/clerk.zip"] == b"zip\n"
    assert found["lambdas/clerk/handler.py"] == b"x = 1\n"
    assert found[".gitignore"] == b"mine\n.terraform/\n"
    assert found["terraform/02-store/global.auto.tfvars"] == b"link:../terraform.tfvars"
    assert b"shelves = 4" in found[STORE]
    assert found[STORE].startswith(b'resource "terraform_data" "store"')
    assert found[README].startswith(b"# 02-store\n")
    assert found[README].endswith(b"\n\n\nmy notes\r\n\n")
    assert b'backend "s3"' in found[f"{BACKEND}/backend.tf"]
    assert b'key = "backend-config/terraform.tfstate"' in found[f"{BACKEND}/backend.tf"]


def test_in_place(cli: Cli, rendered: ProjectFolder, tmp_path: Path) -> None:
    cli("eject", "--to", str(tmp_path / "plain"), "--backend", "s3")
    before = trees(rendered.root)
    told = cli("eject", "--backend", "s3", "--yes")
    assert told.code == 0, told
    after = trees(rendered.root)
    apart = {path: data for path, data in after.items() if "/.terraform/" not in path}
    assert apart == trees(tmp_path / "plain")
    assert (rendered.root / ".tfgen" / ".gitignore").read_text() == "*\n"
    copies = Path(re.findall("copies of what there was: (.*)", told.err)[0])
    copied = {path: data for path, data in snapshot(copies).items() if not path.endswith("/")}
    assert {path: before[path] for path in copied} == copied
    lost = {path for path, data in before.items() if after.get(path) != data and not path.endswith("/")}
    assert lost == set(copied)
    told = cli("render")
    assert told.code == 1
    assert "no-project" in cli("render", "--json").out


def test_a_backend_that_was_never_moved_stays_local_and_keeps_its_state(
    cli: Cli, rendered: ProjectFolder, tmp_path: Path
) -> None:
    assert cli("eject", "--to", str(tmp_path / "plain"), "--backend", "local").code == 0
    found = trees(tmp_path / "plain")
    assert b'backend "local" {}' in found[f"{BACKEND}/backend.tf"]
    assert f"{BACKEND}/terraform.tfstate" in found
    assert not [path for path, data in found.items() if b"tfgen" in data.lower()]


def test_the_reference_project_has_no_trace_left(tmp_path: Path, cli: Cli) -> None:
    create_project(tmp_path / "shop", NewProject(name="shop-analytics"))
    root = tmp_path / "shop"
    workflow.render(workflow.load_project(root))
    ejection = ejecting.plan_ejection(workflow.load_project(root), bucket=True)
    assert ejection.mentions == ()
    ejecting.eject_to(ejection, tmp_path / "plain")
    found = trees(tmp_path / "plain")
    assert not [path for path, data in found.items() if b"tfgen" in data.lower() or "tfgen" in path]
    assert "`order_processor` in 03-api-ingestion" in found["terraform/README.md"].decode()


def test_text_of_the_users_own_is_left_and_named(cli: Cli, rendered: ProjectFolder, tmp_path: Path) -> None:
    rendered.write("terraform/02-store/own.tf", "# mine\n# made with tfgen once\n")
    cli("render", "--merge")
    told = cli("eject", "--to", str(tmp_path / "plain"), "--backend", "s3", "--json")
    assert told.document["eject"]["mentions"] == ["terraform/02-store/own.tf:2"]
    assert told.document["eject"]["backend"] == "s3"


def test_a_tree_that_is_behind_or_edited_is_not_ejected(cli: Cli, rendered: ProjectFolder, tmp_path: Path) -> None:
    rendered.change(STORE, "shelves = 4", "shelves = 5")
    before = rendered.snapshot()
    told = cli("eject", "--to", str(tmp_path / "plain"), "--backend", "s3")
    told.assert_explained()
    assert "tfgen render --merge keeps the edits; then eject" in told.err
    cli("eject", "--yes", "--backend", "s3").assert_explained()
    rendered.change(STORE, "    shelves = 5", "<<<<<<< yours\n    shelves = 5")
    assert "conflicts to resolve" in cli("eject", "--yes", "--backend", "s3").err
    assert not (tmp_path / "plain").exists()
    assert {**rendered.snapshot(), STORE: b""} == {**before, STORE: b""}


def test_a_kept_edit_of_the_backend_is_in_the_way(cli: Cli, rendered: ProjectFolder) -> None:
    rendered.change(f"{BACKEND}/backend.tf", 'backend "local" {}', 'backend "http" {}')
    cli("render", "--merge")
    told = cli("eject", "--yes", "--backend", "s3")
    told.assert_explained()
    assert "an edit is in the way of the backend" in told.err


def test_without_a_terminal_it_wants_a_flag(cli: Cli, rendered: ProjectFolder) -> None:
    told = cli("eject", "--backend", "s3")
    told.assert_explained()
    assert "--yes" in told.err


@pytest.mark.parametrize("where", ["project", "project/terraform/x", "file"])
def test_a_folder_that_cannot_be_used(cli: Cli, rendered: ProjectFolder, tmp_path: Path, where: str) -> None:
    (tmp_path / "file").write_text("")
    before = snapshot(tmp_path)
    cli("eject", "--to", str(tmp_path / where), "--backend", "s3").assert_explained()
    assert snapshot(tmp_path) == before


def test_an_empty_folder_is_filled(cli: Cli, rendered: ProjectFolder, tmp_path: Path) -> None:
    (tmp_path / "plain").mkdir()
    assert cli("eject", "--to", "../plain", "--backend", "s3", cwd=rendered.root).code == 0
    assert (tmp_path / "plain" / STORE).is_file()


@pytest.mark.parametrize("failing", [0, 1, 2, 4])
def test_if_the_disk_refuses_everything_is_as_it_was(
    rendered: ProjectFolder, failing: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    before, steps = trees(rendered.root), 0

    def refuse(path: Path) -> None:
        nonlocal steps
        steps += 1
        if steps > failing - 2:
            raise OSError(30, "Read-only file system", str(path))
        original(path)

    original = ejecting._drop
    if failing == 0:
        monkeypatch.setattr(disk, "_stage", lambda path, file: refuse(path))
    elif failing == 1:
        monkeypatch.setattr(os, "replace", lambda _source, target: refuse(target))
    else:
        monkeypatch.setattr(ejecting, "_drop", refuse)
    with pytest.raises(TfgenError) as caught:
        ejecting.eject_in_place(eject(rendered))
    assert "Read-only file system" in caught.value.message
    assert trees(rendered.root) == before


@pytest.mark.parametrize("killed_after", [1, 20, 60])
def test_an_ejection_that_was_killed_is_repeated(rendered: ProjectFolder, killed_after: int, tmp_path: Path) -> None:
    ejecting.eject_to(eject(rendered), tmp_path / "plain")
    steps = 0

    class Killed(BaseException):
        pass

    def step() -> None:
        nonlocal steps
        steps += 1
        if steps > killed_after:
            raise Killed

    replace, drop = os.replace, ejecting._drop
    with pytest.MonkeyPatch.context() as patch, suppress(Killed):
        patch.setattr(ejecting, "put_back", lambda *_: None)  # as with SIGKILL, nobody tidies up
        patch.setattr(os, "replace", lambda source, target: (step(), replace(source, target)))
        patch.setattr(ejecting, "_drop", lambda path: (step(), drop(path)))
        ejecting.eject_in_place(eject(rendered))
    if rendered.spec.exists():
        ejecting.eject_in_place(eject(rendered))
    after = {path: data for path, data in trees(rendered.root).items() if "/.terraform/" not in path}
    assert after == trees(tmp_path / "plain")


def test_the_target_is_looked_at_before_the_environment(
    cli: Cli, rendered: ProjectFolder, monkeypatch: pytest.MonkeyPatch
) -> None:
    def never(*_: object) -> bool:
        raise AssertionError("the environment was opened")

    monkeypatch.setattr(ejecting, "find_backend", never)
    cli("eject", "--to", str(rendered.tree / "x")).assert_explained()
