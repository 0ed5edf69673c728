"""The flows that grow and shrink a project: spec, functions and tree change together, or nothing does."""

from __future__ import annotations

import os
import re
import shutil
import tempfile
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path

from tfgen import localaws, workflow
from tfgen.additions import HANDWRITTEN, Addition, Wish, resolve_addition
from tfgen.assets import lambdas_root, template_roots
from tfgen.blueprint import list_blueprints
from tfgen.deployment import Caller, states
from tfgen.disk import remove_all
from tfgen.errors import SpecError, TfgenError, UsageError
from tfgen.hcl import read_blocks
from tfgen.model import BACKEND_CONFIG, Module, Project
from tfgen.scaffold import LAMBDAS, Functions, plan_functions
from tfgen.select import resolve_module
from tfgen.spec import load_spec
from tfgen.specedit import find_comment_above, insert_module, remove_module
from tfgen.templating import Templates
from tfgen.tree import Changes, Decided, exclusive, read_manifest, write
from tfgen.workflow import LoadedProject, RenderResult

_GLOBALS = frozenset(
    {"aws_region", "environment", "project_name", "state_bucket", "state_lock_table", "allowed_account_ids"}
)
_LOCALS = frozenset({"name_prefix", "tags", "extra_tags"})
_NOTHING = "nothing was written"
_DATA = ".terraform"


@dataclass(frozen=True)
class Growth:
    """A module that is added, all of it in memory.

    Attributes:
        addition: Its name, blueprint and entry.
        loaded: The project with it.
        before: The spec's text without it.
        after: The spec's text with it.
        functions: The code of its functions.
        result: The tree with it, against the tree on disk.
        adopted: Files of its folder that were there already, below the tree.
    """

    addition: Addition
    loaded: LoadedProject
    before: bytes
    after: bytes
    functions: Functions
    result: RenderResult
    adopted: tuple[str, ...]

    @property
    def module(self) -> Module:
        """The module."""
        return self.loaded.project.module(self.addition.name)


@dataclass(frozen=True)
class Shrinkage:
    """A module that is removed, all of it in memory.

    Attributes:
        module: The module.
        loaded: The project without it.
        before: The spec's text with it.
        after: The spec's text without it.
        result: The tree without it, against the tree on disk.
        left: Files of its folder that stay: edited ones, and the user's own.
        initialised: The folder that a typed `terraform init` made in its own; it goes if nothing else is left there.
        functions: Folders under `lambdas/` that stay.
        comment: Line of the comment above it in the spec, which stays; None if there is none.
        applied: Environments in which it is applied, with the number of its resources.
        unseen: Environments that were not looked at.
    """

    module: Module
    loaded: LoadedProject
    before: bytes
    after: bytes
    result: RenderResult
    left: tuple[str, ...]
    initialised: str
    functions: tuple[str, ...]
    comment: int | None
    applied: Mapping[str, int]
    unseen: tuple[str, ...]


def add(root: Path, spec: Path, wish: Wish, *, dry_run: bool = False) -> Growth:
    """Add a module: to the spec, its functions to `lambdas/`, its folder to the tree.

    Args:
        root: The project's folder.
        spec: Its spec.
        wish: What somebody asks for.
        dry_run: Only say what would be done.

    Raises:
        TfgenError: Something does not fit, the tree is stale, or the spec was edited meanwhile; nothing is written.
    """
    with exclusive(root):
        growth = _plan_growth(root, spec, wish)
        if not dry_run:
            with _Undo() as undo:
                _write_functions(root, growth.functions, undo)
                _write_spec(spec, growth.before, growth.after, undo)
                _write_tree(growth.loaded, growth.result)
    return growth


def remove(
    root: Path, spec: Path, name: str, caller: Mapping[str, str], *, keep_state: bool = False, dry_run: bool = False
) -> Shrinkage:
    """Remove a module from the spec and the tree; what people wrote stays, and so do its functions.

    Args:
        root: The project's folder.
        spec: Its spec.
        name: The module, as a user names it.
        caller: The environment tfgen was started with.
        keep_state: Remove it although it is still applied.
        dry_run: Only say what would be done.

    Raises:
        TfgenError: Others read it, it is still applied, the tree is stale, or the spec was edited meanwhile; nothing
            is written.
    """
    with exclusive(root):
        shrinkage = _plan_shrinkage(root, spec, name, caller)
        if shrinkage.applied and not keep_state:
            _refuse_applied(shrinkage)
        if not dry_run:
            with _Undo() as undo:
                _write_spec(spec, shrinkage.before, shrinkage.after, undo)
                _write_tree(shrinkage.loaded, shrinkage.result)
            _remove_made(shrinkage)
    return shrinkage


# adding


