"""Rendered files ↔ disk: what differs, and writing it all or not at all.

`terraform/.tfgen/manifest.json` knows the hash of every file that was rendered, and `base/` holds its text.
A file that tfgen did not write, or that was edited since, is never overwritten or deleted unless a person
decided what becomes of it.
"""

from __future__ import annotations

import fcntl
import hashlib
import os
import re
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass, field, replace
from pathlib import Path

from tfgen.bases import Bases, list_old, pack, place_of
from tfgen.disk import (
    as_link,
    back_up,
    fingerprint,
    is_plain,
    read_current,
    remove,
    remove_all,
    replace_all,
)
from tfgen.errors import TfgenError
from tfgen.hcl import read_blocks
from tfgen.manifest import BASE, FOLDER, MANIFEST, OPEN, Manifest, Origin, load_manifest
from tfgen.merging import find_marker
from tfgen.render import CUSTOM_CHANGES, LOCK_FILE, MARK, File

BACKUPS = Path(FOLDER) / "backups"
"""Where copies go, below the project; git does not see it."""

_NUMBERED = re.compile(r"[0-9]{2,4}-[a-z][a-z0-9-]*")
_COUNTED = ("created", "changed", "unchanged", "removed")


@dataclass(frozen=True, order=True)
class Conflict:
    """A conflict marker that a merge left in a file.

    Attributes:
        path: The file, below the tree.
        line: The line of its first marker.
    """

    path: str
    line: int

    def __str__(self) -> str:
        return f"{self.path}:{self.line}"


@dataclass(frozen=True)
class Changes:
    """What writing a rendered tree would do; every field holds paths below the tree, sorted.

    Attributes:
        created: Files that do not exist yet.
        changed: Rendered files whose bytes differ now.
        unchanged: Files that are as they should be.
        removed: Rendered files that the spec no longer asks for.
        edited: Rendered files that were changed by hand; nothing is written while there are any undecided.
        foreign: Files in the way that tfgen did not write; nothing is written while there are any.
        kept: Files with edits that a person decided to keep, on top of what is rendered now.
        conflicts: Files with conflict markers in them.
        renamed: Folder that is no longer rendered → folder that holds the same module now.
        seen: Fingerprints of what stood where something is going to be written or removed.
    """

    created: tuple[str, ...]
    changed: tuple[str, ...]
    unchanged: tuple[str, ...]
    removed: tuple[str, ...]
    edited: tuple[str, ...]
    foreign: tuple[str, ...]
    kept: tuple[str, ...] = ()
    conflicts: tuple[Conflict, ...] = ()
    renamed: Mapping[str, str] = field(default_factory=dict)
    seen: Mapping[str, str] = field(default_factory=dict, repr=False)

    @property
    def is_stale(self) -> bool:
        """True if the tree on disk is behind the spec or not what was rendered."""
        return bool(self.created or self.changed or self.removed or self.edited or self.foreign or self.conflicts)

    def counts(self) -> str:
        """Return `N created, N changed, N unchanged, N removed`, and what else there is."""
        more = [name for name in ("edited", "kept", "conflicts") if getattr(self, name)]
        return ", ".join(f"{len(getattr(self, name))} {name}" for name in (*_COUNTED, *more))


@dataclass(frozen=True)
class Decided:
    """What a person decided about edited files; every path is below the tree.

    Attributes:
        written: Path → what it shall hold.
        kept: Path → hash of the edited version that stays, `OPEN` if it has conflicts to resolve.
        released: Files that are no longer rendered and stay, as the user's own.
        moved: Old path of an edited file → its path in the renamed module; empty if it goes.
        conflicts: Where a person has to go on.
    """

    written: Mapping[str, File] = field(default_factory=dict)
    kept: Mapping[str, str] = field(default_factory=dict)
    released: tuple[str, ...] = ()
    moved: Mapping[str, str] = field(default_factory=dict)
    conflicts: tuple[Conflict, ...] = ()

    @property
    def paths(self) -> frozenset[str]:
        """All paths that were decided about."""
        return frozenset((*self.written, *self.kept, *self.released, *self.moved))


