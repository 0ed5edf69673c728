"""A small project with one Lambda function and one wheel."""

from __future__ import annotations

import hashlib
import io
import zipfile
from pathlib import Path

from tfgen.artifacts import ArtifactResult, FunctionSource, build_artifacts
from tfgen.wheels import WheelCache

WHEEL_FILES = {
    "tiny/__init__.py": "VALUE = 1\n",
    "tiny/data.txt": "data\n",
    "tiny/__pycache__/__init__.cpython-311.pyc": "x",
    "bin/tiny": "#!python\n",
    "tiny-1.0.data/scripts/tiny": "#!python\n",
    "tiny-1.0.data/purelib/tiny_extra.py": "EXTRA = 1\n",
    "tiny-1.0.dist-info/METADATA": "Metadata-Version: 2.1\nName: tiny\nVersion: 1.0\n",
    "tiny-1.0.dist-info/WHEEL": "Wheel-Version: 1.0\nGenerator: t\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
    "tiny-1.0.dist-info/licenses/LICENSE": "MIT\n",
    "tiny-1.0.dist-info/RECORD": "",
}


def wheel_bytes(**changes: str | None) -> bytes:
    files = {**WHEEL_FILES, **changes}
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as wheel:
        for name, text in files.items():
            if text is not None:
                wheel.writestr(zipfile.ZipInfo(name, (2020, 1, 1, 0, 0, 0)), text)
    return buffer.getvalue()


def sha256(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


class Workshop:
    """A project's folders with one function, `greet`, and one cached wheel, `tiny`."""

    def __init__(self, root: Path, wheel: bytes | None = None) -> None:
        self.root = root
        self.lambdas = root / "lambdas"
        self.cache = root / ".tfgen" / "cache"
        self.modules = root / "terraform"
        self.events: list[str] = []
        self.write("greet/handler.py", "from common import words\n")
        self.write("greet/nested/deep.py", "")
        self.write("greet/tests/test_greet.py", "")
        self.write("greet/__pycache__/handler.cpython-311.pyc", "")
        self.write("greet/.hidden", "")
        self.write("common/__init__.py", "")
        self.write("common/words.py", "HELLO = 'hello'\n")
        self.write("common/tests/test_words.py", "")
        wheel = wheel_bytes() if wheel is None else wheel
        self.pin(f"tiny==1.0 \\\n    --hash=sha256:{sha256(wheel)}\n")
        self.wheels_dir.mkdir(parents=True, exist_ok=True)
        (self.wheels_dir / f"{sha256(wheel)}.whl").write_bytes(wheel)

    @property
    def wheels_dir(self) -> Path:
        return self.cache / "wheels"

    def write(self, path: str, text: str) -> None:
        file = self.lambdas / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text)

    def pin(self, text: str) -> None:
        self.write("requirements.txt", text)

    def build(self, *names: str, check: bool = False, options: tuple[str, ...] = ("--no-index",)) -> ArtifactResult:
        functions = [
            FunctionSource(name, self.modules / f"0{index}-x") for index, name in enumerate(names or ["greet"])
        ]
        results = build_artifacts(
            functions,
            lambdas=self.lambdas,
            wheels=WheelCache(self.lambdas / "requirements.txt", self.wheels_dir, options=options),
            cache=self.cache / "artifacts",
            check=check,
            on_event=self.events.append,
        )
        return results[0]


def snapshot(root: Path) -> dict[str, tuple[int, bytes]]:
    return {
        str(path): (path.stat().st_mtime_ns, path.read_bytes()) for path in sorted(root.rglob("*")) if path.is_file()
    }
