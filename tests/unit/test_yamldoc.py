from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from tfgen.errors import SpecError, TfgenError
from tfgen.yamldoc import MAX_BYTES, KeyPath, load_document, parse_document


def problems_of(text: str | bytes) -> list[tuple[str, str, str]]:
    with pytest.raises(SpecError) as caught:
        parse_document(text.encode() if isinstance(text, str) else text, "s.yaml")
    return [(problem.where, problem.message, problem.hint) for problem in caught.value.problems]


def test_plain_values() -> None:
    text = 'a: 1\nb: [true, 1.5, text, null, "12"]\nc: {d: ~, e: 2026-11-23, f: -7}\n'
    assert parse_document(text.encode(), "s.yaml").value == {
        "a": 1,
        "b": [True, 1.5, "text", None, "12"],
        "c": {"d": None, "e": "2026-11-23", "f": -7},
    }


def test_an_empty_file_has_no_value() -> None:
    assert parse_document(b"", "s.yaml").value is None


def test_a_byte_order_mark_and_windows_line_ends_are_read() -> None:
    assert parse_document(b"\xef\xbb\xbfa: 1\r\nb: 2\r\n", "s.yaml").value == {"a": 1, "b": 2}


def test_places_of_values_and_keys() -> None:
    document = parse_document(b"a:\n  - x\n  - bee: 1\n", "s.yaml")
    assert document.place(("a", 1, "bee")) == "s.yaml:3:10"
    assert document.place(("a", 1, "bee"), key=True) == "s.yaml:3:5"
    assert document.place(("a", 1, "missing", "deeper")) == "s.yaml:3:5"


def test_a_problem_carries_its_place() -> None:
    problem = parse_document(b"a: 1\n", "s.yaml").problem("wrong", ("a",), hint="right")
    assert (problem.message, problem.where, problem.hint, problem.code) == ("wrong", "s.yaml:1:4", "right", "spec")


@pytest.mark.parametrize(
    ("text", "where", "message", "hint"),
    [
        ("a: 1\nb: 2\na: 3\n", "s.yaml:3:1", "the key 'a' stands twice", "the first is in line 1"),
        ("a: no\n", "s.yaml:1:4", "no is read as a boolean", 'write "no"'),
        ("a: 123456789012\n", "s.yaml:1:4", "the account id is not quoted", '"123456789012"'),
        ("a: 000000000000\n", "s.yaml:1:4", "the account id is not quoted", '"000000000000"'),
        ("a: 0777\n", "s.yaml:1:4", "read as another number", '"0777"'),
        ("a: 12:30:45\n", "s.yaml:1:4", "read as another number", '"12:30:45"'),
        ("a: 12:30.5\n", "s.yaml:1:4", "read as another number", '"12:30.5"'),
        ("a: 0x1F\n", "s.yaml:1:4", "read as another number", '"0x1F"'),
        ("a: 1_000\n", "s.yaml:1:4", "read as another number", '"1_000"'),
        ("a: .inf\n", "s.yaml:1:4", "read as another number", '".inf"'),
        ("a: .NaN\n", "s.yaml:1:4", "read as another number", '".NaN"'),
        ("a: 1.0e+999\n", "s.yaml:1:4", "read as another number", '"1.0e+999"'),
        ("a: !!python/object:os.system x\n", "s.yaml:1:4", "is not allowed", "plain value"),
        ("a: !thing {b: 1}\n", "s.yaml:1:4", "the tag !thing is not allowed", "plain value"),
        ("a: !!binary aGk=\n", "s.yaml:1:4", "is not allowed", "plain value"),
        ("a: &x {b: 1}\nc:\n  <<: *x\n", "s.yaml:3:3", "merge keys", "write the values out"),
        ("? [a, b]\n: 1\n", "s.yaml:1:3", "a key must be a plain word", ""),
        ("a:\n\tb: 1\n", "s.yaml:2:1", "a tab is used for indentation", "spaces"),
        ("a: [1, 2\n", "s.yaml:2:1", "not YAML", ""),
        ("a: 1\n---\nb: 2\n", "s.yaml:2:1", "not YAML", ""),
    ],
)
def test_traps_are_refused_with_their_place(text: str, where: str, message: str, hint: str) -> None:
    [(found_where, found_message, found_hint)] = problems_of(text)
    assert found_where == where
    assert message in found_message
    assert hint in found_hint


def test_a_number_of_thousands_of_digits_is_refused_not_converted() -> None:
    [(where, message, _)] = problems_of("a: " + "9" * 5000)
    assert where == "s.yaml:1:4"
    assert "another number" in message


def test_all_traps_at_once() -> None:
    assert [where for where, _, _ in problems_of("a: yes\nb: 0x1\na: 2\n")] == [
        "s.yaml:1:4",
        "s.yaml:2:4",
        "s.yaml:3:1",
    ]


