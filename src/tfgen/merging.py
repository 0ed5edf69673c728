"""A three-way merge of texts, line by line: what was rendered, what a person made of it, what is rendered now.

Only bytes are looked at, no encoding. Line ends and the final newline are merged as properties of the whole
text, so that an editor that changed them does not turn every line into a conflict.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

_MINE = b"<<<<<<< yours\n"
_MIDDLE = b"=======\n"
_OPENING = b"<<<<<<<"
_CLOSING = b">>>>>>>"
_SMALL = 40_000
"""Lines times lines without any that stands once: more of them are taken as having nothing in common."""


@dataclass(frozen=True)
class Merged:
    """The result of a merge.

    Attributes:
        content: The merged text, with markers around what a person has to decide.
        conflicts: How many such places there are.
    """

    content: bytes
    conflicts: int


@dataclass(frozen=True)
class _Form:
    """How a text ends its lines, and whether its last line ends at all."""

    crlf: bool
    final_newline: bool


@dataclass(frozen=True)
class _Span:
    """Lines that are equal in all three texts: where they begin in each, and how many they are."""

    base: int
    mine: int
    new: int
    length: int


def merge(base: bytes | None, mine: bytes, new: bytes, origin: str) -> Merged | None:
    """Join what two sides made of one text; nothing that was written into `mine` is ever left out.

    Args:
        base: The text both started from; None if it is not known: then every difference is a conflict.
        mine: The text as a person changed it.
        new: The text as it is rendered now.
        origin: Where `new` comes from; stands in the markers.

    Returns:
        The merged text, or None if one of them is no text.
    """
    if mine in (new, base):
        return Merged(new, 0)
    if base == new:
        return Merged(mine, 0)
    if b"\0" in mine + new + (base or b""):
        return None
    ours, theirs = _form(mine), _form(new)
    before = theirs if base is None else _form(base)
    mine_lines, new_lines = _lines(mine), _lines(new)
    regions = _two_way(mine_lines, new_lines) if base is None else _three_way(_lines(base), mine_lines, new_lines)
    text, conflicts = _join(regions, origin)
    form = _Form(
        crlf=(theirs if ours.crlf == before.crlf else ours).crlf,
        final_newline=(theirs if ours.final_newline == before.final_newline else ours).final_newline,
    )
    return Merged(_shape(text, form, open_end=conflicts > 0), conflicts)


def find_marker(content: bytes, *, known: bytes = b"", markdown: bool = False) -> int:
    """Return the line of the first conflict marker in a text, 0 if there is none.

    Args:
        content: The text.
        known: Lines of this text are none, whatever they look like.
        markdown: A line of equals signs underlines a heading and is none.
    """
    if _OPENING not in content and _CLOSING not in content and (markdown or b"=======" not in content):
        return 0
    harmless = {line.rstrip() for line in known.split(b"\n")}
    for number, line in enumerate(content.split(b"\n"), 1):
        text = line.rstrip()
        bare = text[:8].rstrip() in (_OPENING, _CLOSING) or (text == b"=======" and not markdown)
        if bare and text not in harmless:
            return number
    return 0


def _form(text: bytes) -> _Form:
    ends = text.count(b"\n")
    return _Form(crlf=0 < ends == text.count(b"\r\n"), final_newline=not text or text.endswith(b"\n"))


def _lines(text: bytes) -> list[bytes]:
    """Split a text into lines that all end in one newline."""
    plain = text.replace(b"\r\n", b"\n") if _form(text).crlf else text
    if not plain:
        return []
    return [line + b"\n" for line in plain.removesuffix(b"\n").split(b"\n")]


def _shape(text: bytes, form: _Form, *, open_end: bool) -> bytes:
    if not form.final_newline and not open_end:
        text = text.removesuffix(b"\n")
    return text.replace(b"\n", b"\r\n") if form.crlf else text


_Region = tuple[Sequence[bytes], Sequence[bytes]]
"""Mine and new of one stretch of the result; where they are equal there is nothing to decide."""


def _three_way(base: Sequence[bytes], mine: Sequence[bytes], new: Sequence[bytes]) -> Iterator[_Region]:
    """Yield the result's stretches: where one side left the base alone, the other one's lines count."""
    at = _Span(0, 0, 0, 0)
    end = _Span(len(base), len(mine), len(new), 0)
    for span in (*_common(base, mine, new), end):
        was, ours, theirs = base[at.base : span.base], mine[at.mine : span.mine], new[at.new : span.new]
        if ours == was:
            yield theirs, theirs
        elif theirs == was:
            yield ours, ours
        else:
            yield ours, theirs
        same = base[span.base : span.base + span.length]
        yield same, same
        at = _Span(span.base + span.length, span.mine + span.length, span.new + span.length, 0)


def _two_way(mine: Sequence[bytes], new: Sequence[bytes]) -> Iterator[_Region]:
    a = b = 0
    for start_a, start_b, length in _matches(mine, new):
        yield mine[a:start_a], new[b:start_b]
        same = mine[start_a : start_a + length]
        yield same, same
        a, b = start_a + length, start_b + length


def _common(base: Sequence[bytes], mine: Sequence[bytes], new: Sequence[bytes]) -> Iterator[_Span]:
    """Yield the stretches of the base that are unchanged on both sides."""
    ours, theirs = _matches(base, mine), _matches(base, new)
    left = right = 0
    while left < len(ours) and right < len(theirs):
        base_a, start_a, length_a = ours[left]
        base_b, start_b, length_b = theirs[right]
        start, end = max(base_a, base_b), min(base_a + length_a, base_b + length_b)
        if start < end:
            yield _Span(start, start_a + start - base_a, start_b + start - base_b, end - start)
        if base_a + length_a < base_b + length_b:
            left += 1
        else:
            right += 1


def _matches(one: Sequence[bytes], other: Sequence[bytes]) -> list[tuple[int, int, int]]:
    """Return the stretches that two texts have in common, in order, ended by an empty one behind both."""
    blocks: list[tuple[int, int, int]] = []
    for left, right in _pairs(one, other, range(len(one)), range(len(other))):
        if blocks and (left, right) == (blocks[-1][0] + blocks[-1][2], blocks[-1][1] + blocks[-1][2]):
            blocks[-1] = (blocks[-1][0], blocks[-1][1], blocks[-1][2] + 1)
        else:
            blocks.append((left, right, 1))
    return [*blocks, (len(one), len(other), 0)]


def _pairs(one: Sequence[bytes], other: Sequence[bytes], a: range, b: range) -> Iterator[tuple[int, int]]:
    """Yield pairs of equal lines: lines that stand once in each text first, what lies between them then.

    Lines that repeat, such as closing braces, would otherwise lead astray, and take time that grows with their square.
    """
    head = _shared(one[a.start : a.stop], other[b.start : b.stop])
    yield from zip(a[:head], b[:head], strict=True)
    a, b = a[head:], b[head:]
    tail = _shared(one[a.start : a.stop][::-1], other[b.start : b.stop][::-1])
    end_a, end_b = a[len(a) - tail :], b[len(b) - tail :]
    a, b = a[: len(a) - tail], b[: len(b) - tail]
    anchors = _anchors(one, other, a, b) if a and b else []
    if anchors:
        at_a, at_b = a.start, b.start
        for left, right in anchors:
            yield from _pairs(one, other, range(at_a, left), range(at_b, right))
            yield left, right
            at_a, at_b = left + 1, right + 1
        yield from _pairs(one, other, range(at_a, a.stop), range(at_b, b.stop))
    elif len(a) * len(b) <= _SMALL:
        yield from _small_pairs(one[a.start : a.stop], other[b.start : b.stop], a.start, b.start)
    yield from zip(end_a, end_b, strict=True)


def _anchors(one: Sequence[bytes], other: Sequence[bytes], a: range, b: range) -> list[tuple[int, int]]:
    """Return the longest run of lines that stand once in both texts, and in the same order."""
    from bisect import bisect_left
    from collections import Counter

    left, right = Counter(one[a.start : a.stop]), Counter(other[b.start : b.stop])
    places = {other[index]: index for index in b}
    pairs = [(index, places[one[index]]) for index in a if left[one[index]] == 1 == right[one[index]]]
    ends: list[int] = []  # the lowest place in `other` at which a run of each length can end
    best: list[list[tuple[int, int, int]]] = []  # for each length: pair, and which shorter run comes before
    for index, place in pairs:
        length = bisect_left(ends, place)
        before = len(best[length - 1]) - 1 if length else -1
        if length == len(ends):
            ends.append(place)
            best.append([])
        ends[length] = place
        best[length].append((index, place, before))
    run: list[tuple[int, int]] = []
    at = len(best[-1]) - 1 if best else -1
    for level in reversed(best):
        index, place, at_next = level[at]
        run.append((index, place))
        at = at_next
    return run[::-1]


def _small_pairs(one: Sequence[bytes], other: Sequence[bytes], a: int, b: int) -> Iterator[tuple[int, int]]:
    from difflib import SequenceMatcher

    for block in SequenceMatcher(None, one, other, autojunk=False).get_matching_blocks():
        yield from ((a + block.a + step, b + block.b + step) for step in range(block.size))


def _join(regions: Iterator[_Region], origin: str) -> tuple[bytes, int]:
    parts: list[bytes] = []
    conflicts = 0
    for mine, new in regions:
        if mine == new:
            parts += mine
            continue
        head = _shared(mine, new)
        tail = _shared(mine[head:][::-1], new[head:][::-1])
        ours, theirs = mine[head : len(mine) - tail], new[head : len(new) - tail]
        closing = f">>>>>>> rendered from {origin}\n".encode()
        parts += [*mine[:head], _MINE, *ours, _MIDDLE, *theirs, closing, *mine[len(mine) - tail :]]
        conflicts += 1
    return b"".join(parts), conflicts


def _shared(one: Sequence[bytes], other: Sequence[bytes]) -> int:
    """Return how many lines both begin with."""
    count = 0
    for left, right in zip(one, other, strict=False):
        if left != right:
            break
        count += 1
    return count
