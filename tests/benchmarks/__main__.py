"""`make bench`: start-up and rendering, whole processes, as medians and as ratios of this machine's own floors."""

from __future__ import annotations

import json
import os
import shutil
import sys
import tempfile
from collections.abc import Callable, Mapping
from dataclasses import asdict, is_dataclass
from pathlib import Path
from typing import Any

from tests.benchmarks.measure import Measured, measure
from tests.benchmarks.peers import make_cookiecutter, make_copier
from tfgen import workflow
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
        env = {"PATH": f"{_BIN}:{os.environ['PATH']}", "HOME": str(folder / "home"), "LC_ALL": "C.UTF-8"}
        (folder / "home").mkdir()
        project = folder / "project"
        measure([_TFGEN, "init", str(project)], cwd=folder, env=env, runs=0)
        _render_rows(folder, project, env)
        _start_up_rows(project, env)


def _render_rows(folder: Path, project: Path, env: Mapping[str, str]) -> None:
    tree = project / "terraform"
    kept = folder / "artifacts"

    def forget() -> None:
        _set_artifacts_aside(tree, kept)

    measure([_TFGEN, "render"], cwd=project, env=env, runs=0)
    count = _write_jobs(project, folder / "jobs.json")
    bare_argv = [
        sys.executable,
        str(_HERE / "bare_jinja.py"),
        str(folder / "jobs.json"),
        str(folder / "bare"),
        str(project / "config" / "project.yaml"),
    ]
    bare = measure(bare_argv, cwd=folder, env=env, before=_remove(folder / "bare"))
    full = measure([_TFGEN, "render"], cwd=project, env=env, before=forget)
    make_cookiecutter(tree, folder / "cookiecutter-template")
    make_copier(tree, folder / "copier-template")
    cookiecutter = measure(
        [str(_BIN / "cookiecutter"), "--no-input", "-o", str(folder / "out"), str(folder / "cookiecutter-template")],
        cwd=folder,
        env=env,
        before=_remove(folder / "out"),
        runs=5,
    )
    copier = measure(
        [str(_BIN / "copier"), "copy", "--defaults", "--quiet", str(folder / "copier-template"), str(folder / "out2")],
        cwd=folder,
        env=env,
        before=_remove(folder / "out2"),
        runs=5,
    )
    print(f"\nfull render of the reference project, {count} files")
    _row("bare Jinja script", bare, bare)
    _row("tfgen render", full, bare, budget=1.6, memory=45)
    _row("cookiecutter", cookiecutter, bare)
    _row("copier", copier, bare)


def _start_up_rows(project: Path, env: Mapping[str, str]) -> None:
    click_argv = [sys.executable, str(_HERE / "bare_click.py")]
    bare = measure([*click_argv, "--help"], cwd=project, env=env)
    measure([_TFGEN, "render"], cwd=project, env=env, runs=0)
    print("\nstart-up")
    _row("python -c pass", measure([sys.executable, "-c", "pass"], cwd=project, env=env), bare)
    _row("bare click group --help", bare, bare)
    _row("tfgen --help", measure([_TFGEN, "--help"], cwd=project, env=env), bare, budget=1.5)
    words = {"_TFGEN_COMPLETE": "bash_complete", "COMP_WORDS": "tfgen re", "COMP_CWORD": "1"}
    _row("tfgen TAB, command", measure([_TFGEN], cwd=project, env={**env, **words}), bare, budget=1.5)
    words = {**words, "COMP_WORDS": "tfgen plan --module 0", "COMP_CWORD": "3"}
    _row("tfgen TAB, module", measure([_TFGEN], cwd=project, env={**env, **words}), bare, budget=1.5)
    _row("tfgen render, nothing changed", measure([_TFGEN, "render"], cwd=project, env=env), bare, budget=1.6)


def _row(name: str, measured: Measured, floor: Measured, *, budget: float = 0, memory: float = 0) -> None:
    ratio = measured.milliseconds / floor.milliseconds
    text = f"  {name:<32}{measured.milliseconds:>8.0f} ms {ratio:>6.2f} x {measured.mebibytes:>6.0f} MiB"
    if budget:
        text += f"   budget {budget} x: {'kept' if ratio <= budget else 'MISSED'}"
    if memory:
        text += f", {memory} MiB: {'kept' if measured.mebibytes <= memory else 'MISSED'}"
    print(text, flush=True)


def _write_jobs(project: Path, path: Path) -> int:
    loaded = workflow.load_project(project)
    roots = workflow.template_roots(project)
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
