"""The workflow of docs/how-to/github-actions.md, its shell steps run as GitHub runs them, against the emulator."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.support.faulty import Faulty, write

PAGE = Path(__file__).resolve().parents[3] / "docs" / "how-to" / "github-actions.md"

GH = """\
#!/bin/sh
# Stands for the GitHub CLI: keeps what it was told.
echo "$*" >> "$GITHUB_STORE/gh.log"
case "$1 $2" in
  "pr comment") while [ $# -gt 0 ]; do [ "$1" = --body-file ] && cp "$2" "$GITHUB_STORE/comment.md"; shift; done ;;
  "run list") echo 42 ;;
  "run download") cp "$GITHUB_STORE/$5/approved.json" . ;;
  api*) echo abc123 ;;
esac
"""


def read_workflow() -> Any:
    text = re.search(r"^```yaml\n# \.github/workflows/tfgen\.yml\n(.*?)^```", PAGE.read_text("utf-8"), re.M | re.S)
    assert text is not None
    return yaml.safe_load(text[1])


class Runner:
    """Runs the shell steps of a job, as a runner of GitHub does; actions are stood in for."""

    def __init__(self, faulty: Faulty, store: Path) -> None:
        self.faulty, self.store = faulty, store
        programs = store / "bin"
        write(programs / "gh", GH)
        write(programs / "pip", "#!/bin/sh\nexit 0\n")
        command = f'#!/bin/sh\nexec {sys.executable} -c "from tfgen.cli import main; main()" "$@"\n'
        write(programs / "tfgen", command)
        for program in programs.iterdir():
            program.chmod(0o755)
        self.environment = {
            **os.environ,
            "PATH": f"{programs}:{os.environ['PATH']}",
            "CI": "true",
            "GITHUB_STORE": str(store),
            "GITHUB_STEP_SUMMARY": str(store / "summary.md"),
            "GITHUB_REPOSITORY": "shop/analytics",
            "GITHUB_SHA": "def456",
            "TFGEN_ENV": "local",
            "PULL_REQUEST": "7",
        }

    def run(self, job: Any) -> list[tuple[str, int]]:
        """Run a job's steps; returns the name and the exit code of each."""
        results: list[tuple[str, int]] = []
        failed = False
        for step in job["steps"]:
            if failed and step.get("if") != "always()":
                continue
            if step.get("uses", "").startswith("actions/upload-artifact") and not failed:
                self._upload(step["with"])
            if "run" not in step:
                continue
            done = subprocess.run(
                ["bash", "--noprofile", "--norc", "-eo", "pipefail", "-c", step["run"]],
                cwd=self.faulty.root,
                env=self.environment,
                capture_output=True,
                text=True,
                check=False,
            )
            print(step["name"], done.returncode, done.stdout, done.stderr)
            results.append((step["name"], done.returncode))
            failed = failed or done.returncode != 0
        return results

    def _upload(self, options: Any) -> None:
        name = options["name"].replace("${{ github.event.pull_request.head.sha }}", "abc123")
        for path in self.faulty.root.glob(options["path"].rstrip("/")):
            target = self.store / name / path.name
            target.parent.mkdir(exist_ok=True)
            (shutil.copytree if path.is_dir() else shutil.copyfile)(path, target)


@pytest.fixture
def runner(faulty: Faulty, tmp_path: Path) -> Runner:
    return Runner(faulty, tmp_path / "github")


def test_what_was_planned_on_the_pull_request_is_applied_on_merge(faulty: Faulty, runner: Runner) -> None:
    jobs = read_workflow()["jobs"]
    assert all(code == 0 for _, code in runner.run(jobs["plan"]))
    comment = (runner.store / "comment.md").read_text()
    assert "02-top" in comment
    assert "9" in comment
    assert "pr comment 7" in (runner.store / "gh.log").read_text()

    (faulty.root / "approved.json").unlink()
    assert all(code == 0 for _, code in runner.run(jobs["apply"]))
    summary = (runner.store / "summary.md").read_text()
    assert "## tfgen apply: done" in summary
    assert "| 02-top | done | 3 |" in summary
    assert (runner.store / "run" / "report" / "run.html").exists()
    faulty.assert_whole()


@pytest.mark.slow
def test_what_nobody_approved_stops_the_merge_and_a_stale_tree_the_pull_request(faulty: Faulty, runner: Runner) -> None:
    jobs = read_workflow()["jobs"]
    runner.run(jobs["plan"])
    main = faulty.root / "templates" / "middle" / "main.tf.j2"
    main.write_text(main.read_text() + '\nresource "terraform_data" "more" {\n}\n')
    assert dict(runner.run(jobs["plan"]))["Is the tree what the spec says?"] == 2
    faulty.tfgen("render")
    results = dict(runner.run(jobs["apply"]))
    assert results["Apply"] == 1
    assert results["Summary"] == 0
    assert faulty.entries("module-begin") == [], "it stopped before the first change"
    assert "this is not what was approved" in (runner.store / "summary.md").read_text()
