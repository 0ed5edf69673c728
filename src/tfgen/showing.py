"""Reading a saved plan, without hashing the providers once more."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from tfgen import disk, isolation, process, terraform
from tfgen.errors import TfgenError
from tfgen.mirror import LOCK_FILE, locked_versions
from tfgen.process import Children, Completed

_FOLDER = "show"


def show_saved(
    binary: str,
    plan: Path,
    *,
    folder: Path,
    data_dir: Path,
    env: Mapping[str, str],
    children: Children,
    as_json: bool = True,
) -> Completed:
    """Run `terraform show` of a plan that was saved a moment ago.

    Before it starts a provider, terraform hashes the whole package and compares it with the checksums in the dependency
    lock file of the folder it runs in (`providerFactories` in terraform's `command/meta_providers.go`): half a second
    for the 675 MB of AWS. The plan was made by a terraform that did so, so this one runs beside a lock file that has
    the versions and no checksums. All else that it needs is in the plan.

    Args:
        binary: Terraform.
        plan: The saved plan.
        folder: Where it was planned.
        data_dir: Terraform's data dir there.
        env: The isolated environment.
        children: Where the program is registered.
        as_json: As JSON; else as terraform prints a plan for people.

    Returns:
        How it ended; its standard output is the plan.

    Raises:
        TfgenError: The disk refuses.
        Interrupted: The user asked to stop before it was started.
    """
    beside = data_dir.parent / _FOLDER
    entries = [
        f'provider "{address}" {{\n  version = "{version}"\n}}\n'
        for address, (version, _) in locked_versions(folder).items()
    ]
    try:
        disk.write_whole(beside / LOCK_FILE, "\n".join(entries).encode())
    except OSError as error:
        raise TfgenError(f"cannot write {beside}: {error.strerror}", hint="free some space", code="disk") from None
    return process.run(
        terraform.show_argv(binary, plan.absolute(), as_json=as_json),
        cwd=beside,
        env=isolation.module_environment(env, data_dir=data_dir),
        children=children,
    )
