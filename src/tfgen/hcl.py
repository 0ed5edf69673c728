"""HCL as text: writing values so that no spec text can become code, and reading files with positions.

Escapes follow the HCL native syntax specification, "Template Expressions": inside quotes a
backslash escapes, and `${` and `%{` are written `$${` and `%%{`.
"""

from __future__ import annotations

import math
import re
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache, lru_cache
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from tree_sitter import Language, Node, Parser, Query

_IDENTIFIER = re.compile(r"[A-Za-z_][A-Za-z0-9_-]*")
_PLAIN = re.compile(r"[ !#$%&'()*+,./0-9:;<=>?@A-Z\[\]^_`a-z{|}~-]*")
_DOUBLED = re.compile(r"\$(?=\$\{)|%(?=%\{)")
_ESCAPES = {"\\": "\\\\", '"': '\\"', "\n": "\\n", "\r": "\\r", "\t": "\\t"}
_WIDTH = 100


class HclText(str):
    """Text that is HCL already and may be printed by a template as it stands."""

    __slots__ = ()


def quote(text: str) -> HclText:
    """Return `text` as a quoted HCL string that evaluates to exactly `text`."""
    return HclText(f'"{escape(text)}"')


def escape(text: str) -> HclText:
    """Return `text` escaped for the inside of a quoted HCL string.

    Control characters and the Unicode characters that change reading direction or end a line
    are written as escapes, so that what a reviewer sees is what Terraform reads.
    """
    plain = _PLAIN.fullmatch(text) is not None
    escaped = text if plain else "".join(_escape_character(character) for character in text)
    # `$$${` is what the specification asks for where a dollar sign comes first, and what some readers stumble over.
    escaped = _DOUBLED.sub(lambda match: f"\\u{ord(match[0]):04x}", escaped)
    return HclText(escaped.replace("${", "$${").replace("%{", "%%{"))


def to_hcl(value: Any, indent: int = 0) -> HclText:
    """Write a plain value as an HCL expression, laid out as `terraform fmt` would.

    Args:
        value: None, bool, int, float, str, or lists and mappings of them; HCL that was written already stays as it is.
        indent: Spaces before continuation lines of an expression that needs several.

    Raises:
        TypeError: The value is of another type, or not a finite number.
    """
    if value is None:
        return HclText("null")
    if isinstance(value, bool):
        return HclText("true" if value else "false")
    if isinstance(value, int) or (isinstance(value, float) and math.isfinite(value)):
        return HclText(repr(value))
    if isinstance(value, HclText):
        return value
    if isinstance(value, str):
        return quote(value)
    if isinstance(value, Mapping):
        return _object(value, indent)
    if isinstance(value, Sequence) and not isinstance(value, bytes):
        return _tuple(value, indent)
    raise TypeError(f"{type(value).__name__} has no HCL form")


def is_identifier(text: str) -> bool:
    """True if `text` is an HCL identifier (ASCII letters, digits, `_` and `-`)."""
    return bool(_IDENTIFIER.fullmatch(text))


def _escape_character(character: str) -> str:
    if character in _ESCAPES:
        return _ESCAPES[character]
    code = ord(character)
    if 0x20 <= code < 0x7F or (character.isprintable() and not 0xD800 <= code <= 0xDFFF):
        return character
    return f"\\u{code:04x}" if code <= 0xFFFF else f"\\U{code:08x}"


def _tuple(values: Sequence[Any], indent: int) -> HclText:
    if not values:
        return HclText("[]")
    items = [to_hcl(value, indent + 2) for value in values]
    flat = f"[{', '.join(items)}]"
    if "\n" not in flat and len(flat) <= _WIDTH:
        return HclText(flat)
    pad = " " * (indent + 2)
    return HclText("[\n" + "".join(f"{pad}{item},\n" for item in items) + " " * indent + "]")


