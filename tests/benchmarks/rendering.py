"""Start-up and rendering beside the machine's floors and two peers."""

from __future__ import annotations

import json
import shutil
import sys
from collections.abc import Callable, Mapping
from dataclasses import asdict, is_dataclass
from pathlib import Path
from typing import Any

from tests.benchmarks.measure import Budget, Subject, measure, show
from tests.benchmarks.peers import make_cookiecutter, make_copier
from tests.benchmarks.stage import BIN, TFGEN, Stage
from tfgen import workflow
from tfgen.assets import template_roots
from tfgen.render import plan_files
from tfgen.templating import Templates

_HERE = Path(__file__).resolve().parent


class _Recorder(Templates):
    """Renders as tfgen does, and notes which template was rendered with what."""

    def __init__(self, roots: tuple[Path, ...]) -> None:
        super().__init__(roots)
        self.calls: list[dict[str, Any]] = []

    def render(self, name: str, context: Mapping[str, Any]) -> str:
        self.calls.append({"template": name, "context": _plain(context)})
        return super().render(name, context)


def show_render(stage: Stage) -> None:
    """Measure a full render."""
    folder, project, env = stage.folder, stage.project, stage.env
    tree, kept = project / "terraform", folder / "artifacts"
    count = _write_jobs(project, folder / "jobs.json")
    make_cookiecutter(tree, folder / "cookiecutter-template")
    make_copier(tree, folder / "copier-template")
    spec = str(project / "config" / "project.yaml")
    bare_argv = [sys.executable, str(_HERE / "bare_jinja.py"), str(folder / "jobs.json"), str(folder / "bare"), spec]
    cookiecutter = [str(BIN / "cookiecutter"), "--no-input", "-o", "out", "cookiecutter-template"]
    copier = [str(BIN / "copier"), "copy", "--defaults", "--quiet", "copier-template", "out2"]
    table = measure(
        (
            Subject("bare Jinja script", bare_argv, folder, env, _remove(folder / "bare")),
            Subject("tfgen render", [TFGEN, "render"], project, env, lambda: _set_artifacts_aside(tree, kept)),
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
    show(table, [Budget("tfgen render", "bare Jinja script", 1.6)], {"tfgen render": 45})


def show_start_up(stage: Stage) -> None:
    """Measure what every command costs before it does anything."""
    project, env = stage.project, stage.env
    stage.tfgen("render", cwd=project)
    tab = {"_TFGEN_COMPLETE": "bash_complete", "COMP_CWORD": "1", "COMP_WORDS": "tfgen re"}
    module_tab = {**tab, "COMP_CWORD": "3", "COMP_WORDS": "tfgen plan --module 0"}
    bare = "bare click group --help"
    table = measure(
        (
            Subject(bare, [sys.executable, str(_HERE / "bare_click.py"), "--help"], project, env),
            Subject("tfgen --help", [TFGEN, "--help"], project, env),
            Subject("tfgen TAB, command", [TFGEN], project, {**env, **tab}),
            Subject("tfgen TAB, module", [TFGEN], project, {**env, **module_tab}),
            Subject("tfgen render, nothing changed", [TFGEN, "render"], project, env),
            Subject("python -c pass", [sys.executable, "-c", "pass"], project, env),
        ),
        runs=21,
    )
    print("\nstart-up")
    limits = {"tfgen --help": 1.5, "tfgen TAB, command": 1.5, "tfgen TAB, module": 1.5}
    limits["tfgen render, nothing changed"] = 1.6
    show(table, [Budget(name, bare, ratio) for name, ratio in limits.items()])


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
