"""The code of a module's Lambda functions, when the module is added: made in memory, written by whoever asks."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from tfgen.blueprint import SCAFFOLD, Blueprint
from tfgen.errors import TfgenError
from tfgen.model import Module, Project
from tfgen.templating import Templates

LAMBDAS = "lambdas"

_SHARED = ("common", "requirements.txt", "conftest.py", "fakes.py")
_FUNCTION = "{function}"
_TEMPLATE = ".j2"


@dataclass(frozen=True)
class Functions:
    """What a new module's functions need under `lambdas/`.

    Attributes:
        files: Files to write, by path below the project's folder.
        added: Functions whose code these files are.
        kept: Functions whose folder is there already.
    """

    files: Mapping[str, bytes]
    added: tuple[str, ...]
    kept: tuple[str, ...]


def plan_functions(
    project: Project, module: Module, blueprint: Blueprint, templates: Templates, shipped: Path
) -> Functions:
    """Make the code of a module's functions that the project has none of.

    Args:
        project: The project, with the module in it.
        module: The module.
        blueprint: What it is rendered from.
        templates: Where templates come from.
        shipped: Folder with the functions that come with tfgen.

    Raises:
        TfgenError: A function has no code anywhere, a scaffold's template is wrong, or a file of it is a link.
    """
    files: dict[str, bytes] = {}
    added, kept = [], []
    for pattern, function in zip(blueprint.functions, module.functions, strict=True):
        name = function.name
        if (project.root / LAMBDAS / name).exists():
            kept.append(name)
            continue
        own = dict(_code(project, module, blueprint, templates, shipped, pattern, name))
        if "handler.py" not in own:
            raise TfgenError(
                f"the function '{name}' has no code: the blueprint '{blueprint.name}' brings none",
                where=f"{LAMBDAS}/{name}",
                hint=f"write {LAMBDAS}/{name}/handler.py first, or templates/{blueprint.name}/{SCAFFOLD}/handler.py",
            )
        files |= {f"{LAMBDAS}/{name}/{path}": content for path, content in own.items()}
        added.append(name)
    if module.functions:
        files |= _shared_files(project, shipped)
    return Functions(dict(sorted(files.items())), tuple(added), tuple(kept))


def _code(
    project: Project, module: Module, blueprint: Blueprint, templates: Templates, shipped: Path, pattern: str, name: str
) -> Iterator[tuple[str, bytes]]:
    scaffold = blueprint.folder / SCAFFOLD
    if len(blueprint.functions) > 1:
        scaffold /= pattern.replace("{", "").replace("}", "")
    if not scaffold.is_dir():
        namesake = pattern.format(module=blueprint.name.replace("-", "_"))
        yield from ((path.replace(namesake, name), content) for path, content in _read(shipped / namesake))
        return
    context = {
        "project": project,
        "module": module,
        "modules": project.modules,
        "settings": module.settings,
        "environment": project.environments[project.default_environment],
        "function": name,
    }
    base = f"{blueprint.name}/{scaffold.relative_to(blueprint.folder).as_posix()}"
    for path, content in _read(scaffold):
        target = path.replace(_FUNCTION, name)
        if path.endswith(_TEMPLATE):
            text = templates.render(f"{base}/{path}", context)
            if text.strip():
                yield target.removesuffix(_TEMPLATE), text.encode()
        else:
            yield target, content


def _shared_files(project: Project, shipped: Path) -> dict[str, bytes]:
    """Return what all functions share, where the project has none of it."""
    found: dict[str, bytes] = {}
    for name in _SHARED:
        if not (project.root / LAMBDAS / name).exists():
            found |= {f"{LAMBDAS}/{path}": content for path, content in _read(shipped / name, name)}
    return found


def _read(source: Path, name: str = "") -> Iterator[tuple[str, bytes]]:
    """Yield the files of a folder, or the one file, with their paths in it."""
    if source.is_symlink():
        raise TfgenError("a link cannot be copied into a project", where=str(source), hint="put the file in its place")
    if source.is_dir():
        for part in sorted(source.iterdir()):
            if not part.name.startswith(".") and part.name != "__pycache__" and part.suffix != ".pyc":
                yield from _read(part, f"{name}/{part.name}" if name else part.name)
    elif source.is_file():
        yield name, source.read_bytes()
