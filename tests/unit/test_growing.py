from __future__ import annotations

import stat
from pathlib import Path

import pytest

from tests.support.growing import add_queue, differing
from tests.support.projects import ProjectFolder, make_project
from tfgen import growing as flows
from tfgen import localaws, state, tree
from tfgen.additions import Wish
from tfgen.errors import SpecError, TfgenError, UsageError
from tfgen.growing import Growth, Shrinkage
from tfgen.localaws import EmulatorStatus

EMPTY = "summary: nothing in it yet\nsettings: {}\n"


@pytest.fixture
def growing(project: ProjectFolder) -> ProjectFolder:
    """A rendered project that can grow."""
    add_queue(project)
    project.write("templates/empty/blueprint.yaml", EMPTY)
    project.render()
    return project


def add(project: ProjectFolder, name: str, *, dry_run: bool = False, **wish: object) -> Growth:
    return flows.add(project.root, project.spec, Wish(name, **wish), dry_run=dry_run)  # type: ignore[arg-type]


def remove(project: ProjectFolder, name: str, **choices: bool) -> Shrinkage:
    return flows.remove(project.root, project.spec, name, {}, **choices)


def visible(differences: dict[str, str]) -> dict[str, str]:
    """Return the differences without tfgen's own notes."""
    return {path: word for path, word in differences.items() if not path.startswith("terraform/.tfgen/")}


# adding


def test_adding_changes_the_spec_the_map_and_the_modules_own_files(growing: ProjectFolder) -> None:
    before = growing.snapshot()
    add(growing, "invoices", blueprint="queue", settings=("days=5",))
    found = visible(differing(before, growing.snapshot()))
    assert {path for path, word in found.items() if word == "changed"} == {"config/project.yaml", "terraform/README.md"}
    new = {path for path, word in found.items() if word == "new"}
    assert {path for path in new if not path.startswith("terraform/04-invoices/")} == {
        "terraform/environments/dev/04-invoices.tfvars",
        "terraform/environments/local/04-invoices.tfvars",
    }
    assert "gone" not in found.values()
    assert not growing.preview().changes.is_stale
    assert "  04-invoices:\n    blueprint: queue\n    settings:\n      days: 5\n" in growing.spec.read_text()


def test_adding_and_removing_gives_the_project_back_byte_for_byte(growing: ProjectFolder) -> None:
    before = growing.snapshot()
    add(growing, "queue")
    remove(growing, "queue")
    assert differing(before, growing.snapshot()) == {}


def test_two_modules_of_one_blueprint_stand_beside_each_other(growing: ProjectFolder) -> None:
    add(growing, "queue")
    add(growing, "more", blueprint="queue", number="100")
    assert [module.name for module in growing.load().modules][-2:] == ["04-queue", "100-more"]
    assert not growing.preview().changes.is_stale


def test_a_dry_run_says_the_same_and_writes_nothing(growing: ProjectFolder) -> None:
    before = growing.snapshot()
    planned = add(growing, "queue", dry_run=True)
    assert growing.snapshot() == before
    done = add(growing, "queue")
    assert planned.result.changes == done.result.changes
    assert planned.after == done.after == growing.spec.read_bytes()


def test_a_project_that_was_never_rendered_is_rendered_whole(project: ProjectFolder) -> None:
    add_queue(project)
    add(project, "queue")
    assert not project.preview().changes.is_stale
    assert (project.tree / "00-network" / "main.tf").is_file()


def test_the_functions_of_a_module_come_with_it_and_stay_when_it_goes(growing: ProjectFolder) -> None:
    growing.change("templates/queue/blueprint.yaml", "reads: [store]", 'reads: [store]\nfunctions: ["{module}"]')
    growing.write("templates/queue/scaffold/handler.py.j2", "# {{ function | ident }}\n")
    first, second = add(growing, "queue"), add(growing, "more", blueprint="queue")
    assert (first.functions.added, second.functions.added) == (("queue",), ("more",))
    assert (growing.root / "lambdas/more/handler.py").read_text() == "# more\n"
    assert (growing.root / "lambdas/requirements.txt").is_file()
    zip_file = growing.tree / "05-more/artifacts/more.zip"
    zip_file.parent.mkdir()
    zip_file.write_bytes(b"zip")
    gone = remove(growing, "more")
    assert gone.functions == ("lambdas/more",)
    assert (growing.root / "lambdas/more/handler.py").is_file()
    assert not (growing.tree / "05-more").exists()
    assert add(growing, "more", blueprint="queue").functions.kept == ("more",)


