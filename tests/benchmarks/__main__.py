"""`make bench`: start-up and rendering, whole processes, as medians and as ratios of this machine's own floors."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable, Mapping
from dataclasses import asdict, is_dataclass
from pathlib import Path
from typing import Any

from tests.benchmarks.measure import Measured, Subject, measure
from tests.benchmarks.peers import make_cookiecutter, make_copier
from tfgen import workflow
from tfgen.assets import template_roots
from tfgen.render import plan_files
from tfgen.templating import Templates

_HERE = Path(__file__).resolve().parent
_BIN = Path(sys.executable).parent
_TFGEN = str(_BIN / "tfgen")


class _Recorder(Templates):
    """Renders as tfgen does, and notes which template was rendered with what."""

    def __init__(self, roots: tuple[Path, ...]) -> None:
        super().__init__(roots)
        self.calls: list[dict[str, Any]] = []

    def render(self, name: str, context: Mapping[str, Any]) -> str:
        self.calls.append({"template": name, "context": _plain(context)})
        return super().render(name, context)


def main() -> None:
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        settings = {name: value for name, value in os.environ.items() if name.startswith("PIP_")}
        env = {
            "PATH": f"{_BIN}:{os.environ['PATH']}",
            "HOME": str(folder / "home"),
            "LC_ALL": "C.UTF-8",
            **settings,
        }
        (folder / "home").mkdir()
        project = folder / "project"
        _run("init", str(project), cwd=folder, env=env)
        _render_rows(folder, project, env)
        _start_up_rows(project, env)


def _render_rows(folder: Path, project: Path, env: Mapping[str, str]) -> None:
    tree, kept = project / "terraform", folder / "artifacts"
    _run("render", cwd=project, env=env)
    count = _write_jobs(project, folder / "jobs.json")
    make_cookiecutter(tree, folder / "cookiecutter-template")
    make_copier(tree, folder / "copier-template")
    spec = str(project / "config" / "project.yaml")
    bare_argv = [sys.executable, str(_HERE / "bare_jinja.py"), str(folder / "jobs.json"), str(folder / "bare"), spec]
    cookiecutter = [str(_BIN / "cookiecutter"), "--no-input", "-o", "out", "cookiecutter-template"]
    copier = [str(_BIN / "copier"), "copy", "--defaults", "--quiet", "copier-template", "out2"]
    table = measure(
        (
            Subject("bare Jinja script", bare_argv, folder, env, _remove(folder / "bare")),
            Subject("tfgen render", [_TFGEN, "render"], project, env, lambda: _set_artifacts_aside(tree, kept)),
        )
    )
    table |= measure(
        (
            Subject("cookiecutter", cookiecutter, folder, env, _remove(folder / "out")),
            Subject("copier", copier, folder, env, _remove(folder / "out2")),
        ),
        runs=5,
    )
    print(f"\nfull render of the reference project, {count} files")
    _show(table, {"tfgen render": 1.6}, {"tfgen render": 45})


def _start_up_rows(project: Path, env: Mapping[str, str]) -> None:
    _run("render", cwd=project, env=env)
    tab = {"_TFGEN_COMPLETE": "bash_complete", "COMP_CWORD": "1", "COMP_WORDS": "tfgen re"}
    module_tab = {**tab, "COMP_CWORD": "3", "COMP_WORDS": "tfgen plan --module 0"}
    bare = [sys.executable, str(_HERE / "bare_click.py"), "--help"]
    table = measure(
        (
            Subject("bare click group --help", bare, project, env),
            Subject("tfgen --help", [_TFGEN, "--help"], project, env),
            Subject("tfgen TAB, command", [_TFGEN], project, {**env, **tab}),
            Subject("tfgen TAB, module", [_TFGEN], project, {**env, **module_tab}),
            Subject("tfgen render, nothing changed", [_TFGEN, "render"], project, env),
            Subject("python -c pass", [sys.executable, "-c", "pass"], project, env),
        ),
        runs=21,
    )
    print("\nstart-up")
    budgets = {"tfgen --help": 1.5, "tfgen TAB, command": 1.5, "tfgen TAB, module": 1.5}
    _show(table, {**budgets, "tfgen render, nothing changed": 1.6}, {})


def _show(table: Mapping[str, Measured], budgets: Mapping[str, float], memory: Mapping[str, float]) -> None:
    floor = next(iter(table.values())).milliseconds
    for name, measured in table.items():
        ratio = measured.milliseconds / floor
        text = f"  {name:<32}{measured.milliseconds:>8.0f} ms {ratio:>6.2f} x {measured.mebibytes:>6.0f} MiB"
        if name in budgets:
            text += f"   budget {budgets[name]} x: {'kept' if ratio <= budgets[name] else 'MISSED'}"
        if name in memory:
            text += f", {memory[name]} MiB: {'kept' if measured.mebibytes <= memory[name] else 'MISSED'}"
        print(text, flush=True)


def _run(*words: str, cwd: Path, env: Mapping[str, str]) -> None:
    subprocess.run([_TFGEN, *words], cwd=cwd, env=dict(env), check=True, capture_output=True)


def _write_jobs(project: Path, path: Path) -> int:
    loaded = workflow.load_project(project)
    roots = template_roots(project)
    recorder = _Recorder(roots)
    tree = plan_files(loaded.project, loaded.blueprints, recorder)
    files = [
        {"path": f"{number:04d}.tf", "templates": [call["template"]], "context": call["context"]}
        for number, call in enumerate(recorder.calls)
    ]
    path.write_text(json.dumps({"roots": [str(root) for root in roots if root.is_dir()], "files": files}))
    return len(tree.files)


def _plain(value: Any) -> Any:
    if is_dataclass(value) and not isinstance(value, type):
        return _plain(asdict(value))
    if isinstance(value, Mapping):
        return {str(key): _plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(item) for item in value]
    return value if isinstance(value, str | int | float | bool | None) else str(value)


def _set_artifacts_aside(tree: Path, kept: Path) -> None:
    """Remove the rendered tree but not its zips: packaging is measured elsewhere."""
    for zips in tree.glob("*/artifacts"):
        shutil.copytree(zips, kept / zips.parent.name, dirs_exist_ok=True, copy_function=shutil.copy2)
    shutil.rmtree(tree, ignore_errors=True)
    (tree.parent / ".tfgen" / "rendered.json").unlink(missing_ok=True)
    for zips in kept.glob("*"):
        shutil.copytree(zips, tree / zips.name / "artifacts", copy_function=shutil.copy2)


def _remove(folder: Path) -> Callable[[], None]:
    return lambda: shutil.rmtree(folder, ignore_errors=True)


if __name__ == "__main__":
    main()
