"""Who did what to a file, and how it ends: a table to be read, and what must hold for every line of it.

Each case renders, lets a person do something, renders other templates with one of `tfgen render`'s ways, and
says how the tree looks then. In no case a byte of the person's text is lost, and a refusal leaves the tree alone.
"""

from __future__ import annotations

import json
import os
import shutil
import stat
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.support.projects import snapshot
from tfgen.bases import Bases, place_of
from tfgen.errors import TfgenError
from tfgen.render import CUSTOM_CHANGES, LOCK_FILE, MARK, File
from tfgen.settling import settle
from tfgen.tree import BASE, MANIFEST, NOTHING_DECIDED, Changes, Decided, compare, find_conflicts, write

PLAIN, MERGE, FORCE, MINE = "", "merge", "new", "mine"
Do = Callable[[Path], object]
GONE = None


def mark(template: str) -> str:
    return f"# {MARK} {template}; change the spec or the blueprint instead.\n\n"


def tf(body: str, template: str = "box/main.tf") -> File:
    return File((mark(template) + body).encode(), template=f"{template}.j2")


def readme(text: str) -> File:
    return File(
        f"<!-- {MARK} _shared/README.md; change the spec instead. -->\n\n{text}\n\n{CUSTOM_CHANGES}\n".encode(),
        template="_shared/x",
    )


M = "07-box/main.tf"
R = "07-box/README.md"
ONE = tf("a\nb\nc\nd\ne\n")
TWO = tf("a\nb\nc\nd\nE\n")
NOTE = mark("box/main.tf").encode()


# what a person does


def put(text: str, path: str = M) -> Do:
    return lambda root: (root / path).write_bytes(text.encode("latin-1"))


def edit(old: str, new: str, path: str = M) -> Do:
    def do(root: Path) -> None:
        text = (root / path).read_bytes()
        assert old.encode() in text
        (root / path).write_bytes(text.replace(old.encode(), new.encode(), 1))

    return do


def delete(path: str = M) -> Do:
    return lambda root: (root / path).unlink()


def rename(path: str, to: str) -> Do:
    return lambda root: (root / path).rename(root / to)


def folder(path: str = M) -> Do:
    def do(root: Path) -> None:
        (root / path).unlink()
        (root / path).mkdir()
        (root / path / "notes.txt").write_text("my notes\n")

    return do


def link(path: str = M, to: str = "own.tf") -> Do:
    def do(root: Path) -> None:
        (root / path).unlink()
        (root / path).parent.joinpath(to).write_text("# linked\n")
        (root / path).symlink_to(to)

    return do


def forget(*paths: str) -> Do:
    def do(root: Path) -> None:
        for path in paths:
            shutil.rmtree(root / path) if (root / path).is_dir() else (root / path).unlink()

    return do


def both(*steps: Do) -> Do:
    def do(root: Path) -> None:
        for step in steps:
            step(root)

    return do


def nothing(root: Path) -> None:
    del root


def conflict(mine: str, new: str, template: str = "box/main.tf") -> str:
    return f"<<<<<<< yours\n{mine}=======\n{new}>>>>>>> rendered from {template}\n"


@dataclass(frozen=True)
class Case:
    """One line of the table.

    Attributes:
        name: What happens, in words.
        do: What the person does after the first render.
        way: How it is rendered again.
        ends: `ok`, `conflict`, or the code of the refusal.
        after: Path → text in the end, GONE if nothing is there; files that are not named are not looked at.
        old: What is rendered first.
        new: What is rendered then.
        copied: Files of which a copy is kept.
    """

    name: str
    do: Do
    way: str
    ends: str
    after: Mapping[str, str | None] = field(default_factory=dict)
    old: Mapping[str, File] = field(default_factory=lambda: {M: ONE})
    new: Mapping[str, File] = field(default_factory=lambda: {M: TWO})
    copied: tuple[str, ...] = ()


B = edit("b\n", "B\n")
LOCK = 'provider "registry.terraform.io/hashicorp/aws" {\n  version = "5.100.0"\n  hashes = [\n    "h1:a=",\n  ]\n}\n'
N = NOTE.decode()
OTHER = {"x": File(b"x\n")}
RENAMED = {"08-box/main.tf": tf('key = "08"\nb\nc\nd\ne\n')}
KEYED = {M: tf('key = "07"\nb\nc\nd\ne\n')}

