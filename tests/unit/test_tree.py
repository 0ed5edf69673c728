from __future__ import annotations

import hashlib
import json
import os
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.support.projects import ProjectFolder, snapshot
from tfgen.bases import Bases
from tfgen.errors import TfgenError
from tfgen.render import CUSTOM_CHANGES, LOCK_FILE, File
from tfgen.tree import (
    BASE,
    MANIFEST,
    Changes,
    compare,
    exclusive,
    find_foreign,
    read_manifest,
    read_user_files,
    show_differences,
    write,
)


def put(root: Path, files: dict[str, File]) -> Changes:
    changes = compare(root, files)
    write(root, files, changes)
    return changes


def texts(**files: str) -> dict[str, File]:
    return {path.replace("__", "/"): File(text.encode()) for path, text in files.items()}


FILES = {
    "README.md": File(f"<!-- mark -->\n\nmap\n\n{CUSTOM_CHANGES}\n".encode()),
    "a/main.tf": File(b"one\n"),
    "a/vars": File(b"", link="../vars"),
    "vars": File(b"x = 1\n"),
}


def test_a_first_write_creates_everything(tmp_path: Path) -> None:
    root = tmp_path / "terraform"
    changes = put(root, FILES)
    assert changes.counts() == "4 created, 0 changed, 0 unchanged, 0 removed"
    assert (root / "a" / "vars").readlink() == Path("../vars")
    assert (root / "a" / "vars").read_bytes() == b"x = 1\n"
    assert Bases(root).find("a/main.tf") == b"one\n"
    assert sorted(path.name for path in (root / BASE).iterdir()) == ["a.txt", "tree.txt"]
    assert set(read_manifest(root)) == set(FILES)


def test_a_second_write_changes_nothing(tmp_path: Path) -> None:
    put(tmp_path, FILES)
    before = {path: (tmp_path / path).lstat().st_mtime_ns for path in FILES}
    changes = put(tmp_path, FILES)
    assert changes.unchanged == tuple(sorted(FILES))
    assert not changes.is_stale
    assert before == {path: (tmp_path / path).lstat().st_mtime_ns for path in FILES}


def test_comparing_writes_nothing(tmp_path: Path) -> None:
    assert compare(tmp_path / "terraform", FILES).created == tuple(sorted(FILES))
    assert list(tmp_path.iterdir()) == []


def test_changed_and_stale_files(tmp_path: Path) -> None:
    put(tmp_path, FILES)
    changes = put(tmp_path, {"a/main.tf": File(b"two\n"), "vars": FILES["vars"]})
    assert (changes.changed, changes.unchanged, changes.removed) == (("a/main.tf",), ("vars",), ("README.md", "a/vars"))
    assert not (tmp_path / "a" / "vars").is_symlink()
    assert Bases(tmp_path).find("a/main.tf") == b"two\n"
    assert Bases(tmp_path).find("README.md") is None


def test_a_file_that_is_gone_and_no_longer_rendered_has_no_base(tmp_path: Path) -> None:
    put(tmp_path, texts(a__main="1\n", a__more="2\n"))
    (tmp_path / "a" / "more").unlink()
    put(tmp_path, texts(a__main="1\n"))
    assert Bases(tmp_path).find("a/more") is None


def test_a_change_of_one_folder_rewrites_its_base_alone(tmp_path: Path) -> None:
    put(tmp_path, texts(a__main="1\n", b__main="2\n", c__main="3\n"))
    before = {path.name: path.stat().st_ino for path in (tmp_path / BASE).iterdir()}
    put(tmp_path, texts(a__main="1\n", b__main="changed\n"))
    after = {path.name: path.stat().st_ino for path in (tmp_path / BASE).iterdir()}
    assert after.keys() == {"a.txt", "b.txt"}
    assert after["a.txt"] == before["a.txt"]
    assert after["b.txt"] != before["b.txt"]


def test_an_emptied_folder_goes_and_one_with_files_of_others_stays(tmp_path: Path) -> None:
    put(tmp_path, texts(a__main="1", b__main="2", keep="3"))
    (tmp_path / "b" / "own.tf").write_text("mine")
    put(tmp_path, texts(keep="3"))
    assert not (tmp_path / "a").exists()
    assert (tmp_path / "b" / "own.tf").read_text() == "mine"


