"""The workflows on top of the composed plan: see, approve, apply, destroy, and what changed outside terraform."""

from __future__ import annotations

import hashlib
import itertools
from collections.abc import Callable, Collection, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, replace
from pathlib import Path

from tfgen import approval, deployment, execution, graph, readiness, retries, state
from tfgen.approval import Approval, Difference
from tfgen.changes import ComposedPlan, Diagnostic, ModuleChanges, ResourceChange
from tfgen.deployment import Decide
from tfgen.errors import Interrupted, PlanError, TfgenError
from tfgen.events import Event
from tfgen.history import RunRecord
from tfgen.model import BACKEND_CONFIG, Environment, Module, Project
from tfgen.places import Caller, Choices, Place, Run, module_graph, open_place
from tfgen.planning import PROTECTED_TYPES, Plan
from tfgen.runner import CANCELLED, UNCHANGED, Ask, Question, Result, StepFailed
from tfgen.sessions import note_result, session

PLAN, DESTROY, REFRESH_ONLY = "plan", "destroy", "refresh-only"
STOP, CONTINUE = "stop", "continue"
COMPOSED = "composed"

Compose = Callable[[Place, str], ComposedPlan]
"""Plans all modules but backend-config in one process: plan, destroy or refresh-only."""

Approve = Callable[[ComposedPlan], bool]
"""Shows a plan and asks whether it may be applied."""

_LATER = (
    "Invalid for_each argument",
    "Invalid count argument",
    "cannot be determined until apply",
    "cannot be planned before",
)
"""What terraform says where only an apply of something else tells it what to plan."""


@dataclass(frozen=True)
class Wishes:
    """How a composed plan is to be approved and carried out.

    Attributes:
        approve: Shows the plan and asks; told the plan even where nobody is asked.
        approved: What was approved elsewhere: nothing is asked then.
        on_difference: What to do when a real plan differs from what was approved: stop or continue.
        resumes: The run to go on with: asked again is only about what it was not allowed.
    """

    approve: Approve
    approved: Approval | None = None
    on_difference: str = STOP
    resumes: RunRecord | None = None


def compose_modules(place: Place, mode: str) -> ComposedPlan:
    """Plan all modules but backend-config in one terraform process."""
    from tfgen.compose import compose_plan

    return compose_plan(place.bench, place.clients, destroy=mode == DESTROY, refresh_only=mode == REFRESH_ONLY)


def plan(
    project: Project, environment: Environment, caller: Caller, choices: Choices, compose: Compose = compose_modules
) -> ComposedPlan:
    """Return what an apply of the whole project would do; changes nothing.

    Raises:
        TfgenError: The environment cannot be opened, or nothing can be composed.
        Interrupted: The user stopped it.
    """
    deployment.select_modules(project, choices)
    place = open_place(project, environment, caller, changes=False)
    with _interruptible(place):
        readiness.warn_of_orphans(place)
        return _look(place, compose)


def drift(
    project: Project, environment: Environment, caller: Caller, choices: Choices, compose: Compose = compose_modules
) -> ComposedPlan:
    """Return what was changed outside terraform; changes nothing.

    Raises:
        TfgenError: The environment cannot be opened, or nothing can be composed.
        Interrupted: The user stopped it.
    """
    deployment.select_modules(project, choices)
    place = open_place(project, environment, caller, changes=False)
    with _interruptible(place):
        readiness.warn_of_orphans(place)
        return compose(place, REFRESH_ONLY)


def approve(found: ComposedPlan, project: Project, environment: Environment, *, verb: str = "apply") -> Approval:
    """Note what a plan does, for comparing it with the real plans.

    Raises:
        TfgenError: The plan is not whole.
    """
    if not found.complete and verb == "apply":
        raise TfgenError(
            "what cannot be planned cannot be approved beforehand",
            hint="tfgen apply goes on in stages and asks before each",
            code="incomplete-plan",
        )
    return _approve(found, project, environment, verb)


def apply(
    project: Project,
    environment: Environment,
    caller: Caller,
    choices: Choices,
    wishes: Wishes,
    ask: Ask | None = None,
    compose: Compose = compose_modules,
) -> Run:
    """Apply the modules that change, in dependency order, after one approval of the whole.

    Each real plan is compared with what was approved. Where the project cannot be planned whole before part of it is
    applied, it goes on in stages.

    Args:
        project: The project.
        environment: Where to.
        caller: Who calls, and how.
        choices: How to run.
        wishes: How the plan is approved.
        ask: Asks the user about a difference; None where nobody can be asked.
        compose: Plans all modules in one process.

    Raises:
        TfgenError: The project cannot be planned, or something is missing before the first change.
        Interrupted: The user stopped it.
    """
    deployment.select_modules(project, choices)
    if wishes.approved is None and wishes.resumes is None:
        deployment.check_askable(choices, ask)
    opened = session(
        project,
        environment,
        caller,
        choices,
        verb="apply",
        modules=[module.name for module in project.modules],
        mode=COMPOSED,
        resumes=wishes.resumes,
    )
    with opened as place:
        return _apply_in_stages(place, choices, wishes, ask, compose)