def _plan_growth(root: Path, spec: Path, wish: Wish) -> Growth:
    before = _read(spec)
    project = workflow.load_project(root, spec, before).project
    _check_foreign(project, wish)
    folders = list_blueprints(template_roots(root))
    addition = resolve_addition(project, folders, _with_number(project, wish) if wish.adopt else wish)
    adopted = _files_of(project, addition.name)
    _check_folder(addition.name, wish, adopted)
    if not wish.adopt or addition.blueprint.name != HANDWRITTEN:
        return _render_growth(root, spec, before, addition, adopted)
    bare = replace(addition, entry={**addition.entry, "frame": False})
    if _brings_frame(project.tree / addition.name):
        return _render_growth(root, spec, before, bare, adopted)
    framed = _render_growth(root, spec, before, addition, adopted, in_the_way=True)
    if any(path.startswith(f"{addition.name}/") for path in framed.result.changes.foreign):
        return _render_growth(root, spec, before, bare, adopted)
    _check_changes(framed.loaded.project, framed.result.changes, addition.name)
    return framed


def _render_growth(
    root: Path, spec: Path, before: bytes, addition: Addition, adopted: Sequence[str], *, in_the_way: bool = False
) -> Growth:
    name = addition.name
    after = insert_module(before, name, addition.entry, _shown(spec, root))
    try:
        loaded = workflow.load_project(root, spec, after)
        result = workflow.preview(loaded)
    except SpecError as error:
        raise SpecError([_unwritten(problem, before, after, spec, root, name) for problem in error.problems]) from None
    if not in_the_way:
        _check_changes(loaded.project, result.changes, name)
    templates = Templates(template_roots(root))
    module = loaded.project.module(name)
    functions = plan_functions(loaded.project, module, addition.blueprint, templates, lambdas_root())
    return Growth(addition, loaded, before, after, functions, result, tuple(adopted))


def _with_number(project: Project, wish: Wish) -> Wish:
    """Find the folder that is to be adopted when only its short name was given."""
    name = wish.name.rstrip("/").rpartition("/")[2]
    foreign = workflow.find_foreign_folders(project)
    same = [folder for folder in foreign if folder.partition("-")[2] == name]
    return replace(wish, name=same[0]) if len(same) == 1 else wish


def _check_foreign(project: Project, wish: Wish) -> None:
    name = wish.name.rstrip("/").rpartition("/")[2]
    if not wish.adopt and name in workflow.find_foreign_folders(project):
        _check_folder(name, wish, [name])


def _check_folder(name: str, wish: Wish, adopted: Sequence[str]) -> None:
    where = f"terraform/{name}"
    if adopted and not wish.adopt:
        hint = f"tfgen add-module {name} --adopt takes it over as it is; or move it away, or choose another name"
        raise TfgenError("this folder is there already, and tfgen did not write it", where=where, hint=hint)
    if wish.adopt and not adopted:
        raise UsageError(
            "there is nothing to adopt", where=where, hint="leave out --adopt, or name a folder that is there"
        )


def _files_of(project: Project, name: str) -> tuple[str, ...]:
    folder, manifest = project.tree / name, read_manifest(project.tree)
    if folder.is_file() or folder.is_symlink():
        raise TfgenError("something that is no folder is in the way", where=f"terraform/{name}", hint="move it away")
    files = (path for path in sorted(folder.rglob("*")) if not path.is_dir() and _DATA not in path.parts)
    names = (path.relative_to(project.tree).as_posix() for path in files)
    return tuple(path for path in names if path not in manifest)


def _brings_frame(folder: Path) -> bool:
    """True if files declare something of what tfgen would render around them."""
    if any(folder.glob("*.tf.json")):
        return True  # what stands in it is not read so closely
    for path in folder.glob("*.tf"):
        for block in read_blocks(path.read_bytes()):
            label = block.labels[0] if block.labels else ""
            if (
                block.type == "terraform"
                or (block.type == "provider" and label == "aws" and "alias" not in block.attributes)
                or (block.type == "variable" and label in _GLOBALS)
                or (block.type == "locals" and _LOCALS & block.attributes.keys())
            ):
                return True
    return False


def _unwritten(problem: TfgenError, before: bytes, after: bytes, spec: Path, root: Path, name: str) -> TfgenError:
    """Let a problem in lines that are not written yet name the module instead of a line that is not there."""
    found = re.fullmatch(rf"{re.escape(_shown(spec, root))}:(\d+):\d+", problem.where)
    lines = before.splitlines(), after.splitlines()
    if not found or int(found[1]) > len(lines[1]):
        return problem
    first = next(
        (index for index, pair in enumerate(zip(*lines, strict=False), 1) if pair[0] != pair[1]), len(lines[0])
    )
    added = len(lines[1]) - len(lines[0])
    if not first <= int(found[1]) <= first + max(added, 1):
        return problem
    return TfgenError(problem.message, where=name, hint=problem.hint, code=problem.code)


