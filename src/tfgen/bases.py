r"""`terraform/.tfgen/base/`: the text of every file as it was rendered last, which a merge starts from.

One file for each folder of the tree, so that a change of one module rewrites one of them, and two branches that
changed two modules meet in none. It is laid out to be committed: a path of the tree in a line of its own, then the
file's lines, each behind one space; empty lines stay empty, and a line `\` says that the last one does not end.
There are no counts in it, so that what git merges line by line is still right. An older tfgen kept a copy of each
file below the same folder; those are read, too.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from tfgen.disk import is_plain, read_current
from tfgen.manifest import BASE

_SUFFIX = ".txt"
_ROOT = "tree"
_OPEN_END = b"\\"


class Bases:
    """The bases of a rendered tree, read when the first file of a folder is asked for.

    Args:
        root: The rendered tree's folder.
    """

    def __init__(self, root: Path) -> None:
        self._root = root
        self._read: dict[str, Mapping[str, bytes]] = {}

    def find(self, path: str) -> bytes | None:
        """Return what a file was rendered as; None if that is not known.

        Args:
            path: The file, below the tree.

        Raises:
            TfgenError: The file that holds it cannot be read.
        """
        place = place_of(path)
        if place not in self._read:
            self._read[place] = unpack(_read_plain(self._root / place) or b"")
        found = self._read[place].get(path)
        return _read_plain(self._root / BASE / path) if found is None else found


def place_of(path: str) -> str:
    """Return the file below the tree that holds the base of `path`."""
    folder, inside, _ = path.partition("/")
    return f"{BASE}/{folder if inside else _ROOT}{_SUFFIX}"


def pack(files: Mapping[str, bytes]) -> bytes:
    """Lay files out as one text, by path; `unpack` gives back the same bytes."""
    parts = []
    for path, content in sorted(files.items()):
        lines = [b" " + line if line else line for line in content.split(b"\n")]
        parts += [path.encode("utf-8", "surrogateescape"), b"\n", b"\n".join(lines)]
        if content and not content.endswith(b"\n"):
            parts += [b"\n", _OPEN_END, b"\n"]
    return b"".join(parts)


def unpack(packed: bytes) -> dict[str, bytes]:
    """Return the files of a text that `pack` laid out; whatever else stands in it gives files that fit no hash."""
    files: dict[str, bytes] = {}
    lines: list[bytes] = []
    path = ""
    for line in packed.removesuffix(b"\n").split(b"\n"):
        if not line or line.startswith(b" "):
            lines.append(line[1:] + b"\n")
        elif line == _OPEN_END:
            lines[-1:] = [last.removesuffix(b"\n") for last in lines[-1:]]
        else:
            files[path] = b"".join(lines)
            path, lines = line.decode("utf-8", "surrogateescape"), []
    files[path] = b"".join(lines)
    files.pop("")
    return files


def list_old(root: Path) -> tuple[Path, ...]:
    """Return what an older tfgen left in the folder of the bases: copies of files, in folders as in the tree."""
    folder = root / BASE
    if not folder.is_dir():
        return ()
    return tuple(path for path in sorted(folder.iterdir()) if path.suffix != _SUFFIX or path.is_dir())


def _read_plain(path: Path) -> bytes | None:
    return read_current(path) if is_plain(path) else None
