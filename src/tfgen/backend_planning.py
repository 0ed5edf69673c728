"""backend-config beside the plan of all others: planned by itself, and only if it may have changes."""

from __future__ import annotations

import hashlib
import itertools
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import nullcontext, suppress
from dataclasses import replace
from pathlib import Path

from tfgen import deployment, execution, retries, state
from tfgen.changes import ComposedPlan, Diagnostic, ModuleChanges
from tfgen.errors import Interrupted, TfgenError
from tfgen.model import BACKEND_CONFIG, Module
from tfgen.places import Choices, Place
from tfgen.runner import StepFailed

PLAN = "plan"

Compose = Callable[[Place, str], ComposedPlan]
"""Plans all modules but backend-config in one process: plan, destroy or refresh-only."""

_LATER = (
    "Invalid for_each argument",
    "Invalid count argument",
    "cannot be determined until apply",
    "cannot be planned before",
)
"""What terraform says where only an apply of something else tells it what to plan."""


def is_later(message: str) -> bool:
    """True if an error says that something must be applied before more can be planned."""
    return any(text in message for text in _LATER)


def settle_backend(place: Place, choices: Choices) -> None:
    """Move backend-config's state into its bucket if typed commands or a killed run left it in a local file.

    Nothing else is done here: if the module has changes, they wait for their approval.
    """
    project = place.bench.project
    if BACKEND_CONFIG not in {module.name for module in project.modules}:
        return
    module = project.module(BACKEND_CONFIG)
    if state.read_state(place.clients, place.bench.environment.state_bucket, module.state_key) is None:
        deployment.apply_module(place, module, choices, lambda *_: False)


def look(place: Place, compose: Compose, keep: Path | None = None) -> ComposedPlan:
    """Plan everything; backend-config by itself, and only if it may have changes.

    Args:
        place: Where.
        compose: Plans the others.
        keep: Where backend-config's plan is left, for somebody who applies it.
    """
    names = [module.name for module in place.bench.project.modules]
    if BACKEND_CONFIG not in names:
        return compose_patiently(place, compose)
    module = place.bench.project.module(BACKEND_CONFIG)
    if place.bench.providers.downloads:
        # Terraform's plugin cache is not made for several writers.
        found = compose_patiently(place, compose)
        mine, failure = _look_alone(place, module, keep)
    else:
        with ThreadPoolExecutor(1) as pool:
            beside = pool.submit(_look_alone, place, module, keep)
            found = compose_patiently(place, compose)
            mine, failure = beside.result()
    modules = {BACKEND_CONFIG: mine, **found.modules}
    return replace(
        found,
        modules={name: modules[name] for name in names if name in modules},
        problems=(*([failure] if failure else []), *found.problems),
        complete=found.complete and not mine.error,
    )


def compose_patiently(place: Place, compose: Compose) -> ComposedPlan:
    """Plan again what failed for reasons that pass by themselves."""
    for attempt in itertools.count(1):
        found, errors = None, []
        try:
            found = compose(place, PLAN)
            errors = [problem.message for problem in found.errors]
        except StepFailed as error:
            errors, failure = [error.message], error
        kinds = [retries.find_transient(message) for message in errors]
        if not kinds or None in kinds or attempt >= retries.ATTEMPTS:
            if found is None:
                raise failure
            return found
        execution.wait_to_retry(place.bench, "", "plan", kinds[0].name if kinds[0] else "", attempt, errors[0])
    raise AssertionError("counting has no end")


def _look_alone(place: Place, module: Module, keep: Path | None) -> tuple[ModuleChanges, Diagnostic | None]:
    if _is_as_applied(place, module):
        return ModuleChanges(BACKEND_CONFIG, composed=False), None
    mine, failure = _plan_alone(place, module, keep)
    if not (mine.changed or mine.error):
        remember_applied(place, module)
    return mine, failure


def _plan_alone(place: Place, module: Module, keep: Path | None) -> tuple[ModuleChanges, Diagnostic | None]:
    bench = place.bench
    try:
        deployment.prepare(place, module, changes=False)
        with nullcontext(keep) if keep else execution.plan_file(bench, module.name) as saved:
            planned = execution.plan(bench, module, out=saved, lock=False)
            if not planned.changed:
                return ModuleChanges(module.name, composed=False), None
            return execution.read_saved(bench, module, saved)[0], None
    except Interrupted:
        raise
    except TfgenError as error:
        failure = Diagnostic(module.name, error.where or module.name, error.message, error.hint)
        return ModuleChanges(module.name, composed=False, error=error.message), failure


def _is_as_applied(place: Place, module: Module) -> bool:
    """True if neither backend-config's files nor its state changed since it had nothing to apply."""
    try:
        noted = _applied_note(place, module).read_text(encoding="ascii")
    except OSError:
        return False
    return bool(noted) and noted == _fingerprint(place, module)


def remember_applied(place: Place, module: Module) -> None:
    """Note that backend-config has nothing to apply as long as neither its files nor its state change."""
    with suppress(OSError):
        _applied_note(place, module).write_text(_fingerprint(place, module), encoding="ascii")


def _applied_note(place: Place, module: Module) -> Path:
    return place.bench.place_dir(module) / "applied"


def _fingerprint(place: Place, module: Module) -> str:
    """Hash what decides whether backend-config has changes; empty without a state in the bucket."""
    bench = place.bench
    found = state.read_state(place.clients, bench.environment.state_bucket, module.state_key)
    if found is None or not found.applied:
        return ""
    digest = hashlib.sha256(f"{bench.version} {found.lineage} {found.serial}".encode())
    folder = bench.project.tree / module.name
    files = [*sorted(folder.glob("*.tf")), *sorted(folder.glob("*.tf.json")), *sorted(folder.glob("*.tfvars"))]
    for path in (*files, *(bench.folder(module) / name for name in bench.var_files(module))):
        digest.update(path.name.encode() + b"\0" + path.read_bytes() + b"\0")
    return digest.hexdigest()