NOTHING_DECIDED = Decided()


def compare(root: Path, files: Mapping[str, File]) -> Changes:
    """Compare rendered files with the tree on disk; writes nothing.

    Args:
        root: The rendered tree's folder, which need not exist.
        files: What should be there, by path below `root`.

    Raises:
        TfgenError: The manifest is damaged or from a newer tfgen, or a file cannot be read.
    """
    return _Comparison(root, files, load_manifest(root)).changes()


def write(
    root: Path,
    files: Mapping[str, File],
    changes: Changes,
    *,
    decided: Decided = NOTHING_DECIDED,
    origin: Origin | None = None,
) -> Path | None:
    """Bring the tree on disk in line with the rendered files: all of them, or none.

    Args:
        root: The rendered tree's folder.
        files: What should be there.
        changes: The result of `compare` for the same arguments.
        decided: What becomes of edited files.
        origin: What the files were rendered by; None leaves what was noted.

    Returns:
        The folder with copies of the edited files that were written or moved; None if there were none.

    Raises:
        TfgenError: Files were edited or are in the way, or the disk refuses; nothing was changed then.
    """
    refuse_blocked(root, changes, decided)
    known = load_manifest(root)
    kept = {path: hash_managed(path, read_current(root / path) or b"") for path in changes.kept}
    manifest = Manifest(_digests(files), {**kept, **decided.kept}, origin or known.origin)
    if not changes.is_stale and manifest.files == known.files and manifest.kept == known.kept:
        return None
    folders = {path.rpartition("/")[0] for path in (*files, *changes.removed, *decided.moved)}
    _refuse_links(root, {BASE, *map(Path, folders)})
    lost = sorted({*decided.written, *decided.moved})
    copies = back_up(root.parent, [f"{root.name}/{path}" for path in lost], root.parent / BACKUPS)
    _replace(root, files, changes, decided, manifest, known)
    _remove_stale(root, changes, decided)
    _remove_bases(root, {place_of(path) for path in known.files} - {place_of(path) for path in files})
    return copies


def note_origin(root: Path, origin: Origin) -> None:
    """Note by what a tree was rendered that needs no writing.

    Raises:
        TfgenError: The manifest cannot be read or written.
    """
    known = load_manifest(root)
    if known.files and known.origin != origin:
        replace_all(root, {str(MANIFEST): File(replace(known, origin=origin).to_bytes())})


def _replace(
    root: Path, files: Mapping[str, File], changes: Changes, decided: Decided, manifest: Manifest, known: Manifest
) -> None:
    fresh = [path for path in (*changes.created, *changes.changed) if path not in decided.written]
    carried = {new: old for old, new in _moved_readmes(changes).items()}
    wanted = {path: _with_custom_part(root / carried.get(path, path), files[path]) for path in fresh}
    touched = {*wanted, *decided.paths}
    dated = {path for path in files if path in touched or known.files.get(path) != manifest.files[path]}
    dated |= known.files.keys() - files.keys()
    # A run that is killed in between leaves unedited files that match the manifest or their new base, and edited
    # ones that were either merged already or still wait for it with the base that they started from.
    replace_all(
        root,
        {
            **decided.written,
            **_bases(files, None if list_old(root) else dated),
            **wanted,
            **_custom_parts(root, [path for path in changes.removed if path not in carried.values()]),
            str(MANIFEST): File(manifest.to_bytes()),
        },
        seen=changes.seen,
        folders=[path for path in decided.written if (root / path).is_dir() and not (root / path).is_symlink()],
    )


def _remove_stale(root: Path, changes: Changes, decided: Decided) -> None:
    for path in (*changes.removed, *decided.moved):
        content = read_current(root / path)
        if path in changes.seen and fingerprint(content) == changes.seen[path]:
            remove(root, Path(path))


