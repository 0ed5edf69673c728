"""Lambda zips: the same bytes on every machine.

A zip holds the function's files and the wheels' files at its root and the shared code as the package
`common`. Entries are sorted, stored (compressed bytes differ between builds of zlib), dated 1980-01-01 and
have one set of permissions. Whether anything is to do is decided by the content of the inputs: their digest
names a zip in the project's cache.
"""

from __future__ import annotations

import hashlib
import io
import json
import os
import re
import stat
import zipfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from tfgen.errors import TfgenError
from tfgen.wheels import WheelCache, collect_wheels, read_pins, write_atomically

__all__ = ["ArtifactResult", "FunctionSource", "WheelCache", "build_artifacts"]

COMMON = "common"
_FORMAT = "1"  # part of every digest: raise it when the same inputs shall give other bytes
_EPOCH = (1980, 1, 1, 0, 0, 0)
_MODE = (stat.S_IFREG | 0o644) << 16
_UNIX = 3
_SKIPPED = frozenset({"__pycache__", "tests"})
_SKIPPED_SUFFIXES = frozenset({".pyc", ".pyo"})
_NAME = re.compile(r"[a-z][a-z0-9_]*")
_KEPT = 24  # zips in the cache; the least recently used go first

Status = Literal["created", "changed", "unchanged"]


@dataclass(frozen=True)
class FunctionSource:
    """A function and the module folder that takes its zip.

    Attributes:
        name: The function's folder under `lambdas/`.
        module: The rendered module's folder; the zip goes to `artifacts/<name>.zip` in it.
    """

    name: str
    module: Path

    @property
    def target(self) -> Path:
        """Where the zip goes."""
        return self.module / "artifacts" / f"{self.name}.zip"


@dataclass(frozen=True)
class ArtifactResult:
    """What was done, or in check mode would be done, for a function.

    Attributes:
        function: The function's name.
        path: The zip.
        status: `created`, `changed` or `unchanged`.
        sha256: Hash of the zip's bytes, hexadecimal.
        size: Bytes.
    """

    function: str
    path: Path
    status: Status
    sha256: str
    size: int


def build_artifacts(
    functions: Sequence[FunctionSource],
    *,
    lambdas: Path,
    wheels: WheelCache,
    cache: Path,
    check: bool = False,
    on_event: Callable[[str], None] | None = None,
) -> tuple[ArtifactResult, ...]:
    """Bring the zips of functions in line with their sources.

    Args:
        functions: The functions, each with the module that takes its zip.
        lambdas: Folder with the functions' folders and `common/`.
        wheels: The pinned wheels that go into every zip.
        cache: Folder for finished zips, by digest of their inputs.
        check: Only say what would be done; nothing is written, neither zips nor cache.
        on_event: Told what takes time, one line each.

    Returns:
        One result per function, in the given order.

    Raises:
        TfgenError: A function has no folder or handler, a name is taken twice, a file is a link or cannot be
            read or written, or a wheel cannot be had.
    """
    _require_unique(functions)
    builder = _Builder(lambdas, wheels, cache, check, on_event or _ignore)
    results = tuple(builder.build(function) for function in functions)
    if not check:
        _prune(cache)
    return results


@dataclass(frozen=True)
class _Zip:
    sha256: str
    size: int
    data: bytes | None  # None if the bytes are known to be in the target already


class _Builder:
    def __init__(
        self, lambdas: Path, wheels: WheelCache, cache: Path, check: bool, on_event: Callable[[str], None]
    ) -> None:
        self._lambdas = lambdas
        self._wheels = wheels
        self._cache = cache
        self._check = check
        self._on_event = on_event
        self._pins = "\n".join(f"{pin} {' '.join(pin.sha256)}" for pin in read_pins(wheels.requirements))
        self._wheel_files: Mapping[str, bytes] | None = None
        self._common: Mapping[str, bytes] | None = None

    def build(self, function: FunctionSource) -> ArtifactResult:
        own = self._own_files(function.name)
        digest = self._digest(own)
        current = _hash_of(function.target)
        wanted = self._known(digest, current) or self._made(function.name, digest, own)
        status: Status = "unchanged" if current == wanted.sha256 else "created" if current is None else "changed"
        if status != "unchanged" and not self._check and wanted.data is not None:
            write_atomically(function.target, wanted.data)
        return ArtifactResult(function.name, function.target, status, wanted.sha256, wanted.size)

    def _own_files(self, name: str) -> dict[str, bytes]:
        files = _read_folder(self._lambdas / name, f"Lambda function {name}")
        if "handler.py" not in files:
            raise TfgenError(
                f"Lambda function {name} has no handler.py",
                where=str(self._lambdas / name),
                hint="the entry point of every function is handler.handler",
            )
        if self._common is None:
            common = self._lambdas / COMMON
            self._common = _read_folder(common, "shared Lambda code") if common.is_dir() else {}
        for path, data in self._common.items():
            if files.setdefault(f"{COMMON}/{path}", data) is not data:
                raise TfgenError(
                    f"Lambda function {name} has a {COMMON}/ of its own",
                    where=str(self._lambdas / name / COMMON),
                    hint=f"rename it: lambdas/{COMMON}/ is copied into every zip under that name",
                )
        return files

    def _digest(self, own: Mapping[str, bytes]) -> str:
        digest = hashlib.sha256(f"{_FORMAT}\n{self._pins}\n".encode())
        for path in sorted(own):
            digest.update(f"{path}\0{hashlib.sha256(own[path]).hexdigest()}\n".encode())
        return digest.hexdigest()

    def _known(self, digest: str, current: str | None) -> _Zip | None:
        """Return the zip of these inputs from the cache; its bytes are read only if they are needed."""
        path = self._cache / f"{digest}.zip"
        try:
            note = json.loads(path.with_suffix(".json").read_bytes())
            sha256, size = str(note["sha256"]), int(note["size"])
            if not self._check:
                os.utime(path)  # the least recently used zips go first
            if current == sha256:
                return _Zip(sha256, size, None)
            data = path.read_bytes()
        except (OSError, ValueError, KeyError, TypeError):
            return None
        if hashlib.sha256(data).hexdigest() != sha256:
            return None
        return _Zip(sha256, size, data)

    def _made(self, name: str, digest: str, own: Mapping[str, bytes]) -> _Zip:
        if self._wheel_files is None:
            self._wheel_files = collect_wheels(self._wheels, on_event=self._on_event, keep=not self._check)
        if shared := sorted(own.keys() & self._wheel_files.keys()):
            raise TfgenError(
                f"Lambda function {name} has a file that a wheel brings too: {shared[0]}",
                where=str(self._lambdas / name / shared[0]),
                hint="rename the file",
            )
        self._on_event(f"packaging {name}")
        data = _zip({**own, **self._wheel_files})
        made = _Zip(hashlib.sha256(data).hexdigest(), len(data), data)
        if not self._check:
            path = self._cache / f"{digest}.zip"
            write_atomically(path, data)
            note = json.dumps({"sha256": made.sha256, "size": made.size})
            write_atomically(path.with_suffix(".json"), note.encode())
        return made


