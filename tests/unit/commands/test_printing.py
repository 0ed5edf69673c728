from __future__ import annotations

import json
from dataclasses import replace

import pytest

from tfgen.commands import _output
from tfgen.errors import SpecError, TfgenError
from tfgen.settings import Settings, read_settings


@pytest.fixture
def settings() -> Settings:
    return read_settings({}, {})


def test_answers_go_to_standard_output_and_the_rest_to_the_other(
    settings: Settings, capsys: pytest.CaptureFixture[str]
) -> None:
    _output.answer("a")
    _output.note(settings, "n")
    _output.warn(settings, "w")
    assert capsys.readouterr() == ("a\n", "n\nwarning: w\n")


def test_quiet_keeps_warnings(settings: Settings, capsys: pytest.CaptureFixture[str]) -> None:
    quiet = replace(settings, quiet=True)
    _output.note(quiet, "n")
    _output.warn(quiet, "w")
    assert capsys.readouterr() == ("", "warning: w\n")


def test_documents_have_a_version(capsys: pytest.CaptureFixture[str]) -> None:
    _output.answer_json({"name": "é"})
    assert json.loads(capsys.readouterr().out) == {"version": 1, "name": "é"}


def test_errors_for_people(capsys: pytest.CaptureFixture[str]) -> None:
    _output.show_error(TfgenError("wrong", where="a:1:2", hint="do this"), as_json=False, color=True)
    _output.show_error(TfgenError("bare"), as_json=False, color=False)
    assert capsys.readouterr() == ("", "error: a:1:2: wrong\n  → do this\nerror: bare\n")


def test_errors_for_machines(capsys: pytest.CaptureFixture[str]) -> None:
    problems = [TfgenError("one", where="a:1:2"), TfgenError("two", hint="h")]
    _output.show_error(SpecError(problems), as_json=True, color=False)
    out, err = capsys.readouterr()
    assert err == ""
    assert json.loads(out) == {
        "version": 1,
        "error": {
            "code": "spec",
            "message": "2 problems in the spec",
            "where": "",
            "hint": "",
            "problems": [
                {"message": "one", "where": "a:1:2", "hint": ""},
                {"message": "two", "where": "", "hint": "h"},
            ],
        },
    }


def test_colours_only_on_a_terminal(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    assert _output.paint(settings, "x", "red") == "x"
    monkeypatch.setattr("sys.stderr.isatty", lambda: True, raising=False)
    assert _output.paint(settings, "x", "red").startswith("\x1b[31m")
    assert _output.paint(replace(settings, color=False), "x", "red") == "x"
