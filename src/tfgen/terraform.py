"""Terraform as a program: its command lines as pure lists, its version, and where the binary is."""

from __future__ import annotations

import json
import shutil
from collections.abc import Mapping, Sequence
from pathlib import Path

from tfgen import process
from tfgen.errors import TfgenError
from tfgen.model import Project
from tfgen.providers import satisfies

BINARY_VARIABLE = "TFGEN_TERRAFORM"
AT_ONCE = 40
"""Resources at once where all modules are applied as one: what four modules side by side have, at ten each."""


def version_argv(binary: str) -> list[str]:
    """Build `terraform version`."""
    return [binary, "version", "-json"]


def init_argv(
    binary: str,
    *,
    backend_config: str = "",
    migrate_state: bool = False,
    reconfigure: bool = False,
    backend: bool = True,
    readonly: bool = False,
) -> list[str]:
    """Build `terraform init`; `backend_config` is a file, relative to the module's folder.

    With `readonly` a dependency lock file that is there is not changed, but must be enough.
    """
    argv = [binary, "init", "-input=false", "-no-color"]
    if not backend:
        argv.append("-backend=false")
    if backend_config:
        argv.append(f"-backend-config={backend_config}")
    if migrate_state:
        argv += ["-migrate-state", "-force-copy"]
    if reconfigure:
        argv.append("-reconfigure")
    if readonly:
        argv.append("-lockfile=readonly")
    return argv


def plan_argv(
    binary: str,
    *,
    out: Path | None = None,
    var_files: Sequence[str] = (),
    destroy: bool = False,
    lock: bool = True,
    lock_timeout: str = "",
    extra: Sequence[str] = (),
) -> list[str]:
    """Build `terraform plan` with events on standard output."""
    argv = [binary, "plan", "-json", "-input=false", "-detailed-exitcode"]
    if destroy:
        argv.append("-destroy")
    argv += _locking(lock, lock_timeout)
    argv += [f"-var-file={name}" for name in var_files]
    if out is not None:
        argv.append(f"-out={out}")
    return [*argv, *extra]


def apply_argv(binary: str, plan: Path, *, lock_timeout: str = "") -> list[str]:
    """Build `terraform apply` of a saved plan."""
    return [binary, "apply", "-json", "-input=false", *_locking(True, lock_timeout), str(plan)]


def apply_state_argv(binary: str, plan: Path, state: Path) -> list[str]:
    """Build `terraform apply` of a saved plan on a state in a file, without a lock or a backup of its own."""
    argv = [binary, "apply", "-json", "-input=false", *_locking(False, ""), f"-parallelism={AT_ONCE}", "-backup=-"]
    return [*argv, f"-state={state}", str(plan)]


def import_argv(
    binary: str, address: str, identity: str, *, var_files: Sequence[str] = (), lock_timeout: str = ""
) -> list[str]:
    """Build `terraform import`."""
    argv = [binary, "import", "-input=false", "-no-color", *_locking(True, lock_timeout)]
    return [*argv, *(f"-var-file={name}" for name in var_files), address, identity]


def show_argv(binary: str, plan: Path, *, as_json: bool = False) -> list[str]:
    """Build `terraform show` of a saved plan."""
    return [binary, "show", "-json" if as_json else "-no-color", str(plan)]


def validate_argv(binary: str) -> list[str]:
    """Build `terraform validate`."""
    return [binary, "validate", "-json"]


def test_argv(binary: str) -> list[str]:
    """Build `terraform test` with events on standard output."""
    return [binary, "test", "-json"]


def fmt_argv(binary: str, path: str) -> list[str]:
    """Build `terraform fmt` over a folder; it lists what is not formatted and writes nothing."""
    return [binary, "fmt", "-no-color", "-recursive", "-check", "-list=true", path]


def state_argv(binary: str, verb: str, *arguments: str) -> list[str]:
    """Build `terraform state VERB`."""
    return [binary, "state", verb, *arguments]


def providers_lock_argv(
    binary: str, platforms: Sequence[str], *, mirror: Path | None = None, url: str = ""
) -> list[str]:
    """Build `terraform providers lock`; it asks the registries unless it is given a mirror, a folder or an address."""
    argv = [binary, "providers", "lock", *(f"-platform={platform}" for platform in platforms)]
    if mirror is not None:
        argv.append(f"-fs-mirror={mirror}")
    elif url:
        argv.append(f"-net-mirror={url}")
    return argv


def find_binary(environ: Mapping[str, str]) -> str:
    """Return the terraform binary: TFGEN_TERRAFORM before PATH.

    Raises:
        TfgenError: There is none.
    """
    if named := environ.get(BINARY_VARIABLE):
        found = shutil.which(named, path=environ.get("PATH"))
        if found:
            # It runs in the modules' folders, where a relative path would lead elsewhere.
            return str(Path(found).absolute())
        raise TfgenError(
            f"{BINARY_VARIABLE} names {named}, which is not an executable program",
            hint=f"unset {BINARY_VARIABLE}, or let it name a terraform binary",
            code="terraform-missing",
        )
    if found := shutil.which("terraform", path=environ.get("PATH")):
        return str(Path(found).absolute())
    raise TfgenError(
        "terraform is not on PATH",
        hint="install it from https://developer.hashicorp.com/terraform/install, "
        f"or let {BINARY_VARIABLE} name the binary",
        code="terraform-missing",
    )


def detect_version(binary: str, *, env: Mapping[str, str], cwd: Path) -> str:
    """Ask a terraform binary for its version.

    Raises:
        TfgenError: The program is not a working terraform.
    """
    done = process.run(version_argv(binary), cwd=cwd, env=env, timeout=60)
    try:
        return str(json.loads(done.stdout)["terraform_version"])
    except (ValueError, KeyError, TypeError):
        detail = (done.stderr or done.stdout).strip().splitlines()
        raise TfgenError(
            f"{binary} does not answer as terraform does: {detail[0] if detail else 'no output'}",
            hint=f"let {BINARY_VARIABLE} name a terraform binary",
            code="terraform-missing",
        ) from None


def check_version(version: str, constraint: str, *, binary: str, where: str = "") -> None:
    """Refuse a terraform that the spec's `required_version` does not allow.

    Raises:
        TfgenError: It is too old or too new.
    """
    if not satisfies(version, constraint):
        raise TfgenError(
            f"terraform {version} ({binary}) does not satisfy {constraint!r}",
            hint=f"install a terraform that does, or let {BINARY_VARIABLE} name one",
            where=where,
            code="terraform-version",
        )


def identify(binary: str, project: Project, *, env: Mapping[str, str]) -> str:
    """Return the version of a terraform that a project can be run with.

    Raises:
        TfgenError: The program is not a working terraform, or not of a version that the spec allows.
    """
    version = detect_version(binary, env=env, cwd=project.root)
    check_version(version, project.required_version, binary=binary, where=str(project.spec_path))
    return version


def _locking(lock: bool, timeout: str) -> list[str]:
    if not lock:
        return ["-lock=false"]
    return [f"-lock-timeout={timeout}"] if timeout else []
