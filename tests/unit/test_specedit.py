"""Adding and removing a module in the user's own YAML: one run of bytes, everything else as it was."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from tfgen.errors import TfgenError
from tfgen.specedit import find_comment_above, insert_module, remove_module
from tfgen.yamldoc import parse_document

ENTRY = {
    "blueprint": "queue",
    "reads": ["02-storage"],
    "settings": {"fifo": True, "name": "no", "account": "123456789012", "rate": {"burst": 2, "cron": "cron(* ? *)"}},
}


def value(raw: bytes) -> Any:
    return parse_document(raw, "spec").value


def added(raw: bytes, name: str = "07-invoices", entry: dict[str, Any] | None = None) -> str:
    return insert_module(raw, name, entry or {"blueprint": "queue"}, "spec").decode()


def check_inverse(raw: bytes, name: str, entry: dict[str, Any]) -> None:
    """The promise: one run of bytes more, the value asked for, and back again."""
    before = value(raw)
    new = insert_module(raw, name, entry, "spec")
    length = len(new) - len(raw)
    assert length > 0
    assert any(new[:start] + new[start + length :] == raw for start in range(len(raw) + 1))
    assert value(new) == {**before, "modules": {**before["modules"], name: entry}}
    assert remove_module(new, name, "spec") == raw


BLOCK = """\
version: 1
modules:
  backend-config:
    blueprint: backend-config
  00-foundation:
    blueprint: foundation  # the network
    settings:
      cidr: 10.0.0.0/16
    # zones: 3

  # what reads the network
  01-iam: {blueprint: iam}
