"""Rendered files ↔ disk: what differs, and writing it all or not at all.

`terraform/.tfgen/manifest.json` knows the hash of every file that was rendered, and `base/` holds its bytes.
A file that tfgen did not write, or that was edited since, is never overwritten or deleted.
"""

from __future__ import annotations

import fcntl
import hashlib
import json
import os
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from tfgen.errors import TfgenError
from tfgen.hcl import read_blocks
from tfgen.render import CUSTOM_CHANGES, LOCK_FILE, File

MANIFEST = Path(".tfgen") / "manifest.json"
BASE = Path(".tfgen") / "base"

_VERSION = 1
_STAGED = ".tfgen-staged"
_LINK = "link:"


@dataclass(frozen=True)
class Changes:
    """What writing a rendered tree would do; every field holds paths below the tree, sorted.

    Attributes:
        created: Files that do not exist yet.
        changed: Rendered files whose bytes differ now.
        unchanged: Files that are as they should be.
        removed: Rendered files that the spec no longer asks for.
        edited: Rendered files that were changed by hand; nothing is written while there are any.
        foreign: Files in the way that tfgen did not write; nothing is written while there are any.
    """

    created: tuple[str, ...]
    changed: tuple[str, ...]
    unchanged: tuple[str, ...]
    removed: tuple[str, ...]
    edited: tuple[str, ...]
    foreign: tuple[str, ...]

    @property
    def is_stale(self) -> bool:
        """True if the tree on disk is behind the spec or not what was rendered."""
        return bool(self.created or self.changed or self.removed or self.edited or self.foreign)

    def counts(self) -> str:
        """Return `N created, N changed, N unchanged, N removed`."""
        names = ("created", "changed", "unchanged", "removed")
        return ", ".join(f"{len(getattr(self, name))} {name}" for name in names)


def compare(root: Path, files: Mapping[str, File]) -> Changes:
    """Compare rendered files with the tree on disk; writes nothing.

    Args:
        root: The rendered tree's folder, which need not exist.
        files: What should be there, by path below `root`.

    Raises:
        TfgenError: The manifest is damaged or from a newer tfgen, or a file cannot be read.
    """
    manifest = read_manifest(root)
    found: dict[str, list[str]] = {name: [] for name in Changes.__dataclass_fields__}
    for path, file in files.items():
        found[_state(root, path, file, manifest.get(path))].append(path)
    for path in manifest.keys() - files.keys():
        current = _current(root / path)
        if current is not None:
            found["removed" if _is_as_rendered(root, path, current, manifest[path]) else "edited"].append(path)
    return Changes(**{name: tuple(sorted(paths)) for name, paths in found.items()})


def write(root: Path, files: Mapping[str, File], changes: Changes) -> None:
    """Bring the tree on disk in line with the rendered files: all of them, or none.

    Args:
        root: The rendered tree's folder.
        files: What should be there.
        changes: The result of `compare` for the same arguments.

    Raises:
        TfgenError: Files were edited or are in the way, or the disk refuses; nothing was changed then.
    """
    _refuse_if_blocked(root, changes)
    folders = {Path(path).parent for path in (*files, *changes.removed)}
    _refuse_links(root, folders | {BASE / folder for folder in folders})
    known = read_manifest(root)
    digests = _digests(files)
    if not changes.is_stale and known == digests:
        return
    wanted = {path: _with_custom_part(root / path, files[path]) for path in (*changes.created, *changes.changed)}
    kept = _custom_parts(root, changes.removed)
    bases = {
        str(BASE / path): file
        for path, file in files.items()
        if not file.link and (path in wanted or known.get(path) != digests[path])
    }
    manifest = {str(MANIFEST): File((json.dumps({"version": _VERSION, "files": digests}, indent=1) + "\n").encode())}
    # In this order a run that is killed in between leaves files that match the manifest or their new base.
    _replace_all(root, {**bases, **wanted, **kept, **manifest})
    for path in changes.removed:
        if path not in kept:
            _remove(root, Path(path))
        _remove(root, BASE / path)


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
    path = root / MANIFEST
    try:
        data = json.loads(path.read_bytes())
        version, files = data["version"], data["files"]
        files = dict(files)
    except (FileNotFoundError, NotADirectoryError):
        return {}
    except OSError as error:
        raise TfgenError(f"cannot read the manifest: {error.strerror}", where=str(path)) from None
    except (ValueError, KeyError, TypeError):
        hint = f"restore it from version control, or delete it: unedited files are recognised again ({path.name})"
        raise TfgenError("the manifest of the rendered tree is damaged", where=str(path), hint=hint) from None
    if any(Path(name).is_absolute() or ".." in Path(name).parts for name in files):
        hint = "restore it from version control: a rendered tree never reaches out of its folder"
        raise TfgenError("the manifest names a file outside the rendered tree", where=str(path), hint=hint)
    if version != _VERSION:
        raise TfgenError("the tree was rendered by a newer tfgen", where=str(path), hint="pip install -U tfgen-cli")
    return files