CASES = [
    # nobody edited
    Case("nothing was edited, the template changed", nothing, PLAIN, "ok", {M: N + "a\nb\nc\nd\nE\n"}),
    Case("nothing was edited, merged all the same", nothing, MERGE, "ok", {M: N + "a\nb\nc\nd\nE\n"}),
    Case("nothing was edited, forced: no copy", nothing, FORCE, "ok", {M: N + "a\nb\nc\nd\nE\n"}),
    Case("the template went away", nothing, PLAIN, "ok", {M: GONE}, new=OTHER),
    # edited, template unchanged
    Case("edited, nothing new: refused", B, PLAIN, "edited", new={M: ONE}),
    Case("edited, nothing new: kept", B, MERGE, "ok", {M: N + "a\nB\nc\nd\ne\n"}, new={M: ONE}),
    Case("edited, nothing new: taken back", B, FORCE, "ok", {M: N + "a\nb\nc\nd\ne\n"}, new={M: ONE}, copied=(M,)),
    # edited, template changed
    Case("edited here, changed there: refused", B, PLAIN, "edited"),
    Case("edited here, changed there: both", B, MERGE, "ok", {M: N + "a\nB\nc\nd\nE\n"}, copied=(M,)),
    Case("edited here, changed there: mine stays", B, MINE, "ok", {M: N + "a\nB\nc\nd\ne\n"}),
    Case("edited here, changed there: forced", B, FORCE, "ok", {M: N + "a\nb\nc\nd\nE\n"}, copied=(M,)),
    Case("the same line both ways", edit("e\n", "mine\n"), MERGE, "conflict",
         {M: N + "a\nb\nc\nd\n" + conflict("mine\n", "E\n")}, copied=(M,)),
    Case("the same edit as the template's", edit("\ne\n", "\nE\n"), PLAIN, "ok", {M: N + "a\nb\nc\nd\nE\n"}),
    Case("two edits, one of them the template's too", both(B, edit("\ne\n", "\nE\n")), MERGE, "ok",
         {M: N + "a\nB\nc\nd\nE\n"}),
    Case("lines deleted here, changed there", edit("b\n", ""), MERGE, "ok", {M: N + "a\nc\nd\nE\n"}, copied=(M,)),
    Case("a line deleted that the template changed", edit("\ne\n", "\n"), MERGE, "conflict",
         {M: N + "a\nb\nc\nd\n" + conflict("", "E\n")}),
    Case("a line edited that the template deleted", edit("b\n", "B\n"), MERGE, "conflict",
         {M: N + "a\n" + conflict("B\n", "") + "c\nd\ne\n"}, new={M: tf("a\nc\nd\ne\n")}),
    Case("lines added at the end of both", edit("\ne\n", "\ne\nmine\n"), MERGE, "conflict",
         {M: N + "a\nb\nc\nd\ne\n" + conflict("mine\n", "new\n")}, new={M: tf("a\nb\nc\nd\ne\nnew\n")}),
    Case("emptied, nothing new: stays empty", put(""), MERGE, "ok", {M: ""}, new={M: ONE}),
    Case("emptied, the template changed", put(""), MERGE, "conflict",
         {M: conflict("", "\na\nb\nc\nd\nE\n")}, copied=(M,)),
    # deleted
    Case("deleted: comes back", delete(), PLAIN, "ok", {M: N + "a\nb\nc\nd\ne\n"}, new={M: ONE}),
    Case("deleted, the template changed: comes back new", delete(), MERGE, "ok", {M: N + "a\nb\nc\nd\nE\n"}),
    Case("deleted on both sides", delete(), PLAIN, "ok", {M: GONE}, new=OTHER),
    # the template went away
    Case("edited, the template went away: refused", B, PLAIN, "edited", new=OTHER),
    Case("edited, the template went away: it is theirs", B, MERGE, "ok", {M: N + "a\nB\nc\nd\ne\n"}, new=OTHER),
    Case("edited, the template went away: forced", B, FORCE, "ok", {M: GONE}, new=OTHER, copied=(M,)),
    # renamed
    Case("the module was renamed: the edit goes along", edit("c\n", "C\n"), MERGE, "ok",
         {M: GONE, "08-box/main.tf": N + 'key = "08"\nb\nC\nd\ne\n'}, old=KEYED, new=RENAMED, copied=(M,)),
    Case("the module was renamed: refused", B, PLAIN, "edited", old=KEYED, new=RENAMED),
    Case("the module was renamed: conflict at the new place", edit('"07"', '"seven"'), MERGE, "conflict",
         {M: GONE, "08-box/main.tf": N + conflict('key = "seven"\n', 'key = "08"\n') + "b\nc\nd\ne\n"},
         old=KEYED, new=RENAMED, copied=(M,)),
    Case("the module was renamed: its own files stay", both(put("# own\n", "07-box/own.tf")), PLAIN, "ok",
         {M: GONE, "07-box/own.tf": "# own\n"}, old=KEYED, new=RENAMED),
    Case("the file was renamed by hand: both are there", rename(M, "07-box/other.tf"), PLAIN, "ok",
         {M: N + "a\nb\nc\nd\nE\n", "07-box/other.tf": N + "a\nb\nc\nd\ne\n"}),
    # how lines end
    Case("an editor made it CRLF", put((N + "a\nb\nc\nd\ne\n").replace("\n", "\r\n")), MERGE, "ok",
         {M: (N + "a\nb\nc\nd\nE\n").replace("\n", "\r\n")}, copied=(M,)),
    Case("CRLF and edited", put((N + "a\nB\nc\nd\ne\n").replace("\n", "\r\n")), MERGE, "ok",
         {M: (N + "a\nB\nc\nd\nE\n").replace("\n", "\r\n")}),
    Case("no final newline", put(N + "a\nB\nc\nd\ne"), MERGE, "ok", {M: N + "a\nB\nc\nd\nE"}),
    Case("letters that are no UTF-8", put(N + "a\n\xff\nc\nd\ne\n"), MERGE, "ok", {M: N + "a\n\xff\nc\nd\nE\n"}),
    # no text, no file
    Case("binary rubbish: cannot be merged", put("\0\1\2"), MERGE, "unmergeable"),
    Case("binary rubbish, nothing new: kept", put("\0\1\2"), MERGE, "ok", {M: "\0\1\2"}, new={M: ONE}),
    Case("binary rubbish: forced", put("\0\1\2"), FORCE, "ok", {M: N + "a\nb\nc\nd\nE\n"}, copied=(M,)),
    Case("a folder in its place: refused", folder(), PLAIN, "edited"),
    Case("a folder in its place: cannot be merged", folder(), MERGE, "unmergeable"),
    Case("a folder in its place: forced", folder(), FORCE, "ok", {M: N + "a\nb\nc\nd\nE\n"},
         copied=(f"{M}/notes.txt",)),
    Case("a link in its place: cannot be merged", link(), MERGE, "unmergeable"),
    Case("a link in its place, nothing new: kept", link(), MERGE, "ok", {M: "# linked\n"}, new={M: ONE}),
    Case("a link in its place: forced, its target stays", link(), FORCE, "ok",
         {M: N + "a\nb\nc\nd\nE\n", "07-box/own.tf": "# linked\n"}),
    # the mark
    Case("the mark was removed: it stays away", put("a\nB\nc\nd\ne\n"), MERGE, "ok", {M: "a\nB\nc\nd\nE\n"}),
    Case("the template's name changed in the mark", B, MERGE, "ok", {M: mark("crate/main.tf") + "a\nB\nc\nd\ne\n"},
         new={M: tf("a\nb\nc\nd\ne\n", "crate/main.tf")}),
    # READMEs
    Case("what stands below the line is theirs", edit("kept -->\n", "kept -->\r\nmine \n\n", R), PLAIN, "ok",
         {R: readme("new").content.decode().replace("kept -->\n", "kept -->\r\nmine \n\n")},
         old={R: readme("old")}, new={R: readme("new")}),
    Case("edited above the line and below it", both(edit("old", "mine", R), edit("kept -->\n", "kept -->\nx\n", R)),
         MERGE, "conflict", {}, old={R: readme("old")}, new={R: readme("new")}),
    Case("above and below, forced: below stays", both(edit("old", "mine", R), edit("kept -->\n", "kept -->\nx\n", R)),
         FORCE, "ok", {R: readme("new").content.decode() + "x\n"}, old={R: readme("old")}, new={R: readme("new")},
         copied=(R,)),
    Case("the module was renamed: what is below goes along", edit("kept -->\n", "kept -->\nx\n", R), PLAIN, "ok",
         {R: GONE, "08-box/README.md": readme("new").content.decode() + "x\n"},
         old={**KEYED, R: readme("old")}, new={**RENAMED, "08-box/README.md": readme("new")}),
    # what tfgen remembers
    Case("no base: every difference is a conflict", both(B, forget(str(BASE))), MERGE, "conflict",
         {M: N + "a\n" + conflict("B\n", "b\n") + "c\nd\n" + conflict("e\n", "E\n")}, copied=(M,)),
    Case("a base of something else is none", both(B, edit(" a\n", " ?\n", place_of(M))), MERGE, "conflict",
         {M: N + "a\n" + conflict("B\n", "b\n") + "c\nd\n" + conflict("e\n", "E\n")}),
    Case("no manifest, the base is enough", both(B, forget(str(MANIFEST))), MERGE, "ok", {M: N + "a\nB\nc\nd\nE\n"}),
    Case("nothing remembered, but the mark", both(B, forget(".tfgen")), PLAIN, "edited"),
    Case("nothing remembered, but the mark: forced", both(B, forget(".tfgen")), FORCE, "ok",
         {M: N + "a\nb\nc\nd\nE\n"}, copied=(M,)),
    Case("a damaged manifest stops everything", both(B, put("{", str(MANIFEST))), MERGE, "error"),
    Case("a file of theirs in the way is never taken", put("# own\n", "07-box/new.tf"), FORCE, "foreign",
         new={M: ONE, "07-box/new.tf": tf("x\n")}),
    # markers that are left
    Case("markers left: nothing goes on", put(N + conflict("x\n", "y\n")), MERGE, "conflict-left"),
    Case("markers left, forced: the rendered text", put(N + conflict("x\n", "y\n")), FORCE, "ok",
         {M: N + "a\nb\nc\nd\nE\n"}, copied=(M,)),
    # the dependency lock file
    Case("terraform init added a checksum", edit('"h1:a="', '"h1:a=",\n    "h1:b="', LOCK_FILE), PLAIN, "ok",
         {LOCK_FILE: LOCK.replace('"h1:a="', '"h1:a=",\n    "h1:b="')},
         old={LOCK_FILE: File(LOCK.encode())}, new={LOCK_FILE: File(LOCK.encode())}),
    Case("init -upgrade chose another version: kept", edit("5.100.0", "5.101.0", LOCK_FILE), MERGE, "ok",
         {LOCK_FILE: LOCK.replace("5.100.0", "5.101.0")},
         old={LOCK_FILE: File(LOCK.encode())}, new={LOCK_FILE: File(LOCK.encode())}),
]  # fmt: skip


