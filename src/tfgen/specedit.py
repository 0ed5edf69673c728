"""The spec's text with one module more or less: one run of bytes goes in or out, everything else stays.

The text is not written anew from its values. The parser's events say where the modules stand; what is inserted is
in the manner of its neighbour, and what is removed is what would have been inserted, so that the two are inverse.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import yaml

from tfgen.errors import SpecError, TfgenError
from tfgen.yamldoc import parse_document

_LOADER = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
_BOM = "\ufeff"
_BREAK = "\r\n|\r(?!\n)|[\n\x85\u2028\u2029]"
_REST = re.compile(rf"[^\n\r\x85\u2028\u2029]*(?:{_BREAK})?")
_IDLE_REST = re.compile(rf"[ \t]*(?:#[^\n\r\x85\u2028\u2029]*)?(?:{_BREAK}|\Z)")
_ENDS_IN_BREAK = re.compile(rf"(?:{_BREAK})\Z")
_COMMENT = re.compile(r"([ \t]*)#")
_NUMBER = re.compile(r"([0-9]{2,4})-")
_PLAIN = re.compile(r"([0-9]{2,4}-)?[A-Za-z_/][A-Za-z0-9_./-]*")
_WORDS = frozenset({"y", "n", "yes", "no", "on", "off", "true", "false", "null"})
_UNPRINTABLE = re.compile("[\x7f-\x9f\u2028\u2029\ud800-\udfff\ufeff\ufffe\uffff]")


@dataclass(frozen=True)
class _Node:
    """A value in the text; offsets are in characters.

    Attributes:
        end: Behind its last character.
        flow: True if it stands in braces or brackets.
        child: Column of its first key; -1 if it is no mapping in block style.
        scalar_block: True if it ends in a `|` or `>` text, which takes following blank lines in.
    """

    end: int
    flow: bool = False
    child: int = -1
    scalar_block: bool = False


@dataclass(frozen=True)
class _Entry:
    """A module in the text.

    Attributes:
        name: The key.
        start: Where the key begins.
        value: Its value.
    """

    name: str
    start: int
    value: _Node

    @property
    def end(self) -> int:
        """Behind the last character of its value."""
        return self.value.end


def insert_module(raw: bytes, name: str, entry: Mapping[str, Any], file: str) -> bytes:
    """Return the spec's text with one more module, behind the one with the next lower number.

    Args:
        raw: The text, a valid spec.
        name: The module's full name, not in it yet.
        entry: Its value.
        file: How the file is called in messages.

    Raises:
        SpecError: The text or the entry cannot be written as YAML that tfgen reads.
        TfgenError: The text is laid out in a way that a module cannot be added to.
    """
    old = parse_document(raw, file).value
    text = _Text.read(raw)
    if not text.entries:
        raise _cannot_add(name, entry, file)
    before = [item for item in text.entries if _order(item.name) < _order(name)]
    added = text.inserted(max(before, key=lambda item: _order(item.name), default=None), name, entry)
    if _value(added, file) != _with(old, name, entry):
        raise _cannot_add(name, entry, file)
    return added


def remove_module(raw: bytes, name: str, file: str) -> bytes:
    """Return the spec's text without a module: what `insert_module` would have inserted is taken out.

    Raises:
        TfgenError: The rest would not be what it was: an anchor in the module is used elsewhere, for instance.
    """
    wanted = _with(parse_document(raw, file).value, name, None)
    text = _Text.read(raw)
    removed = text.without(name) if text.entries else raw
    if _value(removed, file) != wanted:
        raise TfgenError(
            f"{name} cannot be taken out of a file of this layout by tfgen",
            where=file,
            hint="take it out of 'modules' yourself, then tfgen render",
            code="spec",
        )
    return removed


def find_comment_above(raw: bytes, name: str) -> int | None:
    """Return the line of the comment that stands right above a module; None if there is none."""
    text = _Text.read(raw)
    entry = next(item for item in text.entries if item.name == name)
    above = text.comment_above(entry.start)
    return len(re.findall(_BREAK, text.text[: above[0]])) + 1 if above else None


def _cannot_add(name: str, entry: Mapping[str, Any], file: str) -> TfgenError:
    lines = "\n".join(f"    {line}" for line in _block_lines("  ", "  ", name, entry))
    return TfgenError(
        f"{name} cannot be added to a file of this layout by tfgen",
        where=file,
        hint=f"add it to 'modules' yourself, then tfgen render:\n{lines}",
        code="spec",
    )


def _with(value: Any, name: str, entry: Mapping[str, Any] | None) -> Any:
    modules = {key: item for key, item in value["modules"].items() if key != name}
    return {**value, "modules": modules if entry is None else {**modules, name: dict(entry)}}


def _value(raw: bytes, file: str) -> Any:
    """Return what the new text reads as; None if tfgen would not read it."""
    try:
        return parse_document(raw, file).value
    except SpecError:
        return None


def _order(name: str) -> int:
    number = _NUMBER.match(name)
    return int(number[1]) if number else -1


@dataclass(frozen=True)
class _Text:
    """The spec's text and where its modules stand in it."""

    text: str
    mark: str
    flow: bool
    step: int
    entries: Sequence[_Entry]

    @classmethod
    def read(cls, raw: bytes) -> _Text:
        decoded = raw.decode("utf-8")
        mark = _BOM if decoded.startswith(_BOM) else ""
        text = decoded.removeprefix(_BOM)
        events: Iterator[Any] = yaml.parse(text, Loader=_LOADER)
        for event in events:
            if isinstance(event, yaml.MappingStartEvent):
                break
        for key in events:
            if isinstance(key, yaml.MappingEndEvent):
                break
            value = next(events)
            if getattr(key, "value", "") == "modules" and isinstance(value, yaml.MappingStartEvent):
                entries = list(_entries(events))
                step = max(_column(text, entries[0].start) - key.start_mark.column, 1)
                return cls(text, mark, bool(value.flow_style), step, entries)
            _walk(events, value)
        return cls(text, mark, flow=False, step=2, entries=())

    # adding

    def inserted(self, before: _Entry | None, name: str, entry: Mapping[str, Any]) -> bytes:
        if self.flow:
            place, added = self._flow_insertion(before, name, entry)
        else:
            place, added = self._block_insertion(before, name, entry)
        return self._bytes(self.text[:place] + added + self.text[place:])

    def _block_insertion(self, before: _Entry | None, name: str, entry: Mapping[str, Any]) -> tuple[int, str]:
        neighbour = before or self.entries[0]
        column = _column(self.text, neighbour.start)
        step = neighbour.value.child - column if neighbour.value.child > column else self.step
        indent = self.text[self._line(neighbour.start) :][:column]
        lines = (
            [f"{indent}{name}: {_flow(entry)}"]
            if neighbour.value.flow
            else _block_lines(indent, " " * step, name, entry)
        )
        if before is None:
            place = self._line(neighbour.start)
            place = min(self.comment_above(neighbour.start), default=place)
            return place, "".join(line + self._break(neighbour) for line in lines)
        place, eol = self._end(before), self._break(before)
        if self._is_spaced(before):
            lines.insert(0, "")
        if place and not _ENDS_IN_BREAK.search(self.text, max(place - 2, 0), place):
            return place, "".join(eol + line for line in lines)
        return place, "".join(line + eol for line in lines)

    def _flow_insertion(self, before: _Entry | None, name: str, entry: Mapping[str, Any]) -> tuple[int, str]:
        neighbour = before or self.entries[0]
        quoted = self.text[neighbour.start] == '"'
        added = f"{json.dumps(name) if quoted else name}: {_flow(entry, quoted=quoted)}"
        if before is None:
            return neighbour.start, f"{added}, "
        indent = self._own_line(before)
        if indent is None:
            return before.end, f", {added}"
        if (end := self._comma_line(before)) is not None:
            return end, f"{indent}{added},{self._break(before)}"
        return before.end, f",{self._break(before)}{indent}{added}"

    # removing

    def without(self, name: str) -> bytes:
        index = next(index for index, item in enumerate(self.entries) if item.name == name)
        entry = self.entries[index]
        before = self.entries[index - 1] if index else None
        after = self.entries[index + 1] if index + 1 < len(self.entries) else None
        removal = self._flow_removal if self.flow else self._block_removal
        start, end = removal(entry, before, after)
        return self._bytes(self.text[:start] + self.text[end:])

    def _block_removal(self, entry: _Entry, before: _Entry | None, _after: _Entry | None) -> tuple[int, int]:
        start, end = self._line(entry.start), self._end(entry)
        if before is None:
            return start, end
        floor = self._end(before)
        gap = self.text[floor:start]
        blank = re.search(rf"(?:\A|(?<=[\n\r\x85\u2028\u2029]))[ \t]*(?:{_BREAK})\Z", gap)
        follows = _IDLE_REST.match(self.text, end)
        ends_blank = end == len(self.text) or (follows is not None and not follows[0].strip())
        if blank and (self._is_spaced(before) or ends_blank):
            start = floor + blank.start()
        if (
            end == len(self.text)
            and not _ENDS_IN_BREAK.search(self.text[start:])
            and not self.text[floor:start].strip()
        ):
            last = _ENDS_IN_BREAK.search(self.text[:start])
            start = last.start() if last else start
        return start, end

    def _flow_removal(self, entry: _Entry, before: _Entry | None, after: _Entry | None) -> tuple[int, int]:
        if before is None:
            return entry.start, after.start if after else entry.end
        if self._own_line(entry) is not None and (end := self._comma_line(entry)) is not None:
            return self._line(entry.start), end
        return before.end, entry.end

    # places

    def comment_above(self, position: int) -> list[int]:
        """Return where the lines of the comment begin that stands right above the line of a position, top first."""
        column, start, found = _column(self.text, position), self._line(position), []
        while start:
            end = _ENDS_IN_BREAK.search(self.text, max(start - 2, 0), start)
            start = self._line(end.start() if end else 0)
            comment = _COMMENT.match(self.text, start)
            if not comment or len(comment[1]) > column:
                break
            found.append(start)
        return found[::-1]

    def _line(self, position: int) -> int:
        """Return where the line of a position begins."""
        return max((self.text.rfind(mark, 0, position) + 1 for mark in "\n\r\x85\u2028\u2029"), default=0)

    def _end(self, entry: _Entry) -> int:
        """Return where the lines of a module end: behind its last line, and comments that are indented deeper."""
        text, column = self.text, _column(self.text, entry.start)
        end = entry.end
        if not (entry.value.scalar_block and _ENDS_IN_BREAK.search(text, max(end - 2, 0), end)):
            end = _rest(text, end)
        scan = end
        while scan < len(text):
            comment = _COMMENT.match(text, scan)
            line = _rest(text, scan)
            if comment and len(comment[1]) > column:
                end = line
            elif text[scan:line].strip():
                break
            scan = line
        return end

    def _is_spaced(self, entry: _Entry) -> bool:
        """True if blank lines stand between modules: one stands before this, and it is not the first."""
        if entry is self.entries[0] or entry.value.scalar_block:
            return False
        start = min(self.comment_above(entry.start), default=self._line(entry.start))
        return bool(re.search(rf"(?:{_BREAK})[ \t]*(?:{_BREAK})\Z", self.text[:start]))

    def _own_line(self, entry: _Entry) -> str | None:
        """Return what indents a module that begins a line; None if something stands before it."""
        before = self.text[self._line(entry.start) : entry.start]
        return before if not before.strip(" \t") else None

    def _comma_line(self, entry: _Entry) -> int | None:
        """Return where the line ends if nothing but a comma and a comment follow a module in braces."""
        comma = re.compile(r"[ \t]*,").match(self.text, entry.end)
        rest = _IDLE_REST.match(self.text, comma.end()) if comma else None
        return rest.end() if rest and _ENDS_IN_BREAK.search(rest[0]) else None

    def _break(self, entry: _Entry) -> str:
        """Return how lines end here."""
        found = re.compile("\r\n|\n|\r").search(self.text, entry.start) or re.search("\r\n|\n|\r", self.text)
        return found[0] if found else "\n"

    def _bytes(self, text: str) -> bytes:
        return (self.mark + text).encode("utf-8")