def test_the_specs_mode_and_a_link_to_it_are_kept(growing: ProjectFolder) -> None:
    target = growing.spec.rename(growing.root / "real.yaml")
    growing.spec.symlink_to(target)
    target.chmod(0o640)
    add(growing, "queue")
    assert growing.spec.is_symlink()
    assert "04-queue" in target.read_text()
    assert stat.S_IMODE(target.stat().st_mode) == 0o640
    assert not list(growing.root.rglob("*staged*"))


# all or nothing


def refused(project: ProjectFolder, name: str, **wish: object) -> TfgenError:
    before = project.snapshot()
    with pytest.raises(TfgenError) as caught:
        add(project, name, **wish)
    assert project.snapshot() == before, "something was written"
    return caught.value


def test_a_stale_tree_is_refused(growing: ProjectFolder) -> None:
    growing.change("config/project.yaml", "cidr: 10.1.0.0/16", "cidr: 10.2.0.0/16")
    error = refused(growing, "queue")
    assert error.code == "stale"
    assert "terraform/00-network/main.tf" in error.message
    assert "tfgen render first" in error.hint


def test_an_edited_tree_is_refused(growing: ProjectFolder) -> None:
    growing.change("terraform/00-network/main.tf", "10.1.0.0/16", "10.2.0.0/16")
    error = refused(growing, "queue")
    assert error.code == "edited"
    assert "terraform/00-network/main.tf" in error.message


@pytest.mark.parametrize(
    ("path", "text", "message"),
    [
        ("blueprint.yaml", "summary: x\nsetings: {}\n", "'settings' is missing"),
        ("blueprint.yaml", "summary: x\nsettings: {type: objekt}\n", "'objekt' does not fit"),
        ("blueprint.yaml", "summary: [\n", "not YAML"),
        ("main.tf.j2", "{% if %}", "template error"),
        ("main.tf.j2", "{{ settings.dayz | hcl }}", "template error"),
        ("main.tf.j2", '{% include "../../config/project.yaml" %}', "a template may use templates only"),
        ("main.tf.j2", '{% include "/etc/passwd" %}', "a template may use templates only"),
        ("main.tf.j2", "locals {\n  a = local.store.nothing\n}\n", "no output 'nothing'"),
    ],
)
def test_a_broken_blueprint_is_refused(growing: ProjectFolder, path: str, text: str, message: str) -> None:
    growing.write(f"templates/queue/{path}", text)
    error = refused(growing, "queue")
    problems = error.problems if isinstance(error, SpecError) else (error,)
    assert any(message in problem.message for problem in problems), problems
    assert problems[0].where.startswith(f"templates/queue/{path}")
    assert problems[0].hint


def test_a_problem_in_lines_that_are_not_written_names_the_module(growing: ProjectFolder) -> None:
    growing.change("templates/queue/blueprint.yaml", "reads: [store]", "reads: [store]\nonce: true")
    add(growing, "queue")
    error = refused(growing, "more", blueprint="queue")
    assert isinstance(error, SpecError)
    [problem] = error.problems
    assert problem.where == "05-more"
    assert problem.message == "a project has one module of the blueprint 'queue': 04-queue"


def test_a_spec_that_is_edited_meanwhile_is_left_alone(growing: ProjectFolder, monkeypatch: pytest.MonkeyPatch) -> None:
    plan = flows._plan_growth

    def slow(root: Path, spec: Path, wish: Wish) -> Growth:
        planned = plan(root, spec, wish)
        spec.write_bytes(spec.read_bytes() + b"# edited\n")
        return planned

    monkeypatch.setattr(flows, "_plan_growth", slow)
    before = growing.snapshot()
    with pytest.raises(TfgenError, match="edited in the meantime") as caught:
        add(growing, "queue")
    assert caught.value.code == "conflict"
    assert differing(before, growing.snapshot()) == {"config/project.yaml": "changed"}
    assert growing.spec.read_bytes() == before["config/project.yaml"] + b"# edited\n"


def test_what_was_written_is_taken_back_if_the_tree_cannot_be(
    growing: ProjectFolder, monkeypatch: pytest.MonkeyPatch
) -> None:
    growing.change("templates/queue/blueprint.yaml", "reads: [store]", 'reads: [store]\nfunctions: ["{module}"]')
    growing.write("templates/queue/scaffold/handler.py", "")
    (growing.root / "lambdas").mkdir()

    def full(*_arguments: object, **_choices: object) -> None:
        raise TfgenError("cannot write the tree: No space left on device")

    monkeypatch.setattr(flows, "write", full)
    assert "No space left" in refused(growing, "queue").message