def _apply_in_stages(place: Place, choices: Choices, wishes: Wishes, ask: Ask | None, compose: Compose) -> Run:
    project, environment = place.bench.project, place.bench.environment
    if state.bucket_exists(place.clients, environment.state_bucket):
        state.check_bucket_owner(place.clients, environment.state_bucket, project.name)
        _settle_backend(place, choices)
    results: dict[str, Result] = {}
    while True:
        with _interruptible(place):
            found = _look(place, compose)
        stage = _stage(found, project)
        if not stage:
            _refuse_errors(found)
            break
        if not results:
            readiness.check(place, {module.name for module in project.modules} & set(stage))
        run = _apply_stage(place, found, stage, choices, wishes, ask)
        progress = any(result.status not in (UNCHANGED, CANCELLED) for result in run.results)
        results |= {result.module: result for result in run.results}
        if found.complete or not run.ok or not progress:
            break
    return _whole_run(place, "apply", results)


def _settle_backend(place: Place, choices: Choices) -> None:
    """Move backend-config's state into its bucket if typed commands or a killed run left it in a local file.

    Nothing else is done here: if the module has changes, they wait for their approval.
    """
    project = place.bench.project
    if BACKEND_CONFIG not in {module.name for module in project.modules}:
        return
    module = project.module(BACKEND_CONFIG)
    if state.read_state(place.clients, place.bench.environment.state_bucket, module.state_key) is None:
        deployment.apply_module(place, module, choices, lambda *_: False)


def destroy(
    project: Project,
    environment: Environment,
    caller: Caller,
    choices: Choices,
    wishes: Wishes,
    ask: Ask | None = None,
    compose: Compose = compose_modules,
) -> Run:
    """Destroy modules in reverse order, after one approval of everything that would go.

    Args:
        project: The project.
        environment: Where.
        caller: Who calls, and how.
        choices: What to destroy.
        wishes: How the plan is approved.
        ask: Asks the user; None where nobody can be asked.
        compose: Plans all modules in one process.

    Raises:
        TfgenError: An applied module still reads one of them, or nobody can be asked.
        Interrupted: The user stopped it.
    """
    doomed = deployment.select_doomed(project, choices)
    if len(doomed) == 1 and not (choices.related or choices.with_backend):
        # Its own plan shows all that would go.
        return deployment.destroy(project, environment, caller, choices, ask, wishes.resumes)
    if wishes.resumes is None:
        deployment.check_askable(choices, ask)
    opened = session(
        project,
        environment,
        caller,
        choices,
        verb="destroy",
        modules=deployment.claim_doomed(project, choices, doomed),
        mode=COMPOSED,
        resumes=wishes.resumes,
    )
    with opened as place:
        return _destroy(place, choices, wishes, ask, compose, doomed)


def _destroy(
    place: Place, choices: Choices, wishes: Wishes, ask: Ask | None, compose: Compose, doomed: set[str]
) -> Run:
    project = place.bench.project
    order = deployment.order_doomed(place, choices, doomed)
    approved = None
    if set(order) - {BACKEND_CONFIG}:
        approved = _approve_destruction(place, order, wishes, compose, choices, ask)
    if isinstance(approved, Run):
        return approved

    def work(name: str, asker: Ask) -> Result:
        decide = deployment.ask_each(place, choices, asker, "destroy", wishes.resumes)
        if approved is not None and name != BACKEND_CONFIG:
            decide = _compare_each(place, approved, wishes, asker if ask else None, "destroy")
        return deployment.destroy_module(place, project.module(name), choices, decide)

    return deployment.run_modules(place, "destroy", order, work, choices, ask or deployment.refuse_to_ask)


def _look(place: Place, compose: Compose) -> ComposedPlan:
    """Plan everything; backend-config by itself, and only if it may have changes."""
    found = _compose_patiently(place, compose)
    names = [module.name for module in place.bench.project.modules]
    if BACKEND_CONFIG not in names:
        return found
    module = place.bench.project.module(BACKEND_CONFIG)
    mine, problems = ModuleChanges(BACKEND_CONFIG, composed=False), found.problems
    if not _is_as_applied(place, module):
        mine, failure = _plan_alone(place, module)
        problems = (*([failure] if failure else []), *problems)
        if not (mine.changed or mine.error):
            _remember_applied(place, module)
    modules = {BACKEND_CONFIG: mine, **found.modules}
    return replace(
        found,
        modules={name: modules[name] for name in names if name in modules},
        problems=problems,
        complete=found.complete and not mine.error,
    )


