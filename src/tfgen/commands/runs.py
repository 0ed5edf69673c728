"""`tfgen runs`: past runs, and how one of them went."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from tfgen.commands._options import command
from tfgen.commands._output import answer, answer_json, note
from tfgen.errors import TfgenError
from tfgen.settings import Settings, find_root

if TYPE_CHECKING:
    from tfgen.history import RunRecord

_ELSEWHERE = "runs stay on the machine they ran on; on another machine a plain tfgen apply goes on"


@command(name="runs")
@click.argument("run", required=False)
def cli(settings: Settings, run: str | None) -> None:
    """List past runs, the newest first; with RUN (an id, or its beginning) show how it went."""
    from tfgen import history

    root, _ = find_root(settings)
    work = root / ".tfgen"
    if run is not None:
        _show(settings, history.find_run(work, run))
        return
    found = history.list_runs(work)
    if settings.environment is not None:
        found = tuple(
            item for item in found if isinstance(item, TfgenError) or item.environment == settings.environment
        )
    if settings.json:
        answer_json({"runs": [_line_document(item) for item in found]})
        return
    for item in found:
        answer(_line(item))
    note(settings, _ELSEWHERE if found else f"no runs yet; {_ELSEWHERE}")


def _line(item: RunRecord | TfgenError) -> str:
    if isinstance(item, TfgenError):
        return f"{Path(item.where).parent.name:<24}unreadable  {item.message}"
    counts: dict[str, int] = {}
    for module in item.modules:
        counts[module.status] = counts.get(module.status, 0) + 1
    modules = ", ".join(f"{number} {status}" for status, number in sorted(counts.items()))
    began = item.began.astimezone(UTC).strftime("%Y-%m-%d %H:%M:%S")
    return (
        f"{item.id:<24}{item.status:<11} {item.verb:<8}{item.environment:<12}{began}  {item.seconds:>6.0f} s  {modules}"
    )


def _line_document(item: RunRecord | TfgenError) -> dict[str, Any]:
    if isinstance(item, TfgenError):
        return {"run": Path(item.where).parent.name, "status": "unreadable", "reason": item.message}
    return {
        "run": item.id,
        "status": item.status,
        "verb": item.verb,
        "environment": item.environment,
        "began": item.began.isoformat(),
        "seconds": round(item.seconds, 3),
        "resumable": item.resumable,
        "modules": {module.name: module.status for module in item.modules},
    }


def _show(settings: Settings, record: RunRecord) -> None:
    from tfgen.report.run import FOLDER, HTML_FILE, to_document, write_reports

    if record.ended is None and record.status != "running" and not (record.folder / FOLDER / HTML_FILE).exists():
        # Whoever should have written them was killed.
        write_reports(record)
    document = to_document(record)
    if settings.json:
        answer_json({"run": document})
        return
    answer(f"{record.verb} {record.status}, {document['place']}, {_ago(record)}")
    for module in document["modules"]:
        why = module["reason"].partition("\n")[0] or (f"{module['seconds']:.1f} s" if module["began"] else "")
        answer(f"{module['name']:<24}{module['status']:<12}{why}")
    error = document["error"]
    if error:
        answer(f"\n{error['where']}: {error['message']}".rstrip())
        if error.get("hint"):
            answer(f"  → {error['hint']}")
    answer(f"\nreport: {record.folder / FOLDER / HTML_FILE}")
    answer(f"logs:   {record.folder}")
    if record.resumable:
        answer(f"go on:  tfgen {record.verb} --env {record.environment} --resume {record.id}")


def _ago(record: RunRecord) -> str:
    seconds = (datetime.now(UTC) - record.began).total_seconds()
    for size, word in ((86400, "day"), (3600, "hour"), (60, "minute")):
        if seconds >= size:
            number = int(seconds // size)
            return f"{number} {word}{'s' if number > 1 else ''} ago"
    return "just now"
