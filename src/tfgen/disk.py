"""Files onto the disk: whole or not at all, never over what somebody changed meanwhile, and copies beforehand."""

from __future__ import annotations

import errno
import hashlib
import os
import shutil
import sys
import tempfile
import time
from collections.abc import Collection, Iterable, Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Protocol

from tfgen.errors import TfgenError

STAGED = ".tfgen-staged"
_LINK = b"link:"
_FOLDER = b"folder:"
_KEEP_SIZE = 1


class Writable(Protocol):
    """What a file shall be: bytes, or where a link points if that is not empty."""

    @property
    def content(self) -> bytes:
        """Its bytes."""

    @property
    def link(self) -> str:
        """Where it points."""


def read_current(path: Path | str) -> bytes | None:
    """Return a file's bytes, `link:TARGET` for a link, `folder:` and its files for a folder, None if nothing is there.

    Raises:
        TfgenError: It cannot be read.
    """
    try:
        if os.path.islink(path):  # noqa: PTH114 - strings, this runs for every file of the tree
            return _LINK + os.fsencode(os.readlink(path))  # noqa: PTH115 - as above
        with open(path, "rb") as stream:  # noqa: PTH123 - as above
            return stream.read()
    except (FileNotFoundError, NotADirectoryError):
        return None
    except IsADirectoryError:
        folder = Path(path)
        return _FOLDER + "\n".join(sorted(str(item.relative_to(folder)) for item in folder.rglob("*"))).encode()
    except OSError as error:
        raise TfgenError(f"cannot read the file: {error.strerror}", where=str(path)) from None


def is_plain(path: Path) -> bool:
    """True if an ordinary file is there: no link, no folder."""
    return path.is_file() and not path.is_symlink()


def as_link(target: str) -> bytes:
    """Return what `read_current` says of a link."""
    return _LINK + target.encode()


def fingerprint(content: bytes | None) -> str:
    """Return a hash of what `read_current` returned, empty for nothing."""
    return "" if content is None else hashlib.sha256(content).hexdigest()


