from __future__ import annotations

from pathlib import Path

import pytest

from tests.support.cli import Cli
from tests.support.projects import ProjectFolder


def test_the_last_line_has_the_counts(cli: Cli, project: ProjectFolder) -> None:
    total = len(project.preview().tree.files)
    told = cli("render", cwd=project.root)
    assert (told.code, told.out) == (0, f"{total} created, 0 changed, 0 unchanged, 0 removed\n")
    told = cli("render")
    assert (told.code, told.out) == (0, f"0 created, 0 changed, {total} unchanged, 0 removed\n")


def test_it_works_from_any_folder_below_the_project(cli: Cli, project: ProjectFolder) -> None:
    assert cli("render", cwd=project.root).code == 0
    assert cli("render", "--check", cwd=project.tree / "02-store").code == 0


def test_check_writes_nothing_and_ends_with_2_if_stale(cli: Cli, project: ProjectFolder) -> None:
    before = project.snapshot()
    told = cli("render", "--check", cwd=project.root)
    assert (told.code, told.err) == (2, "")
    assert " created, 0 changed" in told.out
    assert project.snapshot() == before
    cli("render")
    assert cli("render", "--check").code == 0
    project.change("config/project.yaml", "10.1.0.0/16", "10.2.0.0/16")
    assert cli("render", "--check").code == 2


def test_diff_shows_and_writes_nothing(cli: Cli, project: ProjectFolder) -> None:
    cli("render", cwd=project.root)
    project.change("config/project.yaml", "10.1.0.0/16", "10.2.0.0/16")
    before = project.snapshot()
    told = cli("render", "--diff")
    assert told.code == 0
    assert '-  input = "10.1.0.0/16"\n+  input = "10.2.0.0/16"\n' in told.out
    assert told.out.splitlines()[-1].startswith("0 created, 1 changed, ")
    assert project.snapshot() == before


def test_edits_are_named_by_check_and_diff_and_block_the_rest(cli: Cli, project: ProjectFolder) -> None:
    cli("render", cwd=project.root)
    project.write("terraform/02-store/main.tf", "# edited\n")
    told = cli("render", "--check")
    assert told.code == 2
    assert "edited: terraform/02-store/main.tf" in told.err
    assert "-# edited" in cli("render", "--diff").out
    before = project.snapshot()
    told = cli("render")
    assert (told.code, told.out) == (1, "")
    assert "-# edited\n+# Rendered by tfgen from store/main.tf" in told.err
    assert "1 rendered file was edited: 02-store/main.tf\n  → tfgen render --merge keeps" in told.err
    assert project.snapshot() == before


def test_as_a_document(cli: Cli, project: ProjectFolder) -> None:
    told = cli("render", "--json", cwd=project.root)
    assert told.document["version"] == 1
    assert set(told.document["render"]) == {"created", "changed", "unchanged", "removed"}
    told = cli("render", "--json")
    assert told.document["render"]["created"] == 0
    assert (told.document["edited"], told.document["in_the_way"]) == ([], [])
    assert cli("render", "--json", "--diff").document["diff"] == []


def test_the_difference_and_what_blocks_are_in_the_document(cli: Cli, project: ProjectFolder) -> None:
    cli("render", cwd=project.root)
    project.change("config/project.yaml", "10.1.0.0/16", "10.2.0.0/16")
    assert '+  input = "10.2.0.0/16"' in cli("render", "--diff", "--json").document["diff"]
    project.write("terraform/02-store/main.tf", "# edited\n")
    told = cli("render", "--check", "--json")
    assert told.code == 2
    assert told.document["edited"] == ["02-store/main.tf"]
    assert "diff" not in told.document


def test_check_and_diff_exclude_each_other(cli: Cli, project: ProjectFolder) -> None:
    cli("render", "--check", "--diff", cwd=project.root).assert_explained()


def test_a_stale_file_goes_and_a_users_own_stays(cli: Cli, project: ProjectFolder) -> None:
    cli("render", cwd=project.root)
    project.write("terraform/03-front-desk/own.tf", "# mine\n")
    spec = project.spec.read_text()
    project.write("config/project.yaml", spec[: spec.index("  03-front-desk")])
    told = cli("render")
    assert told.code == 0
    assert [path.name for path in (project.tree / "03-front-desk").iterdir()] == ["own.tf"]


