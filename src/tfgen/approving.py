"""Approving a plan of the whole: what is refused before anybody is asked, the question, and what may differ from it.

Both ways of applying it stand on this: module by module, and as one.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from tfgen import approval, deployment, execution
from tfgen.approval import Approval, Difference
from tfgen.changes import ComposedPlan, Diagnostic, ResourceChange
from tfgen.deployment import Decide
from tfgen.errors import Interrupted, PlanError, TfgenError
from tfgen.events import Event
from tfgen.history import RunRecord
from tfgen.model import Environment, Module
from tfgen.places import Choices, Place, Run
from tfgen.planning import PROTECTED_TYPES, Plan
from tfgen.runner import CANCELLED, UNCHANGED, Ask, Question, Result
from tfgen.sessions import note_result

DESTROY = "destroy"
STOP, CONTINUE = "stop", "continue"

Approve = Callable[[ComposedPlan], bool]
"""Shows a plan and asks whether it may be applied."""


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


def refuse_errors(found: ComposedPlan) -> None:
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


def agree(
    place: Place,
    found: ComposedPlan,
    shown: ComposedPlan,
    choices: Choices,
    wishes: Wishes,
    ask: Ask | None,
    verb: str = "apply",
) -> Approval | None:
    """Get an approval of what is about to happen: beforehand, from the run that is gone on with, or by asking.

    Args:
        place: Where.
        found: The plan as it is shown.
        shown: What of it would be carried out now.
        choices: What may be lost, and whether anybody is asked.
        wishes: How it is approved.
        ask: Asks the user; None where nobody can be asked.
        verb: apply or destroy.

    Returns:
        What was approved; None for a no.

    Raises:
        TfgenError: It would lose data, is not what was approved beforehand, or nobody can be asked.
        Interrupted: The user stopped it.
    """
    guard_losses(place.bench.environment, shown, choices)
    if wishes.approved is not None:
        check_beforehand(place, wishes.approved, shown, wishes)
        return wishes.approved
    if is_known(place, wishes, shown) or answer(place, wishes, found, choices, ask):
        return deployment.note_approval(place, shown.modules, verb)
    return None


def is_known(place: Place, wishes: Wishes, shown: ComposedPlan) -> bool:
    """True if the run that is gone on with was allowed all of this already."""
    given = wishes.resumes.approvals[-1:] if wishes.resumes else ()
    if not given or any(approval.compare(given[0], changes) for changes in shown.modules.values()):
        return False
    place.bench.on_event(Event("note", f"going on with run {wishes.resumes.id if wishes.resumes else ''}, as approved"))
    return True


def answer(place: Place, wishes: Wishes, found: ComposedPlan, choices: Choices, ask: Ask | None) -> bool:
    """Show the plan and ask.

    Raises:
        UsageError: There is nobody.
        Interrupted: The user stopped it.
    """
    # Of a run that is gone on with, only now is it known that somebody must be asked.
    deployment.check_askable(choices, ask)
    children = place.bench.children
    with children.forwarding(), children.question():
        answer = wishes.approve(found)
    if children.stopping:
        raise Interrupted
    return answer


def check_beforehand(place: Place, approved: Approval, found: ComposedPlan, wishes: Wishes) -> None:
    """Stop before the first change if the project would do something else than what was approved elsewhere."""
    if not found.complete:
        raise TfgenError(
            "the project cannot be planned whole, so it cannot be compared with what was approved",
            hint="tfgen apply goes on in stages and asks before each",
            code="incomplete-plan",
        )
    found_differences = [item for changes in found.modules.values() for item in approval.compare(approved, changes)]
    if found_differences and wishes.on_difference == STOP:
        raise difference_error(found_differences, "apply")
    for item in found_differences:
        place.bench.on_event(Event("warning", str(item), module=item.module))


def compare_each(place: Place, approved: Approval, wishes: Wishes, ask: Ask | None, verb: str) -> Decide:
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
            raise difference_error(found, verb)
        lines = "\n".join(f"  {item}" for item in found)
        text = f"{execution.show(bench, module, saved)}\n\n{module.name} is not what was approved:\n{lines}"
        return ask(Question(module.name, verb, text, planned))

    return decide


def difference_error(found: Collection[Difference], verb: str) -> TfgenError:
    """Return what is said of a plan that is not what was approved."""
    lines = "\n".join(f"  {item.module}: {item}" for item in found)
    hint = "look with tfgen plan and approve again; or go on whatever changes: --on-difference continue"
    if verb == DESTROY:
        hint = "something changed in the meantime; repeat the command, which plans and shows what is there now"
    return TfgenError(f"this is not what was approved:\n{lines}", hint=hint, code="difference")


def guard_losses(environment: Environment, found: ComposedPlan, choices: Choices) -> None:
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


def cancelled(place: Place, name: str) -> Result:
    """Note that a module's plan was not approved."""
    result = Result(name, CANCELLED, reason="not approved")
    note_result(place, result)
    return result


def whole_run(place: Place, verb: str, results: Mapping[str, Result]) -> Run:
    """Return a run over all modules; those that were not touched are unchanged."""
    bench = place.bench
    names = [module.name for module in bench.project.modules]
    if verb == "destroy":
        names = [name for name in names if name in results]
    ordered = tuple(results.get(name) or Result(name, UNCHANGED) for name in names)
    return Run(bench.run_dir.name, verb, bench.environment, ordered, bench.run_dir)


@contextmanager
def interruptible(place: Place) -> Iterator[None]:
    """Forward an interruption to terraform, and end with it."""
    with place.bench.children.forwarding():
        yield
    if place.bench.children.stopping:
        raise Interrupted


def _as_error(problem: Diagnostic) -> TfgenError:
    origin = ", ".join(part for part in (problem.template, problem.spec) if part)
    message = f"{problem.message}\n  rendered from {origin}" if origin else problem.message
    return TfgenError(message, where=problem.where or problem.module, hint=problem.hint, code="plan")


def _loses_data(change: ResourceChange) -> bool:
    return change.loses and not change.deposed and change.type in PROTECTED_TYPES
