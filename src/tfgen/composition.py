"""The workflows on top of the composed plan: see, approve, apply, destroy, and what changed outside terraform."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import replace

from tfgen import approval, approving, backend_planning, composed_apply, deployment, graph, readiness, state
from tfgen.approval import Approval
from tfgen.approving import CONTINUE, STOP, Approve, Wishes
from tfgen.backend_planning import PLAN, Compose
from tfgen.changes import ComposedPlan
from tfgen.errors import Interrupted, TfgenError
from tfgen.events import Event
from tfgen.model import BACKEND_CONFIG, Environment, Project
from tfgen.places import Caller, Choices, Place, Run, module_graph, open_place
from tfgen.runner import CANCELLED, UNCHANGED, Ask, Result
from tfgen.sessions import session

__all__ = ["CONTINUE", "PLAN", "STOP", "Approve", "Compose", "Wishes"]

DESTROY, REFRESH_ONLY = "destroy", "refresh-only"
COMPOSED = "composed"


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
    with approving.interruptible(place):
        readiness.warn_of_orphans(place)
        return backend_planning.look(place, compose)


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
    with approving.interruptible(place):
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
    """Apply the modules that change after one approval of the whole: as one if so chosen, else in dependency order.

    Module by module, each real plan is compared with what was approved. Where the project cannot be planned whole
    before part of it is applied, it goes on in stages.

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
    selected = deployment.select_modules(project, choices)
    if choices.related:
        selected |= graph.ancestors(module_graph(project), selected)
    if wishes.approved is None and wishes.resumes is None:
        deployment.check_askable(choices, ask)
    opened = session(
        project, environment, caller, choices, verb="apply", modules=selected, mode=COMPOSED, resumes=wishes.resumes
    )
    with opened as place:
        if choices.composed and (run := composed_apply.apply(place, choices, wishes, ask, selected)) is not None:
            return run
        if choices.modules:
            return deployment.apply_selected(place, choices, selected, ask, wishes.resumes)
        return _apply_in_stages(place, choices, wishes, ask, compose)


def _apply_in_stages(place: Place, choices: Choices, wishes: Wishes, ask: Ask | None, compose: Compose) -> Run:
    project, environment = place.bench.project, place.bench.environment
    if state.bucket_exists(place.clients, environment.state_bucket):
        state.check_bucket_owner(place.clients, environment.state_bucket, project.name)
        backend_planning.settle_backend(place, choices)
    results: dict[str, Result] = {}
    while True:
        with approving.interruptible(place):
            found = backend_planning.look(place, compose)
        stage = _stage(found, project)
        if not stage:
            approving.refuse_errors(found)
            break
        if not results:
            readiness.check(place, {module.name for module in project.modules} & set(stage))
        run = _apply_stage(place, found, stage, choices, wishes, ask)
        progress = any(result.status not in (UNCHANGED, CANCELLED) for result in run.results)
        results |= {result.module: result for result in run.results}
        if found.complete or not run.ok or not progress:
            break
    return approving.whole_run(place, "apply", results)


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
    if len(doomed) == 1 and not (choices.related or choices.with_backend or choices.composed):
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
    if choices.composed and (run := composed_apply.destroy(place, choices, wishes, ask, order)) is not None:
        return run
    approved = None
    if set(order) - {BACKEND_CONFIG}:
        approved = _approve_destruction(place, order, wishes, compose, choices, ask)
    if isinstance(approved, Run):
        return approved

    def work(name: str, asker: Ask) -> Result:
        decide = deployment.ask_each(place, choices, asker, "destroy", wishes.resumes)
        if approved is not None and name != BACKEND_CONFIG:
            decide = approving.compare_each(place, approved, wishes, asker if ask else None, "destroy")
        return deployment.destroy_module(place, project.module(name), choices, decide)

    return deployment.run_modules(place, "destroy", order, work, choices, ask or deployment.refuse_to_ask)


def _stage(found: ComposedPlan, project: Project) -> frozenset[str]:
    """Return the modules that can be applied now: all that change, or those that wait for nobody."""
    changed = {name for name, changes in found.modules.items() if changes.changed and not changes.error}
    if found.complete:
        return frozenset(changed)
    if not all(backend_planning.is_later(problem.message) for problem in found.errors):
        return frozenset()
    broken = {problem.module for problem in found.errors}
    broken |= {name for name, changes in found.modules.items() if changes.error}
    if not broken <= {module.name for module in project.modules}:
        return frozenset()
    return frozenset(changed - broken - graph.descendants(module_graph(project), broken))


def _apply_stage(
    place: Place,
    found: ComposedPlan,
    stage: Collection[str],
    choices: Choices,
    wishes: Wishes,
    ask: Ask | None,
) -> Run:
    project = place.bench.project
    shown = replace(found, modules={name: found.modules[name] for name in found.modules if name in stage})
    agreed = approving.agree(place, found, shown, choices, wishes, ask)
    if agreed is None:
        return approving.whole_run(place, "apply", {name: approving.cancelled(place, name) for name in stage})

    def work(name: str, asker: Ask) -> Result:
        module = project.module(name)
        decide = approving.compare_each(place, agreed, wishes, asker if ask else None, "apply")
        result = deployment.apply_module(place, module, choices, decide)
        if name == BACKEND_CONFIG and result.ok:
            backend_planning.remember_applied(place, module)
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
        with approving.interruptible(place):
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
    agreed = approving.agree(place, shown, shown, choices, wishes, ask, verb=DESTROY)
    if agreed is not None:
        return agreed
    return approving.whole_run(place, "destroy", {name: approving.cancelled(place, name) for name in order})
