from __future__ import annotations

import errno
import json
import os
from pathlib import Path

import pytest

from tests.support.cli import Cli, run_process
from tests.support.projects import ProjectFolder
from tfgen import cli as door
from tfgen.errors import Interrupted


def test_every_command_is_in_the_help_and_can_be_asked_for_its_own(cli: Cli) -> None:
    told = cli("--help")
    assert told.code == 0
    for name, line in door.COMMANDS.items():
        assert name in told.out
        assert line.split(".")[0].split()[0] in told.out
    for name in ("render", "init", "graph", "schema"):
        assert cli(name, "--help").code == 0


def test_without_a_command_the_help_is_shown(cli: Cli) -> None:
    told = cli()
    assert told.code == 1
    assert "Commands:" in told.err + told.out
    assert "Traceback" not in told.err
    assert "error:" not in told.err
    assert cli("local").err.startswith("Usage: tfgen local")


def test_version(cli: Cli) -> None:
    told = cli("--version")
    assert (told.code, told.err) == (0, "")
    assert told.out.startswith("tfgen, version ")


def test_an_unknown_command_is_answered_with_the_nearest(cli: Cli) -> None:
    told = cli("rendr")
    told.assert_explained()
    assert "there is no command 'rendr'; did you mean 'render'?" in told.err


@pytest.mark.parametrize(
    "arguments",
    [("render", "--chck"), ("render", "extra"), ("init",), ("--nope", "render"), ("graph", "--format", "svg")],
)
def test_usage_errors_end_with_1(cli: Cli, project: ProjectFolder, arguments: tuple[str, ...]) -> None:
    told = cli(*arguments, cwd=project.root)
    told.assert_explained()
    assert "--help" in told.err


def test_usage_errors_as_a_document(cli: Cli, project: ProjectFolder) -> None:
    told = cli("--json", "render", "--chck", cwd=project.root)
    assert (told.code, told.err) == (1, "")
    assert told.document["version"] == 1
    assert told.document["error"]["code"] == "usage"


@pytest.mark.parametrize(
    ("arguments", "flag"),
    [
        (("--env", "dev", "render", "--env", "local"), "--env"),
        (("-C", "/", "render", "-C", "/tmp"), "-C"),
        (("--spec", "a", "render", "--spec", "b"), "--spec"),
    ],
)
def test_an_option_given_twice_with_different_values(
    cli: Cli, project: ProjectFolder, arguments: tuple[str, ...], flag: str
) -> None:
    told = cli(*arguments, cwd=project.root)
    told.assert_explained()
    assert f"{flag} is given twice" in told.err


def test_the_same_value_twice_is_fine_and_options_may_stand_on_both_sides(cli: Cli, project: ProjectFolder) -> None:
    assert cli("-C", str(project.root), "--json", "graph", "-C", str(project.root)).code == 0
    assert cli("graph", "--json", "-C", str(project.root)).document["version"] == 1


def test_quiet_and_verbose_exclude_each_other(cli: Cli, project: ProjectFolder) -> None:
    told = cli("-q", "render", "-v", cwd=project.root)
    told.assert_explained()
    assert "exclude each other" in told.err


def test_a_bug_ends_with_3_and_a_log_with_the_traceback(
    cli: Cli, project: ProjectFolder, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    def broken(*_: object) -> None:
        raise RuntimeError("oops")

    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    monkeypatch.setattr("tfgen.workflow.load_project", broken)
    told = cli("graph", cwd=project.root)
    assert told.code == 3
    assert told.out == ""
    assert "this is a bug in tfgen: RuntimeError: oops" in told.err
    assert "Traceback" not in told.err
    [log] = tmp_path.glob("tfgen-bug-*.log")
    assert str(log) in told.err
    assert "Traceback" in log.read_text()
    told = cli("--json", "graph", cwd=project.root)
    assert told.document["error"]["code"] == "bug"


def test_a_full_disk_is_no_bug(cli: Cli, project: ProjectFolder, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: object) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), "/var/x")

    monkeypatch.setattr("tfgen.workflow.load_project", full)
    told = cli("graph", cwd=project.root)
    told.assert_explained()
    assert "/var/x: no space left" in told.err
    assert "free some space" in told.err


@pytest.mark.parametrize("error", [KeyboardInterrupt, Interrupted])
def test_an_interruption_ends_with_130(
    cli: Cli, project: ProjectFolder, monkeypatch: pytest.MonkeyPatch, error: type[BaseException]
) -> None:
    def interrupted(*_: object) -> None:
        raise error

    monkeypatch.setattr("tfgen.workflow.load_project", interrupted)
    told = cli("graph", cwd=project.root)
    assert told.code == 130
    assert told.err.strip() == "error: interrupted"
    assert cli("graph", "--json", cwd=project.root).document["error"]["code"] == "interrupted"


def test_a_json_flag_after_two_dashes_is_not_ours(cli: Cli, project: ProjectFolder) -> None:
    told = cli("render", "--", "--json", cwd=project.root)
    assert told.code == 1
    assert told.err.startswith("error: ")


def test_help_imports_no_heavy_library(tmp_path: Path) -> None:
    code = (
        "import sys\nfrom tfgen import cli\n"
        "try:\n    cli.main(['--help'])\nexcept SystemExit: pass\n"
        "heavy = {'boto3', 'jsonschema', 'rich', 'hcl2', 'yaml', 'jinja2', 'tree_sitter', 'subprocess'}\n"
        "print(sorted(heavy & set(sys.modules)), file=sys.stderr)\n"
    )
    told = run_process("--help", cwd=tmp_path, code=code)
    assert told.err.strip() == "[]"


def test_as_a_process_streams_and_codes_are_the_same(project: ProjectFolder) -> None:
    told = run_process("graph", "--json", cwd=project.root)
    assert (told.code, told.err) == (0, "")
    assert json.loads(told.out)["version"] == 1
    project.change("config/project.yaml", "owner:", "ownr:")
    told = run_process("graph", cwd=project.root)
    told.assert_explained()
    assert "config/project.yaml:3:1: unknown key 'ownr'" in told.err


def test_a_reader_that_goes_away_is_no_bug(project: ProjectFolder) -> None:
    import subprocess
    import sys

    command = f"{sys.executable} -c 'from tfgen.cli import main; main()' schema | head -c 1"
    done = subprocess.run(["sh", "-c", command], cwd=project.root, capture_output=True, text=True, check=False)
    assert done.stdout == "{"
    assert done.stderr == ""


def test_no_escape_codes_where_there_is_no_terminal(cli: Cli, tmp_path: Path) -> None:
    assert "\x1b" not in cli("render", cwd=tmp_path).err