def _bases(files: Mapping[str, File], dated: Collection[str] | None) -> dict[str, File]:
    """Return what holds the bases of files that are rendered otherwise than before, or no longer; None: of all."""
    places = None if dated is None else {place_of(path) for path in dated}
    found: dict[str, dict[str, bytes]] = {}
    for path, file in files.items():
        place = place_of(path)
        if not file.link and (places is None or place in places):
            found.setdefault(place, {})[path] = file.content
    return {place: File(pack(texts)) for place, texts in found.items()}


def _remove_bases(root: Path, places: Iterable[str]) -> None:
    """Remove the bases of folders that are no longer rendered, and those that an older tfgen laid out."""
    for place in places:
        remove(root, Path(place))
    for path in list_old(root):
        remove_all(path)


def _moved_readmes(changes: Changes) -> dict[str, str]:
    """Return old → new path of the READMEs of renamed modules: what users wrote there goes with them."""
    pairs = {f"{old}/README.md": f"{new}/README.md" for old, new in changes.renamed.items()}
    return {old: new for old, new in pairs.items() if old in changes.removed and new in changes.created}


@contextmanager
def exclusive(project: Path) -> Iterator[None]:
    """Let one process at a time render a project; the others wait, and then find it rendered.

    The folder itself is what is locked, so no file is left behind.

    Args:
        project: The project's folder. On a file system that cannot lock it, rendering goes on without.
    """
    with ExitStack() as stack:
        with suppress(OSError):
            descriptor = os.open(project, os.O_RDONLY)
            stack.callback(os.close, descriptor)
            fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield


def read_manifest(root: Path) -> Mapping[str, str]:
    """Return the hash of every file as it was last rendered; empty if nothing was.

    Raises:
        TfgenError: The manifest is damaged or from a newer tfgen.
    """
    return load_manifest(root).files


def find_conflicts(root: Path) -> tuple[Conflict, ...]:
    """Return the rendered files that hold conflict markers, without rendering anything.

    Raises:
        TfgenError: The manifest is damaged, or a file cannot be read.
    """
    found, bases = [], Bases(root)
    for path in load_manifest(root).files:
        if is_plain(root / path):
            line = _marker(bases, path, read_current(root / path) or b"")
            found += [Conflict(path, line)] if line else []
    return tuple(sorted(found))


def refuse_conflicts(root: Path, conflicts: Sequence[Conflict]) -> None:
    """Refuse to go on while conflict markers stand in files.

    Raises:
        TfgenError: There are some; names the place of the first one.
    """
    if conflicts:
        count = _count(conflicts, "file has", "files have")
        names = [conflict.path for conflict in conflicts]
        raise TfgenError(
            f"{count} conflicts to resolve: {_few(names)}",
            where=f"{root / conflicts[0].path}:{conflicts[0].line}",
            hint="decide what stands between <<<<<<< and >>>>>>> and delete the three marker lines; "
            "tfgen render --force takes the rendered text and keeps a copy of yours",
            code="conflict",
        )


def read_user_files(root: Path, modules: Sequence[str], rendered: Mapping[str, str]) -> dict[str, dict[str, bytes]]:
    """Read the `.tf` and `.tf.json` files that users put beside the rendered ones, and the rendered ones they edited.

    Args:
        root: The rendered tree's folder.
        modules: Names of the modules.
        rendered: The manifest: what is not the user's.
    """
    found: dict[str, dict[str, bytes]] = {}
    for module in modules:
        if (root / module).is_dir():
            sources = {entry.name: Path(entry).read_bytes() for entry in _terraform_in(root / module)}
            found[module] = {
                name: source for name, source in sources.items() if _is_users(module, name, source, rendered)
            }
    return found


def _terraform_in(folder: Path) -> list[os.DirEntry[str]]:
    with os.scandir(folder) as entries:
        found = [entry for entry in entries if entry.name.endswith((".tf", ".tf.json")) and entry.is_file()]
    return sorted(found, key=lambda entry: entry.name)