def _entries(events: Iterator[Any]) -> Iterator[_Entry]:
    """Read the modules behind the start of their mapping."""
    for key in events:
        if isinstance(key, yaml.MappingEndEvent):
            return
        yield _Entry(getattr(key, "value", ""), key.start_mark.index, _walk(events, next(events)))


def _walk(events: Iterator[Any], event: Any) -> _Node:
    """Read the rest of a value whose first event is given."""
    if not isinstance(event, yaml.CollectionStartEvent):
        return _Node(event.end_mark.index, scalar_block=getattr(event, "style", None) in ("|", ">"))
    parts, last = _children(events)
    if event.flow_style:
        return _Node(last.end_mark.index, flow=True)
    node, column = parts[-1][0], parts[0][1]
    return _Node(
        node.end, child=-1 if isinstance(event, yaml.SequenceStartEvent) else column, scalar_block=node.scalar_block
    )


def _children(events: Iterator[Any]) -> tuple[list[tuple[_Node, int]], Any]:
    """Return the values of a collection with their columns, and the event that ends it."""
    parts: list[tuple[_Node, int]] = []
    for event in events:
        if isinstance(event, yaml.CollectionEndEvent):
            return parts, event
        parts.append((_walk(events, event), event.start_mark.column))
    raise AssertionError("the parser ends what it begins")


