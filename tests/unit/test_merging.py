"""The merge of three texts: a table to read, and what must hold for any three texts."""

from __future__ import annotations

from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tfgen.merging import find_marker, merge

BASE = b"a\nb\nc\nd\ne\n"


def conflict(mine: bytes, new: bytes) -> bytes:
    return b"<<<<<<< yours\n" + mine + b"=======\n" + new + b">>>>>>> rendered from x/main.tf\n"


@pytest.mark.parametrize(
    ("mine", "new", "merged", "conflicts"),
    [
        (b"a\nB\nc\nd\ne\n", b"a\nb\nc\nD\ne\n", b"a\nB\nc\nD\ne\n", 0),
        (b"0\na\nb\nc\nd\ne\n", b"a\nb\nc\nd\ne\nf\n", b"0\na\nb\nc\nd\ne\nf\n", 0),
        (b"a\nb\nd\ne\n", b"a\nb\nc\nd\nE\n", b"a\nb\nd\nE\n", 0),
        (b"a\nX\nc\nd\ne\n", b"a\nX\nc\nd\ne\n", b"a\nX\nc\nd\ne\n", 0),
        (b"a\nX\nc\nY\ne\n", b"a\nX\nc\nd\nE\n", b"a\nX\nc\n" + conflict(b"Y\ne\n", b"d\nE\n"), 1),
        (b"a\nmine\nc\nd\ne\n", b"a\nnew\nc\nd\ne\n", b"a\n" + conflict(b"mine\n", b"new\n") + b"c\nd\ne\n", 1),
        (b"a\nb\nd\ne\n", b"a\nb\nC\nd\ne\n", b"a\nb\n" + conflict(b"", b"C\n") + b"d\ne\n", 1),
        (b"a\nb\nC\nd\ne\n", b"a\nb\nd\ne\n", b"a\nb\n" + conflict(b"C\n", b"") + b"d\ne\n", 1),
        (b"1\n" + BASE, b"2\n" + BASE, conflict(b"1\n", b"2\n") + BASE, 1),
        (b"same\n1\n" + BASE, b"same\n2\n" + BASE, b"same\n" + conflict(b"1\n", b"2\n") + BASE, 1),
        (b"", b"a\nb\nc\nd\nE\n", conflict(b"", b"a\nb\nc\nd\nE\n"), 1),
        (b"a\r\nB\r\nc\r\nd\r\ne\r\n", b"a\nb\nc\nd\nE\n", b"a\r\nB\r\nc\r\nd\r\nE\r\n", 0),
        (BASE.replace(b"\n", b"\r\n"), b"a\nb\nc\nd\nE\n", b"a\r\nb\r\nc\r\nd\r\nE\r\n", 0),
        (b"a\nb\nc\nd\ne", b"A\nb\nc\nd\ne\n", b"A\nb\nc\nd\ne", 0),
        (b"a\nb\nc\nd\nX", b"a\nb\nc\nd\nY\n", b"a\nb\nc\nd\n" + conflict(b"X\n", b"Y\n"), 1),
        (b"a\nb\xff\nc\nd\ne\n", b"a\nb\nc\nd\n\xfe\n", b"a\nb\xff\nc\nd\n\xfe\n", 0),
    ],
)
def test_the_table(mine: bytes, new: bytes, merged: bytes, conflicts: int) -> None:
    result = merge(BASE, mine, new, "x/main.tf")
    assert result is not None
    assert (result.content, result.conflicts) == (merged, conflicts)
    assert (find_marker(result.content) > 0) == (conflicts > 0)


def test_what_is_no_text_is_not_merged() -> None:
    assert merge(BASE, b"\0\1", b"new\n", "x") is None
    assert merge(BASE, b"mine\n", b"\0", "x") is None
    kept = merge(BASE, b"\0\1", BASE, "x")
    assert kept is not None
    assert kept.content == b"\0\1"


def test_without_a_base_every_difference_is_a_conflict() -> None:
    result = merge(None, b"a\nmine\nc\nextra\n", b"a\nnew\nc\n", "x/main.tf")
    assert result is not None
    assert result.content == b"a\n" + conflict(b"mine\n", b"new\n") + b"c\n" + conflict(b"extra\n", b"")
    assert result.conflicts == 2


@pytest.mark.parametrize(
    ("text", "line"),
    [
        (b"a\n<<<<<<< yours\n", 2),
        (b"<<<<<<<\r\n", 1),
        (b"a\n\n>>>>>>> HEAD", 3),
        (b"=======\n", 1),
        (b"<<<<<<<< eight\n", 0),
        (b" <<<<<<< indented\n", 0),
        (b"# ======= in a comment\n", 0),
        (b"plain\n", 0),
    ],
)
def test_markers_are_found_at_the_beginning_of_a_line(text: bytes, line: int) -> None:
    assert find_marker(text) == line
    assert find_marker(text, known=text) == 0


def test_a_line_of_equals_signs_is_a_heading_in_markdown() -> None:
    assert find_marker(b"Title\n=======\n", markdown=True) == 0
    assert find_marker(b"Title\n<<<<<<< yours\n=======\n", markdown=True) == 2


_LINE = st.sampled_from([b"", b"}", b"a", b"b", b"c = 1", b"x\ry", b"\xff"])
_TEXTS = st.builds(
    lambda lines, end, final: end.join(lines) + (end if final and lines else b""),
    st.lists(_LINE, max_size=9),
    st.sampled_from([b"\n", b"\n", b"\r\n"]),
    st.booleans(),
)


@given(_TEXTS, _TEXTS)
def test_the_side_that_changed_counts(base: bytes, other: bytes) -> None:
    for mine, new in ((base, other), (other, base), (other, other)):
        result = merge(base, mine, new, "x")
        assert result is not None
        assert (result.content, result.conflicts) == (other, 0)


def _words(text: bytes) -> Counter[bytes]:
    """Lines without their ends: those are merged as a property of the whole text."""
    return Counter(line.removesuffix(b"\r") for line in text.split(b"\n"))


@given(st.none() | _TEXTS, _TEXTS, _TEXTS)
def test_no_line_that_a_person_wrote_is_lost(base: bytes | None, mine: bytes, new: bytes) -> None:
    result = merge(base, mine, new, "x")
    assert result is not None
    if base is None and mine != new:
        assert not _words(mine.removesuffix(b"\n")) - _words(result.content)
    if base is not None:
        written = _words(mine) - _words(base) - Counter([b""])
        assert not written - _words(result.content)


@given(st.none() | _TEXTS, _TEXTS, _TEXTS)
def test_a_conflict_shows_what_was_rendered_too(base: bytes | None, mine: bytes, new: bytes) -> None:
    result = merge(base, mine, new, "x")
    assert result is not None
    assert (find_marker(result.content) > 0) == (result.conflicts > 0)
    rendered = _words(new) - _words(base or b"") - Counter([b""])
    assert not rendered - _words(result.content)


def test_a_long_text_of_repeated_lines_takes_no_square_of_its_length() -> None:
    block = b'resource "x" "r%d" {\n  name = "a"\n  tags = local.tags\n}\n\n'
    base = b"".join(block % number for number in range(4000))
    mine = base.replace(b'"r7"', b'"mine"').replace(b"  tags = local.tags\n", b"  tags = var.tags\n")
    new = base.replace(b'"r9"', b'"new"') + b"# end\n"
    result = merge(base, mine, new, "x")
    assert result is not None
    assert result.conflicts == 0
    assert result.content == mine.replace(b'"r9"', b'"new"') + b"# end\n"
