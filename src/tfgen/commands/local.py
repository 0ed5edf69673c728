"""`tfgen local`: start, stop and look into the emulator."""

from __future__ import annotations

import shlex
import sys
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from tfgen.commands._options import command, global_options, merge_flags, refuse_json
from tfgen.commands._output import answer, answer_json, note
from tfgen.errors import UsageError
from tfgen.settings import Settings, find_root

if TYPE_CHECKING:
    from tfgen.events import OnEvent
    from tfgen.localaws import EmulatorStatus, Mail


@dataclass(frozen=True)
class _Place:
    work: Path
    environment: str
    endpoint: str
    region: str


@click.group(name="local")
@global_options
@click.pass_context
def cli(context: click.Context, /, **flags: Any) -> None:
    """Start, stop and look into the emulator: an AWS on this machine.

    It keeps what it holds in .tfgen/local/ of the project, also over a stop. Commands that need it start it.
    """
    context.obj = merge_flags(context, flags)


@command(name="up")
def up(settings: Settings) -> None:
    """Start the emulator, unless it runs."""
    from tfgen import localaws

    place = _find_place(settings)
    _answer_status(settings, place, localaws.up(place.work, place.endpoint, _progress(settings)))


@command(name="down")
def down(settings: Settings) -> None:
    """Stop the emulator; it keeps what it holds."""
    from tfgen import localaws

    place = _find_place(settings)
    _answer_status(settings, place, localaws.down(place.work, place.endpoint, _progress(settings)))


@command(name="status")
def status(settings: Settings) -> None:
    """Say whether the emulator runs."""
    from tfgen import localaws

    place = _find_place(settings)
    _answer_status(settings, place, localaws.status(place.work, place.endpoint))


@command(name="reset")
@click.option("--auto-approve", is_flag=True, help="Ask nothing.")
def reset(settings: Settings, *, auto_approve: bool) -> None:
    """Stop the emulator and forget all it holds; the next apply starts from nothing."""
    from tfgen import localaws

    place = _find_place(settings)
    if not auto_approve:
        _confirm(settings, f"Everything in the emulator of {place.work.parent} will be gone.")
    done = localaws.reset(place.work, place.endpoint, environment=place.environment, on_event=_progress(settings))
    _answer_status(settings, place, done)


@command(name="env")
def env(settings: Settings) -> None:
    """Print export lines that lead the AWS CLI to the emulator: eval "$(tfgen local env)"."""
    from tfgen import localaws

    place = _find_place(settings)
    variables = localaws.environment_for_clients(place.endpoint, place.region)
    misleading = localaws.misleading_variables(settings.variables)
    if settings.json:
        answer_json({"environment": variables, "unset": misleading})
        return
    for name in misleading:
        answer(f"unset {name}")
    for name, value in variables.items():
        answer(f"export {name}={shlex.quote(value)}")
    if localaws.status(place.work, place.endpoint).state != "running":
        note(settings, "the emulator does not run; start it: tfgen local up")


@command(name="logs")
@click.option("-n", "--lines", type=click.IntRange(min=0), default=100, show_default=True, help="So many lines.")
@click.option("-f", "--follow", is_flag=True, help="Go on with what is logged from now on.")
def logs(settings: Settings, *, lines: int, follow: bool) -> None:
    """Print the emulator's log: its calls, and what went wrong in it."""
    from tfgen import localaws

    refuse_json(settings, "local logs")
    place = _find_place(settings)
    for line in localaws.read_logs(place.work, lines):
        answer(line)
    if follow:
        for line in localaws.follow_logs(place.work):
            answer(line)


@command(name="mail")
def mail(settings: Settings) -> None:
    """List the mails that were sent: the emulator keeps them and sends none."""
    from tfgen import localaws

    place = _find_place(settings)
    localaws.ensure_running(place.work, place.endpoint, _progress(settings))
    mails = localaws.captured_mail(place.endpoint)
    if settings.json:
        answer_json({"mails": [_mail_document(each) for each in mails]})
        return
    if not mails:
        note(settings, "no mail was sent yet")
    for number, each in enumerate(mails):
        answer(("\n" if number else "") + _mail_text(each))


for _command in (up, down, status, reset, env, logs, mail):
    cli.add_command(_command)


def _find_place(settings: Settings) -> _Place:
    """Return where the emulator of the named environment is; if none is named, of the one that has it.

    Raises:
        UsageError: The environment is not an emulator that tfgen starts and stops.
    """
    from tfgen import workflow
    from tfgen.select import describe_place, resolve_environment

    project = workflow.load_project(*find_root(settings)).project
    environment = resolve_environment(project, settings.environment)
    embedded = [each for each in project.environments.values() if each.embedded]
    if settings.environment is None and not environment.embedded and len(embedded) == 1:
        environment = embedded[0]
    if not environment.embedded or environment.endpoint is None:
        names = ", ".join(sorted(each.name for each in embedded)) or "none"
        raise UsageError(
            f"tfgen starts no emulator for this environment ({describe_place(environment)})",
            hint=f"environments with an emulator of their own: {names}",
        )
    return _Place(project.work, environment.name, environment.endpoint, environment.region)


def _progress(settings: Settings) -> OnEvent:
    return lambda event: note(settings, event.text)


def _confirm(settings: Settings, warning: str) -> None:
    if settings.json or not (sys.stdin.isatty() and sys.stderr.isatty()):
        raise UsageError("there is no terminal to ask on", hint="tfgen local reset --auto-approve")
    click.echo(warning, err=True)
    if click.prompt("Only 'yes' goes on", default="", show_default=False, err=True) != "yes":
        raise click.Abort


def _answer_status(settings: Settings, place: _Place, found: EmulatorStatus) -> None:
    since = datetime.fromtimestamp(found.since, UTC).strftime("%Y-%m-%dT%H:%M:%SZ") if found.since else None
    if settings.json:
        document = {"environment": place.environment, "state": found.state, "endpoint": found.endpoint}
        answer_json({**document, "pid": found.pid, "since": since})
    elif found.state == "running":
        answer(f"running at {found.endpoint}, process {found.pid}, since {since}")
    elif found.state == "lost":
        answer("lost: it was killed, and what it held since it was last stopped is gone")
        note(settings, "start from nothing: tfgen local reset, then tfgen apply")
    else:
        answer(f"stopped; its place is {found.endpoint}")


def _mail_document(found: Mail) -> dict[str, Any]:
    return {
        "id": found.id,
        "from": found.sender,
        "to": list(found.to),
        "subject": found.subject,
        "date": found.date,
        "text": found.text,
        "html": found.html,
    }


def _mail_text(found: Mail) -> str:
    lines = [f"From: {found.sender}", f"To: {', '.join(found.to)}", f"Date: {found.date}"]
    lines += [f"Subject: {found.subject}", "", found.text.rstrip() or "(HTML only; see --json)"]
    return "\n".join(lines)
