"""The command line's door: finds the command, and turns every failure into words and an exit code."""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence
from importlib import import_module
from typing import Any

import click

from tfgen import errors
from tfgen.commands._options import global_options
from tfgen.errors import Interrupted, TfgenError, explain_unexpected

FAILED = 1
BUG = 3
INTERRUPTED = 130

COMMANDS = {
    "add-module": "Add a module to the project.",
    "apply": "Apply changes in dependency order.",
    "blueprints": "List what modules can be made from.",
    "check": "Check the spec, the references, the format and the configuration.",
    "destroy": "Destroy in reverse order.",
    "doctor": "Say what is installed, found and set, and what to do.",
    "drift": "Show what was changed outside terraform.",
    "eject": "Turn the project into plain Terraform without tfgen.",
    "exec": "Run any command in a module's folder.",
    "graph": "Show who reads whom.",
    "impact": "Say what must be applied again, and why.",
    "import": "Take over a resource that is there already.",
    "init": "Start a project from the reference one.",
    "local": "Start, stop and look into the emulator.",
    "locks": "Show who holds which state lock.",
    "output": "Show outputs from the states.",
    "package": "Build the Lambda zips.",
    "plan": "Show what apply would change.",
    "providers": "Lock the providers of the project.",
    "remove-module": "Remove a module from the project.",
    "render": "Bring terraform/ in line with the spec.",
    "runs": "List past runs, and show how one of them went.",
    "schema": "Print the JSON Schema of the spec.",
    "state": "Write the states that a run left behind.",
    "test": "Run the Terraform tests and the Lambda tests, offline.",
    "unlock": "Remove a state lock whose owner is gone.",
    "upgrade": "Render again with a new tfgen or changed templates, file by file.",
}
"""Name → one line. A command's module is imported when it is run, never for `--help`."""


class _LazyGroup(click.Group):
    def list_commands(self, ctx: click.Context) -> list[str]:
        del ctx
        return sorted(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        del ctx
        if cmd_name not in COMMANDS:
            return None
        found: click.Command = import_module(f"tfgen.commands.{cmd_name.replace('-', '_')}").cli
        return found

    def resolve_command(self, ctx: click.Context, args: list[str]) -> Any:
        if args and args[0] not in COMMANDS:
            from tfgen.schema import suggest

            raise click.UsageError(f"there is no command '{args[0]}'; {suggest(args[0], sorted(COMMANDS))}", ctx)
        return super().resolve_command(ctx, args)

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        del ctx
        with formatter.section("Commands"):
            formatter.write_dl(sorted(COMMANDS.items()))


@click.group(cls=_LazyGroup, context_settings={"help_option_names": ["-h", "--help"]})
@global_options
@click.version_option(package_name="tfgen-cli", prog_name="tfgen")
@click.pass_context
def group(context: click.Context, /, **flags: Any) -> None:
    """Render a YAML spec into layered Terraform, run it in dependency order, prove it on a local AWS.

    Without --env every command works on the spec's default environment; in a new project that is `local`, the
    emulator on this machine: nothing reaches AWS.
    """
    context.obj = flags


def main(arguments: Sequence[str] | None = None) -> None:
    """Run the command line and exit with the code of docs: 0, 1, 2, 3 or 130."""
    words = list(sys.argv[1:] if arguments is None else arguments)
    sys.exit(_run(words))


def _run(words: Sequence[str]) -> int:
    before_dashes = words[: words.index("--")] if "--" in words else words
    as_json = "--json" in before_dashes
    color = "--no-color" not in before_dashes and not os.environ.get("NO_COLOR")
    try:
        result = group.main(args=list(words), prog_name="tfgen", standalone_mode=False)
    except click.exceptions.Exit as error:
        return error.exit_code
    except click.UsageError as error:
        if type(error).__name__ == "NoArgsIsHelpError" and not as_json:  # click 8.2 and newer
            click.echo(error.format_message(), err=True)
            return FAILED
        return _show(_usage(error), as_json=as_json, color=color)
    except (click.Abort, KeyboardInterrupt):
        return _show(Interrupted(), as_json=as_json, color=color, code=INTERRUPTED)
    except Interrupted as error:
        return _show(error, as_json=as_json, color=color, code=INTERRUPTED)
    except TfgenError as error:
        return _show(error, as_json=as_json, color=color)
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return FAILED
    except Exception as error:  # the one place that turns a bug into a message
        explained = explain_unexpected(error)
        code = BUG if explained.code == errors.BUG else FAILED
        return _show(explained, as_json=as_json, color=color, code=code)
    return result if isinstance(result, int) else 0


def _show(error: TfgenError, *, as_json: bool, color: bool, code: int = FAILED) -> int:
    from tfgen.commands._output import show_error

    show_error(error, as_json=as_json, color=color)
    return code


def _usage(error: click.UsageError) -> TfgenError:
    command = error.ctx.command_path if error.ctx else "tfgen"
    return TfgenError(error.format_message(), hint=f"{command} --help", code="usage")
