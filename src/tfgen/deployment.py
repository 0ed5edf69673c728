"""Plan, apply, destroy, look into outputs and run commands: the workflows around terraform.

Each takes plain arguments, tells what happens through a callback and returns values.
"""

from __future__ import annotations

import fcntl
import secrets
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from tfgen import accounts, bootstrap, execution, graph, mirror, preflight, state, terraform
from tfgen import process as processes
from tfgen.aws import Aws
from tfgen.errors import Interrupted, TfgenError, UsageError
from tfgen.events import Event, OnEvent, ignore
from tfgen.execution import Bench
from tfgen.isolation import Isolation, isolate
from tfgen.model import BACKEND_CONFIG, Environment, Module, Project
from tfgen.planning import Plan
from tfgen.process import Children
from tfgen.runner import (
    CANCELLED,
    DONE,
    PLANNED,
    UNCHANGED,
    WAITING,
    Ask,
    Question,
    Result,
    default_parallelism,
    walk,
)
from tfgen.scratch import remove_leftovers
from tfgen.state import Output, State

StartEmulator = Callable[[], str]
Decide = Callable[[Module, Plan, Path], bool]
"""Says whether a module's real plan, saved in a file, may be applied."""


@dataclass(frozen=True)
class Caller:
    """Who calls, and how.

    Attributes:
        variables: The environment variables of the process.
        named: True if a flag or TFGEN_ENV named the environment.
        ci: True if the variable CI is set.
        on_event: Told what happens.
        children: The programs that run; shared with whoever handles signals.
        start_emulator: Starts the environment's emulator if need be; returns its address.
        endpoint: Replaces the address of AWS; for tests of environments with an account.
    """

    variables: Mapping[str, str]
    named: bool = True
    ci: bool = False
    on_event: OnEvent = ignore
    children: Children = field(default_factory=Children)
    start_emulator: StartEmulator | None = None
    endpoint: str | None = None


@dataclass(frozen=True)
class Choices:
    """What a run is to do.

    Attributes:
        modules: Full names; empty means all.
        related: With the dependencies (apply) or the dependents (destroy) of these.
        auto_approve: Ask nothing.
        allow_destroy: Addresses of protected resources that may go.
        parallelism: Modules at once; None for the default.
        lock_timeout: How long terraform waits for a state lock.
        extra: Further arguments for terraform plan; for exactly one module.
        with_backend: Destroy backend-config, too.
    """

    modules: tuple[str, ...] = ()
    related: bool = False
    auto_approve: bool = False
    allow_destroy: tuple[str, ...] = ()
    parallelism: int | None = None
    lock_timeout: str = "0s"
    extra: tuple[str, ...] = ()
    with_backend: bool = False


@dataclass(frozen=True)
class Run:
    """One run over some modules.

    Attributes:
        id: Also the name of its folder under `.tfgen/runs`.
        verb: plan, apply or destroy.
        environment: Where it ran.
        results: One for each module, in the order of their numbers.
        directory: Its logs.
    """

    id: str
    verb: str
    environment: Environment
    results: tuple[Result, ...]
    directory: Path

    @property
    def ok(self) -> bool:
        """True if every module ended well."""
        return all(result.ok for result in self.results)

    @property
    def differs(self) -> bool:
        """True if a plan found something to do, or could not look at a module yet."""
        return any(result.status in (PLANNED, WAITING) for result in self.results)


@dataclass(frozen=True)
class Place:
    """An environment that was opened: checked, isolated, with clients.

    Attributes:
        bench: For running terraform.
        clients: For looking without terraform.
        dropped: Variables of the caller that did not get through.
    """

    bench: Bench
    clients: Aws
    dropped: tuple[str, ...]


def open_place(
    project: Project,
    environment: Environment,
    caller: Caller,
    *,
    changes: bool,
    lock_timeout: str = "0s",
) -> Place:
    """Make an environment ready; until this returns, nobody but STS was asked anything.

    Args:
        project: The project.
        environment: Where to run.
        caller: Who calls, and how.
        changes: True if something may be changed there.
        lock_timeout: How long terraform waits for a state lock.

    Raises:
        TfgenError: The account is a placeholder or another one, terraform is missing or does not fit,
            or the environment must be named.
    """
    source = mirror.find_provider_source(caller.variables)
    with _writing(project):
        remove_leftovers(project)
        config = mirror.write_cli_config(source, project.work)
    binary = terraform.find_binary(caller.variables)
    isolated, clients = _connect(project, environment, caller, changes=changes, cli_config=config)
    version = terraform.detect_version(binary, env=isolated.env, cwd=project.root)
    terraform.check_version(version, project.required_version, binary=binary, where=str(project.spec_path))
    bench = Bench(
        project=project,
        environment=environment,
        binary=binary,
        version=version,
        env=isolated.env,
        caller=caller.variables,
        providers=source,
        run_dir=_new_run(project),
        children=caller.children,
        on_event=caller.on_event,
        lock_timeout=lock_timeout,
    )
    return Place(bench, clients, isolated.dropped)


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

    def work(name: str, _ask: Ask) -> Result:
        module = project.module(name)
        missing = [need for need in _needs(project, module) if not _is_applied(known, need, bucket=bucket)]
        if missing:
            return Result(name, WAITING, reason=f"apply {join_names(missing)} first", cause=missing[0])
        return _plan_module(place, module, choices.extra)

    edges = {name: () for name in module_graph(project) if name in selected}
    return run_modules(place, "plan", edges, work, choices, refuse_to_ask)