def _require_unique(functions: Sequence[FunctionSource]) -> None:
    seen: dict[str, FunctionSource] = {}
    for function in functions:
        if not _NAME.fullmatch(function.name) or function.name == COMMON:
            raise TfgenError(
                f"{function.name!r} cannot be the name of a Lambda function",
                hint="use a-z, 0-9 and _, and not the name of the shared code, common",
            )
        first = seen.setdefault(function.name, function)
        if first is not function:
            raise TfgenError(
                f"two modules ship a Lambda function {function.name}: {first.module.name} and {function.module.name}",
                hint="function names are unique in a project: rename one of the folders under lambdas/",
            )


def _read_folder(folder: Path, what: str) -> dict[str, bytes]:
    if folder.is_symlink():
        raise _is_link(folder)
    if not folder.is_dir():
        raise TfgenError(
            f"the folder of {what} is missing",
            where=str(folder),
            hint="create it with a handler.py, or take the function out of the blueprint",
        )
    try:
        return {str(path.relative_to(folder).as_posix()): path.read_bytes() for path in _walk(folder, top=True)}
    except OSError as error:
        raise TfgenError(
            f"cannot read a file of {what}: {error.strerror}",
            where=str(error.filename or folder),
            hint="check the permissions",
        ) from None


def _walk(folder: Path, *, top: bool = False) -> Iterator[Path]:
    for path in sorted(folder.iterdir()):
        if path.name.startswith(".") or path.name == "__pycache__" or (top and path.name in _SKIPPED):
            continue
        if not path.name.isascii():
            raise TfgenError(
                "a file of a Lambda function needs an ASCII name",
                where=str(path),
                hint="other letters are stored differently by different file systems: rename it",
            )
        mode = path.lstat().st_mode
        if stat.S_ISLNK(mode):
            raise _is_link(path)
        if stat.S_ISDIR(mode):
            yield from _walk(path)
        elif not stat.S_ISREG(mode):
            raise TfgenError("a Lambda function may hold files and folders only", where=str(path))
        elif path.suffix not in _SKIPPED_SUFFIXES:
            yield path


def _is_link(path: Path) -> TfgenError:
    return TfgenError(
        "a symbolic link cannot be packaged",
        where=str(path),
        hint="copy the file; code shared by functions belongs in lambdas/common/",
    )


def _zip(files: Mapping[str, bytes]) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_STORED) as archive:
        for path in sorted(files):
            info = zipfile.ZipInfo(path, _EPOCH)
            info.create_system = _UNIX
            info.external_attr = _MODE
            archive.writestr(info, files[path])
    return buffer.getvalue()


def _hash_of(path: Path) -> str | None:
    try:
        return hashlib.sha256(path.read_bytes()).hexdigest()
    except FileNotFoundError:
        return None
    except OSError as error:
        raise TfgenError(f"cannot read {path.name}: {error.strerror}", where=str(path)) from None


def _prune(cache: Path) -> None:
    def age(path: Path) -> float:
        try:
            return path.stat().st_mtime
        except OSError:
            return 0.0  # another build removed it just now

    for path in sorted(cache.glob("*.zip"), key=age, reverse=True)[_KEPT:]:
        for file in (path, path.with_suffix(".json")):
            try:
                file.unlink(missing_ok=True)
            except OSError:
                return  # only space is at stake


def _ignore(_line: str) -> None:
    return None