def _compose_patiently(place: Place, compose: Compose) -> ComposedPlan:
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


def _plan_alone(place: Place, module: Module) -> tuple[ModuleChanges, Diagnostic | None]:
    bench = place.bench
    try:
        deployment.prepare(place, module, changes=False)
        with execution.plan_file(bench, module) as saved:
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


def _remember_applied(place: Place, module: Module) -> None:
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


def _stage(found: ComposedPlan, project: Project) -> frozenset[str]:
    """Return the modules that can be applied now: all that change, or those that wait for nobody."""
    changed = {name for name, changes in found.modules.items() if changes.changed and not changes.error}
    if found.complete:
        return frozenset(changed)
    if not all(any(text in problem.message for text in _LATER) for problem in found.errors):
        return frozenset()
    broken = {problem.module for problem in found.errors}
    broken |= {name for name, changes in found.modules.items() if changes.error}
    if not broken <= {module.name for module in project.modules}:
        return frozenset()
    return frozenset(changed - broken - graph.descendants(module_graph(project), broken))


def _refuse_errors(found: ComposedPlan) -> None:
    """Raise all that could not be planned; a single problem as itself."""
    if found.complete:
        return
    told = {problem.module for problem in found.errors}
    problems = [_as_error(problem) for problem in found.errors]
    problems += [
        TfgenError(changes.error, where=changes.name, code="plan")
        for changes in found.modules.values()
        if changes.error and changes.name not in told
    ]
    problems = problems or [TfgenError("the project cannot be planned whole", code="plan")]
    problems[-1].hint = problems[-1].hint or "tfgen plan shows what can be planned"
    raise problems[0] if len(problems) == 1 else PlanError(problems)


def _as_error(problem: Diagnostic) -> TfgenError:
    origin = ", ".join(part for part in (problem.template, problem.spec) if part)
    message = f"{problem.message}\n  rendered from {origin}" if origin else problem.message
    return TfgenError(message, where=problem.where or problem.module, hint=problem.hint, code="plan")


def _apply_stage(
    place: Place,
    found: ComposedPlan,
    stage: Collection[str],
    choices: Choices,
    wishes: Wishes,
    ask: Ask | None,
) -> Run:
    project, environment = place.bench.project, place.bench.environment
    shown = replace(found, modules={name: found.modules[name] for name in found.modules if name in stage})
    _guard_losses(environment, shown, choices)
    approved = wishes.approved
    if approved is not None:
        _check_beforehand(place, approved, shown, wishes)
    elif _is_known(place, wishes, shown) or _answer(place, wishes, found, choices, ask):
        approved = deployment.note_approval(place, shown.modules, "apply")
    else:
        return _whole_run(place, "apply", {name: _cancelled(place, name) for name in stage})
    agreed = approved

    def work(name: str, asker: Ask) -> Result:
        module = project.module(name)
        decide = _compare_each(place, agreed, wishes, asker if ask else None, "apply")
        result = deployment.apply_module(place, module, choices, decide)
        if name == BACKEND_CONFIG and result.ok:
            _remember_applied(place, module)
        return result

    edges = graph.restrict(module_graph(project), stage)
    return deployment.run_modules(place, "apply", edges, work, choices, ask or deployment.refuse_to_ask)


def _approve(found: ComposedPlan, project: Project, environment: Environment, verb: str) -> Approval:
    return approval.approve(
        found, project=project.name, environment=environment.name, account=environment.account, verb=verb
    )


def _approve_destruction(
    place: Place,
    order: Mapping[str, tuple[str, ...]],
    wishes: Wishes,
    compose: Compose,
    choices: Choices,
    ask: Ask | None,
) -> Approval | Run | None:
    """Show what would go and ask; None where it cannot be composed, and each module is asked for by itself."""
    bench = place.bench
    try:
        with _interruptible(place):
            found = compose(place, DESTROY)
    except Interrupted:
        raise
    except TfgenError as error:
        bench.on_event(Event("warning", f"no plan of the whole: {error.message}"))
        return None
    if not found.complete:
        bench.on_event(Event("warning", "no plan of the whole; each module is planned by itself"))
        return None
    shown = replace(found, modules={name: found.modules[name] for name in found.modules if name in order})
    _guard_losses(bench.environment, shown, choices)
    if _is_known(place, wishes, shown) or _answer(place, wishes, shown, choices, ask):
        return deployment.note_approval(place, shown.modules, "destroy")
    return _whole_run(place, "destroy", {name: _cancelled(place, name) for name in order})


