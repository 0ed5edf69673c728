"""A composed plan for people, for machines and for pull requests."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from typing import Any

from tfgen.changes import (
    CREATE,
    DELETE,
    FORGET,
    IMPORT,
    MOVE,
    REPLACE,
    UPDATE,
    ComposedPlan,
    Diagnostic,
    ModuleChanges,
    OutputChange,
    Readers,
    ResourceChange,
)
from tfgen.planning import PROTECTED_TYPES
from tfgen.report.values import KNOWN_AFTER, SENSITIVE, Paint, attribute_lines, plain, printable, reason_text, short

MARKDOWN_LIMIT = 60_000
"""Characters; a comment on a pull request may have 65,536."""

_SECTION_LIMIT = MARKDOWN_LIMIT // 3
_SIGNS = {CREATE: "+", UPDATE: "~", DELETE: "-", REPLACE: "±", FORGET: "✗", MOVE: "→", IMPORT: "←"}
_COLOURS = {CREATE: "green", UPDATE: "yellow", DELETE: "red", REPLACE: "red", FORGET: "yellow"}
_OUTPUT_WORDS = {CREATE: "is new", UPDATE: "changes", DELETE: "goes away"}


def to_document(plan: ComposedPlan) -> dict[str, Any]:
    """Return a plan as plain data, as docs/plan.schema.json describes it; sensitive values are null."""
    modules = {name: _module_document(changes, plan.readers) for name, changes in plan.modules.items()}
    return {
        "complete": plan.complete,
        "summary": totals(plan.modules.values()),
        "modules": modules,
        "problems": [_problem_document(problem) for problem in plan.problems],
    }


def drift_document(plan: ComposedPlan) -> dict[str, Any]:
    """Return what changed outside terraform as plain data."""
    return {
        "drifted": bool(plan.drift),
        "modules": {
            name: {"resources": [_resource_document(change) for change in changes.resources]}
            for name, changes in plan.drift.items()
        },
        "problems": [_problem_document(problem) for problem in plan.problems],
    }


_COUNTS = ("add", "change", "destroy", "replace")


def totals(modules: Collection[ModuleChanges]) -> dict[str, int]:
    """Add up what a plan does."""
    return {name: sum(getattr(changes, name) for changes in modules) for name in _COUNTS}


def count_text(changes: ModuleChanges) -> str:
    """Return one module's counts as a sentence, its state-only changes included."""
    return _count_text(totals([changes]), _quiet_counts([changes]))


def count_all(plan: ComposedPlan) -> str:
    """Return the counts of all modules as a sentence."""
    return _count_text(totals(plan.modules.values()), _quiet_counts(plan.modules.values()))


def to_text(
    plan: ComposedPlan, *, show: Collection[str] = (), verbose: bool = False, paint: Paint = plain
) -> Iterator[str]:
    """Describe a plan line by line.

    Args:
        plan: The plan.
        show: Modules to narrow the view to; empty for all.
        verbose: Show the values of new resources, too.
        paint: Colours a text.
    """
    shown = [changes for name, changes in plan.modules.items() if not show or name in show]
    verbose = verbose or bool(show)
    for changes in shown:
        if changes.changed or changes.error or changes.note:
            yield from _module_lines(changes, plan.readers, verbose=verbose, paint=paint)
            yield ""
    quiet = [changes.name for changes in shown if not (changes.changed or changes.error)]
    if quiet:
        yield f"no changes: {', '.join(quiet)}"
    yield from _loss_lines(plan, paint)
    yield from _problem_lines(plan.problems, paint)
    counts = count_all(plan)
    yield paint(f"Total: {counts}" if plan.changed else "Total: no changes", "bold")
    if not plan.complete:
        yield paint("This is not the whole plan: something could not be planned, see above.", "yellow")


def drift_text(plan: ComposedPlan, *, paint: Paint = plain) -> Iterator[str]:
    """Describe what changed outside terraform; what is not applied yet is none of it."""
    for name, changes in plan.drift.items():
        yield paint(f"{name}: changed outside terraform", "bold")
        for change in changes.resources:
            word = "is gone" if change.action == DELETE else "was changed"
            yield paint(f"  {_SIGNS.get(change.action, '~')} {printable(change.address)} {word}", "yellow")
            if change.action != DELETE:
                yield from (f"      {line}" for item in change.attributes for line in attribute_lines(item))
        yield ""
    if not plan.drift:
        yield "nothing was changed outside terraform"
    yield from _problem_lines(plan.problems, paint)