def render(root: Path, files: Mapping[str, File], way: str = PLAIN) -> tuple[Changes, Decided, Path | None]:
    changes = compare(root, files)
    decided = settle(root, files, changes, lambda _path: way) if way else NOTHING_DECIDED
    return changes, decided, write(root, files, changes, decided=decided)


def all_lines(folder: Path) -> set[bytes]:
    """Return every line of every file below a folder, without its end, but not what tfgen notes for itself."""
    lines: set[bytes] = set()
    for path in folder.rglob("*"):
        if path.is_file() and not path.is_symlink() and "terraform/.tfgen" not in path.as_posix():
            lines |= {line.rstrip(b"\r") for line in path.read_bytes().split(b"\n")}
    return lines


@pytest.fixture
def root(tmp_path: Path) -> Path:
    return tmp_path / "project" / "terraform"


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_the_case_ends_as_a_person_would_want(root: Path, case: Case) -> None:
    render(root, case.old)
    case.do(root)
    written, before = all_lines(root), snapshot(root)
    if case.ends in ("ok", "conflict"):
        _, decided, copies = render(root, case.new, case.way)
        assert bool(decided.conflicts) == (case.ends == "conflict")
        assert_copied(root, copies, case)
    else:
        with pytest.raises(TfgenError) as caught:
            render(root, case.new, case.way)
        assert caught.value.code == case.ends.removesuffix("-left")
        assert caught.value.hint
        assert snapshot(root) == before
    for path, text in case.after.items():
        found = (root / path).read_bytes().decode("latin-1") if (root / path).exists() else GONE
        assert found == text, path
    rendered = {line for file in case.old.values() for line in file.content.split(b"\n")}
    assert not written - rendered - all_lines(root.parent), "a line of the person's text is lost"


