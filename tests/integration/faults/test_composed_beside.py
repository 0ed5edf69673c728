"""While a composed apply runs: plain terraform and a colleague's tfgen are refused, and told by whom."""

from __future__ import annotations

import dataclasses
import getpass
import shutil
import socket

import pytest

from tests.support.faulty import MODULES, Faulty

HOLDER = f"{getpass.getuser()}@{socket.gethostname()}"


def lock_by(faulty: Faulty, *kinds: str) -> None:
    """Lock states with these kinds only; without the table there is none."""
    spec = faulty.root / "config" / "project.yaml"
    spec.write_text(spec.read_text().replace("[dynamodb, lockfile]", f"[{', '.join(kinds)}]"))
    if "dynamodb" not in kinds:
        faulty.clients().client("dynamodb").delete_table(TableName=faulty.table)
    faulty.tfgen("render")


def clone(faulty: Faulty) -> Faulty:
    """The same project on another machine, as far as files go."""
    other = faulty.root.with_name("clone")
    shutil.copytree(faulty.root, other, symlinks=True, ignore=shutil.ignore_patterns(".tfgen", ".terraform"))
    shutil.copytree(faulty.root / "terraform" / ".tfgen", other / "terraform" / ".tfgen", dirs_exist_ok=True)
    return dataclasses.replace(faulty, root=other)


@pytest.mark.parametrize("kinds", [("dynamodb", "lockfile"), ("dynamodb",), ("lockfile",)], ids="+".join)
def test_others_are_refused_by_the_state_locks_and_told_who_holds_them(faulty: Faulty, kinds: tuple[str, ...]) -> None:
    lock_by(faulty, *kinds)
    colleague = clone(faulty)
    for module in MODULES:
        assert colleague.typed(module, "init").returncode == 0
    faulty.shut("01-middle")
    composed = faulty.start("apply", "--composed", "--auto-approve")
    faulty.wait_for("01-middle", composed)
    run = faulty.runs()[-1].name

    for module in MODULES:
        refused = colleague.typed(module, "plan")
        assert refused.returncode == 1, refused.stdout
        assert "Error acquiring the state lock" in refused.stderr
        assert HOLDER in refused.stderr
        assert "OperationTypeApply" in refused.stderr
        assert run in refused.stderr
    for words in (["apply", "--composed"], ["apply", "--module", "01"]):
        beside = colleague.tfgen(*words, "--auto-approve", code=1)
        assert HOLDER in beside.stderr, beside.stderr
    assert {lock.kind for lock in faulty.locks()} == set(kinds)

    faulty.open("01-middle")
    out, err = composed.communicate(timeout=60)
    assert composed.returncode == 0, (out, err)
    assert faulty.locks() == ()
    assert "No changes." in colleague.typed("02-top", "plan").stdout