def apply(project: Project, environment: Environment, caller: Caller, choices: Choices, ask: Ask | None = None) -> Run:
    """Apply modules in dependency order, each after a look at its real plan.

    Args:
        project: The project.
        environment: Where to.
        caller: Who calls, and how.
        choices: What to apply.
        ask: Asks the user; None where nobody can be asked.

    Raises:
        TfgenError: Something is missing before the first change.
        Interrupted: The user stopped it.
    """
    selected = select_modules(project, choices)
    check_askable(choices, ask)
    with alone(project, environment):
        return _apply(project, environment, caller, choices, ask, selected)


def _apply(
    project: Project, environment: Environment, caller: Caller, choices: Choices, ask: Ask | None, selected: set[str]
) -> Run:
    place = open_place(project, environment, caller, changes=True, lock_timeout=choices.lock_timeout)
    edges = module_graph(project)
    if choices.related:
        selected |= graph.ancestors(edges, selected)
    check_upstream(place, selected)
    if environment.endpoint is None:
        preflight.check(project, environment, place.clients, caller.on_event)

    def work(name: str, asker: Ask) -> Result:
        return apply_module(place, project.module(name), choices, ask_each(place, choices, asker, "apply"))

    return run_modules(place, "apply", graph.restrict(edges, selected), work, choices, ask or refuse_to_ask)


def destroy(
    project: Project, environment: Environment, caller: Caller, choices: Choices, ask: Ask | None = None
) -> Run:
    """Destroy modules in reverse order; backend-config only if that was asked for.

    Args:
        project: The project.
        environment: Where.
        caller: Who calls, and how.
        choices: What to destroy.
        ask: Asks the user; None where nobody can be asked.

    Raises:
        TfgenError: An applied module still reads one of them, or nobody can be asked.
        Interrupted: The user stopped it.
    """
    doomed = select_doomed(project, choices)
    check_askable(choices, ask)
    with alone(project, environment):
        return _destroy(project, environment, caller, choices, ask, doomed)


def _destroy(
    project: Project, environment: Environment, caller: Caller, choices: Choices, ask: Ask | None, doomed: set[str]
) -> Run:
    place = open_place(project, environment, caller, changes=True, lock_timeout=choices.lock_timeout)
    order = order_doomed(place, choices, doomed)

    def work(name: str, asker: Ask) -> Result:
        return destroy_module(place, project.module(name), choices, ask_each(place, choices, asker, "destroy"))

    return run_modules(place, "destroy", order, work, choices, ask or refuse_to_ask)


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
    _, clients = _connect(project, environment, caller, changes=False)
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
    place = open_place(project, environment, caller, changes=_may_change(command))
    bench, module = place.bench, project.module(module_name)
    prepare(place, module, changes=False, initialise=_words(command)[:2] != ["terraform", "init"])
    env = bench.module_env(module)
    # Here a person types: terraform may ask.
    for name in ("TF_INPUT", "TF_IN_AUTOMATION"):
        env.pop(name, None)
    env |= _terraform_arguments(bench, module, command)
    argv = [bench.binary if command[0] == "terraform" else command[0], *command[1:]]
    return processes.run_attached(argv, cwd=bench.folder(module), env=env)


def module_graph(project: Project) -> dict[str, tuple[str, ...]]:
    """Return who needs whom; everything needs backend-config, which holds the states."""
    names = {module.name for module in project.modules}
    base = (BACKEND_CONFIG,) if BACKEND_CONFIG in names else ()
    return {
        module.name: () if module.name == BACKEND_CONFIG else (*base, *execution.reads(module))
        for module in project.modules
    }