def _is_users(module: str, name: str, source: bytes, rendered: Mapping[str, str]) -> bool:
    """Say whether what a user wrote is in a file; the seam to other modules' states is always tfgen's."""
    path = f"{module}/{name}"
    return path not in rendered or (name != "remote_state.tf" and hash_managed(path, source) != rendered[path])


def find_foreign(root: Path, modules: Sequence[str], rendered: Mapping[str, str]) -> tuple[str, ...]:
    """Return the numbered folders with Terraform in them that tfgen did not write and no module is called like.

    Args:
        root: The rendered tree's folder.
        modules: Names of the modules.
        rendered: The manifest.
    """
    if not root.is_dir():
        return ()
    names = sorted({entry.name for entry in os.scandir(root) if _NUMBERED.fullmatch(entry.name)} - {*modules})
    return tuple(
        name
        for name in names
        if (root / name).is_dir()
        and any(f"{name}/{entry.name}" not in rendered for entry in _terraform_in(root / name))
    )


def show_differences(
    root: Path, files: Mapping[str, File], changes: Changes, decided: Decided = NOTHING_DECIDED
) -> Iterator[str]:
    """Yield the lines of a unified diff from the tree on disk to what would be written."""
    conflicts = {conflict.path for conflict in changes.conflicts}
    differing = {*changes.created, *changes.changed, *changes.removed, *changes.edited, *changes.foreign, *conflicts}
    for path in sorted({*differing, *decided.written} - {*decided.kept.keys() - decided.written.keys()}):
        if path not in decided.released:
            yield from show_difference(root, path, decided.written.get(path, files.get(path)))


def show_difference(root: Path, path: str, file: File | None) -> Iterator[str]:
    """Yield the lines of a unified diff from one file on disk to what it would hold; None: it would go."""
    from difflib import unified_diff

    current = read_current(root / path)
    before = _lines(b"" if current is None else current)
    after = _lines(content_of(_with_custom_part(root / path, file)) if file else b"")
    old, new = ("/dev/null" if current is None else f"a/{path}"), (f"b/{path}" if file else "/dev/null")
    yield from unified_diff(before, after, old, new, lineterm="")


def content_of(file: File) -> bytes:
    """Return a rendered file as `read_current` would see it."""
    return as_link(file.link) if file.link else file.content


def managed_part(name: str, content: bytes) -> bytes:
    """Return the part of a file that is tfgen's: a README ends at the line "Custom changes"."""
    return content.split(CUSTOM_CHANGES.encode(), 1)[0] if name.endswith(".md") else content


def hash_managed(path: str, content: bytes) -> str:
    """Return the hash of the part of a file that is tfgen's: what the manifest holds."""
    return hashlib.sha256(managed_part(path, content)).hexdigest()