@pytest.mark.parametrize("folder", ["config", "lambdas", "."])
def test_a_folder_that_cannot_be_written_is_explained(
    growing: ProjectFolder, monkeypatch: pytest.MonkeyPatch, folder: str
) -> None:
    growing.change("templates/queue/blueprint.yaml", "reads: [store]", 'reads: [store]\nfunctions: ["{module}"]')
    growing.write("templates/queue/scaffold/handler.py", "")
    growing.write("lambdas/README.md", "mine")
    rename, mkdtemp = Path.rename, flows.tempfile.mkdtemp

    def refuse(path: Path) -> None:
        if path == growing.root / folder:
            raise PermissionError(13, "Permission denied", str(path))

    def guarded(self: Path, target: Path) -> Path:
        refuse(Path(target).parent)
        return rename(self, target)

    def made(*arguments: str, **choices: Path) -> str:
        refuse(Path(choices.get("dir") or arguments[2]))
        return mkdtemp(*arguments, **choices)

    monkeypatch.setattr(Path, "rename", guarded)
    monkeypatch.setattr(Path, "replace", guarded)
    monkeypatch.setattr(flows.tempfile, "mkdtemp", made)
    error = refused(growing, "queue")
    assert "Permission denied" in error.message
    assert "nothing was written" in error.hint


def test_a_folder_in_the_way_is_not_touched(growing: ProjectFolder) -> None:
    growing.write("terraform/04-queue/notes.txt", "mine")
    error = refused(growing, "queue")
    assert error.where == "terraform/04-queue"
    assert "--adopt" in error.hint
    growing.write("terraform/05-queue", "a file")
    assert "something that is no folder is in the way" in refused(growing, "queue", number="5").message


# adopting

HANDWRITTEN = """\
terraform {
  backend "s3" {
    key = "08-hand/terraform.tfstate"
  }
}

data "terraform_remote_state" "store" {
  backend = "s3"
  config  = { bucket = "b", key = "02-store/terraform.tfstate" }
}

output "table" {
  value = data.terraform_remote_state.store.outputs.table
}
"""


def test_a_folder_that_brings_everything_is_taken_over_as_it_stands(growing: ProjectFolder) -> None:
    growing.write("terraform/08-hand/main.tf", HANDWRITTEN)
    before = growing.snapshot()
    growth = add(growing, "hand", adopt=True)
    assert growth.module.name == "08-hand"
    assert not growth.module.frame
    assert visible(differing(before, growing.snapshot())) == {
        "config/project.yaml": "changed",
        "terraform/README.md": "changed",
    }
    assert growing.spec.read_text().endswith("  08-hand:\n    blueprint: empty\n    frame: false\n")
    edges = [edge for edge in growing.preview().tree.edges if edge.reader == "08-hand"]
    assert [(edge.read, edge.outputs) for edge in edges] == [("02-store", ("table",))]
    with pytest.raises(TfgenError, match="02-store is read by 03-front-desk, 08-hand"):
        remove(growing, "store")
    gone = remove(growing, "hand")
    assert gone.left == ("08-hand/main.tf",)
    assert differing(before, growing.snapshot()) == {}


def test_bare_resources_get_the_frame_around_them(growing: ProjectFolder) -> None:
    text = 'resource "terraform_data" "a" {\n  input = local.store.table\n}\n'
    path = growing.write("terraform/08-hand/main.tf", text)
    growth = add(growing, "08-hand", adopt=True, reads=("store",))
    assert growth.module.frame
    assert path.read_text() == text
    assert (growing.tree / "08-hand/remote_state.tf").is_file()
    remove(growing, "08")
    assert sorted(part.name for part in (growing.tree / "08-hand").iterdir()) == ["main.tf"]


@pytest.mark.parametrize("name", ["README.md", "variables.tf", "tests/plan.tftest.hcl"])
def test_a_file_where_the_frame_has_one_keeps_the_frame_away(growing: ProjectFolder, name: str) -> None:
    growing.write("terraform/08-hand/main.tf", HANDWRITTEN.split("data", 1)[0])
    (growing.tree / "08-hand/main.tf").write_text('resource "terraform_data" "a" {}\n')
    growing.write("terraform/08-hand/backend.txt", "")
    growing.write(f"terraform/08-hand/{name}", "mine\n" if name.endswith(".md") else "# mine\n")
    error = refused(growing, "hand", adopt=True)
    problems = error.problems if isinstance(error, SpecError) else ()
    assert any("does not keep its state where tfgen looks" in problem.message for problem in problems)


