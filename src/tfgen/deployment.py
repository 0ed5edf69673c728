"""Plan, apply, destroy, look into outputs and run commands: the workflows around terraform.

Each takes plain arguments, tells what happens through a callback and returns values.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Collection, Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path

from tfgen import approval, bootstrap, execution, graph, journal, locking, readiness, retries, state, unsplit
from tfgen import process as processes
from tfgen.approval import Approval
from tfgen.aws import Aws
from tfgen.changes import ComposedPlan, ModuleChanges
from tfgen.errors import Interrupted, TfgenError, UsageError
from tfgen.events import Event
from tfgen.execution import Bench
from tfgen.history import RESUMABLE, RunRecord
from tfgen.model import BACKEND_CONFIG, Environment, Module, Project
from tfgen.places import Caller, Choices, Place, Run, connect, module_graph, open_place
from tfgen.planning import Plan
from tfgen.runner import (
    CANCELLED,
    DONE,
    PLANNED,
    UNCHANGED,
    WAITING,
    Ask,
    Question,
    Result,
    StepFailed,
    default_parallelism,
    walk,
)
from tfgen.sessions import note_result, session
from tfgen.state import Output, State

__all__ = ["Caller", "Choices", "Place", "Run", "module_graph", "open_place"]

PER_MODULE = "per-module"

_STALE = "Saved plan is stale"
"""What terraform says of a plan that was made from another state."""

Decide = Callable[[Module, Plan, Path], bool]
"""Says whether a module's real plan, saved in a file, may be applied."""


def plan(project: Project, environment: Environment, caller: Caller, choices: Choices) -> Run:
    """Plan every module that can be planned; say of the others what must be applied first.

    Raises:
        TfgenError: The environment cannot be opened, or nothing is rendered.
        Interrupted: The user stopped it.
    """
    selected = select_modules(project, choices)
    place = open_place(project, environment, caller, changes=False)
    if choices.related:
        selected |= graph.ancestors(module_graph(project), selected)
    bucket = state.bucket_exists(place.clients, environment.state_bucket)
    known = read_states(project, environment, place.clients) if bucket else {}
    readiness.warn_of_orphans(place)

    def work(name: str, _ask: Ask) -> Result:
        module = project.module(name)
        missing = [need for need in _needs(project, module) if not _is_applied(known, need, bucket=bucket)]
        if missing:
            return Result(name, WAITING, reason=f"apply {join_names(missing)} first", cause=missing[0])
        return _plan_module(place, module, choices.extra)

    edges = {name: () for name in module_graph(project) if name in selected}
    return run_modules(place, "plan", edges, work, choices, refuse_to_ask)


def apply(
    project: Project,
    environment: Environment,
    caller: Caller,
    choices: Choices,
    ask: Ask | None = None,
    resumes: RunRecord | None = None,
) -> Run:
    """Apply modules in dependency order, each after a look at its real plan.

    Args:
        project: The project.
        environment: Where to.
        caller: Who calls, and how.
        choices: What to apply.
        ask: Asks the user; None where nobody can be asked.
        resumes: The run to go on with: what it finished is not repeated, what it was allowed is not asked again.

    Raises:
        TfgenError: Something is missing before the first change.
        Interrupted: The user stopped it.
    """
    selected = select_modules(project, choices)
    if resumes is None:
        check_askable(choices, ask)
    edges = module_graph(project)
    if choices.related:
        selected |= graph.ancestors(edges, selected)
    selected -= resumes.finished if resumes else frozenset()
    opened = session(
        project, environment, caller, choices, verb="apply", modules=selected, mode=PER_MODULE, resumes=resumes
    )
    with opened as place:
        return apply_selected(place, choices, selected, ask, resumes)


def apply_selected(
    place: Place, choices: Choices, selected: set[str], ask: Ask | None, resumes: RunRecord | None
) -> Run:
    """Apply some modules in dependency order in an open place, each after a look at its real plan.

    Raises:
        TfgenError: Something is missing before the first change.
        Interrupted: The user stopped it.
    """
    project = place.bench.project
    check_upstream(place, selected)
    readiness.check(place, selected)

    def work(name: str, asker: Ask) -> Result:
        decide = ask_each(place, choices, asker, "apply", resumes)
        return apply_module(place, project.module(name), choices, decide)

    edges = graph.restrict(module_graph(project), selected)
    return run_modules(place, "apply", edges, work, choices, ask or refuse_to_ask)


