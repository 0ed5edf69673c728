"""What must be right before the first change of a run: everything found is said at once."""

from __future__ import annotations

import shutil
from collections.abc import Collection, Iterator

from tfgen import leases, locking, preflight, state
from tfgen.errors import TfgenError
from tfgen.events import Event
from tfgen.locking import describe_lock
from tfgen.mirror import locked_versions, mirrored_versions
from tfgen.model import BACKEND_CONFIG
from tfgen.places import Place
from tfgen.preflight import Finding
from tfgen.select import describe_place

SPACE = 64 * 1024**2
"""Bytes that plans and working files of a run need at least."""


def check(place: Place, modules: Collection[str]) -> None:
    """Look at everything that would stop a run, before it changes anything.

    By then the tree is fresh, terraform fits, and STS has answered with the right account.

    Args:
        place: Where.
        modules: What the run may change.

    Raises:
        TfgenError: Something would make it fail; all of it, each with what mends it.
    """
    bench = place.bench
    project, environment = bench.project, bench.environment
    findings = [*_space(place), *_providers(place, modules), *_backend(place, modules)]
    if environment.endpoint is None:
        findings += preflight.find(project, environment, place.clients)
    preflight.report(findings, _where(place), bench.on_event)


def warn_of_orphans(place: Place) -> tuple[str, ...]:
    """Report states in the bucket whose module left the spec; returns their keys."""
    project, bucket = place.bench.project, place.bench.environment.state_bucket
    known = {module.state_key for module in project.modules}
    try:
        strange = [key for key in state.list_states(place.clients, bucket) if key not in known]
        found = state.read_states(place.clients, bucket, strange)
    except TfgenError:
        # To plan somebody need not be allowed to list the bucket.
        return ()
    orphans = {key: item for key, item in found.items() if item is not None and item.applied}
    for key, item in orphans.items():
        name = key.partition("/")[0]
        count = sum(len(entry.get("instances", ())) for entry in item.resources if entry.get("mode") == "managed")
        place.bench.on_event(
            Event(
                "warning",
                f"{name} is not in the spec, but its state has {count} resource{'s' if count != 1 else ''} that nobody "
                f"manages: put it back into the spec, then tfgen destroy --module {name}, or keep it "
                "(destroy --orphan and mv, which do it without the spec, come later)",
            )
        )
    return tuple(orphans)


def _where(place: Place) -> str:
    environment = place.bench.environment
    return f"account {environment.account}" if environment.endpoint is None else describe_place(environment)


def _space(place: Place) -> Iterator[Finding]:
    work = place.bench.project.work
    free = shutil.disk_usage(work).free
    if free < SPACE:
        yield Finding(
            f"{free // 1024**2} MB are free where {work} is; plans and logs need {SPACE // 1024**2} MB",
            "free some space",
        )


def _providers(place: Place, modules: Collection[str]) -> Iterator[Finding]:
    """Look for the locked releases in the mirror: a download is terraform's own business."""
    mirror = place.bench.providers.mirror
    if mirror is None:
        return
    missing: dict[str, list[str]] = {}
    for name in sorted(modules):
        for address, (version, _) in locked_versions(place.bench.project.tree / name).items():
            have = mirrored_versions(mirror, address)
            if have and version not in have:
                missing.setdefault(f"{address} {version} (there: {', '.join(have)})", []).append(name)
    for what, names in missing.items():
        yield Finding(
            f"{', '.join(names)}: the mirror {mirror} has no {what}",
            f"terraform providers mirror {mirror}, or tfgen providers lock for a release that is there",
        )


def _backend(place: Place, modules: Collection[str]) -> Iterator[Finding]:
    bench = place.bench
    environment = bench.environment
    try:
        if not state.bucket_exists(place.clients, environment.state_bucket):
            return
        held = locking.find_locks(bench.project, environment, place.clients)
        table = "dynamodb" not in bench.project.locking or state.table_exists(place.clients, environment.lock_table)
    except TfgenError as error:
        yield Finding(f"{error.message}", error.hint or "allow the deployer to use the state bucket and the lock table")
        return
    if not table and BACKEND_CONFIG not in modules:
        yield Finding(
            f"lock table {environment.lock_table} is missing, although bucket {environment.state_bucket} is there",
            f"tfgen apply --module {BACKEND_CONFIG}",
        )
    if leases.to_seconds(bench.lock_timeout):
        return
    for lock in held:
        if lock.module in modules:
            yield Finding(
                f"{lock.module} is locked: {describe_lock(lock)}",
                f"{'' if lock.gone else 'wait for it (--lock-timeout 5m); if that process is gone: '}"
                f"tfgen unlock {lock.module} --id {lock.id}",
            )