def test_a_state_that_is_somewhere_else_is_refused_with_its_place(growing: ProjectFolder) -> None:
    growing.write("terraform/08-hand/main.tf", HANDWRITTEN.replace("08-hand/terraform", "hand/terraform"))
    error = refused(growing, "hand", adopt=True)
    assert isinstance(error, SpecError)
    [problem] = error.problems
    assert problem.where == "terraform/08-hand/main.tf:2:1"
    assert 'key = "08-hand/terraform.tfstate"' in problem.hint


def test_adopting_nothing_is_refused(growing: ProjectFolder) -> None:
    assert "nothing to adopt" in refused(growing, "08-hand", adopt=True).message


def test_settings_for_a_module_without_a_frame_are_refused(growing: ProjectFolder) -> None:
    growing.write("terraform/08-hand/main.tf", HANDWRITTEN)
    error = refused(growing, "hand", adopt=True, reads=("store",))
    assert isinstance(error, SpecError)
    assert error.problems[0].message == "'reads' has no effect with frame: false"


# removing


def test_a_module_that_others_read_stays(growing: ProjectFolder) -> None:
    before = growing.snapshot()
    with pytest.raises(TfgenError, match="02-store is read by 03-front-desk") as caught:
        remove(growing, "02")
    assert "remove-module 03-front-desk first" in caught.value.hint
    for name, message in (("backend-config", "all states are in its bucket"), ("nothing", "there is no module")):
        with pytest.raises(UsageError, match=message):
            remove(growing, name)
    assert growing.snapshot() == before


@pytest.mark.parametrize("own", [False, True])
def test_what_terraform_init_fetched_goes_with_the_last_file(growing: ProjectFolder, own: bool) -> None:
    add(growing, "queue")
    growing.write("terraform/04-queue/.terraform/providers/x", "fetched")
    if own:
        growing.write("terraform/04-queue/own.tf", "# mine\n")
    gone = remove(growing, "queue")
    assert (gone.initialised, gone.left) == ("04-queue/.terraform", ("04-queue/own.tf",) if own else ())
    assert (growing.tree / "04-queue" / ".terraform").exists() is own
    assert (growing.tree / "04-queue").exists() is own


def test_edits_and_files_of_the_users_stay_and_are_named(growing: ProjectFolder) -> None:
    add(growing, "queue")
    growing.change("terraform/04-queue/main.tf", "local.store.table", "local.store.table_arn")
    growing.write("terraform/04-queue/own.tf", "# mine\n")
    gone = remove(growing, "queue")
    assert gone.left == ("04-queue/main.tf", "04-queue/own.tf")
    assert sorted(part.name for part in (growing.tree / "04-queue").iterdir()) == ["main.tf", "own.tf"]
    assert "table_arn" in growing.rendered("04-queue/main.tf")
    assert tree.find_foreign(growing.tree, [], tree.read_manifest(growing.tree)) == ("04-queue",)


def test_values_in_an_environment_are_named_before_anything_is_removed(growing: ProjectFolder) -> None:
    add(growing, "queue")
    growing.write("config/environments/dev.yaml", growing.root.joinpath("config/environments/dev.yaml").read_text())
    growing.change("config/environments/dev.yaml", "  store:\n", "  queue:\n    days: 9\n  store:\n")
    growing.render()
    before = growing.snapshot()
    with pytest.raises(TfgenError, match="values for 04-queue stand here") as caught:
        remove(growing, "queue")
    assert caught.value.where == "config/environments/dev.yaml:8:3"
    assert growing.snapshot() == before


def test_a_module_that_is_applied_here_is_destroyed_first(
    growing: ProjectFolder, monkeypatch: pytest.MonkeyPatch
) -> None:
    add(growing, "queue")
    running = EmulatorStatus("running", "http://127.0.0.1:1", 1, 0.0)
    monkeypatch.setattr(localaws, "status", lambda *_: running)
    entry = {"mode": "managed", "type": "a", "name": "b", "instances": [{}, {}]}
    held = state.State(1, "x", {}, [entry])
    monkeypatch.setattr(flows, "states", lambda project, *_: {module.name: held for module in project.modules})
    before = growing.snapshot()
    with pytest.raises(TfgenError) as caught:
        remove(growing, "queue")
    assert caught.value.message == "04-queue is still applied: local (2 resources)"
    assert "tfgen destroy --module 04-queue --env local first; --keep-state" in caught.value.hint
    assert growing.snapshot() == before
    gone = remove(growing, "queue", keep_state=True)
    assert (dict(gone.applied), gone.unseen) == ({"local": 2}, ("dev",))


def test_an_account_is_never_asked(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    project = make_project(tmp_path)
    project.render()
    monkeypatch.setattr(flows, "states", lambda *_: pytest.fail("asked"))
    assert remove(project, "front-desk").unseen == ("dev",)