def _write_functions(root: Path, functions: Functions, undo: _Undo) -> None:
    """Make the folders aside and move them into place: a function is there whole, or not at all."""
    if not functions.files:
        return
    try:
        with tempfile.TemporaryDirectory(prefix=".tfgen-add-", dir=root) as folder:
            staged = Path(folder) / LAMBDAS
            staged.mkdir()
            for path, content in functions.files.items():
                target = Path(folder) / path
                target.parent.mkdir(parents=True, exist_ok=True)
                target.write_bytes(content)
            (root / LAMBDAS).mkdir(exist_ok=True)
            for part in sorted(staged.iterdir()):
                part.rename(root / LAMBDAS / part.name)
                undo.made(root / LAMBDAS / part.name)
    except OSError as error:
        hint = f"make the folder writable; {_NOTHING}"
        raise TfgenError(
            f"cannot write the functions: {error.strerror}", where=str(root / LAMBDAS), hint=hint
        ) from None


# removing


def _plan_shrinkage(root: Path, spec: Path, name: str, caller: Mapping[str, str]) -> Shrinkage:
    before = _read(spec)
    loaded = workflow.load_project(root, spec, before)
    module = resolve_module(loaded.project, name)
    _check_removable(root, spec, loaded.project, module)
    after = remove_module(before, module.name, _shown(spec, root))
    without = workflow.load_project(root, spec, after)
    result = workflow.preview(without)
    own = {path for path in result.changes.edited if path.startswith(f"{module.name}/")}
    others = replace(result.changes, edited=tuple(path for path in result.changes.edited if path not in own))
    _check_changes(without.project, others, module.name)
    kept = {*result.changes.removed, *(f"{module.name}/{function.artifact}" for function in module.functions)}
    folder = loaded.project.tree / module.name
    files = (path.relative_to(loaded.project.tree) for path in sorted(folder.rglob("*")) if not path.is_dir())
    applied, unseen = _look_for_state(loaded.project, module, caller)
    return Shrinkage(
        module=module,
        loaded=without,
        before=before,
        after=after,
        result=replace(result, decided=Decided(released=tuple(sorted(own)))),
        left=tuple(path.as_posix() for path in files if path.as_posix() not in kept and _DATA not in path.parts),
        initialised=f"{module.name}/{_DATA}" if (folder / _DATA).is_dir() else "",
        functions=tuple(
            f"{LAMBDAS}/{function.name}" for function in module.functions if (root / LAMBDAS / function.name).is_dir()
        ),
        comment=find_comment_above(before, module.name),
        applied=applied,
        unseen=unseen,
    )


def _check_removable(root: Path, spec: Path, project: Project, module: Module) -> None:
    if module.name == BACKEND_CONFIG:
        raise UsageError("backend-config cannot be removed: all states are in its bucket", hint="tfgen destroy --help")
    if len(project.modules) == 1:
        raise UsageError(f"{module.name} is the last module", hint="a project has at least one")
    readers = [
        other.name
        for other in project.modules
        if module.name in {*(read.name for read in other.reads), *other.also_reads}
    ]
    if readers:
        first = f"tfgen remove-module {readers[-1]}"
        raise TfgenError(
            f"{module.name} is read by {', '.join(readers)}",
            hint=f"{first} first, or let it read something else",
            code="has-readers",
        )
    for document in load_spec(root, spec).environments.values():
        for key in document.value.get("modules", {}):
            if key in (module.name, module.short_name):
                message, hint = f"values for {module.name} stand here", f"take them out, then remove it; {_NOTHING}"
                raise document.problem(message, ("modules", key), hint=hint, key=True)


def _look_for_state(
    project: Project, module: Module, caller: Mapping[str, str]
) -> tuple[dict[str, int], tuple[str, ...]]:
    """Return where a module is applied, and where that was not looked up: AWS is never asked."""
    applied: dict[str, int] = {}
    unseen = []
    for environment in project.environments.values():
        if environment.is_placeholder:
            continue  # nothing was ever applied there
        status = localaws.status(project.work, environment.endpoint or "") if environment.embedded else None
        if status is None or status.state != "running":
            if status is None or (project.work / "local").is_dir():
                unseen.append(environment.name)
            continue
        try:
            found = states(project, environment, Caller(caller, endpoint=status.endpoint))[module.name]
        except TfgenError:
            unseen.append(environment.name)
            continue
        if found is not None and found.applied:
            managed = [entry for entry in found.resources if entry.get("mode") == "managed"]
            applied[environment.name] = sum(len(entry.get("instances", ())) for entry in managed)
    return applied, tuple(unseen)


