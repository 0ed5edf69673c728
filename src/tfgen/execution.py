"""One module's terraform: where it runs, with what, and its init, plan and apply with their logs."""

from __future__ import annotations

import fcntl
import hashlib
import itertools
import json
import os
import re
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TextIO, TypeVar

from tfgen import changes, history, isolation, journal, mirror, planning, process, retries, showing, terraform, troubles
from tfgen.changes import ModuleChanges
from tfgen.errors import Interrupted
from tfgen.events import Event, OnEvent, ignore
from tfgen.journal import Journal
from tfgen.mirror import ProviderSource
from tfgen.model import BACKEND_CONFIG, Environment, Module, Project
from tfgen.planning import Counts, EventReader, Plan
from tfgen.process import Children, Completed
from tfgen.runner import StepFailed

_T = TypeVar("_T")
_LOOK_SECONDS = 0.2

PLAN_SUFFIX = ".tfplan"

_NEEDS_INIT = re.compile(r"terraform init", re.IGNORECASE)
_DECIDES_INIT = re.compile(r'^\s*(module\s+"|backend\s+"|required_providers\b|provider\s+")', re.MULTILINE)


@dataclass(frozen=True)
class Bench:
    """Everything that running terraform for one project in one environment needs.

    Attributes:
        project: The project.
        environment: Where it runs.
        binary: The terraform binary.
        version: Its version.
        env: The isolated environment.
        caller: The environment tfgen was started with; only proxies are taken, for downloads.
        providers: Where providers come from.
        run_dir: Logs and plan files of this run.
        children: The running programs.
        on_event: Told what happens.
        lock_timeout: How long terraform waits for a state lock, e.g. `5m`.
        journal: Where each step is noted.
    """

    project: Project
    environment: Environment
    binary: str
    version: str
    env: Mapping[str, str]
    caller: Mapping[str, str]
    providers: ProviderSource
    run_dir: Path
    children: Children
    on_event: OnEvent = ignore
    lock_timeout: str = "0s"
    journal: Journal = field(default_factory=Journal, repr=False)
    _steps: Iterator[int] = field(default_factory=itertools.count, repr=False)

    def place_dir(self, module: Module) -> Path:
        """Return the folder for what tfgen keeps of a module in this environment."""
        return self.project.work / "env" / self.environment.name / module.name

    def folder(self, module: Module) -> Path:
        """Return the folder terraform runs in; backend-config has a working folder per environment."""
        if module.name == BACKEND_CONFIG:
            return self.place_dir(module)
        return self.project.tree / module.name

    def data_dir(self, module: Module) -> Path:
        """Return the module's TF_DATA_DIR."""
        return self.place_dir(module) / "data"

    def module_env(self, module: Module) -> dict[str, str]:
        """Return the environment of the module's terraform."""
        return isolation.module_environment(self.env, data_dir=self.data_dir(module))

    def var_files(self, module: Module) -> tuple[str, ...]:
        """Return the environment's var-files that exist, relative to the module's folder."""
        files = self.project.tree / "environments"
        names = (f"{self.environment.name}.tfvars", f"{self.environment.name}/{module.name}.tfvars")
        return tuple(self._relative(files / name, module) for name in names if (files / name).is_file())

    def backend_file(self, module: Module) -> str:
        """Return the environment's backend file, relative to the module's folder; empty if there is none."""
        path = self.project.tree / "environments" / f"{self.environment.name}.s3.tfbackend"
        return self._relative(path, module) if path.is_file() else ""

    def next_step(self, verb: str) -> dict[str, Any]:
        """Return how the journal knows a step of all modules at once."""
        return {"module": "", "step": verb, "step_id": next(self._steps)}

    def log(self, module: Module, verb: str) -> Path:
        """Return the log of one verb of a module."""
        return self.run_dir / f"{module.name}-{verb}.log"

    def _relative(self, path: Path, module: Module) -> str:
        return os.path.relpath(path, self.folder(module))