def lay_out_as_before(root: Path) -> None:
    """Turn what tfgen remembers into what an older one left: a copy of each file, and a manifest that says so."""
    bases, manifest = Bases(root), root / MANIFEST
    document = json.loads(manifest.read_bytes())
    copies = {path: bases.find(path) for path in document["files"]}
    shutil.rmtree(root / BASE)
    for path, content in copies.items():
        if content is not None:
            (root / BASE / path).parent.mkdir(parents=True, exist_ok=True)
            (root / BASE / path).write_bytes(content)
    manifest.write_text(json.dumps({**document, "version": 1}))


OLDER = [case for case in CASES if case.ends in ("ok", "conflict") and "base" not in case.name]


@pytest.mark.parametrize("case", OLDER, ids=lambda case: case.name)
def test_a_project_of_an_older_tfgen_ends_the_same(tmp_path: Path, case: Case) -> None:
    trees, results = [tmp_path / "now" / "terraform", tmp_path / "older" / "terraform"], []
    for tree in trees:
        render(tree, case.old)
        if tree is trees[1]:
            lay_out_as_before(tree)
        case.do(tree)
        _, decided, _ = render(tree, case.new, case.way)
        results.append((decided, {path: text for path, text in snapshot(tree).items() if ".tfgen" not in path}))
    assert results[0] == results[1]