def _refuse_applied(shrinkage: Shrinkage) -> None:
    name = shrinkage.module.name
    counts = {place: f"{count} resource{'' if count == 1 else 's'}" for place, count in shrinkage.applied.items()}
    places = ", ".join(f"{place} ({count})" for place, count in counts.items())
    first = next(iter(shrinkage.applied))
    raise TfgenError(
        f"{name} is still applied: {places}",
        hint=f"tfgen destroy --module {name} --env {first} first; --keep-state removes it from the spec alone: its "
        "resources and its state then stay, and no module of the project knows of them",
        code="still-applied",
    )


def _remove_made(shrinkage: Shrinkage) -> None:
    """Remove the zips that tfgen packaged, what `terraform init` fetched, and the folders that are empty then."""
    tree = shrinkage.loaded.project.tree
    folder = tree / shrinkage.module.name
    for function in shrinkage.module.functions:
        with suppress(OSError):
            (folder / function.artifact).unlink()
    if shrinkage.initialised and not shrinkage.left:
        remove_all(tree / shrinkage.initialised)
    for path in (folder / "artifacts", folder):
        with suppress(OSError):
            path.rmdir()


# both


def _write_tree(loaded: LoadedProject, result: RenderResult) -> None:
    origin = workflow.describe_origin(loaded)
    write(loaded.project.tree, result.tree.files, result.changes, decided=result.decided, origin=origin)


def _check_changes(project: Project, changes: Changes, name: str) -> None:
    """Refuse to touch a tree in which anything else would change, too."""
    for word, paths in (("edited by hand", changes.edited), ("in the way and not tfgen's", changes.foreign)):
        if paths:
            few = ", ".join(f"terraform/{path}" for path in paths[:3]) + (" …" if len(paths) > 3 else "")
            hint = f"tfgen render --diff shows the difference; {_NOTHING}"
            raise TfgenError(f"{word}: {few}", where=str(project.tree), hint=hint, code="edited")
    if not read_manifest(project.tree):
        return  # never rendered: all of it is new
    touched = (*changes.created, *changes.changed, *changes.removed)
    others = [path for path in touched if path != "README.md" and not _belongs(path, name)]
    if others:
        few = ", ".join(f"terraform/{path}" for path in others[:3]) + (" …" if len(others) > 3 else "")
        hint = f"tfgen render first, so that this changes {name} and nothing else; {_NOTHING}"
        raise TfgenError(f"the rendered tree is stale: {few}", where=str(project.tree), hint=hint, code="stale")


def _belongs(path: str, name: str) -> bool:
    return path.startswith(f"{name}/") or bool(re.fullmatch(rf"environments/[^/]+/{re.escape(name)}\.tfvars", path))


def _shown(path: Path, root: Path) -> str:
    return str(path.relative_to(root)) if path.is_relative_to(root) else str(path)


def _read(spec: Path) -> bytes:
    try:
        return spec.read_bytes()
    except OSError as error:
        raise TfgenError(f"cannot read the spec: {error.strerror}", where=str(spec), hint="tfgen init DIR") from None


def _write_spec(spec: Path, before: bytes, after: bytes, undo: _Undo) -> None:
    """Put the new text in the place of the old one, unless somebody was faster."""
    target = Path(os.path.realpath(spec))
    staged = target.with_name(f".{target.name}.tfgen-staged")
    try:
        with staged.open("wb") as stream:
            stream.write(after)
            stream.flush()
            os.fsync(stream.fileno())
        shutil.copymode(target, staged)
        if target.read_bytes() != before:
            hint = f"repeat the command; {_NOTHING}"
            raise TfgenError("the spec was edited in the meantime", where=str(spec), hint=hint, code="conflict")
        staged.replace(target)
    except OSError as error:
        hint = f"make the folder writable; {_NOTHING}"
        raise TfgenError(f"cannot write the spec: {error.strerror}", where=str(spec), hint=hint) from None
    finally:
        staged.unlink(missing_ok=True)
    undo.replaced(target, before, after)


class _Undo:
    """Takes back what was written if what follows fails."""

    def __init__(self) -> None:
        self._made: list[Path] = []
        self._replaced: list[tuple[Path, bytes, bytes]] = []

    def made(self, path: Path) -> None:
        """Note a file or folder that was not there."""
        self._made.append(path)

    def replaced(self, path: Path, before: bytes, after: bytes) -> None:
        """Note a file that has another content now."""
        self._replaced.append((path, before, after))

    def __enter__(self) -> _Undo:
        return self

    def __exit__(self, kind: object, *_rest: object) -> None:
        if kind is None:
            return
        for path, before, after in self._replaced:
            with suppress(OSError):
                if path.read_bytes() == after:
                    path.write_bytes(before)
        for path in self._made:
            shutil.rmtree(path, ignore_errors=True)
            with suppress(OSError):
                path.unlink(missing_ok=True)