def destroy(
    project: Project,
    environment: Environment,
    caller: Caller,
    choices: Choices,
    ask: Ask | None = None,
    resumes: RunRecord | None = None,
) -> Run:
    """Destroy modules in reverse order; backend-config only if that was asked for.

    Args:
        project: The project.
        environment: Where.
        caller: Who calls, and how.
        choices: What to destroy.
        ask: Asks the user; None where nobody can be asked.
        resumes: The run to go on with: what it was allowed is not asked again.

    Raises:
        TfgenError: An applied module still reads one of them, or nobody can be asked.
        Interrupted: The user stopped it.
    """
    doomed = select_doomed(project, choices)
    if resumes is None:
        check_askable(choices, ask)
    claimed = claim_doomed(project, choices, doomed)
    opened = session(
        project, environment, caller, choices, verb="destroy", modules=claimed, mode=PER_MODULE, resumes=resumes
    )
    with opened as place:
        order = order_doomed(place, choices, doomed)
        readiness.check(place, order)

        def work(name: str, asker: Ask) -> Result:
            decide = ask_each(place, choices, asker, "destroy", resumes)
            return destroy_module(place, project.module(name), choices, decide)

        return run_modules(place, "destroy", order, work, choices, ask or refuse_to_ask)


def claim_doomed(project: Project, choices: Choices, doomed: set[str]) -> set[str]:
    """Return the modules that a destroy may touch: more than it was asked for where it takes the readers along."""
    edges = module_graph(project)
    readers = graph.descendants(edges, doomed) if choices.related else frozenset()
    backend = {BACKEND_CONFIG} & set(edges) if choices.with_backend else set()
    return doomed | readers | backend


def select_doomed(project: Project, choices: Choices) -> set[str]:
    """Return the modules that are to be destroyed, without looking at what is applied.

    Raises:
        TfgenError: They do not fit together.
    """
    if choices.with_backend and choices.modules:
        raise UsageError("--with-backend takes everything down", hint="leave out --module, or leave out --with-backend")
    selected = select_modules(project, choices)
    if BACKEND_CONFIG in selected and choices.modules:
        raise UsageError(f"{BACKEND_CONFIG} holds the states of all modules", hint="tfgen destroy --with-backend")
    return selected - {BACKEND_CONFIG}


def order_doomed(place: Place, choices: Choices, selected: set[str]) -> dict[str, tuple[str, ...]]:
    """Return what is applied of the selected modules, as a graph in the order of destruction.

    Raises:
        TfgenError: An applied module still reads one of them.
    """
    project = place.bench.project
    edges = module_graph(project)
    known = read_states(project, place.bench.environment, place.clients)
    applied = {name for name, found in known.items() if found is not None and found.applied}
    users = (graph.descendants(edges, selected) & applied) - selected
    if users and not choices.related:
        raise TfgenError(
            f"{join_names(sorted(users))} {'reads' if len(users) == 1 else 'read'} what would be destroyed",
            hint="add --with-dependents to destroy them first",
            code="has-dependents",
        )
    selected = {name for name in selected | users if name in applied}
    if choices.with_backend and BACKEND_CONFIG in edges:
        _check_nothing_else(place)
        selected.add(BACKEND_CONFIG)
    return graph.restrict(graph.reverse(edges), selected)


def outputs(
    project: Project, environment: Environment, caller: Caller, modules: Sequence[str] = ()
) -> dict[str, Mapping[str, Output]]:
    """Return the outputs of applied modules, by module; read from the states, without terraform.

    Raises:
        TfgenError: The environment cannot be opened, or a module that was named is not applied.
    """
    known = states(project, environment, caller)
    for name in modules:
        found = known[name]
        if found is None or not found.applied:
            raise TfgenError(
                f"{name} has not been applied in environment {environment.name}",
                hint=f"tfgen apply --module {name} --with-dependencies",
                code="not-applied",
            )
    names = modules or [name for name, found in known.items() if found is not None and found.outputs]
    return {name: found.outputs for name in names if (found := known[name]) is not None}


