"""A run as one HTML page that needs nothing else: summary, graph by result, timeline, excerpts of the logs."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from datetime import datetime
from html import escape
from typing import Any

_COLOURS: Mapping[str, tuple[str, str]] = {
    "done": ("#1a7f37", "#dafbe1"),
    "unchanged": ("#57606a", "#eaeef2"),
    "planned": ("#9a6700", "#fff8c5"),
    "failed": ("#cf222e", "#ffebe9"),
    "interrupted": ("#bc4c00", "#fff1e5"),
    "skipped": ("#8250df", "#fbefff"),
    "cancelled": ("#8250df", "#fbefff"),
    "waiting": ("#57606a", "#ffffff"),
}
_OTHER = ("#57606a", "#ffffff")
_BOX_WIDTH, _BOX_HEIGHT, _GAP_X, _GAP_Y, _PER_ROW = 190, 30, 18, 46, 6
_BAR_HEIGHT, _NAME_WIDTH, _CHART_WIDTH = 22, 220, 860

_CONTROL = re.compile(r"\x1b\[[0-9;?]*[A-Za-z]|[\x00-\x08\x0b-\x1f\x7f]")
_STYLE = """
body{font:15px/1.5 system-ui,sans-serif;color:#1f2328;max-width:1240px;margin:2em auto;padding:0 1em}
h1{font-size:1.5em;margin:0 0 .2em}h2{font-size:1.15em;margin:2em 0 .6em}
.place{color:#57606a}table{border-collapse:collapse;width:100%}
td,th{text-align:left;padding:.25em .7em;border-bottom:1px solid #d0d7de;vertical-align:top}
td.n{text-align:right;font-variant-numeric:tabular-nums}
.s{display:inline-block;padding:0 .6em;border-radius:1em;border:1px solid;font-size:.87em;white-space:nowrap}
pre{background:#f6f8fa;padding:.8em;overflow:auto;font-size:12.5px;line-height:1.4;margin:.4em 0;white-space:pre-wrap}
.error{border-left:4px solid #cf222e;padding:.1em 1em;margin:1em 0}.hint{font-weight:600}
svg{max-width:100%;height:auto;font:12px system-ui,sans-serif}details{margin:.3em 0}summary{cursor:pointer}
.wide{overflow:auto}
"""


def to_html(document: Mapping[str, Any], excerpts: Mapping[str, str]) -> str:
    """Return the page.

    Args:
        document: As `run.to_document` makes it.
        excerpts: The end of the log that says most, by module.
    """
    title = f"tfgen {document['verb']} {document['environment']}: {document['status']}"
    parts = [
        "<!doctype html>",
        '<html lang="en"><head><meta charset="utf-8">',
        '<meta name="viewport" content="width=device-width, initial-scale=1">',
        f"<title>{_e(title)}</title><style>{_STYLE}</style></head><body>",
        _head(document),
        _failures(document),
        '<h2 id="graph">Modules</h2><div class="wide">',
        _graph(document),
        '</div><h2 id="timeline">Timeline</h2><div class="wide">',
        _timeline(document),
        f"</div>{_path(document)}",
        '<h2 id="results">Results</h2>',
        _table(document),
        '<h2 id="logs">Logs</h2>',
        _logs(document, excerpts),
        "</body></html>",
    ]
    return "\n".join(part for part in parts if part) + "\n"


def _head(document: Mapping[str, Any]) -> str:
    summary = document["summary"]
    counts = ", ".join(f"{number} {status}" for status, number in summary["modules"].items())
    resumed = f" · goes on with {_e(document['resumes'])}" if document["resumes"] else ""
    return (
        f"<h1>tfgen {_e(document['verb'])} {_status(document['status'])}</h1>"
        f'<p class="place">{_e(document["place"])}<br>run {_e(document["run"])}{resumed} · '
        f"{_e(document['user'])}@{_e(document['host'])} · terraform {_e(document['terraform'])}</p>"
        f"<p>{summary['add']} added, {summary['change']} changed, {summary['destroy']} destroyed · "
        f"{document['seconds']:.1f} s · modules: {_e(counts)}</p>"
    )


def _failures(document: Mapping[str, Any]) -> str:
    failed = [module for module in document["modules"] if module["status"] == "failed"]
    shown = [(module["name"], module["reason"], module["hint"]) for module in failed]
    error = document["error"]
    if error and not failed:
        shown = [(error.get("where") or "the run", error.get("message", ""), error.get("hint", ""))]
    return "".join(
        f'<div class="error"><strong>{_e(name)}</strong><pre>{_e(reason)}</pre>'
        + (f'<p class="hint">→ {_e(hint)}</p>' if hint else "")
        + "</div>"
        for name, reason, hint in shown
    )


def _graph(document: Mapping[str, Any]) -> str:
    """Draw the graph in rows by depth; arrows that follow from others are left out."""
    edges: Mapping[str, Sequence[str]] = document["graph"]
    places = _places(edges)
    if not places:
        return "<p>no modules</p>"
    width = max(x for x, _ in places.values()) + _BOX_WIDTH + 10
    height = max(y for _, y in places.values()) + _BOX_HEIGHT + 10
    statuses = {module["name"]: module["status"] for module in document["modules"]}
    lines = [
        f'<svg role="img" aria-label="graph of the modules" viewBox="0 0 {width} {height}" width="{width}" '
        f'height="{height}"><defs><marker id="tip" markerWidth="7" markerHeight="7" refX="6" refY="3" orient="auto">'
        '<path d="M0,0 L6,3 L0,6 z" fill="#8c959f"/></marker></defs>'
    ]
    for reader, read in _reduced(edges):
        (x1, y1), (x2, y2) = places[read], places[reader]
        lines.append(
            f'<line x1="{x1 + _BOX_WIDTH // 2}" y1="{y1 + _BOX_HEIGHT}" x2="{x2 + _BOX_WIDTH // 2}" y2="{y2 - 1}" '
            'stroke="#8c959f" marker-end="url(#tip)"/>'
        )
    critical = set(document["critical_path"])
    for name, (x, y) in places.items():
        stroke, fill = _COLOURS.get(statuses.get(name, ""), _OTHER)
        thick = 3 if name in critical else 1
        lines.append(
            f'<g class="module" data-status="{_e(statuses.get(name, ""))}"><title>{_e(name)}: '
            f'{_e(statuses.get(name, ""))}</title><rect x="{x}" y="{y}" width="{_BOX_WIDTH}" height="{_BOX_HEIGHT}" '
            f'rx="5" fill="{fill}" stroke="{stroke}" stroke-width="{thick}"/>'
            f'<text x="{x + _BOX_WIDTH // 2}" y="{y + 20}" text-anchor="middle">{_e(_short(name))}</text></g>'
        )
    return "\n".join([*lines, "</svg>"])


def _timeline(document: Mapping[str, Any]) -> str:
    ran = [module for module in document["modules"] if module["began"]]
    if not ran:
        return "<p>no module was begun</p>"
    ran.sort(key=lambda module: module["began"])
    start = datetime.fromisoformat(ran[0]["began"])
    offsets = [(datetime.fromisoformat(module["began"]) - start).total_seconds() for module in ran]
    total = max(*(offset + module["seconds"] for offset, module in zip(offsets, ran, strict=True)), 0.001)
    critical = set(document["critical_path"])
    height = len(ran) * _BAR_HEIGHT + 24
    width = _NAME_WIDTH + _CHART_WIDTH + 80
    lines = [
        f'<svg role="img" aria-label="timeline of the modules" viewBox="0 0 {width} {height}" width="{width}" '
        f'height="{height}">'
    ]
    for tick in range(5):
        x = _NAME_WIDTH + _CHART_WIDTH * tick / 4
        lines.append(
            f'<line x1="{x:.1f}" y1="0" x2="{x:.1f}" y2="{height - 20}" stroke="#eaeef2"/>'
            f'<text x="{x:.1f}" y="{height - 5}" fill="#57606a">{total * tick / 4:.1f} s</text>'
        )
    for row, (offset, module) in enumerate(zip(offsets, ran, strict=True)):
        stroke, fill = _COLOURS.get(module["status"], _OTHER)
        y = row * _BAR_HEIGHT
        x, length = _NAME_WIDTH + _CHART_WIDTH * offset / total, _CHART_WIDTH * module["seconds"] / total
        thick = 3 if module["name"] in critical else 1
        lines.append(
            f'<text x="{_NAME_WIDTH - 8}" y="{y + 15}" text-anchor="end">{_e(_short(module["name"]))}</text>'
            f'<rect class="bar" x="{x:.1f}" y="{y + 3}" width="{max(length, 2):.1f}" height="{_BAR_HEIGHT - 8}" '
            f'rx="3" fill="{fill}" stroke="{stroke}" stroke-width="{thick}"/>'
            f'<text x="{x + max(length, 2) + 5:.1f}" y="{y + 15}" fill="#57606a">{module["seconds"]:.1f} s</text>'
        )
    return "\n".join([*lines, "</svg>"])


def _path(document: Mapping[str, Any]) -> str:
    if not document["critical_path"]:
        return ""
    names = " → ".join(_e(name) for name in document["critical_path"])
    return f'<p id="critical-path">Critical path (drawn thick): {names}</p>'


def _table(document: Mapping[str, Any]) -> str:
    rows = []
    for module in document["modules"]:
        counts = module["counts"]
        why = module["reason"].partition("\n")[0] if module["status"] not in ("done", "unchanged") else ""
        outputs = ", ".join(f"{name} ({action})" for name, action in module["outputs"].items())
        tried = f"{len(module['retries'])} tried again" if module["retries"] else ""
        told = "; ".join(part for part in (why, outputs and f"outputs: {outputs}", tried) if part)
        rows.append(
            f'<tr><td>{_e(module["name"])}</td><td>{_status(module["status"])}</td><td class="n">{counts["add"]}</td>'
            f'<td class="n">{counts["change"]}</td><td class="n">{counts["destroy"]}</td>'
            f'<td class="n">{module["seconds"]:.1f}</td><td>{_e(told)}</td></tr>'
        )
    head = "<tr><th>module</th><th>result</th><th>added</th><th>changed</th><th>destroyed</th><th>seconds</th><th></th>"
    return f"<table>{head}</tr>{''.join(rows)}</table>"


def _logs(document: Mapping[str, Any], excerpts: Mapping[str, str]) -> str:
    parts = []
    for module in document["modules"]:
        text = excerpts.get(module["name"], "")
        commands = "\n".join(f"$ {' '.join(step['argv'])}  [{step['status']}]" for step in module["commands"])
        if text or commands:
            opened = " open" if module["status"] == "failed" else ""
            parts.append(
                f"<details{opened}><summary>{_e(module['name'])} {_status(module['status'])} "
                f"{_e(module['log'])}</summary><pre>{_e(commands)}</pre><pre>{_e(text)}</pre></details>"
            )
    return "\n".join(parts) or "<p>no logs</p>"


def _places(edges: Mapping[str, Sequence[str]]) -> dict[str, tuple[int, int]]:
    rows: dict[int, list[str]] = {}
    for name, depth in _depths(edges).items():
        rows.setdefault(depth, []).append(name)
    found: dict[str, tuple[int, int]] = {}
    y = 5
    for depth in sorted(rows):
        for begin in range(0, len(rows[depth]), _PER_ROW):
            for column, name in enumerate(rows[depth][begin : begin + _PER_ROW]):
                found[name] = (5 + column * (_BOX_WIDTH + _GAP_X), y)
            y += _BOX_HEIGHT + (_GAP_Y if begin + _PER_ROW >= len(rows[depth]) else 8)
    return found


def _depths(edges: Mapping[str, Sequence[str]]) -> dict[str, int]:
    found: dict[str, int] = {}
    waiting = list(edges)
    while waiting:
        ready = [name for name in waiting if all(need in found for need in edges[name])]
        for name in ready or waiting:
            found[name] = 1 + max((found.get(need, -1) for need in edges[name]), default=-1)
        waiting = [name for name in waiting if name not in found]
    return found


def _reduced(edges: Mapping[str, Sequence[str]]) -> list[tuple[str, str]]:
    below: dict[str, set[str]] = {}
    for name in sorted(edges, key=_depths(edges).__getitem__):
        below[name] = set().union(*(below[need] | {need} for need in edges[name] if need in below))
    return [
        (name, need)
        for name, needs in edges.items()
        for need in needs
        if not any(need in below.get(other, ()) for other in needs if other != need)
    ]


def _status(status: str) -> str:
    stroke, fill = _COLOURS.get(status, _OTHER)
    return f'<span class="s" style="color:{stroke};background:{fill};border-color:{stroke}">{_e(status)}</span>'


def _short(name: str) -> str:
    return name if len(name) <= 26 else f"{name[:25]}…"


def _e(text: object) -> str:
    return escape(_CONTROL.sub("", str(text)))
