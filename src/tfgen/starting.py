"""A new project from the reference one: its spec with the user's names, its environments, its Lambdas."""

from __future__ import annotations

import re
import shutil
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from tfgen.assets import config_root, lambdas_root
from tfgen.errors import SpecError, TfgenError
from tfgen.model import EMULATOR_ACCOUNT, PLACEHOLDER_ACCOUNT
from tfgen.schema import validate
from tfgen.spec import ENVIRONMENT_SCHEMA, SPEC_SCHEMA

REFERENCE_PROJECT = "ecommerce-analytics"
REFERENCE_OWNER = "data-engineering-team"
REFERENCE_REGION = "us-east-1"

GITIGNORE = """\
# tfgen's working files, and what terraform and `tfgen package` make again
/.tfgen/
.terraform/
*.tfstate
*.tfstate.*
*.tfplan
/terraform/*/artifacts/
__pycache__/
.pytest_cache/
"""

README = """\
# {project}

An order analytics pipeline on AWS, rendered by tfgen from `config/project.yaml`.

```bash
tfgen render            # terraform/ in line with the spec
tfgen apply             # environment local: the emulator on this machine, nothing in AWS
tfgen plan --env dev    # AWS: after the account id in config/environments/dev.yaml was set
```
"""

_SKIPPED = shutil.ignore_patterns("__pycache__", ".pytest_cache", "*.pyc")


@dataclass(frozen=True)
class NewProject:
    """What a new project is called and where it runs.

    Attributes:
        name: `project` of the spec.
        owner: Value of the Owner tag.
        region: AWS region.
        account: AWS account of its environments, twelve digits.
    """

    name: str = REFERENCE_PROJECT
    owner: str = REFERENCE_OWNER
    region: str = REFERENCE_REGION
    account: str = PLACEHOLDER_ACCOUNT


def create_project(folder: Path, project: NewProject) -> tuple[str, ...]:
    """Create a project in a new or empty folder: everything, or nothing.

    Args:
        folder: Where it goes.
        project: Its names.

    Returns:
        The files that were written, relative to the folder, sorted.

    Raises:
        SpecError: A name is not valid.
        TfgenError: The folder holds something, or cannot be written.
    """
    _check_names(project)
    hint = "name a new or empty folder"
    if folder.exists() and not folder.is_dir():
        raise TfgenError("this is a file", where=str(folder), hint=hint, code="not-empty")
    try:
        if folder.exists() and any(folder.iterdir()):
            raise TfgenError("the folder is not empty", where=str(folder), hint=hint, code="not-empty")
        _create(folder, project)
    except OSError as error:
        message = f"cannot create the project: {error.strerror}"
        raise TfgenError(message, where=str(folder), hint="name a folder that can be written") from None
    return tuple(sorted(str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file()))


def _create(folder: Path, project: NewProject) -> None:
    """Fill a hidden folder, then move it into place; an empty folder stays itself: a shell may stand in it."""
    exists = folder.exists()
    parent = folder if exists else folder.parent
    parent.mkdir(parents=True, exist_ok=True)
    staged = Path(tempfile.mkdtemp(prefix=".tfgen-init-", dir=parent))
    moved: list[Path] = []
    try:
        _fill(staged, project)
        staged.chmod(0o755)
        if not exists:
            staged.replace(folder)
            return
        for part in sorted(staged.iterdir()):
            part.replace(folder / part.name)
            moved.append(folder / part.name)
        staged.rmdir()
    except BaseException:
        for part in (staged, *moved):
            shutil.rmtree(part, ignore_errors=True)
            part.unlink(missing_ok=True)
        raise


def _check_names(project: NewProject) -> None:
    properties = SPEC_SCHEMA["properties"]
    pairs = (
        ("--project-name", project.name, properties["project"]),
        ("--owner", project.owner, properties["owner"]),
        ("--region", project.region, properties["region"]),
        ("--account", project.account, ENVIRONMENT_SCHEMA["properties"]["account"]),
    )
    problems = [
        TfgenError(problem.message, hint=problem.hint, where=flag, code="usage")
        for flag, value, schema in pairs
        for problem in validate(value, schema)
    ]
    if project.account == EMULATOR_ACCOUNT:
        problems.append(TfgenError("this is the emulator's account", where="--account", code="usage"))
    if problems:
        raise SpecError(problems)


def _fill(folder: Path, project: NewProject) -> None:
    for source in sorted(config_root().rglob("*.yaml")):
        target = folder / "config" / source.relative_to(config_root())
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_text("".join(_adapted(source.read_text("utf-8"), project)), "utf-8")
    shutil.copytree(lambdas_root(), folder / "lambdas", ignore=_SKIPPED)
    (folder / ".gitignore").write_text(GITIGNORE, "utf-8")
    (folder / "README.md").write_text(README.format(project=project.name), "utf-8")


def _adapted(text: str, project: NewProject) -> Iterator[str]:
    """Put the project's names in place of the reference project's, line by line, keeping the comments."""
    for line in text.splitlines(keepends=True):
        if line.startswith("owner:"):
            yield f"owner: {_quoted(project.owner)}\n"
        elif line.startswith("region:"):
            yield f"region: {project.region}\n"
        else:
            named = line.replace(REFERENCE_PROJECT, project.name)
            yield named if line.startswith("#") else named.replace(PLACEHOLDER_ACCOUNT, project.account)


def _quoted(text: str) -> str:
    """Write a YAML string: plain where it is words joined by hyphens, in JSON's quotes otherwise."""
    import json

    return text if re.fullmatch(r"[A-Za-z]+(-[A-Za-z]+)+", text) else json.dumps(text, ensure_ascii=False)