def _is_known(place: Place, wishes: Wishes, shown: ComposedPlan) -> bool:
    """True if the run that is gone on with was allowed all of this already."""
    given = wishes.resumes.approvals[-1:] if wishes.resumes else ()
    if not given or any(approval.compare(given[0], changes) for changes in shown.modules.values()):
        return False
    place.bench.on_event(Event("note", f"going on with run {wishes.resumes.id if wishes.resumes else ''}, as approved"))
    return True


def _answer(place: Place, wishes: Wishes, found: ComposedPlan, choices: Choices, ask: Ask | None) -> bool:
    # Of a run that is gone on with, only now is it known that somebody must be asked.
    deployment.check_askable(choices, ask)
    children = place.bench.children
    with children.forwarding(), children.question():
        answer = wishes.approve(found)
    if children.stopping:
        raise Interrupted
    return answer


def _check_beforehand(place: Place, approved: Approval, found: ComposedPlan, wishes: Wishes) -> None:
    """Stop before the first change if the project would do something else than what was approved elsewhere."""
    if not found.complete:
        raise TfgenError(
            "the project cannot be planned whole, so it cannot be compared with what was approved",
            hint="tfgen apply goes on in stages and asks before each",
            code="incomplete-plan",
        )
    found_differences = [item for changes in found.modules.values() for item in approval.compare(approved, changes)]
    if found_differences and wishes.on_difference == STOP:
        raise _difference_error(found_differences, "apply")
    for item in found_differences:
        place.bench.on_event(Event("warning", str(item), module=item.module))


def _compare_each(place: Place, approved: Approval, wishes: Wishes, ask: Ask | None, verb: str) -> Decide:
    """Return how to decide by comparing each real plan with what was approved."""
    bench = place.bench

    def decide(module: Module, planned: Plan, saved: Path) -> bool:
        real, _ = execution.read_saved(bench, module, saved)
        found = approval.compare(approved, real)
        if not found:
            return True
        if wishes.on_difference == CONTINUE:
            for item in found:
                bench.on_event(Event("warning", f"not as approved: {item}", module=module.name))
            return True
        if ask is None:
            raise _difference_error(found, verb)
        lines = "\n".join(f"  {item}" for item in found)
        text = f"{execution.show(bench, module, saved)}\n\n{module.name} is not what was approved:\n{lines}"
        return ask(Question(module.name, verb, text, planned))

    return decide


def _difference_error(found: Collection[Difference], verb: str) -> TfgenError:
    lines = "\n".join(f"  {item.module}: {item}" for item in found)
    hint = "look with tfgen plan and approve again; or go on whatever changes: --on-difference continue"
    if verb == DESTROY:
        hint = "something changed in the meantime; repeat the command, which plans and shows what is there now"
    return TfgenError(f"this is not what was approved:\n{lines}", hint=hint, code="difference")


def _guard_losses(environment: Environment, found: ComposedPlan, choices: Choices) -> None:
    """Stop before the first change if data would be lost in AWS that nobody named."""
    if environment.endpoint is not None:
        return
    allowed = set(choices.allow_destroy)
    lost = [
        change
        for changes in found.modules.values()
        for change in changes.resources
        if _loses_data(change) and not {change.address, f"{change.module}:{change.address}"} & allowed
    ]
    if lost:
        what = ", ".join(f"{change.module}: {change.address} ({change.action})" for change in lost)
        flags = " ".join(f"--allow-destroy '{change.address}'" for change in lost)
        raise TfgenError(
            f"the plan would lose data: {what}", hint=f"if that is meant, name each: {flags}", code="protected"
        )


def _loses_data(change: ResourceChange) -> bool:
    return change.loses and not change.deposed and change.type in PROTECTED_TYPES


def _cancelled(place: Place, name: str) -> Result:
    result = Result(name, CANCELLED, reason="not approved")
    note_result(place, result)
    return result


def _whole_run(place: Place, verb: str, results: Mapping[str, Result]) -> Run:
    """Return a run over all modules; those that were not touched are unchanged."""
    bench = place.bench
    names = [module.name for module in bench.project.modules]
    if verb == "destroy":
        names = [name for name in names if name in results]
    ordered = tuple(results.get(name) or Result(name, UNCHANGED) for name in names)
    return Run(bench.run_dir.name, verb, bench.environment, ordered, bench.run_dir)


@contextmanager
def _interruptible(place: Place) -> Iterator[None]:
    """Forward an interruption to terraform, and end with it."""
    with place.bench.children.forwarding():
        yield
    if place.bench.children.stopping:
        raise Interrupted
