"""Is there anything to render? Answered by hashes alone, without reading YAML or loading templates.

The note lives in the project's `.tfgen/`, which is never committed: it holds hashes of everything a render
reads (the spec, environments, templates, Lambda sources, tfgen's own code) and of everything it wrote.
"""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path

_NOTE = Path(".tfgen") / "rendered.json"
_SKIPPED = frozenset({".terraform", ".tfgen", "__pycache__", ".pytest_cache", "artifacts"})
_MAX_DEPTH = 8  # a link may lead back up
_CODE = Path(__file__).resolve().parent


def count_unchanged(root: Path, spec: Path, template_roots: Sequence[Path]) -> int | None:
    """Return the number of rendered files if neither they nor what they came from changed, else None."""
    try:
        note = json.loads((root / _NOTE).read_bytes())
    except (OSError, ValueError):
        return None
    if not isinstance(note, dict) or note.get("inputs") != _inputs(root, spec, template_roots):
        return None
    if note.get("outputs") != _outputs(root):
        return None
    count = note.get("count")
    return count if isinstance(count, int) else None


def remember(root: Path, spec: Path, template_roots: Sequence[Path], count: int) -> None:
    """Note that the tree on disk is what the inputs on disk render to; `count` files of it are rendered."""
    from tfgen.disk import write_whole

    note = {"count": count, "inputs": _inputs(root, spec, template_roots), "outputs": _outputs(root)}
    path = root / _NOTE
    try:
        path.parent.mkdir(mode=0o700, exist_ok=True)
        write_whole(path, json.dumps(note).encode())
    except OSError:
        return  # The note only saves time: a read-only project renders as well without it.


def hash_contents(path: Path) -> str:
    """Hash a file, or all files of a folder with their names; tests are left out, as they are not shipped."""
    digest = hashlib.sha256()
    names = sorted(_files(str(path), follow=True)) if path.is_dir() else [str(path)]
    for name in names:
        relative = os.path.relpath(name, path)
        if Path(relative).parts[:1] != ("tests",):
            digest.update(f"{relative}\0".encode("utf-8", "surrogateescape"))
            digest.update(Path(name).read_bytes() if os.path.isfile(name) else b"missing")  # noqa: PTH113
    return digest.hexdigest()


def hash_texts(texts: Iterable[str]) -> str:
    """Hash several texts in their order."""
    return hashlib.sha256("\0".join(texts).encode()).hexdigest()


def _inputs(root: Path, spec: Path, template_roots: Sequence[Path]) -> str:
    environments = spec.parent / "environments"
    folders = [*template_roots, environments, root / "lambdas"]
    digest = hashlib.sha256(str(spec).encode())
    _add_contents(digest, [str(spec)])
    for folder in folders:
        _add_contents(digest, sorted(_files(str(folder), follow=True)))
    for path in sorted(_files(str(_CODE))):
        if path.endswith(".py"):
            status = os.stat(path)  # noqa: PTH116 - strings, this runs for every file
            digest.update(f"{path} {status.st_mtime_ns} {status.st_size}\n".encode())
    return digest.hexdigest()


def _outputs(root: Path) -> Mapping[str, str]:
    tree = root / "terraform"
    digest = hashlib.sha256()
    _add_contents(digest, sorted(_files(str(tree))))
    _add_contents(digest, [str(tree / ".tfgen" / "manifest.json")])
    artifacts = []
    for path in sorted(tree.glob("*/artifacts/*.zip")):
        status = path.stat()
        artifacts.append(f"{path.name} {status.st_mtime_ns} {status.st_size}")
    return {"tree": digest.hexdigest(), "artifacts": " ".join(artifacts)}


def _add_contents(digest: hashlib._Hash, paths: Iterable[str]) -> None:
    for path in paths:
        digest.update(path.encode("utf-8", "surrogateescape"))
        try:
            if os.path.islink(path):  # noqa: PTH114
                digest.update(os.readlink(path).encode("utf-8", "surrogateescape"))  # noqa: PTH115
            with open(path, "rb") as file:  # noqa: PTH123
                digest.update(hashlib.sha256(file.read()).digest())
        except OSError:
            digest.update(b"missing")


def _files(folder: str, *, follow: bool = False, depth: int = 0) -> Iterator[str]:
    try:
        entries = list(os.scandir(folder))
    except OSError:
        return
    for entry in entries:
        if entry.is_dir(follow_symlinks=follow):
            if entry.name not in _SKIPPED and not (follow and depth >= _MAX_DEPTH):
                yield from _files(entry.path, follow=follow, depth=depth + 1)
        elif not entry.name.endswith((".tfstate", ".tfstate.backup")):
            yield entry.path