@contextmanager
def alone(project: Project, environment: Environment) -> Iterator[None]:
    """Let one process of this machine at a time change an environment: they share working and data folders.

    Between machines the state locks do that. The kernel frees the project lease however the process ends; where
    it cannot be kept, the run goes on without one.

    Raises:
        TfgenError: Another process is at work.
    """
    path = project.work / "leases" / environment.name
    with ExitStack() as stack:
        try:
            path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
            fcntl.flock(stack.enter_context(path.open("a")), fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise TfgenError(
                f"another tfgen is changing environment {environment.name} of this project",
                hint="wait for it to end, then repeat the command",
                where=str(project.root),
                code="busy",
            ) from None
        except OSError:
            pass
        yield


def _connect(
    project: Project,
    environment: Environment,
    caller: Caller,
    *,
    changes: bool,
    cli_config: Path | None = None,
) -> tuple[Isolation, Aws]:
    """Build the isolated environment and the clients, and make sure of the account."""
    _check_named(environment, caller, changes=changes)
    accounts.check_placeholder(environment)
    endpoint = caller.endpoint
    if environment.embedded and caller.start_emulator is not None:
        endpoint = caller.start_emulator()
    with _writing(project):
        isolated = isolate(caller.variables, environment, work=project.work, cli_config=cli_config, endpoint=endpoint)
    if isolated.dropped:
        caller.on_event(Event("warning", f"kept away from terraform: {', '.join(isolated.dropped)}"))
    clients = Aws(isolated.env)
    if environment.endpoint is None:
        accounts.check_account(environment, clients)
    return isolated, clients


def _check_named(environment: Environment, caller: Caller, *, changes: bool) -> None:
    if caller.named:
        return
    hint = f"--env {environment.name}, or TFGEN_ENV={environment.name}"
    if caller.ci:
        raise UsageError("with CI set, the environment must be named", hint=hint)
    if changes and environment.endpoint is None:
        raise UsageError(
            f"the default environment {environment.name} is account {environment.account}: "
            "to change something there, name it",
            hint=hint,
        )


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
    with bench.children.forwarding():
        results = walk(
            edges,
            work,
            parallelism=choices.parallelism or default_parallelism(),
            children=bench.children,
            on_event=bench.on_event,
            ask=ask,
        )
    in_order = tuple(results[module.name] for module in bench.project.modules if module.name in results)
    run = Run(bench.run_dir.name, verb, bench.environment, in_order, bench.run_dir)
    if bench.children.stopping:
        raise Interrupted(hint=_interrupted_hint(run, verb))
    return run


def _interrupted_hint(run: Run, verb: str) -> str:
    done = [result.module for result in run.results if result.status == DONE]
    finished = f"done: {', '.join(done)}; " if done else ""
    return f"{finished}go on with the same command (tfgen {verb}); logs in {run.directory}"


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
    with execution.plan_file(bench, module) as saved:
        planned = execution.plan(bench, module, out=saved, lock=False, extra=extra)
        if not planned.changed:
            return Result(module.name, UNCHANGED, plan=planned, log=bench.log(module, "plan"))
        text = execution.show(bench, module, saved)
    return Result(module.name, PLANNED, counts=planned.counts, plan=planned, text=text, log=bench.log(module, "plan"))


def apply_module(place: Place, module: Module, choices: Choices, decide: Decide) -> Result:
    """Plan a module and, if that is decided, apply the plan; backend-config moves into its own bucket.

    Args:
        place: Where.
        module: The module.
        choices: What the run is to do.
        decide: Says whether a plan may be applied.
    """
    bench = place.bench
    in_bucket = prepare(place, module, changes=True)
    result = _plan_and_apply(place, module, choices, decide)
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
        with execution.plan_file(bench, module) as saved:
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


def ask_each(place: Place, choices: Choices, ask: Ask, verb: str) -> Decide:
    """Return how to decide by asking for each module."""

    def decide(module: Module, planned: Plan, saved: Path) -> bool:
        return choices.auto_approve or ask(
            Question(module.name, verb, execution.show(place.bench, module, saved), planned)
        )

    return decide


def _plan_and_apply(place: Place, module: Module, choices: Choices, decide: Decide, *, destroy: bool = False) -> Result:
    bench = place.bench
    with execution.plan_file(bench, module) as saved:
        planned = execution.plan(bench, module, out=saved, destroy=destroy, extra=choices.extra)
        if not planned.changed:
            return Result(module.name, UNCHANGED, plan=planned, log=bench.log(module, "plan"))
        if not _decided(place, module, planned, saved, choices, decide):
            return _not_approved(module, planned)
        _empty_doomed_buckets(place, module, planned)
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


def _empty_doomed_buckets(place: Place, module: Module, planned: Plan) -> None:
    """In an emulator, empty the buckets that the plan deletes; in AWS nobody's data is touched."""
    doomed = {change.address for change in planned.changes if change.loses and change.type == "aws_s3_bucket"}
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


def _new_run(project: Project) -> Path:
    name = f"{time.strftime('%Y%m%dT%H%M%S', time.gmtime())}-{secrets.token_hex(2)}"
    folder = project.work / "runs" / name
    with _writing(project):
        folder.mkdir(parents=True, mode=0o700)
    return folder


@contextmanager
def _writing(project: Project) -> Iterator[None]:
    """Explain that tfgen's own folder cannot be written."""
    try:
        yield
    except OSError as error:
        raise TfgenError(
            f"cannot write {error.filename}: {error.strerror}",
            where=str(project.work),
            hint="make that folder writable, or work on a copy of the project",
            code="not-writable",
        ) from None


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