def states(project: Project, environment: Environment, caller: Caller) -> dict[str, State | None]:
    """Return the state of each module; None for one that was never applied. Read without terraform.

    Raises:
        TfgenError: The environment cannot be opened, or its state bucket belongs to another project.
    """
    _, clients = connect(project, environment, caller, changes=False)
    state.check_bucket_owner(clients, environment.state_bucket, project.name)
    return read_states(project, environment, clients)


def execute(
    project: Project, environment: Environment, caller: Caller, module_name: str, command: Sequence[str]
) -> int:
    """Run any command in a module's folder, set up so that a bare `terraform plan` does the right thing.

    Returns:
        The command's exit status.

    Raises:
        TfgenError: The environment cannot be opened, or the command cannot be started.
    """
    changes = _may_change(command)
    place = open_place(project, environment, caller, changes=changes)
    if changes:
        unsplit.refuse(project, environment, place.clients)
    bench, module = place.bench, project.module(module_name)
    prepare(place, module, changes=False, initialise=_words(command)[:2] != ["terraform", "init"])
    env = bench.module_env(module)
    # Here a person types: terraform may ask.
    for name in ("TF_INPUT", "TF_IN_AUTOMATION"):
        env.pop(name, None)
    env |= _terraform_arguments(bench, module, command)
    argv = [bench.binary if command[0] == "terraform" else command[0], *command[1:]]
    return processes.run_attached(argv, cwd=bench.folder(module), env=env)


def select_modules(project: Project, choices: Choices) -> set[str]:
    """Return the modules that were chosen, or all.

    Raises:
        TfgenError: One of them is not rendered.
    """
    known = [module.name for module in project.modules]
    if choices.extra and len(choices.modules) != 1:
        raise UsageError("what follows -- goes to terraform for exactly one module", hint="add --module NAME")
    for name in choices.modules or known:
        if not (project.tree / name).is_dir():
            raise TfgenError(
                f"{name} is not rendered", where=str(project.tree / name), hint="tfgen render", code="stale"
            )
    return set(choices.modules or known)


def check_askable(choices: Choices, ask: Ask | None) -> None:
    """Refuse to begin where a question would come that nobody can answer.

    Raises:
        UsageError: There is nobody, and nothing was approved beforehand.
    """
    if ask is None and not choices.auto_approve:
        raise UsageError(
            "without a terminal nobody can be asked", hint="add --auto-approve to go on without a question"
        )


def refuse_to_ask(_question: Question) -> bool:
    """Say no: nobody can be asked."""
    return False


def read_states(project: Project, environment: Environment, clients: Aws) -> dict[str, State | None]:
    """Return the state of each module by name; None for one that has none."""
    keys = [module.state_key for module in project.modules]
    found = state.read_states(clients, environment.state_bucket, keys)
    return {module.name: found[module.state_key] for module in project.modules}


def _is_applied(known: Mapping[str, State | None], name: str, *, bucket: bool) -> bool:
    if name == BACKEND_CONFIG:
        # What matters is the bucket; its own state may still be where typed commands left it.
        return bucket
    found = known.get(name)
    return found is not None and found.applied


def _needs(project: Project, module: Module) -> tuple[str, ...]:
    return module_graph(project)[module.name]


def check_upstream(place: Place, selected: set[str]) -> None:
    """Refuse to apply modules when something they read was never applied."""
    project, environment = place.bench.project, place.bench.environment
    edges = module_graph(project)
    needed = graph.ancestors(edges, selected)
    bucket = state.bucket_exists(place.clients, environment.state_bucket)
    if bucket:
        state.check_bucket_owner(place.clients, environment.state_bucket, project.name)
    if not needed:
        return
    known = read_states(project, environment, place.clients) if bucket else {}
    direct = {need for name in selected for need in edges[name]} - selected
    if all(_is_applied(known, name, bucket=bucket) for name in direct):
        return
    missing = [name for name in edges if name in needed and not _is_applied(known, name, bucket=bucket)]
    names = join_names(sorted(selected, key=list(edges).index))
    modules = " ".join(f"--module {name}" for name in edges if name in selected)
    has = "has" if len(missing) == 1 else "have"
    needs = "needs" if len(selected) == 1 else "need"
    raise TfgenError(
        f"{join_names(missing)} {has} not been applied; {names} {needs} what "
        f"{'it gives' if has == 'has' else 'they give'}",
        hint=f"add --with-dependencies: tfgen apply {modules} --with-dependencies",
        code="missing-dependencies",
    )


