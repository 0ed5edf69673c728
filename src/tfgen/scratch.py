"""The scratch root on disk: links into the project, generated files, and files with state that never stay behind."""

from __future__ import annotations

import fcntl
import json
import os
import secrets
import shutil
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tfgen import refusals
from tfgen.execution import PLAN_SUFFIX, remove_plan_files
from tfgen.mirror import LOCK_FILE, locked_versions
from tfgen.model import Project
from tfgen.modulefiles import ModuleFiles, called_folders
from tfgen.wiring import ROOT, ROOT_FILE, Wiring

STATE_FILE = "terraform.tfstate"

_NOT_MIRRORED = frozenset({".git", ".tfgen"})
_TESTS = (".tftest.hcl", ".tftest.json", ".tfmock.hcl")
_SECRETS = (f"{STATE_FILE}*", f".{STATE_FILE}.lock.info", f"*{PLAN_SUFFIX}", Path(ROOT_FILE).name)
"""What a run leaves to nobody; the root's configuration, too: it spells out variables and outputs, sensitive ones."""


@dataclass(frozen=True)
class Scratch:
    """Where things are.

    Attributes:
        project: The project.
        home: The environment's folder under `.tfgen/composed`.
        run: Part of the plan's name: a terraform that outlived a killed run never writes over the plan of this one.
        saved: Where the plan is kept instead, for somebody who applies it.
    """

    project: Project
    home: Path
    run: str = field(default_factory=lambda: secrets.token_hex(4))
    saved: Path | None = None

    @property
    def mirror(self) -> Path:
        """Mirrors the project's folder."""
        return self.home / "project"

    @property
    def tree(self) -> Path:
        """Mirrors the rendered tree."""
        return self.mirror / self.project.tree.name

    @property
    def root(self) -> Path:
        """The folder that terraform runs in."""
        return self.tree / ROOT

    @property
    def data(self) -> Path:
        """Terraform's data dir."""
        return self.home / "data"

    @property
    def state(self) -> Path:
        """The merged state; there during a run only."""
        return self.root / STATE_FILE

    @property
    def plan(self) -> Path:
        """The saved plan; there during a run only."""
        return self.saved or self.root / f"{self.run}{PLAN_SUFFIX}"

    @property
    def kept_lock(self) -> Path:
        """The dependency lock file as the last init left it."""
        return self.home / "lock.hcl"


@contextmanager
def open_scratch(project: Project, name: str) -> Iterator[Scratch]:
    """Give a scratch root to one run at a time; whatever holds state is gone afterwards, and from earlier runs.

    Args:
        project: The project.
        name: What it is for: an environment's name.
    """
    base = project.work / "composed"
    base.mkdir(parents=True, exist_ok=True)
    base.chmod(0o700)
    with _locked(base / f"{name}.lock"):
        remove_leftovers(project)
        home = base / name
        home.mkdir(exist_ok=True)
        scratch = Scratch(project, home)
        # Its own lock is held by now, and nobody else removes what an earlier run left here.
        _remove_secrets(scratch)
        try:
            yield scratch
        finally:
            _remove_secrets(scratch)


def apply_home(project: Project, environment: str) -> Path:
    """Return the folder of the scratch root that is applied; others may plan meanwhile, in their own."""
    return project.work / "composed" / apply_name(environment)


def apply_name(environment: str) -> str:
    """Return what the scratch root that is applied is for; no environment's name has a dot."""
    return f"{environment}.apply"


def remove_leftovers(project: Project) -> None:
    """Remove the states and the plans that killed runs left behind; a run that is still going is left alone."""
    remove_plan_files(project)
    base = project.work / "composed"
    for lock in sorted(base.glob("*.lock")):
        home = base / lock.stem
        with suppress(BlockingIOError), _locked(lock, wait=False):
            _remove_secrets(Scratch(project, home))


def write_scratch(scratch: Scratch, modules: Sequence[ModuleFiles], wiring: Wiring) -> None:
    """Write the scratch root over what an earlier run left.

    Args:
        scratch: Where.
        modules: The composed modules.
        wiring: Their generated and rewritten files.
    """
    if scratch.mirror.exists():
        shutil.rmtree(scratch.mirror)
    scratch.root.mkdir(parents=True)
    project = scratch.project
    _link_entries(project.root, scratch.mirror, without={*_NOT_MIRRORED, project.tree.name})
    names = {files.module.name for files in modules}
    _link_entries(project.tree, scratch.tree, without={*names, ROOT, *_NOT_MIRRORED})
    for files in modules:
        folder = scratch.tree / files.module.name
        folder.mkdir()
        for entry in os.scandir(files.folder):
            path = f"{files.module.name}/{entry.name}"
            if path not in wiring.contents and not _is_terraforms_own(entry.name):
                (folder / entry.name).symlink_to(entry.path)
        for called in called_folders(files):
            _unfold(scratch, called)
    for path, content in wiring.contents.items():
        (scratch.tree / path).write_bytes(content)
    _link_data(scratch.root, [_data_entries(files) for files in modules])


