"""Terraform as a program: its command lines as pure lists, its version, and where the binary is."""

from __future__ import annotations

import json
import re
import shutil
from collections.abc import Mapping, Sequence
from pathlib import Path

from tfgen import process
from tfgen.errors import TfgenError

BINARY_VARIABLE = "TFGEN_TERRAFORM"
Version = tuple[int, ...]

_CONSTRAINT = re.compile(r"^\s*(=|!=|>=|<=|>|<|~>)?\s*v?(\d+(?:\.\d+)*)(?:-[0-9A-Za-z.-]+)?\s*$")


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
) -> list[str]:
    """Build `terraform init`; `backend_config` is a file, relative to the module's folder."""
    argv = [binary, "init", "-input=false", "-no-color"]
    if not backend:
        argv.append("-backend=false")
    if backend_config:
        argv.append(f"-backend-config={backend_config}")
    if migrate_state:
        argv += ["-migrate-state", "-force-copy"]
    if reconfigure:
        argv.append("-reconfigure")
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


def apply_argv(binary: str, plan: Path, *, lock_timeout: str = "", parallelism: int | None = None) -> list[str]:
    """Build `terraform apply` of a saved plan."""
    argv = [binary, "apply", "-json", "-input=false", *_locking(True, lock_timeout)]
    if parallelism is not None:
        argv.append(f"-parallelism={parallelism}")
    return [*argv, str(plan)]


def destroy_argv(
    binary: str, *, var_files: Sequence[str] = (), lock_timeout: str = "", extra: Sequence[str] = ()
) -> list[str]:
    """Build `terraform destroy` without a saved plan and without a question."""
    argv = [binary, "destroy", "-json", "-input=false", "-auto-approve", *_locking(True, lock_timeout)]
    argv += [f"-var-file={name}" for name in var_files]
    return [*argv, *extra]


def show_argv(binary: str, plan: Path, *, as_json: bool = False) -> list[str]:
    """Build `terraform show` of a saved plan."""
    return [binary, "show", "-json" if as_json else "-no-color", str(plan)]


def output_argv(binary: str) -> list[str]:
    """Build `terraform output`."""
    return [binary, "output", "-json"]


def validate_argv(binary: str) -> list[str]:
    """Build `terraform validate`."""
    return [binary, "validate", "-json"]


def fmt_argv(binary: str, path: str, *, check: bool = True) -> list[str]:
    """Build `terraform fmt` over a folder; with `check` it writes nothing."""
    argv = [binary, "fmt", "-no-color", "-recursive"]
    if check:
        argv += ["-check", "-list=true"]
    return [*argv, path]


def state_argv(binary: str, verb: str, *arguments: str) -> list[str]:
    """Build `terraform state VERB`."""
    return [binary, "state", verb, *arguments]


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


def satisfies(version: str, constraint: str) -> bool:
    """Tell whether a version fulfils a constraint as terraform writes it: `>= 1.10, < 2.0`.

    Raises:
        TfgenError: The constraint cannot be read.
    """
    actual = parse_version(version)
    return all(_holds(actual, part) for part in constraint.split(",") if part.strip())


def parse_version(text: str) -> Version:
    """Return the numbers of a version; what follows a hyphen is left out."""
    return tuple(int(part) for part in re.findall(r"\d+", text.split("-", maxsplit=1)[0]))


def _holds(actual: Version, part: str) -> bool:
    match = _CONSTRAINT.match(part)
    if match is None:
        raise TfgenError(f"cannot read the version constraint {part.strip()!r}", hint='write it as ">= 1.10, < 2.0"')
    operator = match[1] or "="
    given = parse_version(match[2])
    width = max(len(actual), len(given), 3)
    left, right = _padded(actual, width), _padded(given, width)
    if operator == "~>":
        # The last number given may grow, nothing left of it.
        fixed = max(len(given) - 1, 1)
        return left >= right and left[:fixed] == right[:fixed]
    return {
        "=": left == right,
        "!=": left != right,
        ">=": left >= right,
        "<=": left <= right,
        ">": left > right,
        "<": left < right,
    }[operator]


def _padded(version: Version, width: int) -> Version:
    return version + (0,) * (width - len(version))


def _locking(lock: bool, timeout: str) -> list[str]:
    if not lock:
        return ["-lock=false"]
    return [f"-lock-timeout={timeout}"] if timeout else []