def test_bytes_that_are_not_utf8_are_placed() -> None:
    [(where, message, hint)] = problems_of(b"a: 1\nname: caf\xe9\n")
    assert (where, message) == ("s.yaml:2:10", "the file is not UTF-8")
    assert hint


def test_control_characters_are_refused() -> None:
    [(where, message, _)] = problems_of(b"a: \x00\n")
    assert where.startswith("s.yaml")
    assert "not YAML" in message


@pytest.mark.parametrize(
    "bomb",
    [
        "a0: &a0 [x,x,x,x,x,x,x,x,x,x]\n"
        + "".join(f"a{n}: &a{n} [{','.join([f'*a{n - 1}'] * 10)}]\n" for n in range(1, 9)),
        "a: &a [*a]\n",
        "a: " + "[" * 60 + "]" * 60,
    ],
    ids=["anchors", "recursion", "depth"],
)
def test_what_expands_without_end_is_stopped(bomb: str) -> None:
    [(where, message, _)] = problems_of(bomb)
    assert where.startswith("s.yaml:")
    assert "too many values" in message


@pytest.mark.parametrize("opener", ["[", "{a: ", "- ", "? ", "-\\t"])
def test_nesting_that_would_exhaust_the_stack_is_refused(opener: str, tmp_path: Path) -> None:
    (tmp_path / "s.yaml").write_text("a:\n " + opener.replace("\\t", "\t") * 100_000)
    code = (
        "from pathlib import Path\nfrom tfgen.errors import SpecError\nfrom tfgen.yamldoc import load_document\n"
        "try:\n    load_document(Path('s.yaml'), 's.yaml')\nexcept SpecError as error:\n    print('refused')\n"
    )
    done = subprocess.run([sys.executable, "-c", code], cwd=tmp_path, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout) == (0, "refused\n"), done.stderr[-500:]


def test_many_shallow_lists_are_fine() -> None:
    text = "".join(f"k{n}: [{{a: 1}}]\n" for n in range(2_000))
    assert len(parse_document(text.encode(), "s.yaml").value) == 2_000


def test_a_large_file_is_refused_before_it_is_read(tmp_path: Path) -> None:
    path = tmp_path / "big.yaml"
    path.write_bytes(b"#" * (MAX_BYTES + 1))
    with pytest.raises(SpecError) as caught:
        load_document(path, "big.yaml")
    [problem] = caught.value.problems
    assert "1,000,001 bytes" in problem.message
    assert problem.hint


def test_a_missing_file_names_the_next_step(tmp_path: Path) -> None:
    with pytest.raises(TfgenError) as caught:
        load_document(tmp_path / "none.yaml", "config/none.yaml")
    assert (caught.value.where, caught.value.code) == ("config/none.yaml", "spec")
    assert "tfgen init" in caught.value.hint


def test_a_folder_in_the_files_place_is_explained(tmp_path: Path) -> None:
    with pytest.raises(TfgenError, match="cannot read the file"):
        load_document(tmp_path, "config")


_plain = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(10**11) + 1, 10**11 - 1)
    | st.text(max_size=12)
    | st.floats(allow_nan=False, allow_infinity=False),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner, max_size=4),
    max_leaves=12,
)


@settings(max_examples=60, deadline=None)
@given(_plain)
def test_what_json_writes_is_read_back(value: object) -> None:
    """JSON is YAML, but for what JSON may leave raw; so everything is escaped here."""
    text = yaml.dump(value, allow_unicode=False, default_style='"' if isinstance(value, str) else None)
    if isinstance(value, float) or "e+" in text or "e-" in text:
        return
    document = parse_document(text.encode(), "s.yaml")
    assert json.dumps(document.value, sort_keys=True) == json.dumps(value, sort_keys=True)


@settings(max_examples=60, deadline=None)
@given(st.dictionaries(st.from_regex(r"[a-z]{1,6}", fullmatch=True), st.integers(0, 99) | st.lists(st.integers(0, 9))))
def test_every_place_is_where_the_text_stands(value: dict[str, object]) -> None:
    raw = yaml.safe_dump(value, default_flow_style=False)
    lines = raw.splitlines()
    document = parse_document(raw.encode(), "s.yaml")
    for path, (line, column) in document.keys.items():
        assert lines[line - 1][column - 1 :].lstrip("'\"").startswith(str(path[-1]))
    for path, (line, column) in document.values.items():
        found = _at(value, path)
        if isinstance(found, int):
            assert lines[line - 1][column - 1 :] == str(found)


def _at(value: object, path: KeyPath) -> object:
    for step in path:
        value = value[step]  # type: ignore[index]
    return value
