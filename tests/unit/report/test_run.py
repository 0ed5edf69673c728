from __future__ import annotations

import json
from html.parser import HTMLParser
from pathlib import Path
from xml.etree import ElementTree

import jsonschema
import pytest

from tests.support.journals import begin_run, write_run
from tfgen import history, journal
from tfgen.report import run as report

SCHEMA = json.loads((Path(__file__).resolve().parents[3] / "docs" / "run.schema.json").read_text("utf-8"))
NASTY = 'a <script>alert("x")</script> | `b` \x1b[31m & ${c} \x00 "d"\nsecond | line ```'
GRAPH = {"00-base": [], "01-left": ["00-base"], "02-right": ["00-base"], "03-top": ["01-left", "00-base"]}
RESULTS = {"00-base": "done", "01-left": "failed", "02-right": "done", "03-top": "skipped"}


@pytest.fixture
def failed(tmp_path: Path) -> Path:
    return write_run(tmp_path, "20260101-1", RESULTS, graph=GRAPH, reason=NASTY, hint="tfgen <unlock>")


class Page(HTMLParser):
    """Collects tags and text; refuses what is not closed."""

    VOID = ("meta", "br")

    def __init__(self, text: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.text = ""
        self.feed(text)
        assert self.open == []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))
        if tag not in self.VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.text += data


def test_the_document_fits_its_schema_and_names_the_root_cause(failed: Path) -> None:
    document = report.to_document(history.read_run(failed))
    jsonschema.validate(document, SCHEMA)
    assert document["status"] == "failed"
    assert document["error"]["where"] == "01-left"
    assert document["error"]["message"] == NASTY
    assert document["summary"] == {
        "add": 2,
        "change": 0,
        "destroy": 0,
        "modules": {"done": 2, "failed": 1, "skipped": 1},
    }
    top = document["modules"][3]
    assert (top["reason"], top["cause"]) == ("00-base failed", "00-base")
    assert [step["step"] for step in document["modules"][0]["commands"]] == ["plan", "apply"]


def test_a_run_that_was_killed_has_a_document_too(tmp_path: Path) -> None:
    book = begin_run(tmp_path, "1", graph=GRAPH)
    book.write(journal.MODULE_BEGIN, module="00-base")
    book.write(journal.STEP_BEGIN, module="00-base", step="apply", step_id=0, argv=["terraform"], log="")
    book.close()
    folder = tmp_path / "runs" / "1"
    document = report.to_document(history.read_run(folder))
    jsonschema.validate(document, SCHEMA)
    assert document["status"] == "killed"
    assert [module["status"] for module in document["modules"]] == ["interrupted", "waiting", "waiting", "waiting"]
    Page((report.write_reports(history.read_run(folder)) / "run.html").read_text("utf-8"))


def test_what_failed_first_stands_first_and_no_text_becomes_markup(failed: Path) -> None:
    text = report.to_markdown(report.to_document(history.read_run(failed)))
    assert text.index("### 01-left failed") < text.index("| module |")
    rows = [line for line in text.splitlines() if line.startswith("| ")][1:]
    assert rows[0].startswith("| 01-left | failed |")
    assert all(row.replace("\\|", "").count("|") == 8 for row in rows), rows
    outside = text.split("````")[0] + text.split("````")[2]
    assert "<script>" not in outside
    assert "tfgen &lt;unlock&gt;" in outside


def test_junit_counts_failures_and_what_was_skipped(failed: Path) -> None:
    suite = ElementTree.fromstring(report.to_junit(report.to_document(history.read_run(failed))))
    assert {name: suite.get(name) for name in ("tests", "failures", "skipped")} == {
        "tests": "4",
        "failures": "1",
        "skipped": "1",
    }
    first = suite.findall("testcase")[0]
    assert first.get("name") == "01-left"
    failure = first.find("failure")
    assert failure is not None
    assert "tfgen <unlock>" in (failure.text or "")


def test_the_page_needs_nothing_else_and_runs_nothing(failed: Path) -> None:
    (failed / "01-left-apply.log").write_text("\n".join(f"line {number}" for number in range(100)) + "\n" + NASTY)
    folder = report.write_reports(history.read_run(failed))
    text = (folder / "run.html").read_text("utf-8")
    page = Page(text)
    names = [tag for tag, _ in page.tags]
    assert not {"script", "link", "img", "iframe"} & set(names)
    assert "http" not in text.replace("http-equiv", "")
    modules = [attrs["data-status"] for tag, attrs in page.tags if attrs.get("class") == "module"]
    assert modules == ["done", "failed", "done", "skipped"]
    assert sum(attrs.get("class") == "bar" for _, attrs in page.tags) == 3, "what was skipped took no time"
    assert 'alert("x")' in page.text
    assert "line 99" in page.text
    assert "line 1\n" not in page.text, "an excerpt, not all of it"
    assert not {"\x1b", "\x00"} & set(text)
    for path in folder.iterdir():
        assert path.stat().st_mode & 0o777 == 0o600


def test_the_critical_path_is_the_chain_that_ended_last(tmp_path: Path) -> None:
    folder = write_run(tmp_path, "1", dict.fromkeys(GRAPH, "done"), graph=GRAPH)
    assert report.critical_path(history.read_run(folder)) == ("00-base", "01-left", "03-top")


def test_two_hundred_modules_fit_on_a_page(tmp_path: Path) -> None:
    names = [f"{number:03d}-module" for number in range(200)]
    graph = {name: names[max(0, number - 3) : number] for number, name in enumerate(names)}
    folder = write_run(tmp_path, "1", dict.fromkeys(names, "done"), graph=graph)
    text = (report.write_reports(history.read_run(folder)) / "run.html").read_text("utf-8")
    page = Page(text)
    assert sum(attrs.get("class") == "module" for _, attrs in page.tags) == 200
    assert len(text) < 500_000
    assert text.count("<line x1") < 220, "arrows that follow from others are left out"