class _Comparison:
    """Looks at every path once and says what is to be done about it."""

    def __init__(self, root: Path, files: Mapping[str, File], manifest: Manifest) -> None:
        self.root = root
        self.files = files
        self.manifest = manifest
        self.bases = Bases(root)
        self.found: dict[str, list[str]] = {}
        self.conflicts: list[Conflict] = []
        self.seen: dict[str, str] = {}

    def changes(self) -> Changes:
        for path, file in self.files.items():
            self._wanted(path, content_of(file))
        for path in self.manifest.files.keys() - self.files.keys():
            self._unwanted(path)
        names = (*_COUNTED, "edited", "foreign", "kept")
        return Changes(
            **{name: tuple(sorted(self.found.get(name, ()))) for name in names},
            conflicts=tuple(sorted(self.conflicts)),
            renamed=self._renamed(),
            seen=self.seen,
        )

    def _wanted(self, path: str, wanted: bytes) -> None:
        current = read_current(f"{self.root}/{path}")
        if current is None:
            self._note("created", path, current)
        elif _is_same(path, current, wanted):
            self._note("unchanged", path)
        elif self._is_as_rendered(path, current):
            self._note("changed", path, current)
        elif not self._is_ours(path, current):
            self._note("foreign", path, current)
        elif line := _marker(self.bases, path, current, wanted):
            self._conflict(path, line, current)
        elif self._is_kept(path, current, wanted):
            self._note("kept", path)
        else:
            self._note("edited", path, current)

    def _unwanted(self, path: str) -> None:
        current = read_current(self.root / path)
        if current is None:
            return
        if self._is_as_rendered(path, current):
            self._note("removed", path, current)
        elif line := _marker(self.bases, path, current):
            self._conflict(path, line, current)
        else:
            self._note("edited", path, current)

    def _note(self, state: str, path: str, current: bytes | None = None) -> None:
        self.found.setdefault(state, []).append(path)
        if state not in ("unchanged", "kept"):
            self.seen[path] = fingerprint(current)

    def _conflict(self, path: str, line: int, current: bytes) -> None:
        self.conflicts.append(Conflict(path, line))
        self.seen[path] = fingerprint(current)

    def _is_as_rendered(self, path: str, current: bytes) -> bool:
        """True if a file holds what was rendered; a dependency lock file may hold more, from `terraform init`."""
        if hash_managed(path, current) == self.manifest.files.get(path):
            return True
        base = self.bases.find(path)
        return base is not None and _is_same(path, current, base)

    def _is_ours(self, path: str, current: bytes) -> bool:
        """True if tfgen wrote the file once: it is in the manifest, has a base, or bears the mark."""
        if path in self.manifest.files or self.bases.find(path) is not None:
            return True
        return MARK.encode() in current.split(b"\n", 1)[0]

    def _is_kept(self, path: str, current: bytes, wanted: bytes) -> bool:
        kept = self.manifest.kept.get(path)
        if kept is None or self.manifest.files.get(path) != hash_managed(path, wanted):
            return False
        return kept in (OPEN, hash_managed(path, current))

    def _renamed(self) -> dict[str, str]:
        """Return old → new folder where one module of a blueprint vanished and one of the same appeared."""
        before = {path.split("/")[0] for path in self.manifest.files if "/" in path}
        after = {path.split("/")[0] for path in self.files if "/" in path}
        if not before - after or not after - before:
            return {}
        gone = _by_blueprint((folder, self._old_blueprint(folder)) for folder in before - after)
        come = _by_blueprint((folder, self._new_blueprint(folder)) for folder in after - before)
        return {gone[name][0]: come[name][0] for name in gone if len(gone[name]) == 1 == len(come.get(name, ()))}

    def _old_blueprint(self, folder: str) -> str:
        names = sorted(path for path in self.manifest.files if path.startswith(f"{folder}/"))
        firsts = [(self.bases.find(path) or b"").split(b"\n", 1)[0].decode("utf-8", "replace") for path in names]
        return _blueprint(first.partition(MARK)[2].strip() for first in firsts)

    def _new_blueprint(self, folder: str) -> str:
        return _blueprint(file.template for path, file in self.files.items() if path.startswith(f"{folder}/"))


def _blueprint(templates: Iterable[str]) -> str:
    """Return the blueprint that templates belong to; empty if only shared ones are among them."""
    return next((name for template in templates if (name := template.partition("/")[0]) not in ("", "_shared")), "")


def _by_blueprint(pairs: Iterable[tuple[str, str]]) -> dict[str, list[str]]:
    found: dict[str, list[str]] = {}
    for folder, blueprint in pairs:
        if blueprint:
            found.setdefault(blueprint, []).append(folder)
    return found


def _lines(content: bytes) -> list[str]:
    return content.decode("utf-8", "replace").splitlines()


def _is_same(path: str, current: bytes, wanted: bytes) -> bool:
    if managed_part(path, current) == managed_part(path, wanted):
        return True
    return path.rsplit("/", 1)[-1] == LOCK_FILE and _still_locks(current, wanted)


