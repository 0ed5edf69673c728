from __future__ import annotations

import math
import re
from typing import Any

import hcl2
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from tfgen.hcl import (
    HclText,
    escape,
    is_identifier,
    quote,
    read_blocks,
    read_remote_states,
    read_traversals,
    to_hcl,
    unquote,
)

_ESCAPED = re.compile(r"\\(?:n|r|t|\"|\\|u[0-9a-f]{4}|U[0-9a-f]{8})|\$\$\{|%%\{", re.DOTALL)
_NAMED = {r"\n": "\n", r"\r": "\r", r"\t": "\t", r"\"": '"', r"\\": "\\", "$${": "${", "%%{": "%{"}


def evaluate(literal: str) -> str:
    """Read a quoted HCL string as the language defines it (HCL native syntax, "Template Expressions")."""
    assert literal[:1] == literal[-1:] == '"'
    inner = literal[1:-1]
    assert not re.search(r'(?<!\\)(?:\\\\)*"', inner), "an unescaped quote"

    def value(found: re.Match[str]) -> str:
        return _NAMED.get(found[0]) or chr(int(found[0][2:], 16))

    rest = _ESCAPED.sub(".", inner)
    assert "${" not in rest, "a live interpolation"
    assert "%{" not in rest, "a live directive"
    return _ESCAPED.sub(value, inner)


_texts = st.text(
    st.one_of(st.sampled_from('${}%"\\\n\r\t#/*'), st.characters()),
    max_size=20,
)


@settings(max_examples=200, deadline=None)
@given(_texts)
@example("${aws_iam_role.x.arn}")
@example("$${a}")
@example("%{ if true }")
@example('\\"')
@example("\u202eevil\u2066")
@example("\x00\x7f\x85\u2028\ufeff\U000e0001")
def test_a_quoted_text_is_exactly_that_text_and_never_code(text: str) -> None:
    literal = quote(text)
    assert evaluate(literal) == text
    assert literal.isprintable(), "what a reviewer sees is what terraform reads"


@settings(max_examples=60, deadline=None)
@given(_texts)
def test_a_quoted_text_is_one_string_to_the_parser(text: str) -> None:
    [block] = read_blocks(f'output "x" {{\n  value = {quote(text)}\n}}\n'.encode())
    assert block.attributes == {"value": str(quote(text))}


_keys = st.text(max_size=6) | st.sampled_from(["plain", "a-b", "a\n", "1a", "${x}", ""])
_values = st.recursive(
    st.none() | st.booleans() | st.integers(-(10**12), 10**12) | st.text('ab${}"\\\n', max_size=6),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(_keys, inner, max_size=4),
    max_leaves=12,
)


@settings(max_examples=100, deadline=None)
@given(_values)
@example({"a\n": 1})
@example({"x": {"y": []}, "long": ["a" * 60, "b" * 60]})
def test_nested_values_keep_their_shape(value: Any) -> None:
    assert _read(to_hcl(value)) == value


def _read(text: str) -> Any:
    """A reader of exactly what `to_hcl` may write, written from the grammar."""
    value, rest = _read_value(text)
    assert rest == ""
    return value


_STRING = re.compile(r'"(?:[^"\\]|\\.)*"')


def _read_value(text: str) -> tuple[Any, str]:
    if text.startswith("["):
        return _read_items(text[1:].lstrip(), "]", [])
    if text.startswith("{"):
        return _read_items(text[1:].lstrip(), "}", {})
    if found := _STRING.match(text):
        return evaluate(found[0]), text[found.end() :]
    found = re.match(r"[-+.\w]+", text)
    assert found
    known = {"null": None, "true": True, "false": False}
    return known[found[0]] if found[0] in known else int(found[0]), text[found.end() :]


def _read_items(text: str, end: str, into: Any) -> tuple[Any, str]:
    while not text.startswith(end):
        if isinstance(into, dict):
            found = _STRING.match(text) or re.match(r"[A-Za-z_][A-Za-z0-9_-]*", text)
            assert found, text
            key = evaluate(found[0]) if found[0].startswith('"') else found[0]
            text = text[found.end() :].lstrip(" ")
            assert text.startswith("= ")
            into[key], text = _read_value(text[2:])
            assert text.startswith("\n"), "an attribute ends its line"
        else:
            item, text = _read_value(text)
            into.append(item)
        text = text.lstrip(" \n,")
    return into, text[1:]


def test_python_hcl2_reads_the_same_values() -> None:
    value = {"name": "a", "list": [1, 2], "deep": {"on": True, "none": None}}
    read = hcl2.loads(f"x = {to_hcl(value)}\n")
    assert str(read["x"]["name"]).strip('"') == "a"
    assert read["x"]["list"] == [1, 2]
    assert read["x"]["deep"]["on"] is True


def test_a_key_that_would_begin_a_for_expression_is_quoted() -> None:
    assert to_hcl({"for": 1, "format": 2}) == '{\n  "for"  = 1\n  format = 2\n}'