def losses(plan: ComposedPlan) -> tuple[ResourceChange, ...]:
    """Return the tables, buckets and keys that the plan deletes or replaces."""
    return tuple(
        change
        for changes in plan.modules.values()
        for change in changes.resources
        if change.loses and change.type in PROTECTED_TYPES and not change.deposed
    )


def to_markdown(plan: ComposedPlan, *, title: str, limit: int = MARKDOWN_LIMIT) -> str:
    """Describe a plan for a comment on a pull request: a table, then each module to unfold.

    Nothing of the project's own text leaves a code block, whose fence is longer than any in the text.
    """
    counts = count_all(plan)
    lines = [f"### tfgen plan: {_markdown(title)}", "", f"**{counts if plan.changed else 'No changes'}**", ""]
    if not plan.complete:
        lines += ["This is not the whole plan: something could not be planned.", ""]
    lines += ["| module | add | change | destroy | replace | outputs |", "|---|---|---|---|---|---|"]
    for name, changes in plan.modules.items():
        row = (changes.add, changes.change, changes.destroy, changes.replace, len(changes.changed_outputs))
        lines.append(f"| {_markdown(name)} | {' | '.join(str(number or '') for number in row)} |")
    parts = ["\n".join(lines)]
    sections = list(_markdown_sections(plan))
    size = len(parts[0])
    for number, section in enumerate(sections):
        if size + len(section) > limit - 200:
            left = len(sections) - number
            parts.append(f"{left} more {'section' if left == 1 else 'sections'} left out; the whole is in plan.json.")
            break
        parts.append(section)
        size += len(section) + 2
    return "\n\n".join(parts) + "\n"


def _module_document(changes: ModuleChanges, readers: Readers) -> dict[str, Any]:
    document: dict[str, Any] = {
        **{name: getattr(changes, name) for name in _COUNTS},
        "composed": changes.composed,
        "resources": [_resource_document(change) for change in changes.resources],
        "outputs": {name: output.action for name, output in changes.outputs.items()},
        "read_by": {name: list(names) for name, names in readers.get(changes.name, {}).items() if names},
    }
    if changes.deferred:
        document["deferred"] = list(changes.deferred)
    for name in ("error", "note"):
        if text := getattr(changes, name):
            document[name] = text
    return document


def _resource_document(change: ResourceChange) -> dict[str, Any]:
    document: dict[str, Any] = {
        "address": change.address,
        "type": change.type,
        "action": change.action,
        "attributes": [
            {
                "path": attribute.path,
                "before": attribute.before,
                "after": attribute.after,
                "unknown": attribute.unknown,
                "sensitive": attribute.sensitive,
                "forces_replacement": attribute.forces_replacement,
            }
            for attribute in change.attributes
        ],
    }
    optional = {
        "reason": change.reason,
        "previous_address": change.previous_address,
        "import_id": change.importing,
        "deposed": change.deposed,
    }
    return document | {name: value for name, value in optional.items() if value}


def _problem_document(problem: Diagnostic) -> dict[str, str]:
    names = ("severity", "module", "where", "message", "hint", "address", "template", "spec")
    return {name: value for name in names if (value := getattr(problem, name))}


def _module_lines(changes: ModuleChanges, readers: Readers, *, verbose: bool, paint: Paint) -> Iterator[str]:
    title = f"{changes.name}: {count_text(changes)}" if not changes.error else f"{changes.name}: cannot be planned"
    yield paint(title, "bold")
    if changes.note:
        yield f"  note: {printable(changes.note)}"
    if changes.error:
        yield from (f"  {printable(line)}" for line in changes.error.splitlines())
    for change in changes.resources:
        yield from _resource_lines(change, verbose=verbose, paint=paint)
    for output in changes.changed_outputs:
        yield from _output_lines(output, readers.get(changes.name, {}))


def _resource_lines(change: ResourceChange, *, verbose: bool, paint: Paint) -> Iterator[str]:
    details = _details(change)
    text = f"  {_SIGNS.get(change.action, '?')} {printable(change.address)}{f'  ({details})' if details else ''}"
    yield paint(text, _COLOURS.get(change.action, ""))
    if change.action in (DELETE, FORGET, MOVE):
        return
    new = change.action == CREATE
    for attribute in change.attributes:
        if not new or (verbose and (attribute.unknown or attribute.sensitive or attribute.after is not None)):
            yield from (f"      {line}" for line in attribute_lines(attribute, new=new))


