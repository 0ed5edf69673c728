from __future__ import annotations

from typing import Any

import jsonschema
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tfgen.schema import Problem, check_schema, find_outputs, map_outputs, suggest, validate, with_defaults


def messages(value: Any, schema: dict[str, Any]) -> list[str]:
    return [problem.message for problem in validate(value, schema)]


@pytest.mark.parametrize(
    ("value", "schema", "message"),
    [
        (1, {"type": "string"}, "1 where text is wanted"),
        ("x", {"type": "integer"}, "the text 'x' where a whole number is wanted"),
        (True, {"type": "integer"}, "true where a whole number is wanted"),
        (1, {"type": "boolean"}, "1 where true or false is wanted"),
        (None, {"type": "object"}, "empty where a mapping is wanted"),
        ([], {"type": ["string", "object"]}, "a list where text or a mapping is wanted"),
        ("c", {"enum": ["a", "b"]}, "'c' is not one of the values"),
        (True, {"enum": [1]}, "True is not one of the values"),
        ({}, {"required": ["a"]}, "'a' is missing"),
        ({}, {"minProperties": 1}, "the mapping is empty"),
        ({"x": 1}, {"additionalProperties": False}, "unknown key 'x'"),
        ({"x": 1}, {"additionalProperties": {"type": "string"}}, "1 where text is wanted"),
        ([], {"minItems": 1}, "at least 1 items are wanted"),
        ([1, 2], {"maxItems": 1}, "at most 1 items are allowed"),
        (["a", "a"], {"uniqueItems": True}, "an item stands twice"),
        ([{"a": 1}, {"a": 1.0}], {"uniqueItems": True}, "an item stands twice"),
        ("", {"minLength": 1}, "the text is empty"),
        ("a", {"minLength": 2}, "at least 2 characters are wanted"),
        ("abc", {"maxLength": 2}, "at most 2 characters are allowed, these are 3"),
        ("B", {"pattern": "^[a-z]$"}, "'B' does not fit"),
        ("b\n", {"pattern": "^[a-z]$"}, "'b\\n' does not fit"),
        (1, {"minimum": 2}, "1 is less than 2"),
        (3, {"maximum": 2}, "3 is more than 2"),
    ],
)
def test_each_keyword_refuses(value: Any, schema: dict[str, Any], message: str) -> None:
    assert messages(value, schema) == [message]


@pytest.mark.parametrize(
    ("value", "schema"),
    [
        ([1, True], {"uniqueItems": True}),
        ({"free": 1}, {"properties": {"free": {}}, "additionalProperties": False}),
        ({"ab": 1}, {"patternProperties": {"^a": {}}, "additionalProperties": False}),
        ("text", {"type": ["string", "null"]}),
        (None, {"type": ["string", "null"]}),
        (7, {"pattern": "x", "minLength": 3}),
        ("b$", {"pattern": r"^b\$"}),
    ],
)
def test_what_fits_passes(value: Any, schema: dict[str, Any]) -> None:
    assert messages(value, schema) == []


@pytest.mark.parametrize(
    ("kind", "good", "bad"),
    [
        ("cidr", "10.0.0.0/16", "10.0.0.1/16"),
        ("cidr", "10.0.0.0/28", "10.0.0.0/8"),
        ("cidr", "192.168.0.0/20", "fd00::/64"),
        ("email", "reports@example.com", "reports@example"),
        ("email", "a+b@mail.example.org", "A <a@example.com>"),
        ("time-zone", "America/New_York", "America/Nowhere"),
        ("time-zone", "UTC", "../../etc/passwd"),
        ("arn", "arn:aws:iam::123456789012:role/x", "arn:iam"),
        ("aws-id", "vpc-0a1b2c3d", "vpc_1"),
    ],
)
def test_formats(kind: str, good: str, bad: str) -> None:
    schema = {"type": "string", "format": kind}
    assert messages(good, schema) == []
    [message] = messages(bad, schema)
    assert bad in message


def test_every_problem_has_its_path_and_whether_the_key_is_wrong() -> None:
    schema = {
        "type": "object",
        "additionalProperties": False,
        "properties": {"list": {"type": "array", "items": {"type": "integer"}}, "colour": {"type": "string"}},
    }
    assert list(validate({"list": [1, "x"], "color": "red"}, schema, ("modules",))) == [
        Problem(("modules", "list", 1), "the text 'x' where a whole number is wanted", "write a whole number: 3"),
        Problem(("modules", "color"), "unknown key 'color'", "did you mean 'colour'?", key=True),
    ]


def test_suggestions() -> None:
    assert suggest("blueprnt", ["blueprint", "settings"]) == "did you mean 'blueprint'?"
    assert suggest("zzz", ["a", "b"]) == "one of: a, b"
    assert suggest("zzz", []) == ""


def test_defaults_are_filled_at_every_depth_and_given_values_stay() -> None:
    schema = {
        "properties": {
            "a": {"default": 1},
            "deep": {"default": {}, "properties": {"b": {"default": [2]}, "c": {"default": 3}}},
            "none": {},
        }
    }
    assert with_defaults({}, schema) == {"a": 1, "deep": {"b": [2], "c": 3}}
    assert with_defaults({"deep": {"c": None}, "more": 1}, schema) == {
        "a": 1,
        "deep": {"b": [2], "c": None},
        "more": 1,
    }