@pytest.mark.parametrize("way", ["text", "link", "folder"])
def test_an_edited_file_blocks_and_nothing_is_written(tmp_path: Path, way: str) -> None:
    put(tmp_path, texts(a="1", b="2"))
    (tmp_path / "a").unlink()
    if way == "text":
        (tmp_path / "a").write_text("edited")
    elif way == "link":
        (tmp_path / "a").symlink_to("b")
    else:
        (tmp_path / "a").mkdir()
    before = snapshot(tmp_path)
    files = texts(a="1", b="changed", c="new")
    assert compare(tmp_path, files).edited == ("a",)
    with pytest.raises(TfgenError) as caught:
        put(tmp_path, files)
    assert "1 rendered file was edited: a" in caught.value.message
    assert "--diff" in caught.value.hint
    assert caught.value.code == "edited"
    assert snapshot(tmp_path) == before


def test_an_edited_file_that_is_no_longer_rendered_blocks_too(tmp_path: Path) -> None:
    put(tmp_path, texts(a="1", b="2"))
    (tmp_path / "a").write_text("edited")
    assert compare(tmp_path, texts(b="2")).edited == ("a",)


def test_a_foreign_file_in_the_way_blocks(tmp_path: Path) -> None:
    for number in range(7):
        (tmp_path / f"f{number}").write_text("mine")
    before = snapshot(tmp_path)
    with pytest.raises(TfgenError) as caught:
        put(tmp_path, {f"f{number}": File(b"x") for number in range(7)})
    assert "7 files in the way, not written by tfgen: f0, f1, f2, f3, f4 and 2 more" in caught.value.message
    assert caught.value.code == "foreign"
    assert snapshot(tmp_path) == before


def test_a_foreign_file_that_is_the_same_is_taken_over(tmp_path: Path) -> None:
    (tmp_path / "a").write_text("1")
    assert put(tmp_path, texts(a="1")).unchanged == ("a",)
    assert set(read_manifest(tmp_path)) == {"a"}


def test_a_deleted_manifest_is_made_again(tmp_path: Path) -> None:
    put(tmp_path, FILES)
    (tmp_path / MANIFEST).unlink()
    assert not put(tmp_path, FILES).is_stale
    assert put(tmp_path, {**FILES, "a/main.tf": File(b"two\n")}).changed == ("a/main.tf",)


def test_a_removed_file_is_created_again(tmp_path: Path) -> None:
    put(tmp_path, FILES)
    (tmp_path / "a" / "main.tf").unlink()
    assert put(tmp_path, FILES).created == ("a/main.tf",)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"{", "damaged"),
        (b"[]", "damaged"),
        (b'{"version": 1}', "damaged"),
        (b'{"version": 1, "files": 3}', "damaged"),
        (b"\xff", "damaged"),
        (b'{"version": 3, "files": {}}', "newer tfgen"),
    ],
)
def test_a_manifest_that_cannot_be_used_stops_everything(tmp_path: Path, content: bytes, message: str) -> None:
    put(tmp_path, FILES)
    (tmp_path / MANIFEST).write_bytes(content)
    before = snapshot(tmp_path)
    with pytest.raises(TfgenError, match=message) as caught:
        put(tmp_path, FILES)
    assert caught.value.where == str(tmp_path / MANIFEST)
    assert caught.value.hint
    assert snapshot(tmp_path) == before


def test_a_readmes_custom_part_is_kept_byte_for_byte(tmp_path: Path) -> None:
    put(tmp_path, FILES)
    custom = b"\r\n  mine \xff\n\n\n"
    readme = tmp_path / "README.md"
    readme.write_bytes(readme.read_bytes() + custom)
    assert not compare(tmp_path, FILES).is_stale
    new = {**FILES, "README.md": File(f"<!-- mark -->\n\nnew map\n\n{CUSTOM_CHANGES}\n".encode())}
    assert put(tmp_path, new).changed == ("README.md",)
    assert readme.read_bytes() == f"<!-- mark -->\n\nnew map\n\n{CUSTOM_CHANGES}\n".encode() + custom
    readme.write_bytes(b"edited" + readme.read_bytes())
    assert compare(tmp_path, new).edited == ("README.md",)


def test_what_a_user_wrote_into_a_readme_outlives_its_module(tmp_path: Path) -> None:
    put(tmp_path, {"a/README.md": FILES["README.md"], "b": File(b"")})
    readme = tmp_path / "a" / "README.md"
    readme.write_bytes(readme.read_bytes() + b"my notes\n")
    assert put(tmp_path, {"b": File(b"")}).removed == ("a/README.md",)
    assert readme.read_bytes() == b"my notes\n"
    assert not compare(tmp_path, {"b": File(b"")}).is_stale


