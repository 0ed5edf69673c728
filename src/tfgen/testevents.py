"""What test programs report: terraform's events and pytest's JUnit file, as values. Pure."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

_PYTEST_PLACE = re.compile(r"^(\S+\.py):(\d+): ", re.MULTILINE)
_NOTHING_FOUND = 5
"""pytest's exit status for a folder without a test."""
_CLOSED = re.compile(r"127\.0\.0\.1:9\b")
_MODULE_MISSING = re.compile(r"(?:ModuleNotFoundError|ImportError): No module named '([\w.]+)'")


@dataclass(frozen=True)
class Failure:
    """A test that did not pass.

    Attributes:
        where: File with line and column, as far as they are known.
        test: The run's or test's name; empty for what belongs to none.
        message: What is wrong.
        template: The template's line behind a rendered file; may be empty.
        hint: The next step; may be empty.
    """

    where: str
    test: str
    message: str
    template: str = ""
    hint: str = ""


@dataclass(frozen=True)
class Outcome:
    """How many tests passed, and what failed."""

    passed: int
    failures: tuple[Failure, ...]


def read_terraform(text: str, status: int, errors: str) -> Outcome:
    """Read the events of `terraform test -json`.

    Args:
        text: Its standard output.
        status: Its exit status.
        errors: Its error stream, for what comes before the first event.
    """
    passed, failures = 0, []
    for event in _events(text):
        if event.get("type") == "test_run":
            run = event["test_run"]
            passed += run.get("progress") == "complete" and run.get("status") == "pass"
        elif event.get("type") == "diagnostic" and event["diagnostic"].get("severity") == "error":
            failure = _diagnostic(event)
            if failure not in failures:  # terraform repeats what concerns several objects
                failures.append(failure)
    if status and not failures:
        failures.append(Failure("", "terraform test", errors.strip() or text.strip()[-2000:]))
    return Outcome(passed, tuple(failures))


def _events(text: str) -> Iterator[Mapping[str, Any]]:
    for line in text.splitlines():
        try:
            event = json.loads(line)
        except ValueError:
            continue
        if isinstance(event, dict):
            yield event


def _diagnostic(event: Mapping[str, Any]) -> Failure:
    found = event["diagnostic"]
    place = found.get("range") or {}
    where = str(event.get("@testfile", ""))
    if place:
        where = f"{place['filename']}:{place['start']['line']}:{place['start']['column']}"
    detail = str(found.get("detail", "")).strip()
    message = f"{found['summary']}: {detail}" if detail else str(found["summary"])
    hint = "tests run offline: mock the provider, and override what is read from elsewhere"
    return Failure(where, str(event.get("@testrun", "")), message, hint=hint if _CLOSED.search(message) else "")


def read_junit(report: bytes, status: int, output: str, place: str) -> Outcome:
    """Read pytest's JUnit file (of the family `xunit1`, which knows files and lines).

    Args:
        report: The file; empty if pytest wrote none.
        status: Its exit status.
        output: What it printed, for when it did not come as far as a report.
        place: The folder that was tested.
    """
    from xml.etree import ElementTree

    try:
        cases = list(ElementTree.fromstring(report).iter("testcase"))  # noqa: S314 - our own child wrote it
    except ElementTree.ParseError:
        cases = []
    failures: list[Failure] = []
    passed = 0
    for case in cases:
        problems = [child for child in case if child.tag in ("failure", "error")]
        passed += not problems and case.find("skipped") is None
        failures += [_case(case.attrib, problem.text or problem.get("message") or "") for problem in problems]
    if status not in (0, _NOTHING_FOUND) and not failures:
        failures.append(Failure(place, "pytest", output.strip()[-2000:], hint=_missing(output)))
    return Outcome(passed, tuple(failures))


def _case(attributes: Mapping[str, str], text: str) -> Failure:
    places = _PYTEST_PLACE.findall(text)
    name = attributes.get("name", "")
    where = attributes.get("file", "") or attributes.get("classname", "").replace(".", "/")
    if places:
        where = f"{places[-1][0]}:{places[-1][1]}"
    elif "line" in attributes:
        where = f"{where}:{int(attributes['line']) + 1}"
    told = [line[1:].strip() for line in text.splitlines() if line.startswith("E ")]
    return Failure(where, name, "\n".join(told) or text.strip()[-2000:], hint=_missing(text))


def _missing(text: str) -> str:
    match = _MODULE_MISSING.search(text)
    return f"{match[1]} is not installed: pip install -r lambdas/requirements.txt" if match else ""
