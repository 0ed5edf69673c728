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

from tfgen import isolation, mirror, process, terraform
from tfgen.changes import Diagnostic
from tfgen.compose import compose_validate
from tfgen.errors import TfgenError
from tfgen.mirror import ProviderSource
from tfgen.model import Module, Project
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
    binary: str
    version: str
    env: Mapping[str, str]
    source: ProviderSource
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
    source = mirror.find_provider_source(caller)
    config = mirror.write_cli_config(source, project.work)
    environment = project.environments[project.default_environment]
    env = dict(isolation.isolate(caller, environment, work=project.work, cli_config=config).env)
    if source.downloads:
        env = isolation.with_downloads(env, caller)
    binary = terraform.find_binary(caller)
    version = terraform.detect_version(binary, env=env, cwd=project.root)
    terraform.check_version(version, project.required_version, binary=binary, where=str(project.spec_path))
    tools = _Tools(project, binary, version, env, source, Children(), on_module)
    with tools.children.forwarding(), ThreadPoolExecutor(1) as pool:
        unformatted = pool.submit(_check_format, tools)
        validate = _validate_each(tools, list(project.modules)) if per_module else _validate_composed(tools)
        return (*unformatted.result(), *validate)


def _check_format(tools: _Tools) -> tuple[Finding, ...]:
    done = process.run(
        terraform.fmt_argv(tools.binary, "."), cwd=tools.project.tree, env=tools.env, children=tools.children
    )
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
        binary=tools.binary,
        version=tools.version,
        env=tools.env,
        providers=tools.source,
        children=tools.children,
    )
    findings = [_told(item) for item in found.problems if item.module not in found.apart]
    return findings + _validate_each(tools, [tools.project.module(name) for name in found.apart])


def _validate_each(tools: _Tools, modules: list[Module]) -> list[Finding]:
    findings: list[Finding] = []
    if tools.source.downloads and modules:
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
    env = isolation.module_environment(tools.env, data_dir=tools.project.work / "check" / module.name)
    init = [*terraform.init_argv(tools.binary, backend=False), "-json"]
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
    done = process.run(terraform.validate_argv(tools.binary), cwd=folder, env=env, children=tools.children)
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
