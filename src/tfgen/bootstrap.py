"""backend-config: the module that makes the bucket its own state ends up in, and the way back.

It runs in a working folder per environment, its rendered files linked there. The folder begins with
a local state; once the bucket stands, a `backend_override.tf` moves the state into it. Every step
looks at what is really there, so a run that was killed anywhere goes on from that point.
"""

from __future__ import annotations

import os
import shutil
from pathlib import Path

from tfgen import execution, state
from tfgen.aws import Aws
from tfgen.disk import write_whole
from tfgen.errors import TfgenError
from tfgen.events import Event
from tfgen.execution import Bench
from tfgen.model import Module

OVERRIDE = "backend_override.tf"
LOCAL_STATE = "terraform.tfstate"
_STATE_FILES = (LOCAL_STATE, f"{LOCAL_STATE}.backup")
_COPIED = (".terraform.lock.hcl",)


def prepare(bench: Bench, module: Module, clients: Aws, *, changes: bool) -> bool:
    """Bring the working folder into the form that fits where the state is, and initialise it.

    Args:
        bench: Where and with what.
        module: backend-config.
        clients: To look into the state bucket.
        changes: True if the state may be written; a plan only looks.

    Returns:
        True if the state is in the bucket, False if it is (or will be) a local file.

    Raises:
        TfgenError: The bucket belongs to another project, or terraform failed.
    """
    folder = bench.folder(module)
    link_files(bench.project.tree / module.name, folder)
    state.check_bucket_owner(clients, bench.environment.state_bucket, bench.project.name)
    if _in_bucket(bench, module, clients):
        newer = _typed_on(bench, module, clients) if changes else None
        _write_override(folder, module)
        _forget_local(folder)
        execution.init(bench, module)
        if newer is not None:
            _push(bench, module, newer)
        return True
    (folder / OVERRIDE).unlink(missing_ok=True)
    _take_over(bench, module)
    execution.init(bench, module, remote=False)
    return False


def migrate(bench: Bench, module: Module, clients: Aws) -> None:
    """Move the local state into the bucket that it describes.

    Raises:
        TfgenError: Terraform failed, or the state did not arrive.
    """
    folder = bench.folder(module)
    bench.on_event(Event("step", module=module.name, step="migrate state"))
    _write_override(folder, module)
    bench.on_event(Event("step", module=module.name, step="copy state"))
    execution.init(bench, module, migrate=True)
    if not _in_bucket(bench, module, clients):
        raise TfgenError(
            f"the state of {module.name} did not arrive in bucket {bench.environment.state_bucket}",
            hint="repeat the command; the local state is still there",
            where=str(folder),
        )
    bench.on_event(Event("step", module=module.name, step="forget local state"))
    _forget_local(folder)


def bring_back(bench: Bench, module: Module, clients: Aws) -> None:
    """Move the state out of the bucket into a local file, then empty bucket and lock table.

    Raises:
        TfgenError: Terraform failed, or the state did not arrive.
    """
    folder = bench.folder(module)
    if _in_bucket(bench, module, clients):
        _forget_local(folder)
        (folder / OVERRIDE).unlink(missing_ok=True)
        execution.init(bench, module, remote=False, migrate=True)
        arrived = state.read_local(folder / LOCAL_STATE)
        if arrived is None or not arrived.applied:
            raise TfgenError(
                f"the state of {module.name} did not come back from the bucket; nothing was deleted",
                hint="repeat the command",
                where=str(folder),
            )
    bench.on_event(Event("step", module=module.name, step="empty state bucket"))
    state.empty_bucket(clients, bench.environment.state_bucket)
    state.delete_lock_items(clients, bench.environment.lock_table)


def save_for_typing(bench: Bench, module: Module, clients: Aws) -> None:
    """Leave a copy of the state where typed commands look for it.

    Someone who goes on with `cd terraform/backend-config; terraform plan` then sees the truth. It is
    written for the default environment only: that is the one the rendered tree stands for.
    """
    if bench.environment.name != bench.project.default_environment:
        return
    data = state.read_bytes(clients, bench.environment.state_bucket, module.state_key)
    target = bench.project.tree / module.name / LOCAL_STATE
    if data is None or (target.exists() and target.read_bytes() == data):
        return
    write_whole(target, data, mode=0o600)