def assert_copied(root: Path, copies: Path | None, case: Case) -> None:
    """Copies are where they are said to be, for their owner alone, and git does not see them."""
    if not case.copied:
        return
    assert copies is not None
    assert copies.is_relative_to(root.parent / ".tfgen" / "backups")
    assert (copies.parent / ".gitignore").read_text() == "*\n"
    for path in case.copied:
        assert stat.S_IMODE((copies / "terraform" / path).stat().st_mode) == 0o600
    assert {stat.S_IMODE(path.stat().st_mode) for path in (copies.parent, copies)} == {0o700}


@pytest.mark.parametrize("case", [case for case in CASES if case.ends == "ok"], ids=lambda case: case.name)
def test_what_was_settled_stays_settled(root: Path, case: Case) -> None:
    """A second render finds nothing to do and asks nothing again."""
    render(root, case.old)
    case.do(root)
    render(root, case.new, case.way)
    before = snapshot(root)
    changes, _, _ = render(root, case.new)
    assert not changes.is_stale
    assert snapshot(root) == before


def test_a_conflict_blocks_until_it_is_resolved_and_then_nothing_is_asked_again(root: Path) -> None:
    render(root, {M: ONE})
    edit("\ne\n", "\nmine\n")(root)
    _, decided, _ = render(root, {M: TWO}, MERGE)
    assert find_conflicts(root) == decided.conflicts
    assert [str(conflict) for conflict in decided.conflicts] == [f"{M}:7"]
    for way in (PLAIN, MERGE, MINE):
        with pytest.raises(TfgenError, match="1 file has conflicts to resolve") as caught:
            render(root, {M: TWO}, way)
        assert caught.value.where == f"{root / M}:7"
    (root / M).write_bytes(NOTE + b"a\nb\nc\nd\nboth\n")
    assert find_conflicts(root) == ()
    changes = compare(root, {M: TWO})
    assert (changes.kept, changes.is_stale) == ((M,), False)
    render(root, {M: TWO})
    edit("both", "more", M)(root)
    assert compare(root, {M: TWO}).edited == (M,)


def test_a_kept_edit_is_merged_again_with_the_next_template(root: Path) -> None:
    render(root, {M: ONE})
    B(root)
    render(root, {M: ONE}, MERGE)
    assert compare(root, {M: ONE}).kept == (M,)
    assert compare(root, {M: TWO}).edited == (M,)
    render(root, {M: TWO}, MERGE)
    assert (root / M).read_bytes() == NOTE + b"a\nB\nc\nd\nE\n"
    edit("B\n", "b\n")(root)
    assert compare(root, {M: TWO}).unchanged == (M,)


@pytest.mark.parametrize("when", ["before the first file", "before the last file"])
def test_what_is_edited_while_tfgen_works_is_left_alone(root: Path, when: str, monkeypatch: pytest.MonkeyPatch) -> None:
    last = "09-last/main.tf"
    render(root, {M: ONE, last: ONE})
    edit("b\n", "B\n")(root)
    changes = compare(root, {M: TWO, last: TWO})
    decided = settle(root, {M: TWO, last: TWO}, changes, lambda _path: MERGE)
    victim = last if when == "before the last file" else M
    original, count = os.replace, 0

    def late(source: str, target: str) -> None:
        nonlocal count
        count += 1
        if count == 1 and when == "before the last file":
            edit("a\n", "late\n", victim)(root)
        original(source, target)

    monkeypatch.setattr(os, "replace", late)
    if when != "before the last file":
        edit("a\n", "late\n", victim)(root)
    with pytest.raises(TfgenError, match="the file changed while tfgen was at work") as caught:
        write(root, {M: TWO, last: TWO}, changes, decided=decided)
    assert caught.value.code == "changed"
    assert b"late\n" in (root / victim).read_bytes()
    assert not list(root.rglob("*.tfgen-staged"))
    monkeypatch.undo()
    render(root, {M: TWO, last: TWO}, MERGE)
    assert {b"late", b"B"} <= all_lines(root)