def _object(values: Mapping[str, Any], indent: int) -> HclText:
    if not values:
        return HclText("{}")
    # A bare `for` would begin a for expression (HCL native syntax specification, "Collection Values").
    keys = [key if is_identifier(key) and key != "for" else quote(key) for key in values]
    items = [to_hcl(value, indent + 2) for value in values.values()]
    pad = " " * (indent + 2)
    lines = []
    for run in _aligned_runs(keys, items):
        width = max(len(key) for key, _ in run)
        lines += [f"{pad}{key.ljust(width)} = {item}\n" for key, item in run]
    return HclText("{\n" + "".join(lines) + " " * indent + "}")


def _aligned_runs(keys: Sequence[str], items: Sequence[str]) -> Iterator[list[tuple[str, str]]]:
    """Group attributes as `terraform fmt` aligns them: a value of several lines ends a group."""
    run: list[tuple[str, str]] = []
    for key, item in zip(keys, items, strict=True):
        if "\n" in item:
            if run:
                yield run
            run = []
            yield [(key, item)]
        else:
            run.append((key, item))
    if run:
        yield run


@dataclass(frozen=True)
class Traversal:
    """A reference such as `local.storage.orders_table_name` in a file.

    Attributes:
        parts: Its names, index steps excluded: `("local", "storage", "orders_table_name")`.
        line: Line of its first character, from 1.
        column: Column of its first character, from 1.
        start: Offset of its first byte.
        ends: For each part, the offset behind it.
    """

    parts: tuple[str, ...]
    line: int
    column: int
    start: int = field(default=0, compare=False)
    ends: tuple[int, ...] = field(default=(), compare=False)


@dataclass(frozen=True)
class Block:
    """A block of an HCL file.

    Attributes:
        type: `resource`, `output`, …
        labels: Its labels without quotes.
        attributes: Source text of each attribute's expression.
        blocks: The blocks inside it.
        line: Line of its first character, from 1.
        start: Offset of its first byte.
        end: Offset behind its last byte.
    """

    type: str
    labels: tuple[str, ...]
    attributes: Mapping[str, str]
    blocks: tuple[Block, ...]
    line: int
    start: int = field(default=0, compare=False)
    end: int = field(default=0, compare=False)


@lru_cache(maxsize=256)
def read_blocks(source: bytes) -> tuple[Block, ...]:
    """Read the top-level blocks of an HCL file; broken parts are passed over.

    Modules of one blueprint have many a file in common, and each is read more than once: the last ones are remembered.
    """
    return tuple(_blocks_in(_parse(source)))


def read_attributes(source: bytes) -> Mapping[str, tuple[str, int]]:
    """Read the top-level attributes of an HCL file: name → source text of the expression, and its line."""
    found: dict[str, tuple[str, int]] = {}
    for child in _parse(source).children:
        if child.type == "body":
            for item in child.children:
                if item.type == "attribute" and len(item.children) >= 3:
                    found[_text(item.children[0])] = _text(item.children[2]), item.start_point[0] + 1
    return found


def has_errors(source: bytes) -> bool:
    """True if a part of an HCL file cannot be read."""
    return _parse(source).has_error


def find_traversals(source: bytes, root: str) -> tuple[Traversal, ...]:
    """Find every reference in an HCL file that begins with `root`, in file order."""
    found = [_traversal(node) for node in _variables(_parse(source)) if _text(node) == root]
    return tuple(sorted(found, key=lambda item: item.start))


def read_traversals(source: bytes, root: str, names: Collection[str]) -> tuple[Traversal, ...]:
    """Find every reference in an HCL file that begins with `root` and one of `names`, in file order.

    Args:
        source: The file.
        root: First name of the references, `local`.
        names: What may come second; a file that mentions none of them is not parsed.
    """
    mentioned = re.findall(rb"\b%b\s*[.\[]\s*\"?([\w-]+)" % root.encode(), source)
    if not {name.decode() for name in mentioned} & set(names):
        return ()
    found = [_traversal(node) for node in _variables(_parse(source)) if _text(node) == root]
    kept = [item for item in found if len(item.parts) > 1 and item.parts[1] in names]
    return tuple(sorted(kept, key=lambda item: (item.line, item.column)))