def _column(text: str, position: int) -> int:
    """Return how far the line of a position is indented."""
    start = max(text.rfind(mark, 0, position) + 1 for mark in "\n\r\x85\u2028\u2029")
    line = text[start:position]
    return len(line) - len(line.lstrip(" "))


def _rest(text: str, position: int) -> int:
    """Return where the line of a position ends, behind its line break."""
    found = _REST.match(text, position)
    return found.end() if found else len(text)


def _block_lines(indent: str, step: str, name: str, entry: Mapping[str, Any]) -> list[str]:
    lines = [f"{indent}{name}:"]
    for key, value in entry.items():
        if key == "settings":
            lines.append(f"{indent}{step}{key}:")
            lines += [f"{indent}{step}{step}{_scalar(name)}: {_flow(item)}" for name, item in value.items()]
        else:
            lines.append(f"{indent}{step}{key}: {_flow(value)}")
    return lines


def _flow(value: Any, *, quoted: bool = False) -> str:
    if isinstance(value, Mapping):
        parts = [f"{_scalar(key, quoted=quoted)}: {_flow(item, quoted=quoted)}" for key, item in value.items()]
        return "{" + ", ".join(parts) + "}"
    if isinstance(value, list | tuple):
        return "[" + ", ".join(_flow(item, quoted=quoted) for item in value) + "]"
    return _scalar(value, quoted=quoted)


def _scalar(value: Any, *, quoted: bool = False) -> str:
    if isinstance(value, float) and "e" in repr(value):
        digits, _, exponent = repr(value).partition("e")
        return f"{digits if '.' in digits else f'{digits}.0'}e{exponent}"
    if not isinstance(value, str):
        return json.dumps(value)
    if not quoted and _PLAIN.fullmatch(value) and value.casefold() not in _WORDS:
        return value
    text = json.dumps(value, ensure_ascii=False)
    return _UNPRINTABLE.sub(lambda found: f"\\u{ord(found[0]):04x}", text)