def _check_nothing_else(place: Place) -> None:
    """Refuse to delete a state bucket that holds states of modules the spec does not know."""
    project, bucket = place.bench.project, place.bench.environment.state_bucket
    state.check_bucket_owner(place.clients, bucket, project.name)
    known = {module.state_key for module in project.modules}
    strange = [key for key in state.list_states(place.clients, bucket) if key not in known]
    found = state.read_states(place.clients, bucket, strange)
    if alive := [key for key, entry in found.items() if entry is not None and entry.applied]:
        raise TfgenError(
            f"bucket {bucket} holds states of modules that are not in the spec: {', '.join(alive)}",
            hint="destroy those first; with their states gone, nothing would know of their resources",
            code="orphan-state",
        )


def run_modules(
    place: Place,
    verb: str,
    edges: Mapping[str, Sequence[str]],
    work: Callable[[str, Ask], Result],
    choices: Choices,
    ask: Ask,
) -> Run:
    """Do the work of each module as soon as what it needs is done.

    Raises:
        Interrupted: The user stopped it.
    """
    bench = place.bench

    def noted(name: str, asker: Ask) -> Result:
        bench.journal.write(journal.MODULE_BEGIN, module=name)
        return work(name, asker)

    with bench.children.forwarding():
        results = walk(
            edges,
            noted,
            parallelism=choices.parallelism or default_parallelism(),
            children=bench.children,
            on_event=bench.on_event,
            ask=ask,
            on_result=lambda result: note_result(place, result),
        )
    in_order = tuple(results[module.name] for module in bench.project.modules if module.name in results)
    run = Run(bench.run_dir.name, verb, bench.environment, in_order, bench.run_dir)
    if bench.children.stopping:
        raise Interrupted(hint=interrupted_hint(run, verb))
    return run


def interrupted_hint(run: Run, verb: str) -> str:
    """Say what is done of a run that was interrupted, and how to go on."""
    done = [result.module for result in run.results if result.status == DONE]
    finished = f"done: {', '.join(done)}; " if done else ""
    command = f"tfgen {verb} --resume" if verb in RESUMABLE else f"tfgen {verb}"
    return f"{finished}go on with {command}; logs in {run.directory}"


def prepare(place: Place, module: Module, *, changes: bool, initialise: bool = True) -> bool:
    """Initialise a module; returns True if its state is (already) in the bucket."""
    if module.name == BACKEND_CONFIG:
        return bootstrap.prepare(place.bench, module, place.clients, changes=changes)
    if initialise:
        execution.init(place.bench, module)
    return True


def _plan_module(place: Place, module: Module, extra: Sequence[str]) -> Result:
    bench = place.bench
    prepare(place, module, changes=False)
    with execution.plan_file(bench, module.name) as saved:
        planned = execution.plan(bench, module, out=saved, lock=False, extra=extra)
        if not planned.changed:
            return Result(module.name, UNCHANGED, plan=planned, log=bench.log(module, "plan"))
        text = execution.show(bench, module, saved)
    return Result(module.name, PLANNED, counts=planned.counts, plan=planned, text=text, log=bench.log(module, "plan"))


def apply_module(
    place: Place, module: Module, choices: Choices, decide: Decide, approved: Path | None = None
) -> Result:
    """Plan a module and, if that is decided, apply the plan; backend-config moves into its own bucket.

    Args:
        place: Where.
        module: The module.
        choices: What the run is to do.
        decide: Says whether a plan may be applied.
        approved: A saved plan that may be applied as it is, if nothing has changed since.
    """
    bench = place.bench
    in_bucket = prepare(place, module, changes=True)
    result = _apply_approved(place, module, approved) if approved else None
    result = result or _plan_and_apply(place, module, choices, decide)
    if module.name == BACKEND_CONFIG and result.ok:
        if not in_bucket:
            bootstrap.migrate(bench, module, place.clients)
        bootstrap.save_for_typing(bench, module, place.clients)
    return result


