"""Journals of runs that never were."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from tfgen import journal
from tfgen.journal import Journal

COUNTS = {"add": 1, "change": 0, "destroy": 0}


def begin_run(
    work: Path,
    run: str,
    *,
    verb: str = "apply",
    environment: str = "local",
    graph: Mapping[str, Sequence[str]] | None = None,
    **fields: Any,
) -> Journal:
    """Open the journal of a run and write its first entry."""
    folder = work / "runs" / run
    folder.mkdir(parents=True)
    book = Journal(folder, durable=False)
    first = {"project": "shop", "place": f"{environment}: nowhere", "host": "here", "user": "me", "choices": {}}
    book.write(
        journal.BEGIN,
        journal=journal.VERSION,
        verb=verb,
        environment=environment,
        graph={name: list(needs) for name, needs in (graph or {}).items()},
        **{**first, **fields},
    )
    return book


def write_run(
    work: Path,
    run: str,
    modules: Mapping[str, str],
    *,
    graph: Mapping[str, Sequence[str]] | None = None,
    reason: str = "it broke",
    hint: str = "mend it",
    end: bool = True,
    **fields: Any,
) -> Path:
    """Write a whole run: module → how it ended. Returns its folder."""
    book = begin_run(work, run, graph=graph or {name: [] for name in modules}, **fields)
    step = 0
    for name, status in modules.items():
        failed = status == "failed"
        if status not in ("skipped", "cancelled"):
            book.write(journal.MODULE_BEGIN, module=name)
            for verb in ("plan", "apply"):
                mark = {"module": name, "step": verb, "step_id": step}
                book.write(journal.STEP_BEGIN, **mark, argv=["terraform", verb], log=f"{name}-{verb}.log")
                book.write(journal.PROCESS, **mark, pid=42)
                book.write(journal.STEP_END, **mark, status=int(failed and verb == "apply"))
                step += 1
        book.write(
            journal.MODULE_END,
            module=name,
            status=status,
            reason=reason if failed else "00-base failed" if status == "skipped" else "",
            hint=hint if failed else "",
            cause="00-base" if status == "skipped" else "",
            code="terraform" if failed else "",
            counts=COUNTS if status == "done" else {"add": 0, "change": 0, "destroy": 0},
            outputs={"value": "create"} if status == "done" else {},
            log=f"{name}-apply.log",
            lock="",
        )
    if end:
        broken = {"failed", "skipped"} & set(modules.values())
        book.write(journal.END, status="failed" if broken else "done", error=None)
    book.close()
    return work / "runs" / run