def write_state(scratch: Scratch, document: Mapping[str, Any]) -> None:
    """Write the merged state and make room for the plan; both can be read by the user only."""
    descriptor = os.open(scratch.state, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "w", encoding="utf-8") as stream:
        json.dump(document, stream)
    os.close(os.open(scratch.plan, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600))


def write_lock(scratch: Scratch, modules: Sequence[ModuleFiles], *, kept: bool) -> None:
    """Write the dependency lock file: the one of the last init, or all entries of the modules' own."""
    target = scratch.root / LOCK_FILE
    if kept and scratch.kept_lock.exists():
        shutil.copyfile(scratch.kept_lock, target)
        return
    entries: dict[str, str] = {}
    for files in modules:
        for address, (_, text) in locked_versions(files.folder).items():
            entries.setdefault(address, text)
    if entries:
        target.write_text("\n\n".join(entries[address] for address in sorted(entries)) + "\n", encoding="utf-8")


def keep_lock(scratch: Scratch) -> None:
    """Keep the dependency lock file that init has made."""
    with suppress(FileNotFoundError):
        shutil.copyfile(scratch.root / LOCK_FILE, scratch.kept_lock)


def find_conflicts(modules: Sequence[ModuleFiles]) -> dict[str, str]:
    """Find modules that use a file whose place in the scratch root another module's different file takes."""
    taken: dict[str, Path] = {}
    found: dict[str, str] = {}
    for files in modules:
        mine: dict[str, Path] = {}
        for name, path in _walk(_data_entries(files)):
            mine[name] = path
            other = taken.get(name)
            if other is not None and not _same(other, path) and _mentions(files, path.name):
                found.setdefault(files.module.name, refusals.FILE.say(name=name, other=other.parts[-2]))
        if files.module.name not in found:
            taken = {**mine, **taken}
    return found


def _mentions(files: ModuleFiles, name: str) -> bool:
    return any(name.encode() in source for source in (*files.sources.values(), *files.documents.values()))


def _same(one: Path, other: Path) -> bool:
    return one.stat().st_size == other.stat().st_size and one.read_bytes() == other.read_bytes()


def _walk(entries: Mapping[str, Path]) -> Iterator[tuple[str, Path]]:
    for name, path in entries.items():
        if path.is_dir():
            for inner in sorted(path.rglob("*")):
                if inner.is_file():
                    yield f"{name}/{inner.relative_to(path).as_posix()}", inner
        else:
            yield name, path


def _data_entries(files: ModuleFiles) -> dict[str, Path]:
    """Return what a module may read by `path.root`: everything that is no configuration."""
    return {
        entry.name: Path(entry.path)
        for entry in os.scandir(files.folder)
        if not entry.name.endswith((".tf", ".tf.json"))
        and not entry.name.startswith(".")
        and entry.name != "README.md"
        and not _is_terraforms_own(entry.name)
        and not _holds_tests(entry)
    }


def _holds_tests(entry: os.DirEntry[str]) -> bool:
    """True for a module's Terraform tests: in the scratch root terraform would take them for tests of the root."""
    if entry.is_dir():
        return entry.name == "tests" and any(inner.name.endswith(_TESTS) for inner in os.scandir(entry.path))
    return entry.name.endswith(_TESTS)


def _link_data(target: Path, sources: Sequence[Mapping[str, Path]]) -> None:
    """Lay the modules' files over each other; folders of several modules are merged."""
    by_name: dict[str, list[Path]] = {}
    for source in sources:
        for name, path in source.items():
            by_name.setdefault(name, []).append(path)
    for name, paths in by_name.items():
        folders = [path for path in paths if path.is_dir()]
        if len(folders) < 2 or len(folders) != len(paths):
            (target / name).symlink_to(paths[0])
        else:
            (target / name).mkdir()
            _link_data(target / name, [{entry.name: entry for entry in folder.iterdir()} for folder in folders])


def _unfold(scratch: Scratch, folder: Path) -> None:
    """Turn links on the way to a called module into folders: terraform resolves a link, and `../` would lead out."""
    source, target = scratch.project.root, scratch.mirror
    for part in folder.relative_to(scratch.project.root).parts:
        source, target = source / part, target / part
        if target.is_symlink():
            target.unlink()
            target.mkdir()
            _link_entries(source, target, without=set())


def _link_entries(source: Path, target: Path, *, without: set[str]) -> None:
    for entry in os.scandir(source):
        if entry.name not in without:
            (target / entry.name).symlink_to(entry.path)


def _is_terraforms_own(name: str) -> bool:
    if name in (".terraform", LOCK_FILE) or STATE_FILE in name:
        return True
    return name.endswith((".tfvars", ".tfvars.json"))


def _remove_secrets(scratch: Scratch) -> None:
    for pattern in _SECRETS:
        for path in scratch.root.glob(pattern):
            path.unlink(missing_ok=True)


@contextmanager
def _locked(path: Path, *, wait: bool = True) -> Iterator[None]:
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT, 0o600)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | (0 if wait else fcntl.LOCK_NB))
        yield
    finally:
        os.close(descriptor)
