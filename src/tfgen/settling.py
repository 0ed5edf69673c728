"""What becomes of rendered files that a person edited: merged, kept as they are, or taken anew. Writes nothing."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from tfgen.bases import Bases
from tfgen.disk import is_plain, read_current
from tfgen.errors import TfgenError
from tfgen.manifest import OPEN, Manifest, load_manifest
from tfgen.merging import find_marker, merge
from tfgen.render import CUSTOM_CHANGES, MARK, File
from tfgen.tree import Changes, Conflict, Decided, content_of, hash_managed, managed_part

MERGE = "merge"
MINE = "mine"
NEW = "new"
WAYS = (MERGE, MINE, NEW)

Choose = Callable[[str], str]
"""Path of an edited file → one of `WAYS`."""


@dataclass
class _Draft:
    """A decision in the making."""

    written: dict[str, File] = field(default_factory=dict)
    kept: dict[str, str] = field(default_factory=dict)
    released: list[str] = field(default_factory=list)
    moved: dict[str, str] = field(default_factory=dict)
    conflicts: list[Conflict] = field(default_factory=list)


def settle(root: Path, files: Mapping[str, File], changes: Changes, choose: Choose) -> Decided:
    """Decide about every edited file, and about files with conflict markers if they are to be taken anew.

    Args:
        root: The rendered tree's folder.
        files: What should be there.
        changes: The result of `compare`.
        choose: Says what becomes of a file.

    Raises:
        TfgenError: A file cannot be merged; names all of them.
    """
    return _Settling(root, files, changes, load_manifest(root)).decide(choose)


class _Settling:
    def __init__(self, root: Path, files: Mapping[str, File], changes: Changes, manifest: Manifest) -> None:
        self.root = root
        self.files = files
        self.changes = changes
        self.manifest = manifest
        self.bases = Bases(root)
        self.draft = _Draft()
        self.stuck: list[str] = []

    def decide(self, choose: Choose) -> Decided:
        marked = [conflict.path for conflict in self.changes.conflicts]
        for path in (*self.changes.edited, *marked):
            way = choose(path)
            if path not in self.files:
                self._unwanted(path, way)
            elif way == NEW:
                self.draft.written[path] = self._with_custom_part(path, content_of(self.files[path]))
            elif way == MINE and path not in marked:
                self._keep(path)
            elif path not in marked:
                self._merge(path, path)
        if self.stuck:
            raise self._cannot_merge()
        draft = self.draft
        return Decided(draft.written, draft.kept, tuple(draft.released), draft.moved, tuple(sorted(draft.conflicts)))

    def _unwanted(self, path: str, way: str) -> None:
        """Take an edited file along if its module was renamed; else it stays, as the user's own."""
        folder, _, name = path.partition("/")
        target = f"{self.changes.renamed.get(folder, '')}/{name}"
        movable = target in self.changes.created and is_plain(self.root / path)
        if way == NEW and not _is_folder(self.root / path):
            self.draft.moved[path] = ""
        elif way == MERGE and movable and not self.files[target].link:
            self.draft.moved[path] = target
            self._merge(path, target)
        else:
            self.draft.released.append(path)

    def _keep(self, path: str) -> None:
        if _is_folder(self.root / path):
            self.stuck.append(path)
        else:
            self.draft.kept[path] = hash_managed(path, read_current(self.root / path) or b"")

    def _merge(self, path: str, target: str) -> None:
        current, file = read_current(self.root / path) or b"", self.files[target]
        base = self._base(path)
        new = content_of(file)
        if path == target and self._is_rendered(path, new):
            self._keep(path)
            return
        merged = None
        if is_plain(self.root / path) and not file.link:
            merged = _merge_file(target, base, current, new, file.template.removesuffix(".j2"))
        if merged is None:
            self.stuck.append(path)
            return
        if managed_part(target, merged) == managed_part(target, new):
            self.draft.written[target] = File(merged)
            return
        line = find_marker(managed_part(target, merged), known=current + new, markdown=target.endswith(".md"))
        self.draft.written[target] = File(merged)
        self.draft.kept[target] = OPEN if line else hash_managed(target, merged)
        if line:
            self.draft.conflicts.append(Conflict(target, line))

    def _base(self, path: str) -> bytes | None:
        """Return what was rendered when the file was edited; None if that is not known for sure."""
        base = self.bases.find(path)
        if base is None:
            return None
        hashed = hash_managed(path, base)
        known = self.manifest.files.get(path)
        wanted = self.files.get(path)
        fits = known in (None, hashed) or (wanted is not None and hashed == hash_managed(path, content_of(wanted)))
        return base if fits else None

    def _is_rendered(self, path: str, new: bytes) -> bool:
        """True if the template did not change since the file was edited."""
        return self.manifest.files.get(path) == hash_managed(path, new)

    def _with_custom_part(self, path: str, new: bytes) -> File:
        file = self.files[path]
        if file.link or not path.endswith(".md") or not is_plain(self.root / path):
            return file
        line = CUSTOM_CHANGES.encode()
        _, found, custom = (self.root / path).read_bytes().partition(line)
        return File(managed_part(path, new) + line + custom, template=file.template) if found else file

    def _cannot_merge(self) -> TfgenError:
        names = ", ".join(self.stuck)
        return TfgenError(
            f"cannot merge what is no text, a link or a folder: {names}",
            where=str(self.root / self.stuck[0]),
            hint="nothing was written; move it away, or tfgen render --force takes the rendered file and keeps a copy",
            code="unmergeable",
        )


def _is_folder(path: Path) -> bool:
    return path.is_dir() and not path.is_symlink()


def _merge_file(path: str, base: bytes | None, mine: bytes, new: bytes, origin: str) -> bytes | None:
    """Merge a file: its ownership mark by itself, tfgen's part line by line, and what is the user's as it is."""
    line = CUSTOM_CHANGES.encode()
    ours, found, custom = mine.partition(line) if path.endswith(".md") else (mine, b"", b"")
    old_mark, old = split_mark(managed_part(path, base)) if base is not None else (b"", None)
    mark, body = split_mark(ours)
    new_mark, new_body = split_mark(managed_part(path, new))
    merged = merge(old, body, new_body, origin)
    if merged is None:
        return None
    if mark and (base is None or mark == _ended_like(old_mark, mark)):
        mark = _ended_like(new_mark, mark)
    return mark + merged.content + found + custom


def split_mark(content: bytes) -> tuple[bytes, bytes]:
    """Return a file's first line if that is the ownership mark, and the rest."""
    first, end, rest = content.partition(b"\n")
    return (first + end, rest) if MARK.encode() in first else (b"", content)


def _ended_like(mark: bytes, other: bytes) -> bytes:
    return mark.rstrip(b"\r\n") + other[len(other.rstrip(b"\r\n")) :]
