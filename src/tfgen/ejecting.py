"""The way out: the project as plain Terraform, in a folder of its own or in place, and nothing in it tells of tfgen."""

from __future__ import annotations

import json
import os
import re
import shutil
import tempfile
from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from tfgen import deployment, state, workflow
from tfgen.assets import template_roots, templates_root
from tfgen.bootstrap import LOCAL_STATE
from tfgen.deployment import Caller
from tfgen.disk import back_up, fingerprint, put_back, read_current, replace_all
from tfgen.errors import TfgenError, UsageError
from tfgen.manifest import FOLDER
from tfgen.merging import merge
from tfgen.model import BACKEND_CONFIG, Environment, Project
from tfgen.render import CUSTOM_CHANGES, Ejected, File, RenderedTree, Shipped, plan_files
from tfgen.settling import split_mark
from tfgen.starting import GITIGNORE, README
from tfgen.templating import Templates
from tfgen.tree import BACKUPS, Changes, content_of, exclusive, managed_part, refuse_conflicts
from tfgen.workflow import LoadedProject

_NAME = b"tfgen"
_STARTED = "ejecting.json"
_LEFT_OUT = re.compile(r".*\.tfstate(\..*)?|.*\.tfplan|\.terraform\.tfstate\.lock\.info|crash.*\.log|.*\.tfgen-staged")
_CACHES = shutil.ignore_patterns("__pycache__", ".pytest_cache", "*.pyc")
_IGNORED_BY_TERRAFORM = "# What terraform makes again\n.terraform/\n*.tfstate\n*.tfstate.*\n*.tfplan\n"
_README = "# {project}\n\nPlain Terraform; [terraform/README.md](terraform/README.md) is the map.\n"


@dataclass(frozen=True)
class Ejection:
    """A project without tfgen, all of it in memory.

    Attributes:
        project: The project.
        files: What is written, by path below the project's folder.
        dropped: What goes if it is done in place, by path below the project's folder.
        bucket: The state of backend-config is in the bucket that it made.
        mentions: Places where text of the user's own still names tfgen.
    """

    project: Project
    files: Mapping[str, File]
    dropped: tuple[str, ...]
    bucket: bool
    mentions: tuple[str, ...]


def find_backend(project: Project, environment: Environment, caller: Caller) -> bool:
    """Tell whether the state of backend-config is in the bucket that it made.

    Raises:
        TfgenError: The environment cannot be opened, or the state is on its way between file and bucket.
    """
    found = deployment.states(project, environment, caller).get(BACKEND_CONFIG)
    typed = state.read_local(project.tree / BACKEND_CONFIG / LOCAL_STATE)
    if found is None or not found.applied:
        own = state.read_local(project.work / "env" / environment.name / BACKEND_CONFIG / LOCAL_STATE)
        if own is not None and own.applied:
            raise _between(environment)
        return False
    if typed is not None and typed.lineage == found.lineage and typed.serial > found.serial:
        raise _between(environment)
    return True


def _between(environment: Environment) -> TfgenError:
    return TfgenError(
        f"the state of {BACKEND_CONFIG} is newer in a local file than in its bucket",
        hint=f"tfgen apply --env {environment.name} finishes moving it; then eject",
        code="not-migrated",
    )


def plan_ejection(loaded: LoadedProject, *, bucket: bool) -> Ejection:
    """Work out the project without tfgen; writes nothing.

    Args:
        loaded: The project, its Lambda zips built.
        bucket: The state of backend-config is in the bucket that it made.

    Raises:
        TfgenError: The tree is stale, holds edits that nobody decided about, or conflicts.
    """
    project = loaded.project
    result = workflow.preview(loaded)
    refuse_conflicts(project.tree, result.changes.conflicts)
    plain = _plain_tree(loaded, bucket=bucket)
    done = _already_done(project, plain)
    _refuse_stale(project, result.changes, done)
    files = {
        f"terraform/{path}": File(read_current(project.tree / path) or b"")
        if path in done
        else _plain_file(project, path, result.tree, plain)
        for path in plain.files
    }
    files |= _root_files(project)
    dropped = _dropped(project, bucket=bucket)
    return Ejection(project, files, dropped, bucket, tuple(_mentions(project, files)))


