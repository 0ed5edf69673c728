"""`tfgen locks`: who holds which state lock, and who is at work."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from tfgen.commands import _runs
from tfgen.commands._options import command
from tfgen.commands._output import answer, answer_json
from tfgen.settings import Settings

if TYPE_CHECKING:
    from tfgen.locking import HeldLock

_KINDS = {"dynamodb": "table", "lockfile": "lockfile"}


@command(name="locks")
def cli(settings: Settings) -> None:
    """List the state locks of the environment with age and owner, and the runs that work in it."""
    from tfgen import locking

    opened = _runs.open_project(settings)
    with _runs.at_place(settings, opened) as (caller, _progress):
        locks, claims = locking.list_locks(opened.project, opened.environment, caller)
    if settings.json:
        answer_json(
            {
                "locks": [_document(lock) for lock in locks],
                "runs": [
                    {"run": claim.run, "verb": claim.verb, "owner": claim.owner, "modules": list(claim.writes)}
                    for claim in claims
                ],
            }
        )
        return
    for lock in locks:
        kinds = " and ".join(_KINDS.get(kind, kind) for kind in lock.kinds)
        gone = "  (its process is gone: tfgen unlock)" if lock.gone else ""
        run = f"  run {lock.run}" if lock.run else ""
        answer(
            f"{lock.module:<24}{lock.operation:<22}{lock.who}  {format_age(lock.age)}  {kinds}  {lock.id}{run}{gone}"
        )
    for claim in claims:
        answer(f"{', '.join(claim.writes)}: {claim}")
    if not locks and not claims:
        answer("nothing is locked, nobody is at work")


def format_age(seconds: float | None) -> str:
    """Say how long something is held."""
    if seconds is None:
        return "since unknown"
    for size, unit in ((86400, "d"), (3600, "h"), (60, "min")):
        if seconds >= size:
            return f"for {seconds / size:.0f} {unit}"
    return f"for {max(0, seconds):.0f} s"


def _document(lock: HeldLock) -> dict[str, Any]:
    return {
        "module": lock.module,
        "id": lock.id,
        "kinds": list(lock.kinds),
        "operation": lock.operation,
        "who": lock.who,
        "run": lock.run,
        "created": lock.created.isoformat() if lock.created else None,
        "gone": lock.gone,
    }