LOCK = """\
# mark
provider "registry.terraform.io/hashicorp/aws" {
  version     = "5.100.0"
  constraints = "~> 5.100"
  hashes = [
    "h1:aaa=",
    "zh:bbb",
  ]
}
"""


def test_a_lock_file_that_terraform_init_extended_is_accepted(tmp_path: Path) -> None:
    put(tmp_path, {LOCK_FILE: File(LOCK.encode())})
    extended = LOCK.replace('"h1:aaa="', '"h1:aaa=",\n    "h1:new="').replace("# mark\n", "# by terraform init\n")
    extended += 'provider "registry.terraform.io/hashicorp/random" {\n  version = "3.6.0"\n}\n'
    (tmp_path / LOCK_FILE).write_text(extended)
    assert not compare(tmp_path, {LOCK_FILE: File(LOCK.encode())}).is_stale


@pytest.mark.parametrize(("old", "new"), [('"5.100.0"', '"5.101.0"'), ('    "zh:bbb",\n', "")])
def test_a_lock_file_that_selects_something_else_was_edited(tmp_path: Path, old: str, new: str) -> None:
    put(tmp_path, {LOCK_FILE: File(LOCK.encode())})
    (tmp_path / LOCK_FILE).write_text(LOCK.replace(old, new))
    assert compare(tmp_path, {LOCK_FILE: File(LOCK.encode())}).edited == (LOCK_FILE,)


def test_an_extended_lock_file_does_not_block_a_new_one_or_its_modules_end(tmp_path: Path) -> None:
    files = {LOCK_FILE: File(LOCK.encode()), f"a/{LOCK_FILE}": File(LOCK.encode())}
    put(tmp_path, files)
    for path in files:
        (tmp_path / path).write_text(LOCK.replace('"h1:aaa="', '"h1:aaa=",\n    "h1:new="'))
    newer = {LOCK_FILE: File(LOCK.replace("5.100.0", "5.101.0").encode())}
    changes = put(tmp_path, newer)
    assert (changes.changed, changes.removed) == ((LOCK_FILE,), (f"a/{LOCK_FILE}",))
    assert (tmp_path / LOCK_FILE).read_bytes() == newer[LOCK_FILE].content


@pytest.mark.parametrize("folder", ["a", ".tfgen", ".tfgen/base", "a/inner"])
def test_nothing_is_written_through_a_linked_folder(tmp_path: Path, folder: str) -> None:
    root, outside = tmp_path / "terraform", tmp_path / "outside"
    outside.mkdir()
    (root / folder).parent.mkdir(parents=True)
    (root / folder).symlink_to(outside)
    with pytest.raises(TfgenError, match="is a link to somewhere else") as caught:
        put(root, {"a/inner/main.tf": File(b"1"), "b": File(b"2")})
    assert caught.value.where == str(root / folder)
    assert list(outside.iterdir()) == []
    assert not (root / "b").exists()


@pytest.mark.parametrize("name", ["../theirs", "a/../../theirs", "/etc/hostname"])
def test_a_manifest_never_leads_out_of_the_tree(tmp_path: Path, name: str) -> None:
    root = tmp_path / "terraform"
    (tmp_path / "theirs").write_text("theirs")
    put(root, texts(a="1"))
    manifest = json.loads((root / MANIFEST).read_text())
    manifest["files"][name] = hashlib.sha256(b"theirs").hexdigest()
    (root / MANIFEST).write_text(json.dumps(manifest))
    with pytest.raises(TfgenError, match="names a file outside the rendered tree"):
        put(root, texts(a="1"))
    assert (tmp_path / "theirs").read_text() == "theirs"


def test_one_process_at_a_time_renders(tmp_path: Path) -> None:
    inside: list[int] = []
    most: list[int] = []

    def enter(number: int) -> None:
        with exclusive(tmp_path):
            inside.append(number)
            most.append(len(inside))
            time.sleep(0.02)
            inside.remove(number)

    with ThreadPoolExecutor(4) as pool:
        list(pool.map(enter, range(4)))
    assert most == [1, 1, 1, 1]


