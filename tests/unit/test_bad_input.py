"""What a user may get wrong: each is told with place, reason and next step, and nothing is half-written."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.support.cli import Cli, Outcome, run_process
from tests.support.journals import write_run
from tests.support.projects import SPEC, ProjectFolder, make_project
from tfgen import journal
from tfgen.errors import TfgenError

SPEC_FILE = "config/project.yaml"
Change = tuple[str, str]


def refused(cli: Cli, project: ProjectFolder) -> Outcome:
    """Every command that reads the spec refuses it, and nothing on disk has changed afterwards."""
    before = project.snapshot()
    for words in (("graph",), ("render", "--check"), ("render", "--diff")):
        cli(*words, cwd=project.root).assert_explained()
    told = cli("render")
    told.assert_explained()
    assert project.snapshot() == before
    document = cli("render", "--json")
    assert (document.code, document.err, document.document["version"]) == (1, "", 1)
    assert document.document["error"]["message"]
    return told


CASES: dict[str, tuple[str, str, str, str, str]] = {
    "unknown key": ("owner:", "ownr:", "3:1", "unknown key 'ownr'", "did you mean 'owner'?"),
    "wrong type": ("project: shop", "project: {a: b}", "2:10", "a mapping where text is wanted", ""),
    "duplicate key": ("  02-store:", "  00-network:", "15:3", "the key '00-network' stands twice", "line 11"),
    "duplicate number": ("  02-store:", "  00-store:", "15:3", "the number 00 is taken by 00-network", ""),
    "unknown blueprint": ("blueprint: store", "blueprint: stor", "16:16", "no blueprint 'stor'", "'store'?"),
    "higher number": ("  03-front", "  01-front", "18:16", "reads 02-store, which comes later", "lower number"),
    "cycle": ("blueprint: network", "blueprint: network\n    reads: [store]", "13:13", "in a cycle: ", ""),
    "bad CIDR": ("10.1.0.0/16", "10.1.0.0/33", "14:13", "'10.1.0.0/33' is not an IPv4 CIDR block", ""),
    "tabs": ("  02-store:", "\t02-store:", "15:1", "a tab is used for indentation", "spaces"),
    "a boolean by accident": ("owner: data-team", "owner: no", "3:8", "no is read as a boolean", 'write "no"'),
    "no YAML": ("modules:", "modules: [", "", "not YAML", ""),
}


@pytest.mark.parametrize("case", CASES)
def test_a_wrong_spec(cli: Cli, project: ProjectFolder, case: str) -> None:
    old, new, place, reason, step = CASES[case]
    project.change(SPEC_FILE, old, new)
    told = refused(cli, project)
    place = re.escape(f"{SPEC_FILE}:{place}: ") if place else rf"{SPEC_FILE}:\d+:\d+: "
    assert re.search(f"^error: {place}.*{re.escape(reason)}", told.err, re.MULTILINE), told.err
    assert step in told.err


def test_an_unquoted_account_id(cli: Cli, project: ProjectFolder) -> None:
    project.change("config/environments/dev.yaml", '"123456789012"', "123456789012")
    told = refused(cli, project)
    assert "config/environments/dev.yaml:1:10: the account id is not quoted" in told.err
    assert 'write "123456789012"' in told.err


def test_an_anchor_bomb(cli: Cli, project: ProjectFolder) -> None:
    bomb = "a0: &a0 [x,x,x,x,x,x,x,x,x]\n"
    bomb += "".join(f"a{n}: &a{n} [{','.join([f'*a{n - 1}'] * 9)}]\n" for n in range(1, 10))
    project.write(SPEC_FILE, bomb + SPEC)
    assert "expands to too many values" in refused(cli, project).err


def test_ten_megabytes(cli: Cli, project: ProjectFolder) -> None:
    project.spec.write_bytes(b"# " + b"x" * 10_000_000)
    told = refused(cli, project)
    assert f"error: {SPEC_FILE}: the file has 10,000,002 bytes, the limit is 1,000,000" in told.err


def test_not_utf8(cli: Cli, project: ProjectFolder) -> None:
    project.spec.write_bytes(SPEC.replace("data-team", "caf\xe9").encode("latin-1"))
    assert f"error: {SPEC_FILE}:3:11: the file is not UTF-8" in refused(cli, project).err


def test_a_missing_spec(cli: Cli, tmp_path: Path) -> None:
    told = cli("render", cwd=tmp_path)
    told.assert_explained()
    assert f"error: {tmp_path}: there is no config/project.yaml" in told.err
    assert "tfgen init DIR" in told.err
    told = cli("render", "--spec", "none.yaml")
    told.assert_explained()
    assert "none.yaml: the file does not exist" in told.err


def test_a_spec_that_is_a_folder(cli: Cli, project: ProjectFolder) -> None:
    project.spec.unlink()
    project.spec.mkdir()
    told = cli("render", "--spec", SPEC_FILE, cwd=project.root)
    told.assert_explained()
    assert "cannot read the file" in told.err


def test_everything_at_once(cli: Cli, project: ProjectFolder) -> None:
    project.change(SPEC_FILE, "owner:", "ownr:")
    project.change(SPEC_FILE, "version: 1", "version: one")
    project.change("config/environments/dev.yaml", "credentials:", "credential:")
    told = refused(cli, project)
    for place in (f"{SPEC_FILE}:1:10", f"{SPEC_FILE}:3:1", "config/environments/dev.yaml:2:1"):
        assert f"error: {place}: " in told.err
    document = cli("render", "--json").document
    assert document["error"]["code"] == "spec"
    assert len(document["error"]["problems"]) == told.err.count("error: ")
    assert all(set(problem) == {"message", "where", "hint"} for problem in document["error"]["problems"])


def test_a_template_error(cli: Cli, project: ProjectFolder) -> None:
    project.write("templates/store/main.tf.j2", "\n\nx = {{ settings.shelvs }}\n")
    told = cli("render", cwd=project.root)
    told.assert_explained()
    assert "error: templates/store/main.tf.j2:3: template error: " in told.err
    assert "shelvs" in told.err
    assert not project.tree.exists()
    project.write("templates/store/main.tf.j2", "{% for %}\n")
    assert "error: templates/store/main.tf.j2:1: template error: " in cli("render").err


@pytest.mark.parametrize(
    ("reference", "reason", "step"),
    [
        ("local.network.netwrk_id", "00-network has no output 'netwrk_id'", "did you mean 'network_id'?"),
        ("local.netwrk.network_id", "'local.netwrk' is neither a module nor a local value", "did you mean 'network'?"),
        ("local.front_desk.desk", "uses local.front_desk.desk but does not read 03-front-desk", "add 'front-desk'"),
    ],
)
def test_a_reference_that_leads_nowhere(
    cli: Cli, project: ProjectFolder, reference: str, reason: str, step: str
) -> None:
    project.change("templates/store/main.tf.j2", "local.network.network_id", reference)
    told = refused(cli, project)
    assert f"error: templates/store/main.tf.j2:3:15: {'02-store ' * reason.startswith('uses')}{reason}" in told.err
    assert step in told.err


def test_a_dependency_that_is_declared_and_not_used(cli: Cli, project: ProjectFolder) -> None:
    project.change(SPEC_FILE, "blueprint: front-desk", "blueprint: front-desk\n    reads: [network]")
    told = refused(cli, project)
    assert f"error: {SPEC_FILE}:19:13: 03-front-desk declares that it reads 00-network, but does not" in told.err


def test_an_occupied_output_folder(cli: Cli, project: ProjectFolder) -> None:
    project.write("terraform/02-store/main.tf", "# somebody else's\n")
    project.write("terraform/notes.txt", "mine\n")
    before = project.snapshot()
    told = cli("render", cwd=project.root)
    told.assert_explained()
    assert "1 file in the way, not written by tfgen: 02-store/main.tf" in told.err
    assert project.snapshot() == before


def test_an_edited_file(cli: Cli, project: ProjectFolder) -> None:
    cli("render", cwd=project.root)
    project.write("terraform/02-store/main.tf", "# by hand\n")
    project.change(SPEC_FILE, "10.1.0.0/16", "10.2.0.0/16")
    before = project.snapshot()
    told = cli("render", "-q")
    told.assert_explained()
    assert "1 rendered file was edited: 02-store/main.tf" in told.err
    assert "tfgen render --merge" in told.err
    assert project.snapshot() == before


@pytest.mark.parametrize("place", ["terraform", "terraform/02-store", "terraform/.tfgen", "terraform/environments"])
def test_a_folder_that_cannot_be_written(cli: Cli, project: ProjectFolder, place: str) -> None:
    """A file stands where a folder is needed: that stops root, too, as permissions do not."""
    project.write(place, "a file\n")
    before = project.snapshot()
    told = cli("render", cwd=project.root)
    told.assert_explained()
    assert "cannot write the tree" in told.err
    assert project.snapshot() == before


def test_a_read_only_folder_is_told_to_those_whom_it_stops(project: ProjectFolder) -> None:
    """The system call is made to answer as it answers everybody but root."""
    code = (
        "import os, sys\n"
        "def refuse(path, *rest, **options):\n    raise PermissionError(13, 'Permission denied', str(path))\n"
        "from pathlib import Path\nPath.mkdir = refuse\n"
        "from tfgen.cli import main\nmain(['render'])\n"
    )
    before = project.snapshot()
    told = run_process(cwd=project.root, code=code)
    told.assert_explained()
    assert "cannot write the tree: Permission denied" in told.err
    assert project.snapshot() == before


@pytest.mark.parametrize(
    ("content", "reason", "step"),
    [
        ("{", "the manifest of the rendered tree is damaged", "restore it from version control"),
        ('{"version": 99, "files": {}}', "rendered by a newer tfgen", "pip install -U tfgen-cli"),
    ],
)
def test_a_manifest_that_cannot_be_used(cli: Cli, project: ProjectFolder, content: str, reason: str, step: str) -> None:
    cli("render", cwd=project.root)
    project.write("terraform/.tfgen/manifest.json", content)
    told = refused(cli, project)
    assert "terraform/.tfgen/manifest.json: " in told.err
    assert reason in told.err
    assert step in told.err


@pytest.mark.parametrize("name", ["templates/store/main.tf.j2", "templates/store/blueprint.yaml"])
def test_broken_bytes_in_a_blueprint(cli: Cli, project: ProjectFolder, name: str) -> None:
    (project.root / name).write_bytes(b"summary: \xff\n")
    told = cli("render", cwd=project.root)
    told.assert_explained()
    assert f"error: {name}" in told.err
    assert not project.tree.exists()


@pytest.fixture(scope="module")
def fuzzed(tmp_path_factory: pytest.TempPathFactory) -> ProjectFolder:
    return make_project(tmp_path_factory.mktemp("fuzz") / "project")


_FUZZED = (SPEC_FILE, "config/environments/dev.yaml", "templates/store/blueprint.yaml")
_JUNK = st.sampled_from(
    [
        b"\t",
        b"\n",
        b": ",
        b"- ",
        b"&a ",
        b"*a ",
        b"!!x ",
        b"<<: ",
        b"[",
        b"}",
        b"'",
        b"\xff",
        b"\x00",
        b"null ",
        b"9" * 99,
    ]
)


@settings(max_examples=150, deadline=None)
@given(name=st.sampled_from(_FUZZED), at=st.floats(0, 1), cut=st.integers(0, 12), junk=_JUNK | st.binary(max_size=3))
def test_no_accident_in_a_file_is_ever_a_bug(
    fuzzed: ProjectFolder, name: str, at: float, cut: int, junk: bytes
) -> None:
    path = fuzzed.root / name
    original = path.read_bytes()
    start = int(at * len(original))
    path.write_bytes(original[:start] + junk + original[start + cut :])
    try:
        fuzzed.preview()
    except TfgenError as error:
        for problem in getattr(error, "problems", (error,)):
            assert problem.where
            assert problem.hint
    finally:
        path.write_bytes(original)


def test_as_a_process(project: ProjectFolder) -> None:
    project.change(SPEC_FILE, "blueprint: store", "blueprint: stor")
    told = run_process("render", cwd=project.root)
    told.assert_explained()
    assert f"error: {SPEC_FILE}:16:16: there is no blueprint 'stor'\n  → did you mean 'store'?\n" in told.err
    assert not project.tree.exists()


@pytest.mark.parametrize(
    ("old", "new", "reason"),
    [
        ('"event":"module-begin"', '"event:"module-begin"', "the journal is damaged in line 2"),
        (f'"journal":{journal.VERSION}', '"journal":0', "this journal has version 0; this tfgen reads version 1"),
    ],
)
def test_a_journal_that_is_damaged_or_of_an_older_version(
    cli: Cli, project: ProjectFolder, old: str, new: str, reason: str
) -> None:
    cli("render", cwd=project.root)
    work = project.root / ".tfgen"
    write_run(work, "1-whole", {"00-network": "done"}, environment="dev")
    path = write_run(work, "2-broken", {"00-network": "failed"}, environment="dev") / journal.FILE
    path.write_text(path.read_text().replace(old, new, 1))
    before = project.snapshot()
    for words in (
        ("runs", "2"),
        ("apply", "--env", "dev", "--resume", "2-broken"),
        ("apply", "--env", "dev", "--resume"),
    ):
        told = cli(*words)
        told.assert_explained()
        assert f"error: {path}: {reason}" in told.err
        assert "→ a plain tfgen apply goes on" in told.err
    listed = cli("runs")
    assert (listed.code, len(listed.out.splitlines())) == (0, 2)
    assert f"unreadable  {reason}" in listed.out
    assert project.snapshot() == before, "nothing is lost"


def test_a_run_that_is_not_known(cli: Cli, project: ProjectFolder) -> None:
    cli("render", cwd=project.root)
    for words in (("runs", "2026"), ("apply", "--env", "dev", "--resume", "2026")):
        told = cli(*words)
        told.assert_explained()
        assert "error: there is no run '2026'" in told.err
        assert "tfgen runs lists them" in told.err


def test_an_import_of_what_is_not_in_the_configuration(cli: Cli, project: ProjectFolder) -> None:
    cli("render", cwd=project.root)
    told = cli("import", "--env", "dev", "00", "aws_vpc.nowhere", "vpc-1")
    assert (told.code, told.out) == (1, "")
    assert "→ one of: terraform_data.network" in told.err
    assert "00-network has no aws_vpc.nowhere in its configuration" in told.err