def destroy_module(place: Place, module: Module, choices: Choices, decide: Decide) -> Result:
    """Plan a module's destruction and, if that is decided, destroy it; backend-config goes back to a local file."""
    if module.name == BACKEND_CONFIG:
        return _destroy_backend(place, module, choices, decide)
    prepare(place, module, changes=True)
    return _plan_and_apply(place, module, choices, decide, destroy=True)


def _destroy_backend(place: Place, module: Module, choices: Choices, decide: Decide) -> Result:
    bench = place.bench
    in_bucket = prepare(place, module, changes=True)
    local = state.read_local(bench.folder(module) / bootstrap.LOCAL_STATE)
    if in_bucket or (local is not None and local.applied):
        # Asked before the bucket is emptied: with the states' versions goes what a mistake is mended from.
        with execution.plan_file(bench, module.name) as saved:
            planned = execution.plan(bench, module, out=saved, destroy=True)
            if not _decided(place, module, planned, saved, choices, decide):
                return _not_approved(module, planned)
        decide = _yes
        bootstrap.bring_back(bench, module, place.clients)
    result = _plan_and_apply(place, module, choices, decide, destroy=True)
    if result.ok:
        bootstrap.forget(bench, module)
    return result


def _yes(_module: Module, _planned: Plan, _saved: Path) -> bool:
    return True


def ask_each(place: Place, choices: Choices, ask: Ask, verb: str, resumes: RunRecord | None = None) -> Decide:
    """Return how to decide by asking for each module; nobody is asked twice for the same, or for less."""
    known: list[Approval] = list(resumes.approvals) if resumes else []

    def decide(module: Module, planned: Plan, saved: Path) -> bool:
        if choices.auto_approve:
            return True
        real = execution.read_saved(place.bench, module, saved)[0] if known else None
        if real and any(module.name in given.modules and not approval.compare(given, real) for given in known):
            return True
        answer = ask(Question(module.name, verb, execution.show(place.bench, module, saved), planned))
        if answer:
            real = real or execution.read_saved(place.bench, module, saved)[0]
            known.append(note_approval(place, {module.name: real}, verb))
        return answer

    return decide


def note_approval(place: Place, modules: Mapping[str, ModuleChanges], verb: str) -> Approval:
    """Write down what somebody said yes to, without values, and return it."""
    project, environment = place.bench.project, place.bench.environment
    given = approval.approve(
        ComposedPlan(modules),
        project=project.name,
        environment=environment.name,
        account=environment.account,
        verb=verb,
    )
    place.bench.journal.write(journal.APPROVED, approval=approval.to_document(given))
    return given


def _apply_approved(place: Place, module: Module, saved: Path) -> Result | None:
    """Apply a saved plan; None if it must be made anew, because it is stale or failed for a reason that passes."""
    bench = place.bench
    try:
        counts = execution.apply(bench, module, saved)
    except StepFailed as error:
        if _STALE in error.message or retries.find_transient(error.message) is not None:
            return None
        raise
    return Result(module.name, DONE, counts=counts, log=bench.log(module, "apply"))


def _plan_and_apply(place: Place, module: Module, choices: Choices, decide: Decide, *, destroy: bool = False) -> Result:
    """Plan, decide and apply; an apply that failed for a reason that passes is never repeated, but planned again."""
    bench, begun = place.bench, datetime.now(UTC)

    def attempt() -> Result:
        return _plan_and_apply_once(place, module, choices, decide, destroy=destroy)

    for number in itertools.count(1):
        try:
            return execution.retrying(bench, module, "apply", attempt)
        except StepFailed as error:
            if number >= retries.ATTEMPTS or not locking.remove_lost(place, module, error.message, begun):
                raise
            first = error.message.partition("\n")[0]
            execution.wait_to_retry(bench, module.name, "apply", "lost answer to a lock", number, first)
    raise AssertionError("counting has no end")


