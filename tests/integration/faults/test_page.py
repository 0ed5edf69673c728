"""The page of a run in a real browser, with eight modules and with two hundred."""

from __future__ import annotations

import re
import shutil
import subprocess
from pathlib import Path

import pytest

from tests.support.journals import write_run
from tfgen import history
from tfgen.report.run import write_reports

BROWSER = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome", "chrome"))), None)
NASTY = '<img src=x onerror="document.title=1"><script>document.title=2</script>'


@pytest.mark.skipif(BROWSER is None, reason="no Chromium here")
@pytest.mark.parametrize("number", [8, 200])
def test_the_page_is_drawn_whole_and_runs_nothing(tmp_path: Path, number: int) -> None:
    names = [f"{index:03d}-module" for index in range(number)]
    graph = {name: names[max(0, index // 3 - 1) : index // 3] for index, name in enumerate(names)}
    results = dict.fromkeys(names, "done") | {names[-1]: "failed"}
    page = write_reports(history.read_run(write_run(tmp_path, "1", results, graph=graph, reason=NASTY))) / "run.html"
    assert BROWSER is not None
    options = ["--headless", "--no-sandbox", "--disable-gpu", f"--user-data-dir={tmp_path / 'browser'}"]
    picture = tmp_path / "page.png"
    command = [BROWSER, *options, "--window-size=1280,2000", f"--screenshot={picture}", "--dump-dom", page.as_uri()]
    done = subprocess.run(command, capture_output=True, text=True, timeout=120, check=True)
    dom = done.stdout
    assert len(re.findall(r'<g class="module" data-status="done">', dom)) == number - 1
    assert len(re.findall(r'<rect class="bar"', dom)) == number
    assert "<title>tfgen apply local: failed</title>" in dom, "no text of anybody ran"
    assert "<img" not in dom
    assert "<script" not in dom
    assert picture.stat().st_size > 10_000