def read_user_files(root: Path, modules: Sequence[str], rendered: Mapping[str, str]) -> dict[str, dict[str, bytes]]:
    """Read the `.tf` and `.tf.json` files that users put beside the rendered ones.

    Args:
        root: The rendered tree's folder.
        modules: Names of the modules.
        rendered: The manifest: what is not the user's.
    """
    found: dict[str, dict[str, bytes]] = {}
    for module in modules:
        folder = root / module
        if folder.is_dir():
            paths = sorted([*folder.glob("*.tf"), *folder.glob("*.tf.json")])
            own = {path.name: path for path in paths if f"{module}/{path.name}" not in rendered}
            found[module] = {name: path.read_bytes() for name, path in own.items() if path.is_file()}
    return found


def show_differences(root: Path, files: Mapping[str, File], changes: Changes) -> Iterator[str]:
    """Yield the lines of a unified diff from the tree on disk to the rendered files."""
    from difflib import unified_diff

    for path in sorted({*changes.created, *changes.changed, *changes.removed, *changes.edited, *changes.foreign}):
        current = _current(root / path)
        before = _lines(b"" if current is None else current)
        after = _lines(_with_custom_part(root / path, files[path]).content if path in files else b"")
        old, new = ("/dev/null" if current is None else f"a/{path}"), (f"b/{path}" if path in files else "/dev/null")
        yield from unified_diff(before, after, old, new, lineterm="")


def _lines(content: bytes) -> list[str]:
    return content.decode("utf-8", "replace").splitlines()


def _state(root: Path, path: str, file: File, rendered: str | None) -> str:
    current = _current(root / path)
    if current is None:
        return "created"
    wanted = f"{_LINK}{file.link}".encode() if file.link else file.content
    if _managed(path, current) == _managed(path, wanted) or (_is_lock(path) and _still_locks(current, wanted)):
        return "unchanged"
    if _is_as_rendered(root, path, current, rendered):
        return "changed"
    return "foreign" if rendered is None else "edited"


def _is_as_rendered(root: Path, path: str, current: bytes, rendered: str | None) -> bool:
    """True if a file holds what was rendered; a dependency lock file may hold more, from `terraform init`."""
    if _digest(path, current) == rendered:
        return True
    base = _current(root / BASE / path)
    if base is None:
        return False
    return _managed(path, current) == _managed(path, base) or (_is_lock(path) and _still_locks(current, base))


def _is_lock(path: str) -> bool:
    return path.rsplit("/", 1)[-1] == LOCK_FILE


def _current(path: Path) -> bytes | None:
    try:
        if path.is_symlink():
            return f"{_LINK}{path.readlink()}".encode()
        return path.read_bytes()
    except (FileNotFoundError, NotADirectoryError):
        return None
    except IsADirectoryError:
        return b"a folder"
    except OSError as error:
        raise TfgenError(f"cannot read the file: {error.strerror}", where=str(path)) from None


def _managed(name: str, content: bytes) -> bytes:
    """Return the part of a file that is tfgen's: a README ends at the line "Custom changes"."""
    return content.split(CUSTOM_CHANGES.encode(), 1)[0] if name.endswith(".md") else content