def test_where_no_lock_can_be_kept_rendering_goes_on(tmp_path: Path) -> None:
    entered = False
    with exclusive(tmp_path / "not there"):
        entered = True
    assert entered
    assert list(tmp_path.iterdir()) == []


def test_nothing_is_written_through_a_planted_link_beside_a_file(tmp_path: Path) -> None:
    outside = tmp_path / "outside"
    outside.write_text("theirs")
    root = tmp_path / "terraform"
    root.mkdir()
    (root / "a.tfgen-staged").symlink_to(outside)
    with pytest.raises(TfgenError, match="cannot write the tree"):
        put(root, texts(a="1"))
    assert outside.read_text() == "theirs"


def test_users_own_files_are_read(tmp_path: Path) -> None:
    put(tmp_path, {"a/main.tf": File(b"1")})
    (tmp_path / "a" / "own.tf").write_bytes(b"mine")
    (tmp_path / "a" / "folder.tf").mkdir()
    (tmp_path / "a" / "dangling.tf").symlink_to("nowhere")
    (tmp_path / "a" / "notes.txt").write_text("")
    assert read_user_files(tmp_path, ["a", "b"], read_manifest(tmp_path)) == {"a": {"own.tf": b"mine"}}


def test_differences_are_a_unified_diff(tmp_path: Path) -> None:
    put(tmp_path, texts(gone="x\n", same="s\n", a="1\n2\n"))
    files = texts(same="s\n", a="1\n3\n", new="n\n")
    lines = list(show_differences(tmp_path, files, compare(tmp_path, files)))
    assert lines == [
        "--- a/a",
        "+++ b/a",
        "@@ -1,2 +1,2 @@",
        " 1",
        "-2",
        "+3",
        "--- a/gone",
        "+++ /dev/null",
        "@@ -1 +0,0 @@",
        "-x",
        "--- /dev/null",
        "+++ b/new",
        "@@ -0,0 +1 @@",
        "+n",
    ]


@pytest.mark.parametrize("place", [".", "b"])
def test_a_file_where_a_folder_is_needed_leaves_everything_as_it_was(tmp_path: Path, place: str) -> None:
    root = tmp_path / "terraform"
    if place == ".":
        root.write_text("a file")
    else:
        put(root, texts(a="1"))
        (root / place).write_text("a file")
    before = snapshot(tmp_path)
    with pytest.raises(TfgenError) as caught:
        put(root, texts(a="2", b__c="3", d__e="4"))
    assert "cannot write the tree" in caught.value.message
    assert caught.value.where
    assert caught.value.hint
    assert snapshot(tmp_path) == before


def test_a_disk_that_fills_up_leaves_everything_as_it_was(tmp_path: Path) -> None:
    """A limit on file sizes makes a write stop in its middle, as a full disk does, for root too."""
    root = tmp_path / "terraform"
    put(root, texts(a="1", b="2"))
    before = snapshot(tmp_path)
    code = (
        "import resource, signal\n"
        "from pathlib import Path\n"
        "from tfgen.errors import TfgenError\nfrom tfgen.render import File\nfrom tfgen.tree import compare, write\n"
        "signal.signal(signal.SIGXFSZ, signal.SIG_IGN)\n"
        "resource.setrlimit(resource.RLIMIT_FSIZE, (5000, 5000))\n"
        "root = Path('terraform')\n"
        "files = {'a': File(b'new'), 'b': File(b'x' * 9000), 'c/d': File(b'new')}\n"
        "try:\n    write(root, files, compare(root, files))\n"
        "except TfgenError as error:\n    print(error.message, '|', error.hint)\n"
    )
    done = subprocess.run([sys.executable, "-c", code], cwd=tmp_path, capture_output=True, text=True, check=False)
    assert done.stdout.startswith("cannot write the tree: "), done.stderr
    assert "nothing was changed" in done.stdout
    assert snapshot(tmp_path) == before


def test_what_a_killed_run_left_behind_is_no_obstacle(tmp_path: Path) -> None:
    put(tmp_path, texts(a="1"))
    (tmp_path / "a.tfgen-staged").write_text("half a fi")
    assert put(tmp_path, texts(a="2")).changed == ("a",)
    assert not (tmp_path / "a.tfgen-staged").exists()


_names = st.sampled_from(["a", "b", "d/e", "d/f", "README.md", "g/h/i"])
_trees = st.dictionaries(_names, st.sampled_from(["", "1\n", "2\n", "long\n" * 50]).map(str.encode).map(File))


