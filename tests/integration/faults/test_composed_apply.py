"""The composed plan applied: from nothing, after a kill, with a lock in the way; each state where it belongs."""

from __future__ import annotations

from tests.support.faulty import MODULES, Faulty


def assert_nothing_left(faulty: Faulty) -> None:
    """No composed state, neither here nor in the bucket, and no plan."""
    left = [path.name for pattern in ("composed.tfstate", "*.tfplan", "reserve") for path in faulty.root.rglob(pattern)]
    assert left == []
    listed = faulty.clients().client("s3").list_objects_v2(Bucket=faulty.bucket, Prefix="composed/")
    assert listed.get("Contents", []) == []


def test_from_nothing_each_module_gets_its_own_state(faulty: Faulty) -> None:
    done = faulty.apply("--composed")
    assert "all modules as one" in done.stderr
    faulty.assert_whole()
    assert_nothing_left(faulty)
    for module in MODULES:
        faulty.tfgen("plan", "--per-module", "--module", module, "--detailed-exitcode")
    assert "02-top                  unchanged" in faulty.apply().stdout