def write_whole(path: Path, data: bytes, *, mode: int = 0o644) -> None:
    """Write a file so that others see the old one or the new one, never a part; its folder is made if need be.

    Args:
        path: The file.
        data: What it shall hold.
        mode: Its permissions; until it is in its place, nobody but the user can read it.

    Raises:
        OSError: It cannot be written; what was there is as it was.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    descriptor, staged = tempfile.mkstemp(prefix=f".{path.name}.", dir=path.parent)
    try:
        with os.fdopen(descriptor, "wb") as stream:
            stream.write(data)
        Path(staged).chmod(mode)
        Path(staged).replace(path)
    except BaseException:
        with suppress(OSError):
            Path(staged).unlink()
        raise


def replace_all(
    root: Path,
    files: Mapping[str, Writable],
    *,
    seen: Mapping[str, str] | None = None,
    folders: Collection[str] = (),
) -> None:
    """Write every file beside its target first, then move all of them into place, in the given order.

    Args:
        root: The folder.
        files: What is to be written, by path below it.
        seen: Fingerprints of what stood there when it was decided to replace it; the rest is not looked at.
        folders: Paths at which a folder stands that is to go, since a copy of it was taken.

    Raises:
        TfgenError: The disk refuses, or a file changed since it was looked at.
    """
    staged: list[tuple[str, str]] = []
    made: list[Path] = []
    try:
        for folder in sorted({path.rpartition("/")[0] for path in files}):
            make_folder(root / folder, made)
        for path, file in files.items():
            target = f"{root}/{path}"
            staged.append((target + STAGED, target))
            _stage(target + STAGED, file)
        for path in files:
            refuse_if_changed(root, path, seen or {})
    except BaseException as error:
        _clear(staged, made)
        if not isinstance(error, OSError):
            raise
        where = str(error.filename or root)
        hint = "nothing was changed; make the folder writable or free some space"
        raise TfgenError(f"cannot write the tree: {error.strerror}", where=where, hint=hint) from None
    try:
        for path, (temporary, target) in zip(files, staged, strict=True):
            refuse_if_changed(root, path, seen or {})
            if path in folders:
                shutil.rmtree(target)
            os.replace(temporary, target)  # noqa: PTH105 - strings, this runs for every file of the tree
    except BaseException as error:
        _clear(staged, made)
        if not isinstance(error, OSError):
            raise
        where = str(error.filename2 or error.filename or root)
        hint = "some files are new, others are not yet; mend the place and repeat the command"
        raise TfgenError(f"cannot finish the tree: {error.strerror}", where=where, hint=hint) from None


def refuse_if_changed(root: Path, path: str, seen: Mapping[str, str]) -> None:
    """Refuse to touch a file that is not what it was when it was looked at.

    Raises:
        TfgenError: Somebody changed it in between.
    """
    expected = seen.get(path)
    if expected is None or (not expected and not os.path.lexists(f"{root}/{path}")):
        return
    if fingerprint(read_current(root / path)) != expected:
        hint = "the change was left alone; repeat the command"
        raise TfgenError("the file changed while tfgen was at work", where=str(root / path), hint=hint, code="changed")


def back_up(root: Path, paths: Iterable[str], backups: Path) -> Path | None:
    """Copy files, links and folders into a new folder that only the user can read and git does not see.

    Args:
        root: What the paths are relative to.
        paths: What is copied; what is not there is left out.
        backups: The folder for all backups; made if need be.

    Returns:
        The new folder, or None if there was nothing to copy.

    Raises:
        TfgenError: The disk refuses; nothing else was touched.
    """
    wanted = [path for path in paths if (root / path).is_symlink() or (root / path).exists()]
    if not wanted:
        return None
    try:
        backups.mkdir(mode=0o700, parents=True, exist_ok=True)
        (backups / ".gitignore").write_text("*\n", encoding="ascii")
        folder = _new_folder(backups)
        for path in wanted:
            _copy(root / path, folder / path)
    except OSError as error:
        where = str(error.filename or backups)
        hint = "nothing was changed; make the folder writable or free some space"
        raise TfgenError(f"cannot take a copy first: {error.strerror}", where=where, hint=hint) from None
    return folder


def put_back(copies: Path, root: Path) -> None:
    """Write what `back_up` copied over what is there now."""
    for path in sorted(copies.rglob("*")):
        target = root / path.relative_to(copies)
        if path.is_symlink() or not path.is_dir():
            target.parent.mkdir(parents=True, exist_ok=True)
            target.unlink(missing_ok=True)
            shutil.copy2(path, target, follow_symlinks=False)
            if not path.is_symlink():
                target.chmod(0o644)


def remove(root: Path, path: Path) -> None:
    """Remove a file, and the folders that are empty without it."""
    with suppress(FileNotFoundError):
        (root / path).unlink()
    for folder in path.parents:
        if folder == Path():
            break
        with suppress(OSError):
            (root / folder).rmdir()


def remove_all(path: Path) -> None:
    """Remove a file or a link, or a folder with all that is in it; what a link points to stays."""
    with suppress(OSError):
        if path.is_dir() and not path.is_symlink():
            shutil.rmtree(path)
        else:
            path.unlink()


def set_aside(descriptor: int, size: int) -> None:
    """Keep room on the disk for what a file will hold; its length stays as it is.

    Linux can (fallocate(2), FALLOC_FL_KEEP_SIZE), if the file system can; elsewhere nothing is kept.

    Args:
        descriptor: The file, open for writing; the room is given back when it is removed.
        size: In bytes from its beginning.

    Raises:
        OSError: There is no such room.
    """
    if size <= 0 or not sys.platform.startswith("linux"):
        return
    import ctypes

    library = ctypes.CDLL(None, use_errno=True)
    if library.fallocate(descriptor, _KEEP_SIZE, ctypes.c_long(0), ctypes.c_long(size)) == 0:
        return
    number = ctypes.get_errno()
    if number == errno.ENOSPC:
        raise OSError(number, os.strerror(number))


def make_folder(folder: Path, made: list[Path]) -> None:
    """Make a folder and those above it, noting each that was not there."""
    missing = []
    while not folder.is_dir():
        missing.append(folder)
        folder = folder.parent
    for part in reversed(missing):
        part.mkdir()
        made.append(part)


def _new_folder(backups: Path) -> Path:
    stamp = time.strftime("%Y%m%dT%H%M%SZ", time.gmtime())
    for number in range(1, 10_000):
        folder = backups / (stamp if number == 1 else f"{stamp}-{number}")
        with suppress(FileExistsError):
            folder.mkdir(mode=0o700)
            return folder
    raise FileExistsError(17, "too many backups in one second", str(backups))


def _copy(source: Path, target: Path) -> None:
    target.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    if source.is_symlink():
        target.symlink_to(source.readlink())
    elif source.is_dir():
        target.mkdir(mode=0o700)
        for item in sorted(source.iterdir()):
            _copy(item, target / item.name)
    else:
        descriptor = os.open(target, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(descriptor, "wb") as stream, source.open("rb") as original:
            shutil.copyfileobj(original, stream)
            stream.flush()
            os.fsync(stream.fileno())


def _clear(staged: Sequence[tuple[str, str]], made: Sequence[Path]) -> None:
    for temporary, _ in staged:
        with suppress(OSError):
            os.unlink(temporary)  # noqa: PTH108 - as above
    for folder in reversed(made):
        with suppress(OSError):
            folder.rmdir()


def _stage(temporary: str, file: Writable) -> None:
    if file.link:
        with suppress(FileNotFoundError):
            os.unlink(temporary)  # noqa: PTH108 - as above
        os.symlink(file.link, temporary)  # noqa: PTH211 - as above
        return
    descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_NOFOLLOW, 0o644)
    with os.fdopen(descriptor, "wb") as stream:  # loops over short writes, as a full disk makes them
        stream.write(file.content)