def _plan_and_apply_once(place: Place, module: Module, choices: Choices, decide: Decide, *, destroy: bool) -> Result:
    bench = place.bench
    with execution.plan_file(bench, module.name) as saved:
        planned = execution.plan(bench, module, out=saved, destroy=destroy, extra=choices.extra)
        if not planned.changed:
            return Result(module.name, UNCHANGED, plan=planned, log=bench.log(module, "plan"))
        if not _decided(place, module, planned, saved, choices, decide):
            return _not_approved(module, planned)
        doomed = {change.address for change in planned.changes if change.loses and change.type == "aws_s3_bucket"}
        empty_buckets(place, module, doomed)
        counts = execution.apply(bench, module, saved)
    return Result(module.name, DONE, counts=counts, plan=planned, log=bench.log(module, "apply"))


def _decided(place: Place, module: Module, planned: Plan, saved: Path, choices: Choices, decide: Decide) -> bool:
    guard(place.bench.environment, module, planned, choices)
    answer = decide(module, planned, saved)
    if place.bench.children.stopping:
        raise Interrupted
    return answer


def _not_approved(module: Module, planned: Plan) -> Result:
    return Result(module.name, CANCELLED, reason="not approved", counts=planned.counts, plan=planned)


def guard(environment: Environment, module: Module, planned: Plan, choices: Choices) -> None:
    """Stop a plan that loses data in AWS unless each loss is allowed by name."""
    if environment.endpoint is not None:
        return
    lost = [
        change
        for change in planned.protected_losses
        if not {change.address, f"{module.name}:{change.address}"} & set(choices.allow_destroy)
    ]
    if lost:
        what = ", ".join(f"{change.address} ({change.action})" for change in lost)
        flags = " ".join(f"--allow-destroy '{change.address}'" for change in lost)
        raise TfgenError(
            f"the plan would lose data: {what}",
            hint=f"if that is meant, name each: {flags}",
            where=module.name,
            code="protected",
        )


def empty_buckets(place: Place, module: Module, doomed: Collection[str]) -> None:
    """In an emulator, empty buckets (by address) that are about to go; in AWS nobody's data is touched."""
    if place.bench.environment.endpoint is None or not doomed:
        return
    bench = place.bench
    if module.name == BACKEND_CONFIG:
        found = state.read_local(bench.folder(module) / bootstrap.LOCAL_STATE)
    else:
        found = state.read_state(place.clients, bench.environment.state_bucket, module.state_key)
    for address, bucket in (found.buckets() if found else {}).items():
        if address in doomed:
            bench.on_event(Event("step", module=module.name, step="empty buckets"))
            state.empty_bucket(place.clients, bucket)


def _words(command: Sequence[str]) -> list[str]:
    return [word for word in command if not word.startswith("-")]


def _may_change(command: Sequence[str]) -> bool:
    """Anything but terraform's reading verbs may change something."""
    words = _words(command)
    reading = {"plan", "show", "output", "validate", "fmt", "version", "providers", "graph", "console", "init"}
    if words[:1] != ["terraform"] or len(words) < 2:
        return True
    return not (words[1] in reading or words[1:3] in (["state", "list"], ["state", "show"], ["state", "pull"]))


def _terraform_arguments(bench: Bench, module: Module, command: Sequence[str]) -> dict[str, str]:
    """Return TF_CLI_ARGS_*: the backend and the var-files of the environment."""
    found: dict[str, str] = {}
    backend = bench.backend_file(module)
    if backend and (module.name != BACKEND_CONFIG or (bench.folder(module) / bootstrap.OVERRIDE).exists()):
        found["TF_CLI_ARGS_init"] = f"-backend-config={backend}"
    variables = " ".join(f"-var-file={name}" for name in bench.var_files(module))
    for verb in ("plan", "apply", "destroy", "import", "refresh", "console"):
        saved_plan = verb == "apply" and len(_words(command)) > 2
        if variables and not saved_plan:
            found[f"TF_CLI_ARGS_{verb}"] = variables
    return found


def join_names(names: Sequence[str]) -> str:
    """Join names as a sentence does."""
    *some, last = names
    return f"{', '.join(some)} and {last}" if some else last