def eject_to(ejection: Ejection, folder: Path) -> int:
    """Write the project without tfgen into a new or empty folder: everything, or nothing.

    Returns:
        The number of files.

    Raises:
        TfgenError: The folder holds something, is part of the project's own tree, or cannot be written.
    """
    check_target(ejection.project, folder)
    staged = None
    try:
        folder.parent.mkdir(parents=True, exist_ok=True)
        staged = Path(tempfile.mkdtemp(prefix=".eject-", dir=folder.parent))
        _fill(ejection, staged)
        staged.chmod(0o755)
        staged.replace(folder)
    except BaseException as error:
        if staged is not None:
            shutil.rmtree(staged, ignore_errors=True)
        if not isinstance(error, OSError):
            raise
        hint = "nothing was written; name a folder that can be written"
        message = f"cannot write the project: {error.strerror}"
        raise TfgenError(message, where=str(error.filename or folder), hint=hint) from None
    return sum(path.is_file() for path in folder.rglob("*"))


def check_target(project: Project, folder: Path) -> None:
    """Refuse a folder that cannot take the project.

    Raises:
        TfgenError: It holds something.
        UsageError: It is part of the project's own tree.
    """
    if folder.is_symlink() or (folder.exists() and (not folder.is_dir() or any(folder.iterdir()))):
        raise TfgenError("the folder is not empty", where=str(folder), hint="name a new or empty one", code="not-empty")
    if folder.resolve().is_relative_to(project.tree.resolve()):
        raise UsageError("this is inside the rendered tree", where=str(folder), hint="name a folder beside the project")


def eject_in_place(ejection: Ejection) -> Path | None:
    """Turn the project itself into plain Terraform; what is replaced or goes is copied first.

    Returns:
        The folder with the copies.

    Raises:
        TfgenError: The disk refuses; everything is as it was then.
    """
    project = ejection.project
    root = project.root
    if templates_root() == root / "templates":
        raise UsageError("this project is where tfgen itself comes from", where=str(root), hint="add --to DIR")
    with exclusive(root):
        changed = {path: file for path, file in ejection.files.items() if read_current(root / path) != content_of(file)}
        copies = back_up(root, [*changed, *ejection.dropped], root / BACKUPS)
        try:
            _note_start(project.work, changed)
            replace_all(root, changed)
            for path in ejection.dropped:
                _drop(root / path)
            (project.work / _STARTED).unlink()
        except BaseException as error:
            if copies is not None:
                put_back(copies, root)
            if not isinstance(error, OSError):
                raise
            hint = "everything is as it was; make the folder writable"
            raise TfgenError(f"cannot eject: {error.strerror}", where=str(error.filename or root), hint=hint) from None
    return copies


# what it looks like


def _plain_tree(loaded: LoadedProject, *, bucket: bool) -> RenderedTree:
    project = loaded.project
    shipped = tuple(Shipped(part.name, module.name) for module in project.modules for part in module.functions)
    templates, users = Templates(template_roots(project.root)), workflow.user_files(project)
    return plan_files(project, loaded.blueprints, templates, users, Ejected(bucket, shipped))


def _already_done(project: Project, plain: RenderedTree) -> frozenset[str]:
    """Return the files that an ejection which was killed has written already."""
    try:
        started: dict[str, str] = json.loads((project.work / _STARTED).read_bytes())
    except (OSError, ValueError):
        return frozenset()
    current = {path: fingerprint(read_current(project.tree / path)) for path in plain.files}
    return frozenset(path for path, found in current.items() if started.get(f"terraform/{path}") == found)


def _refuse_stale(project: Project, changes: Changes, done: Collection[str]) -> None:
    edits = [path for path in (*changes.edited, *changes.foreign) if path not in done]
    waiting = [*changes.created, *changes.changed, *changes.removed, *edits]
    if waiting:
        hint = "tfgen render --merge keeps the edits" if changes.edited else "tfgen render"
        message = f"the rendered tree is stale: {changes.counts()}"
        raise TfgenError(message, where=str(project.tree / waiting[0]), hint=f"{hint}; then eject", code="stale")


def _plain_file(project: Project, path: str, rendered: RenderedTree, plain: RenderedTree) -> File:
    """Return a file without tfgen: as it is rendered so, with the edits that were kept."""
    file, current = plain.files[path], read_current(project.tree / path) or b""
    if file.link or (project.tree / path).is_symlink():
        return File(b"", link=os.fsdecode(current.removeprefix(b"link:")))
    ours, _, custom = current.partition(CUSTOM_CHANGES.encode()) if path.endswith(".md") else (current, b"", b"")
    base = managed_part(path, rendered.files[path].content)
    merged = merge(base, ours, file.content, "the same without tfgen")
    if merged is None or merged.conflicts:
        if path == f"{BACKEND_CONFIG}/backend.tf":
            hint = "tfgen render --force --diff shows the edit; take it back, then eject"
            raise TfgenError("an edit is in the way of the backend", where=str(project.tree / path), hint=hint)
        body = split_mark(ours)[1].removeprefix(b"\n")
    else:
        body = merged.content
    return File(body + custom if custom.strip() else body)


