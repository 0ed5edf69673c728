"""A run as a document: run.json, JUnit and Markdown, written beside its journal."""

from __future__ import annotations

import html
import json
import re
from collections.abc import Mapping, Sequence
from datetime import datetime
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

from tfgen.disk import write_whole
from tfgen.history import ModuleRecord, RunRecord, StepRecord

VERSION = 1
FOLDER = "report"
JSON_FILE, JUNIT_FILE, MARKDOWN_FILE, HTML_FILE = "run.json", "junit.xml", "run.md", "run.html"

_NOT_XML = re.compile(r"[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
_MARKDOWN = re.compile(r"([\\`*_{}\[\]()#+|~])")
_COLOUR = re.compile(r"\x1b\[[0-9;?]*[A-Za-z]")
_EXCERPT_LINES = 40


def write_reports(record: RunRecord) -> Path:
    """Write all reports of a run; returns their folder.

    Raises:
        OSError: The folder cannot be written.
    """
    from tfgen.report.run_html import to_html

    folder = record.folder / FOLDER
    folder.mkdir(mode=0o700, exist_ok=True)
    document = to_document(record)
    excerpts = {module.name: excerpt(record, module) for module in record.modules}
    for name, text in {
        JSON_FILE: json.dumps(document, indent=2, ensure_ascii=False) + "\n",
        JUNIT_FILE: to_junit(document),
        MARKDOWN_FILE: to_markdown(document),
        HTML_FILE: to_html(document, excerpts),
    }.items():
        write_whole(folder / name, text.encode("utf-8", "replace"), mode=0o600)
    return folder


def to_document(record: RunRecord) -> dict[str, Any]:
    """Return a run as plain data (docs/run.schema.json)."""
    modules = [_module(module) for module in record.modules]
    roots = [module for module in modules if module["status"] == "failed"]
    error: Mapping[str, Any] | None = dict(record.error) or None
    if roots and not error:
        first = roots[0]
        error = {
            "message": first["reason"],
            "hint": first["hint"],
            "where": first["name"],
            "code": first["code"] or "failed",
        }
    return {
        "version": VERSION,
        "kind": "tfgen-run",
        "run": record.id,
        "verb": record.verb,
        "status": record.status,
        **{name: str(record.first.get(name, "")) for name in _NAMES},
        "began": record.began.isoformat(),
        "ended": _time(record.ended),
        "seconds": round(record.seconds, 3),
        "summary": {
            **{name: sum(module["counts"][name] for module in modules) for name in ("add", "change", "destroy")},
            "modules": _count(modules),
        },
        "error": error,
        "critical_path": list(critical_path(record)),
        "graph": {name: list(needs) for name, needs in _graph(record).items()},
        "modules": modules,
        "notes": list(record.notes),
    }


def critical_path(record: RunRecord) -> tuple[str, ...]:
    """Return the chain of modules that decided how long the run took, first to last."""
    done = {module.name: module for module in record.modules if module.began and module.ended}
    edges = _graph(record)
    if record.verb == "destroy":
        edges = {name: [user for user, needs in edges.items() if name in needs] for name in edges}
    path: list[str] = []
    candidates = list(done)
    while candidates:
        last = max(candidates, key=lambda name: (done[name].ended or record.began, name))
        path.append(last)
        candidates = [need for need in edges.get(last, ()) if need in done and need not in path]
    return tuple(reversed(path))


def excerpt(record: RunRecord, module: ModuleRecord) -> str:
    """Return the end of the log that says most about a module; empty if there is none."""
    names = [str(module.result.get("log", "")), *(step.log for step in reversed(module.steps))]
    for name in filter(None, names):
        path = record.folder / Path(name).name
        try:
            lines = path.read_text(encoding="utf-8", errors="replace").splitlines()
        except OSError:
            continue
        return _COLOUR.sub("", "\n".join(lines[-_EXCERPT_LINES:]))
    return ""


def to_junit(document: Mapping[str, Any]) -> str:
    """Return a run as JUnit XML: a module is a test case."""
    modules: Sequence[Mapping[str, Any]] = document["modules"]
    suite = ElementTree.Element(
        "testsuite",
        name=_xml(f"tfgen {document['verb']} {document['environment']}"),
        tests=str(len(modules)),
        failures=str(sum(module["status"] == "failed" for module in modules)),
        skipped=str(sum(module["status"] in _SKIPPED for module in modules)),
        errors="0",
        time=f"{document['seconds']:.3f}",
        timestamp=str(document["began"]),
    )
    for module in _roots_first(modules):
        case = ElementTree.SubElement(
            suite,
            "testcase",
            name=_xml(module["name"]),
            classname=_xml(f"{document['environment']}.{document['verb']}"),
            time=f"{module['seconds']:.3f}",
        )
        if module["status"] == "failed":
            failure = ElementTree.SubElement(case, "failure", message=_xml(module["reason"].partition("\n")[0]))
            failure.text = _xml("\n\n".join(part for part in (module["reason"], module["hint"]) if part))
        elif module["status"] in _SKIPPED:
            ElementTree.SubElement(case, "skipped", message=_xml(module["reason"] or module["status"]))
    ElementTree.indent(suite)
    return ElementTree.tostring(suite, encoding="unicode", xml_declaration=True) + "\n"


def to_markdown(document: Mapping[str, Any]) -> str:
    """Return a run as Markdown, fit for the summary of a CI job: what failed first."""
    summary = document["summary"]
    lines = [
        f"## tfgen {_text(document['verb'])}: {document['status']}",
        "",
        f"{_text(document['place'])} · {summary['add']} added, {summary['change']} changed, {summary['destroy']} "
        f"destroyed · {document['seconds']:.0f} s · run {document['run']}",
        "",
    ]
    failed = [module for module in document["modules"] if module["status"] == "failed"]
    for module in failed:
        lines += [f"### {_text(module['name'])} failed", "", *_fence(module["reason"]), ""]
        lines += [f"→ {_text(module['hint'])}", ""] if module["hint"] else []
    if document["error"] and not failed:
        lines += [*_fence(document["error"].get("message", "")), ""]
        lines += [f"→ {_text(document['error']['hint'])}", ""] if document["error"].get("hint") else []
    lines += ["| module | result | added | changed | destroyed | seconds | |", "|---|---|---|---|---|---|---|"]
    for module in _roots_first(document["modules"]):
        counts = module["counts"]
        why = module["reason"].partition("\n")[0] if module["status"] not in ("done", "unchanged") else ""
        lines.append(
            f"| {_text(module['name'])} | {_text(module['status'])} | {counts['add']} | {counts['change']} "
            f"| {counts['destroy']} | {module['seconds']:.1f} | {_text(why)} |"
        )
    return "\n".join(lines) + "\n"


_NAMES = ("project", "environment", "account", "place", "host", "user", "terraform", "tfgen", "resumes")
_SKIPPED = ("skipped", "cancelled", "waiting", "interrupted")
_ORDER = {"failed": 0, "interrupted": 1, "skipped": 2, "cancelled": 2}


def _module(module: ModuleRecord) -> dict[str, Any]:
    counts = module.result.get("counts") or {}
    return {
        "name": module.name,
        "status": module.status,
        **{name: str(module.result.get(name, "")) for name in ("reason", "hint", "cause", "code", "log", "lock")},
        "began": _time(module.began),
        "ended": _time(module.ended),
        "seconds": round(module.seconds, 3),
        "counts": {name: int(counts.get(name, 0)) for name in ("add", "change", "destroy")},
        "outputs": dict(module.result.get("outputs") or {}),
        "commands": [_step(step) for step in module.steps],
        "retries": [
            {name: entry.get(name) for name in ("step", "pattern", "attempt", "delay", "error")}
            for entry in module.retries
        ],
    }


def _step(step: StepRecord) -> dict[str, Any]:
    return {
        "step": step.name,
        "argv": list(step.argv),
        "began": _time(step.began),
        "ended": _time(step.ended),
        "status": step.status,
        "log": step.log,
    }


def _graph(record: RunRecord) -> dict[str, list[str]]:
    shown = {module.name for module in record.modules}
    found = record.first.get("graph") or {}
    edges = {str(name): [str(need) for need in needs if need in shown] for name, needs in found.items()}
    return {name: edges.get(name, []) for name in (module.name for module in record.modules)}


def _count(modules: Sequence[Mapping[str, Any]]) -> dict[str, int]:
    found: dict[str, int] = {}
    for module in modules:
        found[module["status"]] = found.get(module["status"], 0) + 1
    return dict(sorted(found.items()))


def _roots_first(modules: Sequence[Mapping[str, Any]]) -> list[Mapping[str, Any]]:
    return sorted(modules, key=lambda module: _ORDER.get(module["status"], 3))


def _time(moment: datetime | None) -> str | None:
    return moment.isoformat() if moment else None


def _xml(text: str) -> str:
    return _NOT_XML.sub("\ufffd", str(text))


def _text(text: object) -> str:
    """Escape for Markdown, tables included: no text of anybody becomes markup."""
    plain = html.escape(str(text).replace("\r", " ").replace("\n", " "), quote=False)
    return _MARKDOWN.sub(r"\\\1", plain)


def _fence(text: str) -> list[str]:
    longest = max((len(run) for run in re.findall(r"`+", text)), default=0)
    ticks = "`" * max(3, longest + 1)
    return [f"{ticks}text", *text.splitlines(), ticks]