def init(
    bench: Bench,
    module: Module,
    *,
    remote: bool = True,
    migrate: bool = False,
    reconfigure: bool = False,
) -> None:
    """Run `terraform init`, unless the module is initialised in just this way already.

    Args:
        bench: Where and with what.
        module: The module.
        remote: Give it the environment's backend file.
        migrate: Copy the state into the backend.
        reconfigure: Forget the backend that was used before.

    Raises:
        StepFailed: Terraform failed.
    """
    backend = bench.backend_file(module) if remote else ""
    digest = _init_digest(bench, module, backend)
    marker = bench.data_dir(module) / "initialised"
    if not (migrate or reconfigure) and _is_initialised(bench, module, marker, digest):
        return
    bench.on_event(Event("step", module=module.name, step="init"))
    bench.data_dir(module).mkdir(parents=True, exist_ok=True)
    marker.unlink(missing_ok=True)
    argv = terraform.init_argv(
        bench.binary,
        backend_config=backend,
        migrate_state=migrate,
        reconfigure=not migrate,
        readonly=bool(bench.caller.get("CI")) and (bench.folder(module) / ".terraform.lock.hcl").exists(),
    )
    if migrate:
        _initialise(bench, module, argv)
    else:
        retrying(bench, module, "init", lambda: _initialise(bench, module, argv))
    marker.write_text(digest, encoding="ascii")


def retrying(bench: Bench, module: Module, step: str, call: Callable[[], _T]) -> _T:
    """Do something again that failed for a reason that passes by itself; a bounded number of times.

    Args:
        bench: Where; each new attempt is in the journal.
        module: The module.
        step: What is done.
        call: Does it, from its beginning.

    Raises:
        StepFailed: It failed for another reason, or once too often.
        Interrupted: The user stopped it.
    """
    for attempt in itertools.count(1):
        try:
            return call()
        except StepFailed as error:
            kind = retries.find_transient(error.message)
            if kind is None or error.tried_again or attempt >= retries.ATTEMPTS:
                error.tried_again = True
                raise
            wait_to_retry(bench, module.name, step, kind.name, attempt, error.message)
    raise AssertionError("counting has no end")


def wait_to_retry(bench: Bench, module: str, step: str, kind: str, attempt: int, error: str) -> None:
    """Note that a step is to be tried again, and wait.

    Raises:
        Interrupted: The user does not want to wait.
    """
    delay = retries.choose_delay(attempt)
    first = error.strip().partition("\n")[0]
    bench.journal.write(
        journal.RETRY, module=module, step=step, pattern=kind, attempt=attempt, delay=round(delay, 2), error=first
    )
    text = f"{step}: {kind}, again in {delay:.1f} s ({attempt} of {retries.ATTEMPTS - 1}): {first}"
    bench.on_event(Event("note", text, module=module))
    deadline = time.monotonic() + delay
    while (left := deadline - time.monotonic()) > 0:
        if bench.children.stopping:
            raise Interrupted
        time.sleep(min(left, _LOOK_SECONDS))


def plan(
    bench: Bench,
    module: Module,
    *,
    out: Path | None,
    destroy: bool = False,
    lock: bool = True,
    extra: Sequence[str] = (),
) -> Plan:
    """Run `terraform plan`; a module that turns out not to be initialised is, once.

    Raises:
        StepFailed: Terraform failed.
    """
    argv = terraform.plan_argv(
        bench.binary,
        out=out,
        var_files=bench.var_files(module),
        destroy=destroy,
        lock=lock,
        lock_timeout=bench.lock_timeout,
        extra=extra,
    )
    bench.on_event(Event("step", module=module.name, step="plan"))
    try:
        done, reader = retrying(bench, module, "plan", lambda: _run_events(bench, module, "plan", argv, good=(0, 2)))
    except StepFailed as error:
        if not _NEEDS_INIT.search(error.message) or module.name == BACKEND_CONFIG:
            raise
        init(bench, module, reconfigure=True)
        done, reader = _run_events(bench, module, "plan", argv, good=(0, 2))
    return reader.plan(changed=done.returncode == 2)


def show(bench: Bench, module: Module, saved: Path) -> str:
    """Return a saved plan as terraform prints it."""
    done = _show(bench, module, saved, as_json=False)
    return done.stdout.strip() if done.returncode == 0 else planning.plain_text(done.stderr)