def _digest(path: str, content: bytes) -> str:
    return hashlib.sha256(_managed(path, content)).hexdigest()


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
    return File(_managed(path.name, file.content) + line + custom) if found else file


def _custom_parts(root: Path, removed: Sequence[str]) -> dict[str, File]:
    """Keep what users wrote into READMEs that are no longer rendered: from now on these are their files."""
    line = CUSTOM_CHANGES.encode()
    parts = {path: (root / path).read_bytes().partition(line)[2] for path in removed if path.endswith(".md")}
    return {path: File(custom.removeprefix(b"\n")) for path, custom in parts.items() if custom.strip()}


def _refuse_if_blocked(root: Path, changes: Changes) -> None:
    if changes.edited:
        raise TfgenError(
            f"{_count(changes.edited, 'rendered file was', 'rendered files were')} edited: {_few(changes.edited)}",
            where=str(root),
            hint="tfgen render --diff shows the edits; move them to the spec or to a file of your own, then "
            "delete the edited file and render again",
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


def _count(paths: Sequence[str], one: str, several: str) -> str:
    return f"{len(paths)} {one if len(paths) == 1 else several}"


def _few(paths: Sequence[str]) -> str:
    return ", ".join(paths[:5]) + (f" and {len(paths) - 5} more" if len(paths) > 5 else "")


def _digests(files: Mapping[str, File]) -> dict[str, str]:
    return {
        path: _digest(path, f"{_LINK}{file.link}".encode() if file.link else file.content)
        for path, file in sorted(files.items())
    }


def _replace_all(root: Path, files: Mapping[str, File]) -> None:
    """Write every file beside its target first, then move all of them into place."""
    staged: list[tuple[str, str]] = []
    made: list[Path] = []
    try:
        for folder in sorted({(root / path).parent for path in files}):
            _make_folder(folder, made)
        for path, file in files.items():
            target = f"{root}/{path}"
            temporary = target + _STAGED
            staged.append((temporary, target))
            _stage(temporary, file)
    except BaseException as error:
        _clear(staged, made)
        if not isinstance(error, OSError):
            raise
        where = str(error.filename or root)
        hint = "nothing was changed; make the folder writable or free some space"
        raise TfgenError(f"cannot write the tree: {error.strerror}", where=where, hint=hint) from None
    try:
        for temporary, target in staged:
            os.replace(temporary, target)  # noqa: PTH105 - strings, this runs for every file of the tree
    except BaseException as error:
        _clear(staged, made)
        if not isinstance(error, OSError):
            raise
        where = str(error.filename2 or error.filename or root)
        hint = "some files are new, others are not yet; mend the place and render again"
        raise TfgenError(f"cannot finish the tree: {error.strerror}", where=where, hint=hint) from None


def _clear(staged: Sequence[tuple[str, str]], made: Sequence[Path]) -> None:
    for temporary, _ in staged:
        with suppress(OSError):
            os.unlink(temporary)  # noqa: PTH108 - as above
    for folder in reversed(made):
        with suppress(OSError):
            folder.rmdir()


def _make_folder(folder: Path, made: list[Path]) -> None:
    missing = []
    while not folder.is_dir():
        missing.append(folder)
        folder = folder.parent
    for part in reversed(missing):
        part.mkdir()
        made.append(part)


def _stage(temporary: str, file: File) -> None:
    if file.link:
        with suppress(FileNotFoundError):
            os.unlink(temporary)  # noqa: PTH108 - as above
        os.symlink(file.link, temporary)  # noqa: PTH211 - as above
        return
    descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_NOFOLLOW, 0o644)
    with os.fdopen(descriptor, "wb") as stream:  # loops over short writes, as a full disk makes them
        stream.write(file.content)


def _remove(root: Path, path: Path) -> None:
    with suppress(FileNotFoundError):
        (root / path).unlink()
    for folder in path.parents:
        if folder == Path():
            break
        with suppress(OSError):
            (root / folder).rmdir()