def _marker(bases: Bases, path: str, current: bytes, wanted: bytes = b"") -> int:
    """Return the line of the first conflict marker in the part of a file that is not the user's alone."""
    part = managed_part(path, current)
    line = find_marker(part, markdown=path.endswith(".md"))
    if not line:
        return 0
    known = (bases.find(path) or b"") + b"\n" + wanted
    return find_marker(part, known=known, markdown=path.endswith(".md"))


def _still_locks(current: bytes, wanted: bytes) -> bool:
    """True if a dependency lock file selects what was rendered: `terraform init` may add checksums."""
    held = {block.labels: block.attributes for block in read_blocks(current) if block.type == "provider"}
    return all(
        held.get(block.labels, {}).get("version") == block.attributes.get("version")
        and set(_hashes(block.attributes)) <= set(_hashes(held[block.labels]))
        for block in read_blocks(wanted)
    )


def _hashes(attributes: Mapping[str, str]) -> list[str]:
    return [part for part in attributes.get("hashes", "").split('"') if part.startswith(("h1:", "zh:"))]


def _with_custom_part(path: Path, file: File) -> File:
    """Carry what a user wrote below a README's last line over to its new text."""
    if not path.name.endswith(".md") or not path.is_file():
        return file
    line = CUSTOM_CHANGES.encode()
    _, found, custom = path.read_bytes().partition(line)
    return File(managed_part(path.name, file.content) + line + custom) if found else file


def _custom_parts(root: Path, removed: Sequence[str]) -> dict[str, File]:
    """Keep what users wrote into READMEs that are no longer rendered: from now on these are their files."""
    line = CUSTOM_CHANGES.encode()
    parts = {path: (root / path).read_bytes().partition(line)[2] for path in removed if path.endswith(".md")}
    return {path: File(custom.removeprefix(b"\n")) for path, custom in parts.items() if custom.strip()}


def refuse_blocked(root: Path, changes: Changes, decided: Decided = NOTHING_DECIDED) -> None:
    """Refuse to write while there are files that nobody decided about.

    Raises:
        TfgenError: Files have conflicts, were edited, or are in the way.
    """
    refuse_conflicts(root, [conflict for conflict in changes.conflicts if conflict.path not in decided.paths])
    edited = [path for path in changes.edited if path not in decided.paths]
    if edited:
        raise TfgenError(
            f"{_count(edited, 'rendered file was', 'rendered files were')} edited: {_few(edited)}",
            where=str(root / edited[0]),
            hint="tfgen render --merge keeps the edits and brings in what is new; --force takes the rendered text "
            "and keeps a copy of yours; --diff shows the difference",
            code="edited",
        )
    if changes.foreign:
        raise TfgenError(
            f"{_count(changes.foreign, 'file', 'files')} in the way, not written by tfgen: {_few(changes.foreign)}",
            where=str(root),
            hint="move or rename them; tfgen never overwrites what it did not write",
            code="foreign",
        )


def _refuse_links(root: Path, used: Iterable[Path]) -> None:
    """Refuse a folder of the tree that is a link: what is written there would land somewhere else."""
    parts = {part for folder in used for part in (folder, *folder.parents)} - {Path()}
    for folder in sorted(parts):
        if (root / folder).is_symlink():
            raise TfgenError(
                "a folder of the rendered tree is a link to somewhere else",
                where=str(root / folder),
                hint="put a folder in its place, or remove the link and render again; nothing was changed",
                code="foreign",
            )


def _count(paths: Sequence[object], one: str, several: str) -> str:
    return f"{len(paths)} {one if len(paths) == 1 else several}"


def _few(paths: Sequence[str]) -> str:
    return ", ".join(paths[:5]) + (f" and {len(paths) - 5} more" if len(paths) > 5 else "")


def _digests(files: Mapping[str, File]) -> dict[str, str]:
    return {path: hash_managed(path, content_of(file)) for path, file in sorted(files.items())}