@pytest.mark.parametrize("name", ["templates/store/more.tf.j2", "lambdas/clerk/x.py", "config/environments/t.yaml"])
def test_a_new_input_is_noticed_by_a_render_that_had_nothing_to_do(cli: Cli, project: ProjectFolder, name: str) -> None:
    cli("render", cwd=project.root)
    cli("render")
    project.write(name, (project.root / "config/environments/local.yaml").read_text() if "config" in name else "# x\n")
    told = cli("render")
    assert told.code == 0
    assert ("0 created" in told.out) == name.startswith("lambdas")


def test_merge_keeps_the_edit_and_then_nothing_is_stale(cli: Cli, project: ProjectFolder) -> None:
    cli("render", cwd=project.root)
    project.change("terraform/02-store/main.tf", "shelves = 3", "shelves = 4")
    project.change("config/project.yaml", "10.1.0.0/16", "10.2.0.0/16")
    before = project.snapshot()
    assert "1 kept" in cli("render", "--merge", "--diff").out
    assert project.snapshot() == before
    told = cli("render", "--merge")
    assert (told.code, told.out.split(", ")[1], told.out.split(", ")[-1]) == (0, "1 changed", "1 kept\n")
    assert "kept: terraform/02-store/main.tf" in told.err
    assert "shelves = 4" in project.rendered("02-store/main.tf")
    told = cli("render", "--check")
    assert (told.code, "1 kept" in told.out) == (0, True)
    assert cli("render", "--json").document["kept"] == ["02-store/main.tf"]
    project.change("terraform/02-store/main.tf", "shelves = 4", "shelves = 5")
    assert cli("render", "--check").code == 2


def test_force_takes_the_rendered_text_and_says_where_the_copy_is(cli: Cli, project: ProjectFolder) -> None:
    cli("render", cwd=project.root)
    project.change("terraform/02-store/main.tf", "shelves = 3", "shelves = 4")
    document = cli("render", "--force", "--json").document
    assert document["replaced"] == ["02-store/main.tf"]
    copy = Path(document["copies"]) / "terraform" / "02-store" / "main.tf"
    assert "shelves = 4" in copy.read_text()
    assert "shelves = 3" in project.rendered("02-store/main.tf")
    assert cli("render", "--check").code == 0


def test_an_output_that_an_edit_adds_can_be_read(cli: Cli, project: ProjectFolder) -> None:
    cli("render", cwd=project.root)
    outputs = project.tree / "02-store" / "outputs.tf"
    outputs.write_text(
        outputs.read_text() + '\noutput "shelves" {\n  description = "How many."\n  value       = 3\n}\n'
    )
    project.write("terraform/03-front-desk/own.tf", "locals {\n  count_them = local.store.shelves\n}\n")
    told = cli("render", "--merge")
    assert told.code == 0, told
    assert "shelves" in project.rendered("02-store/README.md")
    assert cli("render", "--check").code == 0
    project.change("terraform/03-front-desk/own.tf", "shelves", "shelfs")
    told = cli("render")
    assert (told.code, "did you mean 'shelves'" in told.err) == (1, True), told


def test_an_edited_file_that_is_no_longer_rendered_is_theirs(cli: Cli, project: ProjectFolder) -> None:
    cli("render", cwd=project.root)
    project.change("terraform/03-front-desk/main.tf", '"desk"', '"my_desk"')
    spec = project.spec.read_text()
    project.write("config/project.yaml", spec[: spec.index("  03-front-desk")])
    told = cli("render", "--merge")
    assert told.code == 0
    assert "terraform/03-front-desk/main.tf is no longer rendered; your edited file stays" in told.err
    assert [path.name for path in (project.tree / "03-front-desk").iterdir()] == ["main.tf"]
    assert cli("render", "--check").code == 0


def test_a_renamed_module_takes_its_edits_along_and_names_what_stays(cli: Cli, project: ProjectFolder) -> None:
    cli("render", cwd=project.root)
    project.change("terraform/03-front-desk/main.tf", "local.store.table\n", "upper(local.store.table)\n")
    project.write("terraform/03-front-desk/own.tf", "# mine\n")
    project.change("config/project.yaml", "03-front-desk:", "04-front-desk:")
    told = cli("render", "--merge")
    assert told.code == 0, told
    assert "upper(local.store.table)" in project.rendered("04-front-desk/main.tf")
    assert "terraform/03-front-desk/ is terraform/04-front-desk/ now; files of your own stay: own.tf" in told.err


@pytest.mark.parametrize("flags", [("--merge", "--force"), ("--check", "--merge"), ("--check", "--force")])
def test_flags_that_exclude_each_other(cli: Cli, project: ProjectFolder, flags: tuple[str, str]) -> None:
    told = cli("render", *flags, cwd=project.root)
    told.assert_explained()
    assert f"{flags[0]} and {flags[1]} exclude each other" in told.err
