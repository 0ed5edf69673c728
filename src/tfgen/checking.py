"""What `tfgen check` adds to loading and rendering: terraform's own format check and validation.

All modules are validated in one process; a module that cannot be composed, or all if that is asked for, by itself.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tfgen import isolation, offline, process, terraform
from tfgen.changes import Diagnostic
from tfgen.compose import compose_validate
from tfgen.errors import TfgenError
from tfgen.model import Module, Project
from tfgen.offline import Tool
from tfgen.planning import EventReader
from tfgen.process import Children
from tfgen.runner import default_parallelism
from tfgen.scratch import remove_leftovers

OnModule = Callable[[str], None]


@dataclass(frozen=True)
class Finding:
    """One thing that terraform complains about.

    Attributes:
        severity: `error` or `warning`.
        where: File below the project with line and column, or the module's folder.
        message: What is wrong.
        hint: The next step; may be empty.
    """

    severity: str
    where: str
    message: str
    hint: str = ""


@dataclass(frozen=True)
class _Tools:
    project: Project
    terraform: Tool
    children: Children
    on_module: OnModule


def check_terraform(
    project: Project,
    caller: Mapping[str, str],
    on_module: OnModule,
    *,
    per_module: bool = False,
) -> tuple[Finding, ...]:
    """Check the format of the rendered tree and validate each of its modules; calls no AWS.

    Args:
        project: The project, rendered.
        caller: The environment tfgen was started with.
        on_module: Told what is validated when that begins: a module's name, or how many at once.
        per_module: Validate each module by itself.

    Raises:
        TfgenError: Terraform is missing, too old, or cannot be initialised.
    """
    remove_leftovers(project)
    tools = _Tools(project, offline.prepare(project, caller), Children(), on_module)
    with tools.children.forwarding(), ThreadPoolExecutor(1) as pool:
        unformatted = pool.submit(_check_format, tools)
        validate = _validate_each(tools, list(project.modules)) if per_module else _validate_composed(tools)
        return (*unformatted.result(), *validate)


def _check_format(tools: _Tools) -> tuple[Finding, ...]:
    tool = tools.terraform
    argv = terraform.fmt_argv(tool.binary, ".")
    done = process.run(argv, cwd=tools.project.tree, env=tool.env, children=tools.children)
    if done.stderr.strip() and done.returncode not in (0, 3):
        return (Finding("error", "terraform/", done.stderr.strip()),)
    return tuple(
        Finding("error", f"terraform/{name}", "not formatted", f"terraform fmt terraform/{name}")
        for name in done.stdout.split()
        if not name.startswith(".tfgen/")
    )


def _validate_composed(tools: _Tools) -> list[Finding]:
    tools.on_module(f"{len(tools.project.modules)} modules as one")
    found = compose_validate(
        tools.project,
        binary=tools.terraform.binary,
        version=tools.terraform.version,
        env=tools.terraform.env,
        providers=tools.terraform.source,
        children=tools.children,
    )
    findings = [_told(item) for item in found.problems if item.module not in found.apart]
    return findings + _validate_each(tools, [tools.project.module(name) for name in found.apart])


def _validate_each(tools: _Tools, modules: list[Module]) -> list[Finding]:
    findings: list[Finding] = []
    if tools.terraform.source.downloads and modules:
        # The shared plugin cache is not made for several writers: the first module fills it.
        findings += _validate(tools, modules.pop(0))
    with ThreadPoolExecutor(default_parallelism()) as pool:
        for found in pool.map(lambda module: _validate(tools, module), modules):
            findings += found
    return findings


def _told(problem: Diagnostic) -> Finding:
    origin = ", ".join(part for part in (problem.template, problem.spec) if part)
    message = f"{problem.message} (from {origin})" if origin else problem.message
    return Finding(problem.severity, problem.where, message, problem.hint)


def _validate(tools: _Tools, module: Module) -> list[Finding]:
    tools.on_module(module.name)
    folder = tools.project.tree / module.name
    env = isolation.module_environment(tools.terraform.env, data_dir=tools.project.work / "check" / module.name)
    init = [*terraform.init_argv(tools.terraform.binary, backend=False), "-json"]
    done = process.run(init, cwd=folder, env=env, children=tools.children)
    if done.returncode:
        reader = EventReader()
        for line in done.stdout.splitlines():
            reader.feed(line)
        located = [item for item in reader.diagnostics if item.get("range")]
        if not located:
            message = reader.error or done.stderr.strip()
            raise TfgenError(f"terraform init failed:\n{message}", where=module.name, hint="tfgen doctor")
        return [_finding(Path("terraform") / module.name, item) for item in located]
    done = process.run(terraform.validate_argv(tools.terraform.binary), cwd=folder, env=env, children=tools.children)
    try:
        diagnostics: Sequence[Mapping[str, Any]] = json.loads(done.stdout)["diagnostics"]
    except (ValueError, KeyError):
        return [Finding("error", f"terraform/{module.name}", done.stderr.strip() or done.stdout.strip())]
    return [_finding(Path("terraform") / module.name, item) for item in diagnostics]


def _finding(folder: Path, diagnostic: Mapping[str, Any]) -> Finding:
    place = diagnostic.get("range") or {}
    where = str(folder)
    if place:
        where = f"{folder / place['filename']}:{place['start']['line']}:{place['start']['column']}"
    detail = diagnostic.get("detail", "").strip()
    message = f"{diagnostic['summary']}: {detail}" if detail else diagnostic["summary"]
    return Finding(diagnostic["severity"], where, message)
