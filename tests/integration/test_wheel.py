"""The wheel carries templates, config and Lambdas: installed elsewhere, it starts and renders a project."""

from __future__ import annotations

import os
import subprocess
import sys
import sysconfig
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.support.projects import snapshot

Run = Callable[..., str]
pytestmark = pytest.mark.xdist_group("wheel")
REPOSITORY = Path(__file__).resolve().parents[2]


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("dist")
    command = [sys.executable, "-m", "build", "--wheel", "--no-isolation", "--outdir", str(folder), str(REPOSITORY)]
    subprocess.run(command, check=True, capture_output=True, timeout=300)
    [built] = folder.glob("tfgen_cli-*.whl")
    return built


@pytest.fixture(scope="module")
def dependencies(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What tfgen depends on, linked from this environment, without tfgen itself."""
    folder = tmp_path_factory.mktemp("dependencies")
    for entry in Path(sysconfig.get_path("purelib")).iterdir():
        if not _is_tfgen(entry):
            (folder / entry.name).symlink_to(entry)
    return folder


def _is_tfgen(entry: Path) -> bool:
    return "tfgen" in entry.name or (entry.suffix == ".pth" and "tfgen" in entry.read_text(errors="replace"))


@pytest.fixture(scope="module")
def installed(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("installed")
    command = [sys.executable, "-m", "pip", "install", "--quiet", "--no-deps", "--no-index", "--target", str(folder)]
    subprocess.run([*command, str(wheel)], check=True, capture_output=True, timeout=300)
    return folder


@pytest.fixture
def run(installed: Path, dependencies: Path, tmp_path: Path) -> Run:
    env = {
        "PATH": os.defpath,
        "HOME": str(tmp_path),
        "PYTHONPATH": f"{installed}{os.pathsep}{dependencies}",
        "PYTHONNOUSERSITE": "1",
    }

    def start(code: str, *arguments: str, expect: int = 0) -> str:
        command = [sys.executable, "-S", "-c", code, *arguments]
        done = subprocess.run(command, cwd=tmp_path, env=env, capture_output=True, text=True, check=False, timeout=120)
        assert done.returncode == expect, done.stderr
        return done.stdout

    return start


def test_what_the_wheel_carries(wheel: Path) -> None:
    names = set(zipfile.ZipFile(wheel).namelist())
    for folder in ("templates", "config", "lambdas"):
        tracked = subprocess.run(
            ["git", "ls-files", folder], cwd=REPOSITORY, check=True, capture_output=True, text=True
        ).stdout.splitlines()
        missing = [name for name in tracked if f"tfgen/data/{name}" not in names]
        assert tracked
        assert not missing
    assert not [name for name in names if "__pycache__" in name or name.endswith(".pyc")]
    assert not [name for name in names if name.startswith(("tests/", "demo/"))]


def test_an_installed_tfgen_starts_and_renders_a_project(run: Run, installed: Path, tmp_path: Path) -> None:
    place = run("import tfgen; print(tfgen.__file__)").strip()
    assert Path(place).is_relative_to(installed)
    main = "import sys; from tfgen.cli import main; main(sys.argv[1:])"
    assert "files created in" in run(main, "init", "shop", "--project-name", "shop")
    assert " created, 0 changed, 0 unchanged, 0 removed" in run(main, "-C", "shop", "render", "--check", expect=2)
    assert not (tmp_path / "shop" / "terraform").exists()
    assert '"from": "02-storage"' in run(main, "-C", "shop", "graph", "--json")
    run("import sys\nfrom pathlib import Path\nfrom tfgen import workflow\n"
        "workflow.render(workflow.load_project(Path(sys.argv[1])))", "shop")  # fmt: skip
    assert "0 created, 0 changed" in run(main, "-C", "shop", "render", "--check")
    files = snapshot(tmp_path / "shop")
    assert "terraform/03-api-ingestion/main.tf" in files
    assert "lambdas/order_processor/handler.py" in files