@pytest.mark.parametrize("killed_after", range(8))
def test_a_merge_that_is_killed_anywhere_is_no_obstacle(root: Path, killed_after: int) -> None:
    files = dict.fromkeys((M, "07-box/z.tf", "08-x/main.tf"), ONE)
    render(root, files)
    for path in (M, "08-x/main.tf"):
        edit("b\n", "B\n", path)(root)
    new = dict.fromkeys(files, TWO)
    original, count = os.replace, 0

    def killed(source: str, target: str) -> None:
        nonlocal count
        count += 1
        if count > killed_after:
            raise KeyboardInterrupt
        original(source, target)

    with pytest.MonkeyPatch.context() as patch, suppress(KeyboardInterrupt):
        patch.setattr(os, "replace", killed)
        render(root, new, MERGE)
    render(root, new, MERGE)
    assert {path: (root / path).read_bytes()[len(NOTE) :] for path in new} == {
        M: b"a\nB\nc\nd\nE\n",
        "07-box/z.tf": b"a\nb\nc\nd\nE\n",
        "08-x/main.tf": b"a\nB\nc\nd\nE\n",
    }
    assert not compare(root, new).is_stale


def test_if_no_copy_can_be_taken_nothing_is_written(root: Path) -> None:
    render(root, {M: ONE})
    B(root)
    (root.parent / ".tfgen").mkdir()
    (root.parent / ".tfgen" / "backups").write_text("a file")
    before = snapshot(root.parent)
    for way in (MERGE, FORCE):
        with pytest.raises(TfgenError, match="cannot take a copy first") as caught:
            render(root, {M: TWO}, way)
        assert "nothing was changed" in caught.value.hint
    assert snapshot(root.parent) == before


def test_each_copy_has_a_folder_of_its_own(root: Path) -> None:
    copies = set()
    for number in range(3):
        render(root, {M: ONE}, FORCE)
        edit("b\n", f"B{number}\n")(root)
        copies.add(render(root, {M: ONE}, FORCE)[2])
    assert len(copies) == 3
    assert {(folder / "terraform" / M).read_bytes()[len(NOTE) :] for folder in copies if folder} == {
        f"a\nB{number}\nc\nd\ne\n".encode() for number in range(3)
    }


_BODY = st.lists(st.sampled_from(["", "}", "a", "b", "c"]), max_size=6).map(
    lambda lines: "".join(f"{x}\n" for x in lines)
)
_PATHS = st.sampled_from([M, "07-box/z.tf", "08-x/main.tf"])
_TREES = st.dictionaries(_PATHS, _BODY.map(tf), max_size=3)
_EDITS = st.dictionaries(_PATHS, st.none() | st.lists(st.sampled_from(["mine 1", "mine 2", "a", ""]), max_size=5))


@settings(max_examples=60, deadline=None)
@given(st.lists(st.tuples(_TREES, _EDITS, st.sampled_from([PLAIN, MERGE, MINE, FORCE])), min_size=2, max_size=4))
def test_whatever_is_done_in_whatever_order_no_line_is_lost(
    tmp_path_factory: pytest.TempPathFactory, story: list[tuple[dict[str, File], dict[str, list[str] | None], str]]
) -> None:
    root = tmp_path_factory.mktemp("story") / "terraform"
    for files, edits, way in story:
        with suppress(TfgenError):
            render(root, files, way)
        for path, lines in edits.items():
            (root / path).parent.mkdir(parents=True, exist_ok=True)
            if lines is None:
                (root / path).unlink(missing_ok=True)
            elif lines:
                (root / path).write_text("\n".join(lines))
        mine = {line for line in all_lines(root) if line.startswith(b"mine")}
        with suppress(TfgenError):
            render(root, files, way)
        assert mine <= all_lines(root.parent)


def test_there_are_forty_cases_at_least() -> None:
    assert len(CASES) == len({case.name for case in CASES}) > 40