def _root_files(project: Project) -> dict[str, File]:
    """Return the project's own pages without tfgen: only what `tfgen init` wrote there is changed."""
    ignore, readme = project.root / ".gitignore", project.root / "README.md"
    found = {}
    lines = ignore.read_text("utf-8").splitlines(keepends=True) if ignore.is_file() else []
    ours = {line for line in GITIGNORE.splitlines(keepends=True) if line.startswith("/") or "tfgen" in line}
    if ours & set(lines):
        found[".gitignore"] = File("".join(line for line in lines if line not in ours).encode())
    elif not lines:
        found[".gitignore"] = File(_IGNORED_BY_TERRAFORM.encode())
    if readme.is_file() and readme.read_text("utf-8", "replace") == README.format(project=project.name):
        found["README.md"] = File(_README.format(project=project.name).encode())
    return found


def _dropped(project: Project, *, bucket: bool) -> tuple[str, ...]:
    """Return what goes, the spec last: as long as it is there, an ejection that was killed can be repeated."""
    backend = project.tree / BACKEND_CONFIG
    states = [LOCAL_STATE, f"{LOCAL_STATE}.backup", f".terraform/{LOCAL_STATE}"] if bucket else []
    spec = project.spec_path
    wanted = [
        *(backend / name for name in states),
        project.tree / FOLDER,
        project.root / "templates",
        spec.parent / "environments",
        spec,
    ]
    inside = [path for path in wanted if path.exists() and path.is_relative_to(project.root)]
    return tuple(path.relative_to(project.root).as_posix() for path in inside)


def _mentions(project: Project, files: Mapping[str, File]) -> Iterator[str]:
    for path in _kept_paths(project):
        content = files[path].content if path in files else (project.root / path).read_bytes()
        if _NAME in content.lower() and b"\0" not in content:
            line = content.lower()[: content.lower().index(_NAME)].count(b"\n") + 1
            yield f"{path}:{line}"


def _kept_paths(project: Project) -> list[str]:
    """Return the files that belong to the project without tfgen, by path below its folder."""
    tree = [path for path in _walk(project.tree) if not _LEFT_OUT.fullmatch(path.name)]
    lambdas = [path for path in _walk(project.root / "lambdas") if path.suffix != ".pyc"]
    pages = [project.root / name for name in ("README.md", ".gitignore")]
    found = [path for path in (*tree, *lambdas, *pages) if path.is_file() and not path.is_symlink()]
    return [path.relative_to(project.root).as_posix() for path in found]


def _walk(folder: Path) -> Iterator[Path]:
    for parent, folders, names in os.walk(folder):
        folders[:] = sorted({*folders} - {FOLDER, ".terraform", "__pycache__", ".pytest_cache"})
        yield from (Path(parent) / name for name in sorted(names))


# writing


def _fill(ejection: Ejection, folder: Path) -> None:
    project = ejection.project
    states = set() if ejection.bucket else {project.tree / BACKEND_CONFIG / LOCAL_STATE}
    shutil.copytree(project.tree, folder / "terraform", symlinks=True, ignore=_leave_out(states))
    if (project.root / "lambdas").is_dir():
        shutil.copytree(project.root / "lambdas", folder / "lambdas", symlinks=True, ignore=_CACHES)
    if (project.root / "README.md").is_file():
        shutil.copyfile(project.root / "README.md", folder / "README.md")
    if (project.root / ".gitignore").is_file():
        shutil.copyfile(project.root / ".gitignore", folder / ".gitignore")
    replace_all(folder, ejection.files)


class _leave_out:  # noqa: N801 - used like a function, as shutil.ignore_patterns is
    """Says which names of a folder `shutil.copytree` leaves out."""

    def __init__(self, wanted: set[Path]) -> None:
        self._wanted = wanted

    def __call__(self, folder: str, names: Sequence[str]) -> set[str]:
        found = {name for name in names if name in (FOLDER, ".terraform") or _LEFT_OUT.fullmatch(name)}
        return {name for name in found if Path(folder) / name not in self._wanted}


def _note_start(work: Path, files: Mapping[str, File]) -> None:
    """Note what is going to be written; git passes over this folder without a line in the project's .gitignore."""
    work.mkdir(mode=0o700, exist_ok=True)
    (work / ".gitignore").write_text("*\n", encoding="ascii")
    started = {path: fingerprint(content_of(file)) for path, file in files.items()}
    (work / _STARTED).write_text(json.dumps(started), encoding="utf-8")


def _drop(path: Path) -> None:
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path)
    else:
        path.unlink(missing_ok=True)
    with suppress(OSError):
        path.parent.rmdir()