@pytest.mark.parametrize(
    ("schema", "path", "message"),
    [
        ({"typ": "string"}, ("typ",), "unknown keyword 'typ'"),
        ({"const": 1}, ("const",), "unknown keyword 'const'"),
        ({"type": "str"}, ("type",), "'str' does not fit"),
        ({"format": "url"}, ("format",), "'url' is not one of the values"),
        ({"pattern": "("}, ("pattern",), "is not a regular expression"),
        ({"patternProperties": {"(": {}}}, ("patternProperties",), "is not a regular expression"),
        ({"minLength": "a"}, ("minLength",), "where a whole number is wanted"),
        ({"properties": ["a"]}, ("properties",), "where a mapping is wanted"),
        ({"properties": {"a": None}}, ("properties", "a"), "empty where a schema is wanted"),
        ({"properties": {"a": {"items": {"tipe": 1}}}}, ("properties", "a", "items", "tipe"), "unknown keyword"),
        ({"type": "integer", "default": "x"}, ("default",), "where a whole number is wanted"),
    ],
)
def test_a_schema_is_checked_itself(schema: dict[str, Any], path: tuple[str, ...], message: str) -> None:
    [problem] = check_schema(schema)
    assert problem.path == path
    assert message in problem.message


_scalars = st.none() | st.booleans() | st.integers(-3, 3) | st.sampled_from(["", "a", "ab", "abc", "B"])
_values = st.recursive(
    _scalars,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from("abcd"), inner, max_size=3),
    max_leaves=8,
)
_flat = {
    "type": st.sampled_from(["string", "integer", "number", "boolean", "array", "object", "null"])
    | st.just(["string", "object"]),
    "enum": st.lists(_values, min_size=1, max_size=3),
    "pattern": st.sampled_from(["^a", "b$", "^[a-z]*$", "."]),
    "minLength": st.integers(0, 3),
    "maxLength": st.integers(0, 3),
    "minimum": st.integers(-3, 3),
    "maximum": st.integers(-3, 3),
    "minItems": st.integers(0, 3),
    "maxItems": st.integers(0, 3),
    "uniqueItems": st.booleans(),
    "required": st.lists(st.sampled_from("abcd"), unique=True, max_size=2),
    "minProperties": st.integers(0, 2),
    "additionalProperties": st.booleans(),
}
_schemas = st.recursive(
    st.fixed_dictionaries({}, optional=_flat),
    lambda inner: st.fixed_dictionaries(
        {},
        optional={
            **_flat,
            "items": inner,
            "properties": st.dictionaries(st.sampled_from("abcd"), inner, max_size=3),
            "patternProperties": st.dictionaries(st.sampled_from(["^a", "[bc]"]), inner, max_size=2),
            "additionalProperties": inner | st.booleans(),
        },
    ),
    max_leaves=4,
)


@settings(max_examples=150, deadline=None)
@given(_values, _schemas)
def test_the_verdict_is_that_of_the_jsonschema_library(value: Any, schema: dict[str, Any]) -> None:
    assert not list(check_schema(schema))
    ours = not list(validate(value, schema))
    theirs = jsonschema.Draft202012Validator(schema).is_valid(value)
    assert ours == theirs


_OUTPUTS = {
    "properties": {
        "kind": {"enum": ["queue", "none"]},
        "queue": {"type": "string", "format": "output", "when": {"kind": ["queue"]}},
        "tables": {"type": "array", "items": {"type": "string", "format": "output"}},
        "alarms": {
            "patternProperties": {"^[a-z]+$": {"properties": {"of": {"format": "output"}, "limit": {"default": 1}}}}
        },
        "free": {"type": "string"},
    },
    "additionalProperties": {"type": "string", "format": "output"},
}  # fmt: skip


@pytest.mark.parametrize("text", ["storage.table_arn", "api-ingestion.api_id", "a1.b", ""])
def test_an_output_of_a_module_is_a_name_and_a_name(text: str) -> None:
    assert messages(text, {"format": "output"}) == []


@pytest.mark.parametrize(
    "text", ["storage", "storage.", ".arn", "02-storage.arn", "a.b.c", "a.b}", "${a.b}", "a-.b", "a.b\n"]
)
def test_anything_else_is_none(text: str) -> None:
    assert messages(text, {"format": "output"}) == [f"{text!r} is not an output of a module"]


def test_outputs_that_count_are_found_with_their_places() -> None:
    value = {
        "kind": "queue",
        "queue": "a.x",
        "tables": ["b.x", ""],
        "alarms": {"one": {"of": "c.x"}},
        "free": "d.x",
        "e": "e.x",
    }
    assert list(find_outputs(value, _OUTPUTS)) == [
        ("a.x", ("queue",)),
        ("b.x", ("tables", 0)),
        ("c.x", ("alarms", "one", "of")),
        ("e.x", ("e",)),
    ]
    assert next(find_outputs({**value, "kind": "none"}, _OUTPUTS)) == ("b.x", ("tables", 0))


def test_outputs_are_replaced_wherever_they_stand() -> None:
    value = {"queue": "a.x", "tables": ["b.x", ""], "alarms": {"one": {"of": "c.x", "limit": 2}}, "free": "d.x"}
    assert map_outputs(value, _OUTPUTS, str.upper) == {
        "queue": "A.X", "tables": ["B.X", ""], "alarms": {"one": {"of": "C.X", "limit": 2}}, "free": "d.x"
    }  # fmt: skip


def test_defaults_are_filled_in_below_names_of_the_users_own() -> None:
    assert with_defaults({"alarms": {"one": {}}}, _OUTPUTS) == {"alarms": {"one": {"limit": 1}}}
    free = {"additionalProperties": {"properties": {"a": {"default": 1}}}}
    assert with_defaults({"x": {}}, free) == {"x": {"a": 1}}


@pytest.mark.parametrize("when", [{}, {"kind": "queue"}, {"kind": []}, "queue"])
def test_a_condition_names_values_of_settings(when: Any) -> None:
    assert list(check_schema({"properties": {"a": {"when": when}}}))