@settings(max_examples=40, deadline=None)
@given(_trees, _trees)
def test_after_writing_the_disk_holds_exactly_what_was_asked(
    tmp_path_factory: pytest.TempPathFactory, first: dict[str, File], second: dict[str, File]
) -> None:
    root = tmp_path_factory.mktemp("t")
    put(root, first)
    put(root, second)
    own = {path: data for path, data in snapshot(root).items() if not path.startswith(".tfgen") and data is not None}
    assert {path: data for path, data in own.items() if not path.endswith("/")} == {
        path: file.content for path, file in second.items()
    }
    assert not compare(root, second).is_stale
    if first or second:
        assert set(json.loads((root / MANIFEST).read_bytes())["files"]) == set(second)


@settings(max_examples=20, deadline=None)
@given(failing=st.integers(0, 12))
def test_writing_is_all_or_nothing_wherever_it_fails(tmp_path_factory: pytest.TempPathFactory, failing: int) -> None:
    root = tmp_path_factory.mktemp("t")
    put(root, texts(a="1", d__e="2"))
    before = snapshot(root)
    files = texts(a="new", d__e="new", d__f="new", g__h="new")
    count = 0
    original = os.open

    def flaky(path: str, flags: int, mode: int = 0o777) -> int:
        nonlocal count
        count += 1
        if str(path).endswith(".tfgen-staged") and count > failing:
            raise OSError(28, "No space left on device", path)
        return original(path, flags, mode)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(os, "open", flaky)
        changes = compare(root, files)
        with suppress(TfgenError):
            write(root, files, changes)
    done = (root / "g").exists()
    assert done or snapshot(root) == before
    assert not done or not compare(root, files).is_stale


@settings(max_examples=25, deadline=None)
@given(killed_after=st.integers(0, 9), third=_trees)
def test_a_run_that_is_killed_in_between_is_no_obstacle(
    tmp_path_factory: pytest.TempPathFactory, killed_after: int, third: dict[str, File]
) -> None:
    root = tmp_path_factory.mktemp("t")
    put(root, texts(a="1", d__e="2", z="3"))
    second = texts(a="new", d__e="new", d__f="new", g__h__i="new")
    original, count = os.replace, 0

    def killed(source: str, target: str) -> None:
        nonlocal count
        count += 1
        if count > killed_after:
            raise KeyboardInterrupt
        original(source, target)

    changes = compare(root, second)
    with pytest.MonkeyPatch.context() as patch, suppress(KeyboardInterrupt):
        patch.setattr(os, "replace", killed)
        write(root, second, changes)
    assert not list(root.rglob("*.tfgen-staged"))
    put(root, third)
    assert not compare(root, third).is_stale
    found = {path: data for path, data in snapshot(root).items() if path in third}
    assert found == {path: file.content for path, file in third.items()}


def test_a_failure_in_the_last_step_says_so(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(source: str, target: str) -> None:
        raise OSError(5, "Input/output error", source, None, target)

    changes = compare(tmp_path, FILES)
    monkeypatch.setattr(os, "replace", broken)
    with pytest.raises(TfgenError, match="cannot finish the tree: Input/output error") as caught:
        write(tmp_path, FILES, changes)
    assert "repeat the command" in caught.value.hint
    assert snapshot(tmp_path) == {}


def test_a_project_is_written_whole(project: ProjectFolder) -> None:
    changes = project.render()
    assert len(changes.created) == len(list(project.preview().tree.files))
    assert not project.render().is_stale


def test_a_numbered_folder_with_terraform_in_it_that_is_nobodys_is_foreign(project: ProjectFolder) -> None:
    project.render()
    for path in (
        "08-hand/main.tf",
        "0009-json/main.tf.json",
        "10-notes/README.md",  # no Terraform
        "modules/net/main.tf",  # no number
        "02-store/own.tf",  # a module
        "7-x/main.tf",
    ):
        project.write(f"terraform/{path}", "")
    manifest = read_manifest(project.tree)
    modules = [module.name for module in project.load().modules]
    assert find_foreign(project.tree, modules, manifest) == ("0009-json", "08-hand")
    assert find_foreign(project.tree, [], manifest) == ("0009-json", "02-store", "08-hand"), (
        "rendered files are no one's"
    )
    assert find_foreign(project.root / "none", [], {}) == ()