def read_saved(bench: Bench, module: Module, saved: Path) -> tuple[ModuleChanges, ModuleChanges | None]:
    """Return what a saved plan does, and what changed outside terraform.

    Raises:
        StepFailed: Terraform cannot show it.
    """
    done = _show(bench, module, saved, as_json=True)
    if done.returncode:
        _fail(bench, module, planning.plain_text(done.stderr), bench.log(module, "plan"), done.returncode)
    return changes.read_module_plan(json.loads(done.stdout), module.name)


def _show(bench: Bench, module: Module, saved: Path, *, as_json: bool) -> Completed:
    return showing.show_saved(
        bench.binary,
        saved,
        folder=bench.folder(module),
        data_dir=bench.data_dir(module),
        env=bench.env,
        children=bench.children,
        as_json=as_json,
    )


def apply(bench: Bench, module: Module, saved: Path) -> Counts:
    """Apply a saved plan.

    Raises:
        StepFailed: Terraform failed; what it had done by then is in the state.
    """
    bench.on_event(Event("step", module=module.name, step="apply"))
    argv = terraform.apply_argv(bench.binary, saved, lock_timeout=bench.lock_timeout)
    _, reader = _run_events(bench, module, "apply", argv, good=(0,))
    return reader.counts


def import_resource(bench: Bench, module: Module, address: str, identity: str) -> None:
    """Run `terraform import`: take over a resource that was made elsewhere.

    Raises:
        StepFailed: Terraform failed.
    """
    bench.on_event(Event("step", module=module.name, step="import"))
    argv = terraform.import_argv(
        bench.binary, address, identity, var_files=bench.var_files(module), lock_timeout=bench.lock_timeout
    )
    _run_plain(bench, module, "import", argv, bench.module_env(module))


def push_state(bench: Bench, module: Module, path: Path) -> None:
    """Write a state file into the module's backend; terraform refuses an older or a foreign one.

    Raises:
        StepFailed: Terraform refused.
    """
    argv = terraform.state_argv(bench.binary, "push", str(path))
    _run_plain(bench, module, "state-push", argv, bench.module_env(module))


@contextmanager
def plan_file(bench: Bench, name: str) -> Iterator[Path]:
    """Give a place for a plan file that only the user can read, and that is gone afterwards; named after a module."""
    path = bench.run_dir / f"{name}{PLAN_SUFFIX}"
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    try:
        # Held until it is gone: what nobody holds was left by a run that was killed.
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield path
    finally:
        path.unlink(missing_ok=True)
        os.close(descriptor)


def remove_plan_files(project: Project) -> None:
    """Remove the plan files of runs that were killed; one that is in use is left alone."""
    for path in (project.work / "runs").glob(f"*/*{PLAN_SUFFIX}"):
        with suppress(OSError), path.open("rb") as stream:
            fcntl.flock(stream, fcntl.LOCK_EX | fcntl.LOCK_NB)
            path.unlink()


def reads(module: Module) -> tuple[str, ...]:
    """Return the full names of the modules that a module reads, in its user's own files too."""
    return (*(reference.name for reference in module.reads), *module.also_reads)


def _is_initialised(bench: Bench, module: Module, marker: Path, digest: str) -> bool:
    try:
        known = marker.read_text(encoding="ascii")
    except OSError:
        return False
    return known == digest and (bench.data_dir(module) / "terraform.tfstate").exists()


def _init_digest(bench: Bench, module: Module, backend: str) -> str:
    """Hash everything that decides what `terraform init` does."""
    folder = bench.folder(module)
    digest = hashlib.sha256(f"{bench.version} {bench.providers.mirror} {bench.environment.name}".encode())
    if backend:
        digest.update((folder / backend).read_bytes())
    for path in sorted((*folder.glob("*.tf"), *folder.glob("*.tf.json"), *folder.glob(".terraform.lock.hcl"))):
        text = path.read_bytes()
        if path.suffix == ".hcl" or _DECIDES_INIT.search(text.decode("utf-8", "replace")):
            digest.update(path.name.encode() + b"\0" + text + b"\0")
    return digest.hexdigest()