"""


def test_a_module_goes_behind_the_one_before_it_in_its_manner() -> None:
    assert added(BLOCK.encode()) == BLOCK + "\n  07-invoices: {blueprint: queue}\n"


def test_a_comment_that_belongs_to_the_module_before_stays_with_it() -> None:
    text = BLOCK.replace("01-iam", "08-iam")
    old, new = "    # zones: 3\n", "    # zones: 3\n  07-invoices:\n    blueprint: queue\n"
    assert added(text.encode()) == text.replace(old, new)


def test_settings_stand_under_each_other_with_the_neighbours_indentation() -> None:
    text = "modules:\n    00-a:\n       blueprint: a\n# the end\n"
    assert added(text.encode(), entry=ENTRY) == (
        "modules:\n"
        "    00-a:\n"
        "       blueprint: a\n"
        "    07-invoices:\n"
        "       blueprint: queue\n"
        "       reads: [02-storage]\n"
        "       settings:\n"
        "          fifo: true\n"
        '          name: "no"\n'
        '          account: "123456789012"\n'
        '          rate: {burst: 2, cron: "cron(* ? *)"}\n'
        "# the end\n"
    )


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("modules: {00-a: {blueprint: a}}\n", "modules: {00-a: {blueprint: a}, 07-invoices: {blueprint: queue}}\n"),
        (
            "modules: {08-a: {blueprint: a}} # all\n",
            "modules: {07-invoices: {blueprint: queue}, 08-a: {blueprint: a}} # all\n",
        ),
        (
            "modules: {\n  00-a: {blueprint: a}, # first\n  08-b: {blueprint: b},\n}\n",
            "modules: {\n  00-a: {blueprint: a}, # first\n"
            "  07-invoices: {blueprint: queue},\n  08-b: {blueprint: b},\n}\n",
        ),
        (
            "modules: {\n  00-a: {blueprint: a}\n}\n",
            "modules: {\n  00-a: {blueprint: a},\n  07-invoices: {blueprint: queue}\n}\n",
        ),
        (
            '{"modules": {"00-a": {"blueprint": "a"}}}',
            '{"modules": {"00-a": {"blueprint": "a"}, "07-invoices": {"blueprint": "queue"}}}',
        ),
        ("modules:\r\n  00-a:\r\n    blueprint: a\r\n", None),
        ("modules:\n  00-a: {blueprint: a}", "modules:\n  00-a: {blueprint: a}\n  07-invoices: {blueprint: queue}"),
        ("modules:\n  # first\n  08-a: {blueprint: a}\n", None),
        ("\ufeffmodules:\n  00-a: {blueprint: a}\nowner: x\n", None),
        ("modules:\n  00-a: &a {blueprint: a}\n  01-b: *a\nowner: x\n", None),
        ("modules:\n  00-a:\n    blueprint: a\n    text: |\n      one\n\n      two\n\n# end\n", None),
        ("modules:\n  00-a:\n    blueprint: a\n    text: |+\n      one\n\n\nowner: x\n", None),
        ("modules:\n  00-a:\n    blueprint: a\n...\n", None),
        ("---\nmodules: # all of them\n  00-a:\n    blueprint:\n      a\n", None),
    ],
)
def test_every_layout_is_kept(before: str, after: str | None) -> None:
    if after is not None:
        assert added(before.encode()) == after
    check_inverse(before.encode(), "07-invoices", ENTRY)


def test_line_ends_are_the_neighbours() -> None:
    assert added(b"modules:\r\n  00-a:\r\n    blueprint: a\r\n") == (
        "modules:\r\n  00-a:\r\n    blueprint: a\r\n  07-invoices:\r\n    blueprint: queue\r\n"
    )


@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
def test_a_blank_line_comes_before_it_only_where_others_have_one(end: str) -> None:
    dense = "modules:\n  00-a: {blueprint: a}\n  01-b: {blueprint: b}\n".replace("\n", end)
    new = "  07-invoices: {blueprint: queue}" + end
    assert added(dense.encode()) == dense + new
    airy = dense.replace("  01", end + "  01")
    assert added(airy.encode()) == airy + end + new


def test_numbers_are_compared_as_numbers() -> None:
    text = "modules:\n  99-a: {blueprint: a}\n  1000-b: {blueprint: b}\n"
    assert added(text.encode(), "100-c") == (
        "modules:\n  99-a: {blueprint: a}\n  100-c: {blueprint: queue}\n  1000-b: {blueprint: b}\n"
    )


def test_a_layout_that_cannot_be_added_to_is_said_with_the_lines_to_write() -> None:
    with pytest.raises(TfgenError) as caught:
        insert_module(b"all: &m {00-a: {blueprint: a}}\nmodules: *m\n", "07-x", {"blueprint": "queue"}, "spec")
    assert "cannot be added" in caught.value.message
    assert "  07-x:\n        blueprint: queue" in caught.value.hint


def test_a_module_whose_anchor_is_used_elsewhere_is_not_taken_out() -> None:
    text = b"modules:\n  00-a: &a {blueprint: a}\n  01-b: *a\n"
    with pytest.raises(TfgenError, match="cannot be taken out"):
        remove_module(text, "00-a", "spec")
    assert remove_module(text, "01-b", "spec") == b"modules:\n  00-a: &a {blueprint: a}\n"


def test_a_module_written_by_hand_goes_with_its_own_lines_only() -> None:
    text = BLOCK.replace("# what", "# 00 before\n  # what")
    assert remove_module(text.encode(), "00-foundation", "spec").decode() == text.replace(
        "  00-foundation:\n    blueprint: foundation  # the network\n    settings:\n"
        "      cidr: 10.0.0.0/16\n    # zones: 3\n",
        "",
    )
    assert find_comment_above(text.encode(), "01-iam") == 11
    assert find_comment_above(text.encode(), "00-foundation") is None


# any layout

_COMMENTS = st.sampled_from(["# plain", "#", "#: {not: yaml", "# ünï — 漢字 🙂", "#\tx"])
_BLANKS = st.sampled_from(["", "", "", "  ", " "])
_VALUES = st.sampled_from(
    [
        "blueprint: a",
        'blueprint: "a"',
        "blueprint: 'it''s'",
        "settings: {a: 1, b: [x, y]}",
        "settings: {a: 1,\n{i}   b: 2}",
        "settings:\n{i}{s}a: 1\n{i}{s}b:\n{i}{s}{s}- x\n{i}{s}{s}- {y: z}",
        "settings:\n{i}{s}a: |\n{i}{s}{s}one\n\n{i}{s}{s}# two\n",
        "settings:\n{i}{s}a: >-\n{i}{s}{s}one\n",
        "settings:\n{i}{s}a: |+\n{i}{s}{s}one\n\n",
        "settings: *x",
        "reads: [b, # why\n{i}  c]",
        "note: two\n{i}{s}lines",
        "empty:",
        'text: "a\\\n{i}{s}b"',
        "reads:\n{i}- b\n{i}- c",
    ]
)
_NAMES = st.lists(st.integers(0, 9999), min_size=1, max_size=6, unique=True)
_FLOW_VALUES = st.sampled_from(
    ["{blueprint: a}", "{ blueprint: a , settings: {b: [1, 2]} }", "*x", '{"blueprint": "a"}']
)


@st.composite
def block_layouts(draw: st.DrawFn) -> str:
    """A modules mapping in block style, with comments and blank lines wherever YAML allows them."""
    indent, step = " " * draw(st.integers(1, 5)), " " * draw(st.integers(1, 4))
    lines: list[str] = []

    def idle(deepest: str) -> None:
        for _ in range(draw(st.integers(0, 2))):
            if draw(st.booleans()):
                lines.append(draw(st.sampled_from(["", indent, deepest, deepest + " "])) + draw(_COMMENTS))
            else:
                lines.append(draw(_BLANKS))

    for number in draw(_NAMES):
        idle(indent + step)
        key = f"{indent}{number:02d}-{draw(st.sampled_from(['a', 'bc', 'd-e']))}{number}:"
        ending = draw(st.sampled_from(["", "  ", " # note"]))
        if draw(st.booleans()):
            lines.append(f"{key} {draw(_FLOW_VALUES)}{ending}")
            continue
        lines.append(key + ending)
        inner = indent + step
        for part in draw(st.lists(_VALUES, min_size=1, max_size=3, unique_by=lambda text: text.split(":")[0])):
            lines.append(inner + part.replace("{i}", inner).replace("{s}", step))
            if draw(st.booleans()):
                lines.append(f"{inner}{draw(_COMMENTS)}")
    idle(indent + step)
    return "modules:" + draw(st.sampled_from(["", " ", " # all"])) + "\n" + "\n".join(lines)


@st.composite
def flow_layouts(draw: st.DrawFn) -> str:
    """A modules mapping in braces, on one line or on several."""
    names = [f"{number:02d}-m{number}" for number in draw(_NAMES)]
    parts = [f"{name}: {draw(_FLOW_VALUES)}" for name in names]
    between = draw(st.sampled_from([", ", ",", " , ", ",\n  ", ", # why\n    ", "\n  , "]))
    opening = draw(st.sampled_from(["{", "{ ", "{\n  ", "{ # all\n    "]))
    closing = draw(st.sampled_from(["}", " }", "\n}", ",\n}", ", # last\n}", ", }"]))
    return f"modules: {opening}{between.join(parts)}{closing}{draw(st.sampled_from(['', ' # end']))}"


@st.composite
def layouts(draw: st.DrawFn) -> bytes:
    head = ["version: 1", "base: &x {blueprint: a}"]
    modules = draw(st.one_of(block_layouts(), flow_layouts()))
    tail = draw(st.lists(st.sampled_from(["", "# tail", "  # tail", "owner: x", "..."]), max_size=3, unique=True))
    text = "\n".join([*head, modules, *tail]) + draw(st.sampled_from(["", "\n", "\n\n"]))
    text = text.replace("\n", draw(st.sampled_from(["\n", "\r\n", "\r"])))
    return (draw(st.sampled_from(["", "\ufeff"])) + text).encode()


_TEXTS = st.text(max_size=8)
_PLAIN_VALUES = st.recursive(
    st.one_of(st.booleans(), st.integers(-(10**6), 10**6), st.floats(allow_nan=False, allow_infinity=False), _TEXTS),
    lambda inner: st.one_of(
        st.lists(inner, max_size=3), st.dictionaries(st.text(min_size=1, max_size=5), inner, max_size=3)
    ),
    max_leaves=6,
)
_ENTRIES = st.fixed_dictionaries(
    {"blueprint": st.just("queue")},
    optional={
        "reads": st.lists(st.from_regex(r"[a-z]{1,5}-[a-z0-9]{1,5}", fullmatch=True), min_size=1, max_size=3),
        "settings": st.dictionaries(
            st.from_regex(r"[a-z]{1,6}", fullmatch=True), _PLAIN_VALUES, min_size=1, max_size=3
        ),
    },
)


@given(layouts(), st.integers(0, 9999), _ENTRIES)
@settings(max_examples=150, deadline=None)
@example(b"modules:\n 00-a: {blueprint: a}\n\n 02-b: {blueprint: b}\n   # deep\n", 1, {"blueprint": "queue"})
def test_what_is_inserted_is_one_run_of_bytes_and_taking_it_out_gives_the_file_back(
    raw: bytes, number: int, entry: dict[str, Any]
) -> None:
    try:
        value(raw)
    except TfgenError:
        return  # not YAML, or a trap: refused before anything is added
    check_inverse(raw, f"{number:02d}-new-one", entry)