def _details(change: ResourceChange) -> str:
    parts = []
    if change.action == REPLACE:
        forced = ", ".join(printable(attribute.path) for attribute in change.forced_by)
        parts.append(f"replaced because of {forced}" if forced else f"replaced: {reason_text(change.reason)}")
        if change.actions == (CREATE, DELETE):
            parts.append("the new one first")
    elif why := reason_text(change.reason):
        parts.append(why)
    if change.previous_address:
        parts.append(f"moved from {printable(change.previous_address)}")
    if change.importing:
        parts.append(f"imported by {printable(change.importing)}")
    if change.deposed:
        parts.append(f"deposed object {printable(change.deposed)}")
    if change.loses and change.type in PROTECTED_TYPES:
        parts.append("DATA IS LOST")
    return ", ".join(part for part in parts if part)


def _output_lines(output: OutputChange, readers: Mapping[str, Sequence[str]]) -> Iterator[str]:
    names = readers.get(output.name, ())
    read = f"read by {', '.join(names)}" if names else "read by nobody"
    yield f"  output {output.name} {_OUTPUT_WORDS.get(output.action, 'changes')}{_output_value(output)}; {read}"


def _output_value(output: OutputChange) -> str:
    if output.sensitive:
        return f" {SENSITIVE}"
    if output.action == DELETE:
        return ""
    after = short(output.after) if output.known else KNOWN_AFTER
    return f": {after}" if output.action == CREATE else f": {short(output.before)} → {after}"


def _loss_lines(plan: ComposedPlan, paint: Paint) -> Iterator[str]:
    for change in losses(plan):
        text = f"DATA IS LOST: {change.module} {printable(change.address)} will be {_past(change)}"
        yield paint(text, "red")


def _past(change: ResourceChange) -> str:
    return "replaced" if change.action == REPLACE else "destroyed"


def _problem_lines(problems: Sequence[Diagnostic], paint: Paint) -> Iterator[str]:
    for problem in problems:
        place = ": ".join(part for part in (problem.module, problem.where) if part)
        message = "\n  ".join(printable(line) for line in problem.message.splitlines())
        yield paint(f"{problem.severity}: {place}{': ' if place else ''}{message}", _SEVERITIES[problem.severity])
        origin = ", ".join(part for part in (problem.template, problem.spec) if part)
        if origin:
            yield f"  rendered from {origin}"
        if problem.hint:
            yield f"  → {printable(problem.hint)}"


_SEVERITIES = {"error": "red", "warning": "yellow"}


def _quiet_counts(modules: Collection[ModuleChanges]) -> dict[str, int]:
    """Count what changes no resource: moves, imports, forgets and outputs."""
    found = {"to move": 0, "to import": 0, "to forget": 0, "outputs to change": 0}
    for changes in modules:
        for change in changes.resources:
            found["to import"] += bool(change.importing)
            found["to move"] += bool(change.previous_address)
            found["to forget"] += change.action == FORGET
        found["outputs to change"] += len(changes.changed_outputs)
    return {name: number for name, number in found.items() if number}


def _count_text(counts: Mapping[str, int], quiet: Mapping[str, int]) -> str:
    text = "{add} to add, {change} to change, {destroy} to destroy, {replace} to replace".format(**counts)
    return ", ".join([text, *(f"{number} {name}" for name, number in quiet.items())])


def _markdown_sections(plan: ComposedPlan) -> Iterator[str]:
    if lost := list(_loss_lines(plan, plain)):
        yield f"**Data is lost:**\n\n{_fenced(lost)}"
    if problems := list(_problem_lines(plan.problems, plain)):
        yield _fenced(problems)
    for changes in plan.modules.values():
        if changes.changed or changes.error:
            lines = list(_module_lines(changes, plan.readers, verbose=False, paint=plain))
            inner = _cut([line.removeprefix("  ") for line in lines[1:]])
            yield f"<details><summary>{_markdown(changes.name)}</summary>\n\n{_fenced(inner)}\n\n</details>"


def _cut(lines: Sequence[str]) -> list[str]:
    """Keep as many lines as one section of a comment may hold."""
    kept: list[str] = []
    size = 0
    for number, line in enumerate(lines):
        size += len(line) + 1
        if size > _SECTION_LIMIT:
            return [*kept, f"… and {len(lines) - number} more lines"]
        kept.append(line)
    return kept


def _fenced(lines: Sequence[str]) -> str:
    text = "\n".join(lines)
    ticks = 3
    while "`" * ticks in text:
        ticks += 1
    return f"{'`' * ticks}text\n{text}\n{'`' * ticks}"


def _markdown(text: str) -> str:
    """Escape everything that means something in Markdown or HTML."""
    return "".join(f"&#{ord(mark)};" if mark in "\\`*_{}[]<>()#+!|&~@" else mark for mark in printable(text))
