from __future__ import annotations

import sys
from dataclasses import replace

import pytest

from tfgen.commands._progress import Progress
from tfgen.events import Event
from tfgen.settings import Settings, read_settings

EVENTS = (
    Event("warning", "kept away from terraform: AWS_PROFILE"),
    Event("start", module="00-base"),
    Event("step", module="00-base", step="plan"),
    Event("line", "terraform_data.this: Plan to create", module="00-base", step="plan"),
    Event("note", "downloading the providers, once for all modules"),
    Event("end", "1 added, 0 changed, 0 destroyed", module="00-base", status="done"),
)


@pytest.fixture
def settings(tmp_path) -> Settings:
    return read_settings({"directory": str(tmp_path)}, {})


def show(settings: Settings) -> Progress:
    with Progress(settings) as progress:
        for event in EVENTS:
            progress.on_event(event)
    return progress


def test_without_a_terminal_there_are_plain_lines_on_the_error_stream(settings, capsys):
    show(settings)
    captured = capsys.readouterr()
    assert captured.out == ""
    assert captured.err.splitlines() == [
        "warning: kept away from terraform: AWS_PROFILE",
        "00-base: plan",
        "downloading the providers, once for all modules",
        "00-base: done, 1 added, 0 changed, 0 destroyed (0.0 s)",
    ]


def test_what_never_began_took_no_time(settings, capsys):
    with Progress(settings) as progress:
        progress.on_event(Event("end", "00-base failed", module="01-top", status="skipped"))
    assert capsys.readouterr().err == "01-top: skipped, 00-base failed\n"


def test_verbose_shows_what_terraform_says(settings, capsys):
    show(replace(settings, verbose=True))
    assert "00-base: terraform_data.this: Plan to create" in capsys.readouterr().err


def test_quiet_leaves_warnings_only(settings, capsys):
    show(replace(settings, quiet=True))
    assert capsys.readouterr().err == "warning: kept away from terraform: AWS_PROFILE\n"


def test_a_question_has_the_terminal_to_itself(settings, capsys, monkeypatch):
    monkeypatch.setattr(sys.stderr, "isatty", lambda: True)
    progress = Progress(settings)
    with progress:
        progress.on_event(Event("start", module="00-base"))
        assert progress._live is not None
        with progress.paused():
            assert progress._live is None
            progress.on_event(Event("start", module="01-other"))
            assert progress._live is None, "no table comes back while somebody answers"
        assert progress._live is not None
    assert progress._live is None


def test_the_table_names_module_step_and_time(settings, monkeypatch):
    from rich.console import Console

    monkeypatch.setattr(sys.stderr, "isatty", lambda: True)
    progress = Progress(replace(settings, color=True))
    with progress:
        progress.on_event(Event("start", module="00-base"))
        progress.on_event(Event("step", module="00-base", step="apply"))
        progress.on_event(Event("line", "aws_vpc.this: Creating...", module="00-base", step="apply"))
        progress.on_event(Event("start", module="01-other"))
        progress.on_event(Event("end", "no", module="01-other", status="failed"))
        console = Console(width=120)
        with console.capture() as captured:
            console.print(progress._table())
    running, failed = captured.get().splitlines()
    assert running.split() == ["00-base", "apply", "0", "s", "aws_vpc.this:", "Creating..."]
    assert failed.split() == ["01-other", "failed", "0", "s", "no"]


def test_the_table_is_gone_before_anything_is_printed_after_it(settings, monkeypatch):
    monkeypatch.setattr(sys.stderr, "isatty", lambda: True)
    progress = Progress(settings)
    with progress:
        for event in EVENTS:
            progress.on_event(event)
        assert progress._live is None