@dataclass(frozen=True)
class RemoteState:
    """A `terraform_remote_state` block.

    Attributes:
        label: Its name.
        key: Key of the state object that it reads, if that is written as a literal.
        line: Line of its first character, from 1.
    """

    label: str
    key: str
    line: int


def read_remote_states(source: bytes) -> tuple[RemoteState, ...]:
    """Find the `terraform_remote_state` blocks of an HCL file, in file order."""
    if b"terraform_remote_state" not in source:
        return ()
    return tuple(
        RemoteState(block.labels[1], _literal_key(block.attributes.get("config", "")), block.line)
        for block in read_blocks(source)
        if block.type == "data" and len(block.labels) == 2 and block.labels[0] == "terraform_remote_state"
    )


def _literal_key(config: str) -> str:
    match = re.search(r'(?m)(?:^|[{,])\s*"?key"?\s*[=:]\s*("(?:[^"\\]|\\.)*")\s*(?:[,}#/]|$)', config)
    return (unquote(match[1]) or "") if match else ""


def unquote(expression: str) -> str | None:
    """Return the value of a quoted string without interpolation, or None for anything else."""
    match = re.fullmatch(r'"((?:[^"\\$%]|\\.|[$%](?!\{))*)"', expression, re.DOTALL)
    if match is None:
        return None
    return re.sub(r"\\(.)", lambda escaped: {"n": "\n", "t": "\t"}.get(escaped[1], escaped[1]), match[1])


@cache
def _language() -> Language:
    import tree_sitter_hcl
    from tree_sitter import Language

    return Language(tree_sitter_hcl.language())


@cache
def _parser() -> Parser:
    from tree_sitter import Parser

    return Parser(_language())


@cache
def _variable_query() -> Query:
    from tree_sitter import Query

    return Query(_language(), "(variable_expr) @variable")


def _parse(source: bytes) -> Node:
    return _parser().parse(source).root_node


def _text(node: Node) -> str:
    return (node.text or b"").decode("utf-8", "replace")


def _variables(node: Node) -> Sequence[Node]:
    from tree_sitter import QueryCursor

    return QueryCursor(_variable_query()).captures(node).get("variable", ())


def _traversal(node: Node) -> Traversal:
    parts, ends = [_text(node)], [node.end_byte]
    sibling = node.next_sibling
    while sibling is not None and sibling.type in ("get_attr", "index"):
        if sibling.type == "get_attr":
            parts.append(_text(sibling).lstrip("."))
        else:
            name = unquote(_text(sibling).strip("[] \n"))
            if name is None:
                break
            parts.append(name)
        ends.append(sibling.end_byte)
        sibling = sibling.next_sibling
    place = node.start_point
    return Traversal(tuple(parts), place[0] + 1, place[1] + 1, node.start_byte, tuple(ends))


def _blocks_in(node: Node) -> Iterator[Block]:
    for child in node.children:
        if child.type in ("body", "config_file"):
            yield from _blocks_in(child)
        elif child.type == "block":
            yield _block(child)


def _block(node: Node) -> Block:
    names = [_text(child) for child in node.children if child.type in ("identifier", "string_lit")]
    attributes: dict[str, str] = {}
    for child in node.children:
        if child.type == "body":
            attributes.update(_attributes(child))
    labels = tuple(name.strip('"') for name in names[1:])
    return Block(
        names[0], labels, attributes, tuple(_blocks_in(node)), node.start_point[0] + 1, node.start_byte, node.end_byte
    )


def _attributes(body: Node) -> Iterator[tuple[str, str]]:
    for child in body.children:
        if child.type == "attribute" and len(child.children) >= 3:
            yield _text(child.children[0]), _text(child.children[2])