def test_layout_is_that_of_terraform_fmt() -> None:
    value = {"a": 1, "long_name": "x", "list": ["v" * 60, "w" * 60], "z": True, "empty": {}, "none": []}
    assert to_hcl(value, 2) == (
        "{\n"
        "    a         = 1\n"
        '    long_name = "x"\n'
        "    list = [\n"
        f'      "{"v" * 60}",\n'
        f'      "{"w" * 60}",\n'
        "    ]\n"
        "    z     = true\n"
        "    empty = {}\n"
        "    none  = []\n"
        "  }"
    )


@pytest.mark.parametrize("value", [object(), {1, 2}, b"x"])
def test_what_has_no_hcl_form_is_refused(value: Any) -> None:
    with pytest.raises(TypeError, match="has no HCL form"):
        to_hcl(value)


@pytest.mark.parametrize("value", [math.inf, -math.inf, math.nan])
def test_numbers_that_hcl_does_not_know_are_refused(value: float) -> None:
    with pytest.raises(TypeError, match="has no HCL form"):
        to_hcl(value)


def test_escaping_for_a_comment_or_a_string_keeps_one_line() -> None:
    assert escape('a\n"b" ${c}') == 'a\\n\\"b\\" $${c}'
    assert isinstance(escape(""), HclText)


def test_identifiers() -> None:
    assert all(map(is_identifier, ["a", "_a", "a-b", "A1"]))
    assert not any(map(is_identifier, ["", "1a", "a b", "a\n", "ä", "a.b"]))


SOURCE = b"""\
# local.commented.out
locals {
  x = local.storage.table_name
  y = "${local.storage["table_arn"]}-${local.api_ingestion.api_id}"
}

resource "aws_x" "y" {
  name = join(",", [for k in local.storage.names : k])
  deep {
    a = local.storage.nested.inner[0].more
    b = other.local.storage.no
    local = 1
  }
}
"""


def test_references_are_found_with_their_places() -> None:
    found = read_traversals(SOURCE, "local", ["storage", "api_ingestion"])
    assert [(".".join(item.parts), item.line, item.column) for item in found] == [
        ("local.storage.table_name", 3, 7),
        ("local.storage.table_arn", 4, 10),
        ("local.api_ingestion.api_id", 4, 40),
        ("local.storage.names", 8, 30),
        ("local.storage.nested.inner", 10, 9),
    ]


def test_references_to_other_names_are_left_out() -> None:
    assert [item.parts[1] for item in read_traversals(SOURCE, "local", ["api_ingestion"])] == ["api_ingestion"]
    assert read_traversals(SOURCE, "local", ["elsewhere"]) == ()


def test_blocks_are_read_with_labels_attributes_and_inner_blocks() -> None:
    locals_, resource = read_blocks(SOURCE)
    assert (locals_.type, locals_.labels, locals_.line) == ("locals", (), 2)
    assert locals_.attributes["x"] == "local.storage.table_name"
    assert (resource.type, resource.labels) == ("resource", ("aws_x", "y"))
    [deep] = resource.blocks
    assert deep.type == "deep"
    assert deep.attributes["local"] == "1"


def test_a_broken_file_still_gives_its_other_blocks() -> None:
    types = [block.type for block in read_blocks(b'output "a" {\n  value = 1\n}\nresource "x" {{{\n')]
    assert "output" in types


@pytest.mark.parametrize(
    ("expression", "value"),
    [
        ('"plain"', "plain"),
        (r'"a \"quoted\" word\n"', 'a "quoted" word\n'),
        ('"costs 5$ or 5%"', "costs 5$ or 5%"),
        ('"${var.x}"', None),
        ("var.x", None),
        ('"a" + "b"', None),
    ],
)
def test_unquoting(expression: str, value: str | None) -> None:
    assert unquote(expression) == value


@pytest.mark.parametrize(
    ("config", "key"),
    [
        ('{\n    bucket = "b"\n    key    = "02-store/terraform.tfstate"\n  }', "02-store/terraform.tfstate"),
        ('{ bucket = "b", key = "02-store/terraform.tfstate" }', "02-store/terraform.tfstate"),
        ('{key="a", region="r"}', "a"),
        ('{\n  "key" : "a" # why\n}', "a"),
        ('{\n  key = "${var.x}/terraform.tfstate"\n}', ""),
        ('{\n  monkey = "a"\n}', ""),
        ('{\n  key = join("/", ["a"])\n}', ""),
    ],
)
def test_a_remote_state_block_tells_its_key_if_that_is_literal(config: str, key: str) -> None:
    source = f'data "terraform_remote_state" "store" {{\n  backend = "s3"\n  config = {config}\n}}\n'
    [state] = read_remote_states(source.encode())
    assert (state.label, state.key, state.line) == ("store", key, 1)