def forget(bench: Bench, module: Module) -> None:
    """Remove everything that tfgen keeps of the environment's states, after all of it is destroyed."""
    typed = bench.project.tree / module.name / LOCAL_STATE
    if _describes(typed, bench.environment.state_bucket, even_empty=True):
        for name in _STATE_FILES:
            typed.with_name(name).unlink(missing_ok=True)
    shutil.rmtree(bench.project.work / "env" / bench.environment.name, ignore_errors=True)


def link_files(source: Path, folder: Path) -> None:
    """Link a module's files into a working folder; links to files that are gone are removed."""
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    wanted = {
        entry.name: entry
        for entry in source.iterdir()
        if not entry.name.startswith((".", LOCAL_STATE)) and entry.name != OVERRIDE
    }
    for entry in folder.iterdir():
        if entry.is_symlink() and entry.name not in wanted:
            entry.unlink()
    for name, target in wanted.items():
        link = folder / name
        text = os.path.relpath(target, folder)
        if link.is_symlink() and str(link.readlink()) == text:
            continue
        link.unlink(missing_ok=True)
        link.symlink_to(text)
    for name in _COPIED:
        # Terraform replaces this file instead of writing into it, which would cut a link.
        if (source / name).is_file() and not (folder / name).exists():
            shutil.copyfile(source / name, folder / name)


def _in_bucket(bench: Bench, module: Module, clients: Aws) -> bool:
    found = state.read_state(clients, bench.environment.state_bucket, module.state_key)
    return found is not None and found.applied


def _take_over(bench: Bench, module: Module) -> None:
    """Begin with the state that typed commands left in the rendered folder, if there is one."""
    local = bench.folder(module) / LOCAL_STATE
    known = state.read_local(local)
    typed = bench.project.tree / module.name / LOCAL_STATE
    if (known is None or not known.applied) and _describes(typed, bench.environment.state_bucket):
        bench.on_event(Event("note", f"taking over {typed.relative_to(bench.project.root)}", module.name))
        local.unlink(missing_ok=True)
        local.touch(mode=0o600)
        local.write_bytes(typed.read_bytes())


def _typed_on(bench: Bench, module: Module, clients: Aws) -> Path | None:
    """Return the typed state if someone went on with it after tfgen had written it there."""
    typed = bench.project.tree / module.name / LOCAL_STATE
    if not _describes(typed, bench.environment.state_bucket):
        return None
    here = state.read_local(typed)
    there = state.read_state(clients, bench.environment.state_bucket, module.state_key)
    if here and there and here.lineage == there.lineage and here.serial > there.serial:
        return typed
    return None


def _push(bench: Bench, module: Module, typed: Path) -> None:
    bench.on_event(Event("note", "taking over what typed commands changed since", module.name))
    execution.push_state(bench, module, typed)


def _describes(path: Path, bucket: str, *, even_empty: bool = False) -> bool:
    """Tell whether a local state is the one that manages this state bucket."""
    found = state.read_local(path)
    if found is None:
        return False
    if even_empty and not found.resources:
        return True
    return any(
        entry.get("type") == "aws_s3_bucket"
        and any(item.get("attributes", {}).get("bucket") == bucket for item in entry.get("instances", ()))
        for entry in found.resources
    )


def _write_override(folder: Path, module: Module) -> None:
    text = (
        "# Written by tfgen: backend-config keeps its state in the bucket it made.\n"
        "terraform {\n"
        '  backend "s3" {\n'
        f'    key     = "{module.state_key}"\n'
        "    encrypt = true\n"
        "  }\n"
        "}\n"
    )
    target = folder / OVERRIDE
    if target.is_file() and target.read_text(encoding="utf-8") == text:
        return
    write_whole(target, text.encode())


def _forget_local(folder: Path) -> None:
    for name in _STATE_FILES:
        (folder / name).unlink(missing_ok=True)
