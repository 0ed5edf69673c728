"""The flow, strung together: load the spec, build the model, plan the files, compare, write."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tfgen import freshness
from tfgen.assets import template_roots
from tfgen.blueprint import SHARED, Blueprint, describe_spec, list_blueprints, load_blueprint
from tfgen.errors import TfgenError
from tfgen.manifest import Origin, load_manifest
from tfgen.model import Project
from tfgen.render import RenderedTree, plan_files
from tfgen.resolve import build_model, with_handwritten_reads
from tfgen.settling import Choose, settle
from tfgen.spec import load_spec
from tfgen.templating import Templates
from tfgen.tree import (
    NOTHING_DECIDED,
    Changes,
    Decided,
    compare,
    exclusive,
    find_conflicts,
    find_foreign,
    note_origin,
    read_manifest,
    read_user_files,
    refuse_conflicts,
    show_difference,
    show_differences,
    write,
)

if TYPE_CHECKING:
    from tfgen.artifacts import ArtifactResult
    from tfgen.impact import ModuleImpact, Side


@dataclass(frozen=True)
class LoadedProject:
    """A project with what is needed to render it.

    Attributes:
        project: The resolved project.
        blueprints: The blueprints its modules use.
    """

    project: Project
    blueprints: Mapping[str, Blueprint]


@dataclass(frozen=True)
class RenderResult:
    """What a render did, or would do.

    Attributes:
        changes: Tree on disk against rendered files.
        tree: The rendered files.
        decided: What becomes of edited files.
        copies: The folder with copies of edited files that were written over; None if there are none.
    """

    changes: Changes
    tree: RenderedTree
    decided: Decided = NOTHING_DECIDED
    copies: Path | None = None


def load_project(root: Path, spec_path: Path | None = None, raw: bytes | None = None) -> LoadedProject:
    """Read a project's spec and resolve it.

    Args:
        root: Folder of the project.
        spec_path: The spec, if it is not `config/project.yaml`.
        raw: A text that is read in the place of the spec's own.

    Raises:
        TfgenError: The spec is missing.
        SpecError: Anything in the spec, the environments or a blueprint is wrong; all problems at once.
    """
    project, blueprints = build_model(load_spec(root, spec_path, raw), template_roots(root))
    return LoadedProject(with_handwritten_reads(project, user_files(project)), blueprints)


def preview(loaded: LoadedProject) -> RenderResult:
    """Render in memory and compare with the tree on disk; writes nothing.

    Raises:
        TfgenError: A template or the manifest is wrong.
        SpecError: References between modules do not resolve.
    """
    project = loaded.project
    users = user_files(project)
    tree = plan_files(project, loaded.blueprints, Templates(template_roots(project.root)), users)
    return RenderResult(compare(project.tree, tree.files), tree)


def user_files(project: Project) -> dict[str, dict[str, bytes]]:
    """Read the Terraform files that users wrote or edited beside the rendered ones: module → file name → bytes."""
    names = [module.name for module in project.modules]
    return read_user_files(project.tree, names, read_manifest(project.tree))


def find_foreign_folders(project: Project) -> tuple[str, ...]:
    """Return the numbered folders of the tree with Terraform in them that are no modules of the project."""
    return find_foreign(project.tree, [module.name for module in project.modules], read_manifest(project.tree))


def render(loaded: LoadedProject, choose: Choose | None = None) -> RenderResult:
    """Bring the tree in line with the spec.

    Args:
        loaded: The project.
        choose: Says what becomes of each edited file; None refuses to render while there are any.

    Raises:
        TfgenError: As `preview`, or files were edited, are in the way, or cannot be merged or written.
    """
    with exclusive(loaded.project.root):
        return _write(loaded, decide(loaded, preview(loaded), choose))


def decide(loaded: LoadedProject, result: RenderResult, choose: Choose | None) -> RenderResult:
    """Add to a preview what becomes of edited files; writes nothing.

    Raises:
        TfgenError: A file cannot be merged.
    """
    if choose is None:
        return result
    decided = settle(loaded.project.tree, result.tree.files, result.changes, choose)
    return replace(result, decided=decided)


def carry_out(loaded: LoadedProject, result: RenderResult) -> RenderResult:
    """Write what was previewed and decided, and note by what it was rendered even if nothing is to be written.

    Raises:
        TfgenError: A file was changed since, is in the way, or cannot be written.
    """
    with exclusive(loaded.project.root):
        written = _write(loaded, result)
        note_origin(loaded.project.tree, describe_origin(loaded))
    return written


def _write(loaded: LoadedProject, result: RenderResult) -> RenderResult:
    origin = describe_origin(loaded) if result.changes.is_stale else None
    files = result.tree.files
    copies = write(loaded.project.tree, files, result.changes, decided=result.decided, origin=origin)
    return replace(result, copies=copies)


def describe_origin(loaded: LoadedProject) -> Origin:
    """Return what a render of the project is made by: this tfgen, and the templates it uses."""
    from importlib.metadata import PackageNotFoundError, version

    try:
        tfgen = version("tfgen-cli")
    except PackageNotFoundError:
        tfgen = "unknown"
    shared = [root / SHARED for root in template_roots(loaded.project.root)]
    folders = [*(path for path in shared if path.is_dir()), *(part.folder for part in loaded.blueprints.values())]
    return Origin(tfgen, freshness.hash_texts(freshness.hash_contents(folder) for folder in folders))


def rendered_by(loaded: LoadedProject) -> Origin:
    """Return what the tree on disk was rendered by.

    Raises:
        TfgenError: The manifest is damaged or from a newer tfgen.
    """
    return load_manifest(loaded.project.tree).origin


def count_unchanged(root: Path, spec: Path) -> int | None:
    """Return the number of rendered files if nothing at all changed since the last render, else None."""
    return freshness.count_unchanged(root, spec, template_roots(root))


def remember_render(project: Project, count: int) -> None:
    """Note what was rendered from what, so that the next render can see that nothing changed.

    Nothing is noted while a foreign folder is there: each render is to say so.
    """
    if find_foreign_folders(project):
        return
    freshness.remember(project.root, project.spec_path, template_roots(project.root), count)


def differences(loaded: LoadedProject, result: RenderResult) -> Iterator[str]:
    """Yield a unified diff from the tree on disk to what would be rendered."""
    yield from show_differences(loaded.project.tree, result.tree.files, result.changes, result.decided)


def difference(loaded: LoadedProject, result: RenderResult, path: str) -> Iterator[str]:
    """Yield a unified diff from one file of the tree on disk to what is rendered now."""
    yield from show_difference(loaded.project.tree, path, result.tree.files.get(path))


def require_fresh(loaded: LoadedProject) -> RenderResult:
    """Refuse to go on with a tree that is behind the spec.

    Raises:
        TfgenError: The tree is stale; the message has the counts. Or a merge left conflicts in it.
    """
    result = preview(loaded)
    refuse_conflicts(loaded.project.tree, result.changes.conflicts)
    if result.changes.is_stale:
        edited = result.changes.edited
        raise TfgenError(
            f"the rendered tree is stale: {result.changes.counts()}",
            where=str(loaded.project.tree / edited[0] if edited else loaded.project.tree),
            hint="tfgen render --merge keeps the edits, --diff shows them" if edited else "tfgen render",
            code="stale",
        )
    return result


def require_resolved(loaded: LoadedProject) -> None:
    """Refuse to go on with a tree in which a merge left conflicts, however stale it may be.

    Raises:
        TfgenError: A rendered file holds conflict markers; names the place.
    """
    refuse_conflicts(loaded.project.tree, find_conflicts(loaded.project.tree))


def compose_schema(root: Path) -> dict[str, Any]:
    """Return the JSON Schema of the whole spec, with the settings of every blueprint in reach.

    Raises:
        SpecError: A blueprint is not valid.
    """
    blueprints = [load_blueprint(name, folder) for name, folder in list_blueprints(template_roots(root)).items()]
    return describe_spec(blueprints)


def impact_since(
    root: Path, spec: Path, revision: str, environment: str | None, caller: Mapping[str, str]
) -> tuple[ModuleImpact, ...]:
    """Tell what changed between two revisions means for the modules; asks nobody, renders in memory.

    Args:
        root: The project's folder.
        spec: Its spec.
        revision: `REV` for what changed since then, `A..B` for what changed in between.
        environment: The environment whose values count; None for the default one.
        caller: The environment tfgen was started with.

    Raises:
        TfgenError: There is no such revision, or the project of one of them cannot be rendered.
    """
    from tfgen.impact import from_trees
    from tfgen.revisions import checked_out

    first, dots, second = revision.partition("..")
    with checked_out(root, first, caller, spec) as folder:
        before = _side(folder, _moved(spec, root, folder))
    if dots:
        with checked_out(root, second or "HEAD", caller, spec) as folder:
            after = _side(folder, _moved(spec, root, folder))
    else:
        after = _side(root, spec)
    return from_trees(before, after, environment or after.project.default_environment)


def _moved(spec: Path, root: Path, folder: Path) -> Path:
    return folder / spec.relative_to(root) if spec.is_relative_to(root) else spec


def _side(root: Path, spec: Path) -> Side:
    from tfgen.impact import Side

    loaded = load_project(root, spec)
    project = loaded.project
    tree = preview(loaded).tree
    names = [module.name for module in project.modules]
    written = read_user_files(project.tree, names, read_manifest(project.tree))
    users = {
        module: {name: source for name, source in files.items() if f"{module}/{name}" not in tree.files}
        for module, files in written.items()
    }
    lambdas = root / "lambdas"
    common = freshness.hash_contents(lambdas / "common") + freshness.hash_contents(lambdas / "requirements.txt")
    functions = {
        function.name: common + freshness.hash_contents(lambdas / function.name)
        for module in project.modules
        for function in module.functions
    }
    return Side(project, loaded.blueprints, tree, users, functions)


def package(
    loaded: LoadedProject,
    caller: Mapping[str, str],
    *,
    check: bool = False,
    on_event: Callable[[str], None] | None = None,
) -> tuple[ArtifactResult, ...]:
    """Build the Lambda zips that the project's modules ship; fast if nothing changed.

    Args:
        loaded: The project.
        caller: The environment tfgen was started with; pip's own settings are taken from it.
        check: Only say what would be done.
        on_event: Told what takes time, one line each.

    Raises:
        TfgenError: A function's folder is missing or unreadable, or a wheel cannot be had.
    """
    from tfgen.artifacts import FunctionSource, build_artifacts
    from tfgen.wheels import WheelCache, pip_environment

    project = loaded.project
    lambdas, cache = project.root / "lambdas", project.work / "cache"
    functions = [
        FunctionSource(function.name, project.tree / module.name)
        for module in project.modules
        for function in module.functions
    ]
    wheels = WheelCache(
        requirements=lambdas / "requirements.txt", directory=cache / "wheels", env=pip_environment(caller)
    )
    return build_artifacts(
        functions, lambdas=lambdas, wheels=wheels, cache=cache / "artifacts", check=check, on_event=on_event
    )
