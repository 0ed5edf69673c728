from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from tfgen.bases import Bases, list_old, pack, place_of, unpack
from tfgen.errors import TfgenError
from tfgen.manifest import BASE
from tfgen.render import File
from tfgen.tree import compare, write

PATHS = st.from_regex(r"[0-9a-z.][0-9a-z._-]{0,8}(/[0-9a-z._-]{1,8}){0,2}", fullmatch=True)

PACKED = """\
02-storage/README.md
 # Storage

  indented
02-storage/main.tf
02-storage/open.tf
 no end
\\
"""
FILES = {
    "02-storage/main.tf": b"",
    "02-storage/README.md": b"# Storage\n\n indented\n",
    "02-storage/open.tf": b"no end",
}


@given(st.dictionaries(PATHS, st.one_of(st.binary(), st.text().map(str.encode))))
@example({"a/b": b"\n"})
@example({"a/b": b"\n\n", "a": b"\\\n"})
@example({"a/b": b"\r\n \n\\"})
def test_what_is_packed_comes_back(files: dict[str, bytes]) -> None:
    assert unpack(pack(files)) == files


def test_it_is_a_text_to_be_committed() -> None:
    packed = pack(FILES)
    assert packed.decode() == PACKED
    assert not any(line.endswith(b" ") for line in packed.split(b"\n"))


@given(st.binary())
@example(b"\\\n")
@example(b" a\n\\\nb\n\\\n")
def test_whatever_stands_there_is_read(packed: bytes) -> None:
    assert "" not in unpack(packed)


def test_a_text_that_was_merged_line_by_line_holds_what_both_sides_hold() -> None:
    one = pack({**FILES, "02-storage/main.tf": b"a = 1\n"})
    other = pack({**FILES, "02-storage/README.md": b"# Storage\n\n new\n"})
    both = one.replace(b"\n  indented\n", b"\n  new\n")
    assert other.count(b"\n  new\n") == 1
    expected = {"02-storage/main.tf": b"a = 1\n", "02-storage/README.md": b"# Storage\n\n new\n"}
    assert unpack(both) == {**FILES, **expected}


def test_the_files_of_one_folder_are_together() -> None:
    paths = (
        "02-storage/main.tf",
        "02-storage/tests/plan.tftest.hcl",
        "README.md",
        "environments/dev/02-storage.tfvars",
    )
    assert [place_of(path) for path in paths] == [
        ".tfgen/base/02-storage.txt",
        ".tfgen/base/02-storage.txt",
        ".tfgen/base/tree.txt",
        ".tfgen/base/environments.txt",
    ]


def test_the_base_is_read_when_it_is_asked_for(tmp_path: Path) -> None:
    bases = Bases(tmp_path)
    (tmp_path / BASE).mkdir(parents=True)
    (tmp_path / BASE / "a.txt").write_bytes(pack({"a/x": b"1\n"}))
    assert (bases.find("a/x"), bases.find("a/y"), bases.find("b/x")) == (b"1\n", None, None)


def test_a_link_is_no_base(tmp_path: Path) -> None:
    (tmp_path / BASE).mkdir(parents=True)
    (tmp_path / "elsewhere").write_bytes(pack({"a/x": b"1\n"}))
    (tmp_path / BASE / "a.txt").symlink_to(tmp_path / "elsewhere")
    assert Bases(tmp_path).find("a/x") is None


def test_what_an_older_tfgen_left_is_moved_and_links_are_not_followed(tmp_path: Path) -> None:
    root, elsewhere = tmp_path / "terraform", tmp_path / "elsewhere"
    elsewhere.mkdir()
    (elsewhere / "kept").write_text("theirs")
    files = {"a/x": File(b"1\n"), "y": File(b"2\n")}
    write(root, files, compare(root, files))
    for path in (root / BASE).iterdir():
        path.unlink()
    (root / BASE / "a").mkdir()
    (root / BASE / "a" / "x").write_bytes(b"1\n")
    (root / BASE / "y").write_bytes(b"2\n")
    (root / BASE / "b").symlink_to(elsewhere)
    assert Bases(root).find("a/x") == b"1\n"
    changed = {"a/x": File(b"1\n"), "y": File(b"3\n")}
    write(root, changed, compare(root, changed))
    assert sorted(path.name for path in (root / BASE).iterdir()) == ["a.txt", "tree.txt"]
    assert (Bases(root).find("a/x"), Bases(root).find("y")) == (b"1\n", b"3\n")
    assert (elsewhere / "kept").read_text() == "theirs"
    assert list_old(root) == ()


def test_a_base_that_cannot_be_read_is_an_error_with_its_place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / BASE).mkdir(parents=True)
    (tmp_path / BASE / "a.txt").write_bytes(b"")

    def refuse(*_: object) -> None:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr("builtins.open", refuse)
    with pytest.raises(TfgenError, match="cannot read the file: Permission denied") as caught:
        Bases(tmp_path).find("a/x")
    assert caught.value.where.endswith("a.txt")
