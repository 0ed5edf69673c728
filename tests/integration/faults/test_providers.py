"""One dependency lock file for all modules, and terraform that may not change it in CI."""

from __future__ import annotations

import pytest

from tests.support.faulty import MODULES, Faulty

CI = {"CI": "true", "TFGEN_ENV": "local"}
WORDS = ("plan", "--per-module", "--module", "00")


@pytest.mark.slow
def test_a_lock_file_that_is_not_enough_fails_in_ci_until_it_is_made(bootstrapping: Faulty) -> None:
    bootstrapping.apply("--module", "backend-config")
    lock = bootstrapping.root / "terraform" / "00-base" / ".terraform.lock.hcl"
    whole = lock.read_text()
    for name in MODULES:
        (bootstrapping.root / "terraform" / name / ".terraform.lock.hcl").write_text("# Nothing.\n")
    refused = bootstrapping.tfgen(*WORDS, "--allow-stale", code=1, **CI)
    assert "tfgen providers lock" in refused.stderr
    assert lock.read_text() == "# Nothing.\n"

    done = bootstrapping.tfgen("providers", "lock")
    assert "registry.terraform.io/hashicorp/aws 5.100.0" in done.stdout
    assert "changed: 00-base, 01-middle, 02-top" in done.stdout
    assert 'provider "registry.terraform.io/hashicorp/aws"' in lock.read_text()
    assert lock.read_text() != whole
    assert "nothing changed" in bootstrapping.tfgen("providers", "lock").stdout
    bootstrapping.tfgen(*WORDS, "--allow-stale", **CI)
    strange = bootstrapping.tfgen("providers", "lock", "--platform", "plan9_mips", code=1)
    assert "plan9_mips" in strange.stderr
    assert "→ " in strange.stderr