def _initialise(bench: Bench, module: Module, argv: Sequence[str]) -> None:
    env = bench.module_env(module)
    if not bench.providers.downloads:
        _run_plain(bench, module, "init", argv, env)
        return
    with mirror.alone_with_cache(bench.project.work, bench.folder(module)) as first:
        if first:
            bench.on_event(Event("note", "downloading the providers, once for all modules"))
        _run_plain(bench, module, "init", argv, isolation.with_downloads(env, bench.caller))


def _run_plain(bench: Bench, module: Module, verb: str, argv: Sequence[str], env: Mapping[str, str]) -> None:
    log = bench.log(module, verb)
    with open_log(bench, log, argv) as write:
        done = _run_step(bench, module, verb, argv, env, write)
        error = planning.plain_text(done.stderr)
        write(error)
    if done.returncode != 0:
        _fail(bench, module, error or planning.plain_text(done.stdout), log)


def _run_events(
    bench: Bench, module: Module, verb: str, argv: Sequence[str], *, good: tuple[int, ...]
) -> tuple[process.Completed, EventReader]:
    log = bench.log(module, verb)
    reader = EventReader()
    with open_log(bench, log, argv) as write:

        def on_line(line: str) -> None:
            text = reader.feed(line)
            if text:
                write(text)
                bench.on_event(Event("line", text, module=module.name, step=verb))

        done = _run_step(bench, module, verb, argv, bench.module_env(module), on_line)
        error = planning.plain_text(done.stderr)
        write(error)
    if done.returncode not in good:
        _fail(bench, module, "\n\n".join(part for part in (reader.error, error) if part), log, done.returncode)
    return done, reader


def _run_step(
    bench: Bench, module: Module, verb: str, argv: Sequence[str], env: Mapping[str, str], on_line: process.OnLine
) -> process.Completed:
    """Run a program for a module; the journal says so before and after."""
    number = next(bench._steps)
    mark = {"module": module.name, "step": verb, "step_id": number}
    bench.journal.write(journal.STEP_BEGIN, **mark, argv=journal.hide_values(argv), log=bench.log(module, verb).name)
    done = process.run(
        argv,
        cwd=bench.folder(module),
        env=env,
        on_line=on_line,
        children=bench.children,
        label=f"{module.name}: terraform {verb}",
        output=bench.run_dir / f"{module.name}-{verb}{history.OUTPUT_SUFFIX}",
        on_start=lambda pid: bench.journal.write(journal.PROCESS, **mark, pid=pid),
    )
    bench.journal.write(journal.STEP_END, **mark, status=done.returncode)
    return done


def _fail(bench: Bench, module: Module, error: str, log: Path, status: int = 1) -> None:
    if bench.children.stopping:
        raise Interrupted
    hint = troubles.explain(error, module=module.name, reads=reads(module))
    if status < 0:
        error = f"terraform was ended by signal {-status}\n\n{error}".rstrip()
        hint = hint or "repeat the command; if a state lock was left behind, it names the lock and what releases it"
    raise StepFailed(
        error or f"terraform ended with status {status} and said nothing",
        hint=hint,
        where=module.name,
        log=log,
        code="state-lock" if planning.parse_lock(error) else "terraform",
    )


@contextmanager
def open_log(bench: Bench, path: Path, argv: Sequence[str]) -> Iterator[process.OnLine]:
    """Open a log; one that cannot be written is no reason to leave terraform alone in the middle of an apply."""
    stream: TextIO | None = None
    try:
        stream = os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600), "a", encoding="utf-8")
    except OSError as error:
        bench.on_event(Event("warning", f"no log {path}: {error.strerror}"))

    def write(line: str) -> None:
        nonlocal stream
        if not line or stream is None:
            return
        try:
            stream.write(line + "\n")
            stream.flush()
        except OSError as error:
            bench.on_event(Event("warning", f"the log {path} is cut off: {error.strerror}"))
            _close(stream)
            stream = None

    write(f"$ {' '.join(journal.hide_values(argv))}")
    try:
        yield write
    finally:
        if stream is not None:
            _close(stream)


def _close(stream: TextIO) -> None:
    # What could not be written before cannot be written now either; that was said.
    with suppress(OSError):
        stream.close()
