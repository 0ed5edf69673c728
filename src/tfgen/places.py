"""Where a run works: an environment that was opened, checked and isolated, and what was asked for."""

from __future__ import annotations

import secrets
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from tfgen import accounts, execution, mirror, recovery, terraform, unsplit
from tfgen.aws import Aws
from tfgen.errors import TfgenError, UsageError
from tfgen.events import Event, OnEvent, ignore
from tfgen.execution import Bench
from tfgen.isolation import Isolation, isolate
from tfgen.model import BACKEND_CONFIG, Environment, Project
from tfgen.process import Children
from tfgen.runner import PLANNED, WAITING, Result
from tfgen.scratch import remove_leftovers

StartEmulator = Callable[[], str]


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
        composed: Apply the composed plan itself instead of each module's own.
        insists: Refuse what cannot be applied as one instead of applying it module by module.
    """

    modules: tuple[str, ...] = ()
    related: bool = False
    auto_approve: bool = False
    allow_destroy: tuple[str, ...] = ()
    parallelism: int | None = None
    lock_timeout: str = "0s"
    extra: tuple[str, ...] = ()
    with_backend: bool = False
    composed: bool = False
    insists: bool = False


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
    run: str = "",
) -> Place:
    """Make an environment ready; until this returns, nobody but STS was asked anything.

    Args:
        project: The project.
        environment: Where to run.
        caller: Who calls, and how.
        changes: True if something may be changed there.
        lock_timeout: How long terraform waits for a state lock.
        run: The run's id; a new one if it has none yet.

    Raises:
        TfgenError: The account is a placeholder or another one, terraform is missing or does not fit,
            or the environment must be named.
    """
    source = mirror.find_provider_source(caller.variables)
    with _writing(project):
        remove_leftovers(project)
        config = mirror.write_cli_config(source, project.work)
    binary = terraform.find_binary(caller.variables)
    isolated, clients = connect(project, environment, caller, changes=changes, cli_config=config)
    version = terraform.identify(binary, project, env=isolated.env)
    bench = Bench(
        project=project,
        environment=environment,
        binary=binary,
        version=version,
        env=isolated.env,
        caller=caller.variables,
        providers=source,
        run_dir=_make_folder(project, run or new_run_id()),
        children=caller.children,
        on_event=caller.on_event,
        lock_timeout=lock_timeout,
    )
    return Place(bench, clients, isolated.dropped)


def module_graph(project: Project) -> dict[str, tuple[str, ...]]:
    """Return who needs whom; everything needs backend-config, which holds the states."""
    names = {module.name for module in project.modules}
    base = (BACKEND_CONFIG,) if BACKEND_CONFIG in names else ()
    return {
        module.name: () if module.name == BACKEND_CONFIG else (*base, *execution.reads(module))
        for module in project.modules
    }


def new_run_id() -> str:
    """Return an id for a run; ids sort by time."""
    now = time.time()
    return f"{time.strftime('%Y%m%dT%H%M%S', time.gmtime(now))}-{int(now % 1 * 1000):03d}{secrets.token_hex(2)}"


def _make_folder(project: Project, run: str) -> Path:
    folder = project.work / "runs" / run
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


def connect(
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
    if not changes:
        for name, path in recovery.find_errored(project, environment).items():
            caller.on_event(Event("warning", f"{recovery.describe(path, name)}: tfgen apply --resume"))
    if environment.endpoint is None:
        accounts.check_account(environment, clients)
    if not changes:
        unsplit.warn(project, environment, clients, caller.on_event)
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
