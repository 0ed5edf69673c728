"""The project's dependency lock file: made once for all modules, for every platform that is wanted."""

from __future__ import annotations

import shutil
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from tfgen import offline, planning, process, terraform
from tfgen.disk import write_whole
from tfgen.errors import Interrupted, TfgenError
from tfgen.gathering import gather_files
from tfgen.model import Project
from tfgen.modulefiles import ModuleFiles, full_source
from tfgen.process import Children
from tfgen.scratch import LOCK_FILE, locked_versions

_HEADER = "# This file is maintained automatically by tfgen and terraform: tfgen providers lock.\n\n"


@dataclass(frozen=True)
class LockedProject:
    """What locking did.

    Attributes:
        versions: Provider address → the release that is locked now.
        changed: The modules whose file changed.
    """

    versions: Mapping[str, str]
    changed: tuple[str, ...]


def lock_providers(
    project: Project, caller: Mapping[str, str], platforms: Sequence[str], children: Children
) -> LockedProject:
    """Choose one release of each provider for all modules and note its checksums; calls no AWS.

    Releases that are locked already are kept.

    Args:
        project: The project, rendered.
        caller: The environment tfgen was started with.
        platforms: `linux_amd64` and the like; none for this machine's.
        children: The running programs.

    Raises:
        TfgenError: Terraform is missing or does not fit, a provider cannot be had, or two modules ask for what does not
            fit together.
        Interrupted: The user stopped it.
    """
    tool = offline.prepare(project, caller)
    environment = project.environments[project.default_environment]
    files = list(gather_files(project, environment, values=False, backend_config=True).files.values())
    folder = project.work / "providers-lock"
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True, mode=0o700)
    try:
        (folder / "versions.tf").write_text(_requirements(files), encoding="utf-8")
        _write(folder / LOCK_FILE, _entries(files))
        argv = terraform.providers_lock_argv(tool.binary, platforms, tool.source.mirror)
        with children.forwarding():
            done = process.run(argv, cwd=folder, env=tool.env, children=children)
        if children.stopping:
            raise Interrupted
        if done.returncode:
            raise TfgenError(
                planning.plain_text(done.stderr) or planning.plain_text(done.stdout),
                hint="a mirror has the platforms that were put into it; TFGEN_PROVIDER_MIRROR names another one",
                code="providers",
            )
        found = locked_versions(folder)
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    changed = [item.module.name for item in files if _write(item.folder / LOCK_FILE, _needed(item, found))]
    top = project.tree / LOCK_FILE
    if top.exists():
        _write(top, {address: text for address, (_, text) in found.items()})
    return LockedProject({address: version for address, (version, _) in found.items()}, tuple(changed))


def _requirements(files: Sequence[ModuleFiles]) -> str:
    constraints: dict[str, set[str]] = {}
    for item in files:
        for source, constraint in item.required.values():
            constraints.setdefault(full_source(source), set()).add(constraint)
    lines = ["terraform {", "  required_providers {"]
    for number, (source, wanted) in enumerate(sorted(constraints.items())):
        joined = ", ".join(sorted(part for part in wanted if part))
        version = f', version = "{joined}"' if joined else ""
        lines.append(f'    p{number} = {{ source = "{source}"{version} }}')
    return "\n".join([*lines, "  }", "}", ""])


def _entries(files: Sequence[ModuleFiles]) -> dict[str, str]:
    entries: dict[str, str] = {}
    for item in files:
        for address, (_, text) in locked_versions(item.folder).items():
            entries.setdefault(address, text)
    return entries


def _needed(item: ModuleFiles, found: Mapping[str, tuple[str, str]]) -> dict[str, str]:
    own = {full_source(source) for source, _ in item.required.values()}
    return {address: text for address, (_, text) in found.items() if address in own}


def _write(path: Path, entries: Mapping[str, str]) -> bool:
    """Write a lock file; True if it changed. One that says the same is left alone."""
    known = {address: text for address, (_, text) in locked_versions(path.parent).items()}
    if not entries or known == dict(entries):
        return False
    body = "\n\n".join(entries[address] for address in sorted(entries))
    write_whole(path, f"{_HEADER}{body}\n".encode())
    return True
