"""The whole project in one terraform process: one plan over a scratch root that starts from the merged state.

Reads the modules' states and writes none. `Composition` holds the scratch root open, so that its plan can be applied.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import AbstractContextManager, contextmanager, nullcontext, suppress
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from tfgen import (
    composed_object,
    execution,
    history,
    isolation,
    mirror,
    planning,
    process,
    refusals,
    showing,
    state,
    terraform,
)
from tfgen.aws import Aws
from tfgen.changes import (
    ERROR,
    NO_OP,
    ComposedPlan,
    Diagnostic,
    ModuleChanges,
    OutputChange,
    read_plan,
)
from tfgen.composed_state import merge_states
from tfgen.errors import Interrupted, TfgenError
from tfgen.events import Event
from tfgen.execution import Bench
from tfgen.gathering import (
    Gathered,
    gather_files,
    lock_warnings,
    missing_provider,
    other_constraints,
    with_states,
)
from tfgen.locating import Locator
from tfgen.mirror import ProviderSource
from tfgen.model import Project
from tfgen.modulefiles import ModuleFiles, called_folders
from tfgen.process import Children, Completed
from tfgen.replacing import order_alone
from tfgen.runner import StepFailed
from tfgen.scratch import Scratch, apply_name, keep_lock, open_scratch, write_lock, write_scratch, write_state
from tfgen.state import State
from tfgen.wiring import Wiring, wire

__all__ = ["Applied", "Composition", "Validation", "compose_plan", "compose_validate", "open_composition"]

COMPOSED = "composed"
"""Names what belongs to all modules: the plan file, the logs."""

_CHECK = "check"
_DUMP = '"Emergency state dump"'
_DECIDES_INIT = re.compile(rb'^\s*(module\s+"|required_providers\b|provider\s+"|provider_meta\b)', re.MULTILINE)
_NOT_INITIALISED = re.compile(r"terraform init|Module not installed|Inconsistent dependency lock file")
_PROVIDER_CHOICE = re.compile(r"Failed to query available provider packages|no available releases match", re.IGNORECASE)
_ATTEMPTS = 4


@dataclass(frozen=True)
class Validation:
    """What one composed validate found.

    Attributes:
        problems: Errors and warnings.
        apart: Modules that could not be composed → why; to be validated by themselves.
    """

    problems: tuple[Diagnostic, ...]
    apart: Mapping[str, str]


@dataclass(frozen=True)
class Applied:
    """How an apply of a composed plan ended.

    Attributes:
        status: Terraform's exit status; negative for a signal.
        problems: Errors and warnings at their places.
        error: All errors, whole, in terms of the user's tree.
        raw: The same in terraform's words, by which it is known whether they pass by themselves.
        log: The log.
        dumped: The state, where terraform could write it nowhere and printed it; the last word then.
    """

    status: int
    problems: tuple[Diagnostic, ...]
    error: str
    raw: str
    log: Path
    dumped: Mapping[str, Any] | None = field(default=None, repr=False)


class Composition:
    """The modules as one, for as long as the scratch root is ours.

    Args:
        bench: Where and with what.
        clients: For reading the states.
        scratch: The scratch root.
        modules: The modules that take part; None for all.
        destroy: Plan to destroy everything.
        refresh_only: Look only for what was changed outside terraform.
    """

    def __init__(
        self,
        bench: Bench,
        clients: Aws,
        scratch: Scratch,
        *,
        modules: Collection[str] | None = None,
        destroy: bool = False,
        refresh_only: bool = False,
    ) -> None:
        self._bench = bench
        self._clients = clients
        self._scratch = scratch
        self._modules = modules
        self._destroy = destroy
        self._refresh_only = refresh_only
        self._run = _Run(_tools(bench), scratch, Gathered({}, {}, {}))

    def plan(self, *, warns: bool = True) -> ComposedPlan:
        """Read the states and plan; takes no lock.

        Args:
            warns: Say whose state is locked; not where it is us.

        Raises:
            TfgenError: Nothing at all can be planned.
            Interrupted: The user stopped it.
        """
        bench, project, environment = self._bench, self._bench.project, self._bench.environment
        gathered = gather_files(project, environment)
        if self._modules is not None:
            gathered = gathered.only(self._modules)
        with ThreadPoolExecutor(1) as pool:
            gathered = with_states(gathered, project, environment, self._clients)
            locks = pool.submit(lock_warnings, project, environment, self._clients) if warns else None
            self._run = run = _Run(_tools(bench), self._scratch, gathered)
            plan = run.plan(_extra(self._refresh_only), destroy=self._destroy, refresh_only=self._refresh_only)
            plan = _with_others(bench, run.gathered, plan, destroy=self._destroy, refresh_only=self._refresh_only)
        return _finish(plan, run.gathered, locks)

    def is_current(self) -> bool:
        """True if every state is still what the last plan was made from; to be asked while they are locked."""
        project, environment = self._bench.project, self._bench.environment
        known = self.gathered.states
        keys = {name: project.module(name).state_key for name in known}
        found = state.read_states(self._clients, environment.state_bucket, list(keys.values()))
        return all(_identity(found[keys[name]]) == _identity(known[name]) for name in known)

    @property
    def gathered(self) -> Gathered:
        """What the last plan was made from."""
        return self._run.gathered

    @property
    def document(self) -> Mapping[str, Any]:
        """The state of the scratch root that the last plan was made from."""
        return self._run.document

    def apply(
        self,
        file: Path,
        *,
        on_line: process.OnLine,
        on_start: Callable[[int], None],
    ) -> Applied:
        """Apply the last plan on a state in a file; whatever happens to this process, terraform goes on to its end.

        Args:
            file: The state; terraform writes it after every resource.
            on_line: Told each line of terraform's events.
            on_start: Told the process id.
        """
        tools, reader = self._run.tools, planning.EventReader()
        argv = terraform.apply_state_argv(tools.binary, self._scratch.plan, file)
        log = self._bench.run_dir / f"{COMPOSED}-apply.log"
        with execution.open_log(self._bench, log, argv) as write:
            dumped: list[Mapping[str, Any]] = []

            def take(line: str) -> None:
                write(reader.feed(line))
                on_line(line)
                if _DUMP in line:
                    dumped.extend(_read_dump(line))

            done = process.run(
                argv,
                cwd=self._scratch.root,
                env=isolation.module_environment(tools.env, data_dir=self._scratch.data),
                on_line=take,
                children=tools.children,
                label=f"{COMPOSED}: terraform apply",
                output=self._bench.run_dir / f"{COMPOSED}-apply{history.OUTPUT_SUFFIX}",
                room=composed_object.ROOM,
                on_start=on_start,
                umask=0o077,
            )
            write(planning.plain_text(done.stderr))
        answer = _Answer(done, reader.diagnostics)
        error = raw = ""
        if done.returncode:
            ended = f"terraform was ended by signal {-done.returncode}" if done.returncode < 0 else ""
            # Never what it printed beside its diagnostics: that may be the state.
            said = [planning.format_diagnostic(item) for item in answer.errors] or [planning.plain_text(done.stderr)]
            raw = "\n\n".join(part for part in (ended, *said) if part)
            raw = raw or f"terraform ended with status {done.returncode} and said nothing"
            error = self._run.locator.text(raw, None)
        told = tuple(self._run.locator.locate(item) for item in answer.diagnostics)
        return Applied(done.returncode, told, error, raw, log, dumped[-1] if dumped else None)


def compose_plan(bench: Bench, clients: Aws, *, destroy: bool = False, refresh_only: bool = False) -> ComposedPlan:
    """Plan all modules but backend-config in one terraform process; reads states, writes none, takes no lock.

    Args:
        bench: Where and with what.
        clients: For reading the states.
        destroy: Plan to destroy everything.
        refresh_only: Look only for what was changed outside terraform.

    Raises:
        TfgenError: Nothing at all can be planned.
        Interrupted: The user stopped it.
    """
    with open_scratch(bench.project, bench.environment.name) as scratch:
        return Composition(bench, clients, scratch, destroy=destroy, refresh_only=refresh_only).plan()


@contextmanager
def open_composition(
    bench: Bench, clients: Aws, *, modules: Collection[str], destroy: bool = False
) -> Iterator[Composition]:
    """Open the scratch root whose plan is applied; others may plan in theirs meanwhile.

    Args:
        bench: Where and with what.
        clients: For reading the states.
        modules: The modules that take part.
        destroy: Plan to destroy them.
    """
    name = apply_name(bench.environment.name)
    with open_scratch(bench.project, name) as scratch, execution.plan_file(bench, COMPOSED) as saved:
        yield Composition(bench, clients, replace(scratch, saved=saved), modules=modules, destroy=destroy)


def compose_validate(
    project: Project,
    *,
    binary: str,
    version: str,
    env: Mapping[str, str],
    providers: ProviderSource,
    children: Children,
) -> Validation:
    """Validate all modules in one terraform process; calls no AWS.

    Args:
        project: The project, rendered.
        binary: The terraform binary.
        version: Its version.
        env: The isolated environment, with what downloads need.
        providers: Where providers come from.
        children: The running programs.

    Raises:
        TfgenError: Terraform cannot be initialised.
        Interrupted: The user stopped it.
    """
    environment = project.environments[project.default_environment]
    gathered = gather_files(project, environment, values=False, backend_config=True)
    tools = _Tools(binary, version, dict(env), dict(env), providers, children)
    with open_scratch(project, _CHECK) as scratch:
        run = _Run(tools, scratch, gathered, values=False)
        return Validation(tuple(run.validate()), run.gathered.apart)


@dataclass(frozen=True)
class _Tools:
    """What running terraform in the scratch root needs."""

    binary: str
    version: str
    env: Mapping[str, str]
    init_env: Mapping[str, str]
    providers: ProviderSource
    children: Children
    bench: Bench | None = None

    def note(self, text: str) -> None:
        if self.bench is not None:
            self.bench.on_event(Event("note", text))


@dataclass
class _Answer:
    """How terraform ended, and the diagnostics it gave."""

    done: Completed
    diagnostics: list[Mapping[str, Any]] = field(default_factory=list)

    @property
    def errors(self) -> list[Mapping[str, Any]]:
        return [item for item in self.diagnostics if item.get("severity") == ERROR]

    @property
    def text(self) -> str:
        told = "\n\n".join(planning.format_diagnostic(item) for item in self.errors)
        return told or planning.plain_text(self.done.stderr) or planning.plain_text(self.done.stdout)


@dataclass
class _Run:
    """One composed run: modules that terraform cannot even load are taken out, and the rest tried again."""

    tools: _Tools
    scratch: Scratch
    gathered: Gathered
    values: bool = True
    problems: list[Diagnostic] = field(default_factory=list)
    document: Mapping[str, Any] = field(default_factory=dict)
    _locator: Locator | None = None

    @property
    def locator(self) -> Locator:
        """Translates what terraform says of the last plan."""
        assert self._locator is not None  # noqa: S101 - there was a plan
        return self._locator

    def plan(self, extra: Sequence[str], *, destroy: bool, refresh_only: bool) -> ComposedPlan:
        for _ in range(_ATTEMPTS):
            if not self.gathered.parts:
                return ComposedPlan({}, problems=tuple(self.problems))
            wiring = self._write()
            self.document = merge_states(self.gathered.state_parts(wiring), terraform_version=self.tools.version)
            write_state(self.scratch, self.document)
            self._locator = locator = Locator(self.scratch, wiring)
            failed = self._init(locator)
            if failed is None:
                self.tools.note(f"planning {len(self.gathered.parts)} modules as one")
                argv = terraform.plan_argv(
                    self.tools.binary, out=self.scratch.plan, destroy=destroy, lock=False, extra=extra
                )
                answer = self._terraform("plan", argv)
                if answer.done.returncode == 1 and _NOT_INITIALISED.search(answer.text):
                    self._init(locator, again=True)
                    answer = self._terraform("plan", argv)
                if answer.done.returncode == 0 and not refresh_only:
                    return self._nothing_to_do(answer, locator)
                if answer.done.returncode in (0, 2) or self.scratch.plan.stat().st_size:
                    return self._read(answer, locator)
                failed = answer
            self._take_out(failed, locator)
        raise TfgenError("the modules cannot be planned as one", hint="tfgen plan --per-module", code="compose")

    def validate(self) -> Iterator[Diagnostic]:
        for _ in range(_ATTEMPTS):
            if not self.gathered.parts:
                break
            locator = Locator(self.scratch, self._write())
            failed = self._init(locator)
            if failed is None:
                done = self._start(terraform.validate_argv(self.tools.binary))
                try:
                    found = json.loads(done.stdout)["diagnostics"]
                except (ValueError, KeyError):
                    message = planning.plain_text(done.stderr or done.stdout)
                    raise TfgenError(f"terraform validate failed:\n{message}", code="terraform") from None
                yield from (locator.locate(item) for item in found if not locator.is_noise(item))
                break
            self._take_out(failed, locator)
        yield from self.gathered.problems

    def _write(self) -> Wiring:
        parts = self.gathered.parts
        wiring = wire(parts, self.gathered.known, values=self.values)
        write_scratch(self.scratch, [part.files for part in parts], wiring)
        return wiring

    def _init(self, locator: Locator, *, again: bool = False) -> _Answer | None:
        """Run init unless nothing that decides it changed; returns the answer if it failed."""
        files = [part.files for part in self.gathered.parts]
        marker = self.scratch.home / "initialised"
        digest = _init_digest(self.tools, files, locator.wiring)
        kept = not again and marker.exists() and marker.read_text(encoding="ascii") == digest
        write_lock(self.scratch, files, kept=kept)
        if kept and (self.scratch.data / "modules" / "modules.json").exists():
            return None
        marker.unlink(missing_ok=True)
        self.tools.note("initialising the composed plan")
        argv = [*terraform.init_argv(self.tools.binary), "-json"]
        with self._downloading():
            answer = self._terraform("init", argv, env=self.tools.init_env)
        if answer.done.returncode:
            return answer
        keep_lock(self.scratch)
        marker.write_text(digest, encoding="ascii")
        return None

    def _downloading(self) -> AbstractContextManager[object]:
        if not self.tools.providers.downloads:
            return nullcontext()
        return mirror.alone_with_cache(self.scratch.project.work, self.scratch.root)

    def _take_out(self, failed: _Answer, locator: Locator) -> None:
        """Leave out the modules that an error is about; raise if that is none or all."""
        located = [locator.locate(item) for item in failed.errors]
        composed = {part.module.name for part in self.gathered.parts}
        reasons = {
            item.module: refusals.NOT_LOADED.say(message=item.message.partition("\n")[0])
            for item in located
            if item.module in composed
        }
        if not reasons and _PROVIDER_CHOICE.search(failed.text):
            files = [part.files for part in self.gathered.parts]
            reasons = missing_provider(files, failed.text) or other_constraints(files)
            located = []
        if not reasons:
            first = located[0] if located else None
            raise TfgenError(
                locator.text(failed.text, None) or "terraform said nothing",
                hint=(first.hint if first else "") or "tfgen plan --per-module plans the modules one by one",
                where=first.where if first else "",
                code="terraform",
            )
        self.problems += located
        self.gathered = self.gathered.without(reasons)

    def _nothing_to_do(self, answer: _Answer, locator: Locator) -> ComposedPlan:
        """Terraform's own exit status says that nothing changes: reading the plan would start the provider again."""
        modules = {}
        for part in self.gathered.parts:
            found = self.gathered.states.get(part.module.name)
            known = found.outputs if found is not None else {}
            outputs = {}
            for name, given in part.files.outputs.items():
                value = known[name].value if name in known and not given.sensitive else None
                outputs[name] = OutputChange(name, NO_OP, sensitive=given.sensitive, before=value, after=value)
            modules[part.module.name] = ModuleChanges(part.module.name, outputs=outputs)
        return ComposedPlan(modules, problems=self._told(answer, locator), terraform_version=self.tools.version)

    def _read(self, answer: _Answer, locator: Locator) -> ComposedPlan:
        tools, scratch = self.tools, self.scratch
        done = showing.show_saved(
            tools.binary,
            scratch.plan,
            folder=scratch.root,
            data_dir=scratch.data,
            env=tools.env,
            children=tools.children,
        )
        if tools.children.stopping:
            raise Interrupted
        try:
            document = json.loads(done.stdout)
        except ValueError:
            message = planning.plain_text(done.stderr)
            raise TfgenError(f"terraform cannot show the plan:\n{message}", code="terraform") from None
        names = {part.module.identifier: part.module.name for part in self.gathered.parts}
        plan = read_plan(document, names)
        told = self._told(answer, locator)
        errors = {item.module: item.message for item in reversed(told) if item.severity == ERROR}
        modules = {
            name: replace(self._ordered(item), error=errors.get(name, "")) for name, item in plan.modules.items()
        }
        return replace(plan, modules=modules, problems=told, complete=plan.complete and not errors)

    def _ordered(self, changes: ModuleChanges) -> ModuleChanges:
        if self.scratch.saved is not None:
            return changes  # It is applied as it stands.
        return order_alone(changes, self.gathered.files[changes.name], self.gathered.states.get(changes.name))

    def _told(self, answer: _Answer, locator: Locator) -> tuple[Diagnostic, ...]:
        found = [locator.locate(item) for item in answer.diagnostics if not locator.is_noise(item)]
        return tuple(dict.fromkeys((*self.problems, *found)))

    def _terraform(self, verb: str, argv: Sequence[str], env: Mapping[str, str] | None = None) -> _Answer:
        reader = planning.EventReader()
        bench = self.tools.bench
        log: list[str] = [f"$ {' '.join(argv)}"]

        def on_line(line: str) -> None:
            if text := reader.feed(line):
                log.append(text)

        done = self._start(argv, env=env, on_line=on_line)
        if bench is not None:
            path = bench.run_dir / f"{COMPOSED}-{verb}.log"
            path.touch(mode=0o600)
            path.write_text("\n".join((*log, planning.plain_text(done.stderr))) + "\n", encoding="utf-8")
        return _Answer(done, reader.diagnostics)

    def _start(
        self,
        argv: Sequence[str],
        *,
        env: Mapping[str, str] | None = None,
        on_line: process.OnLine | None = None,
    ) -> Completed:
        done = process.run(
            argv,
            cwd=self.scratch.root,
            env=isolation.module_environment(env or self.tools.env, data_dir=self.scratch.data),
            on_line=on_line,
            children=self.tools.children,
        )
        if self.tools.children.stopping:
            raise Interrupted
        return done


def _tools(bench: Bench) -> _Tools:
    env = bench.env
    downloads = isolation.with_downloads(env, bench.caller) if bench.providers.downloads else env
    return _Tools(bench.binary, bench.version, env, downloads, bench.providers, bench.children, bench)


def _extra(refresh_only: bool) -> tuple[str, ...]:
    return ("-refresh-only",) if refresh_only else ()


def _with_others(
    bench: Bench, gathered: Gathered, plan: ComposedPlan, *, destroy: bool, refresh_only: bool
) -> ComposedPlan:
    """Add the modules that could not be composed, in the order of the project."""
    modules, drift, problems = dict(plan.modules), dict(plan.drift), list(plan.problems)
    for name, reason in gathered.failed.items():
        modules[name] = ModuleChanges(name, composed=False, error=reason)
    for name, reason in gathered.apart.items():
        if name in gathered.failed:
            continue
        told = [item for item in problems if item.module == name and item.severity == ERROR]
        changes, moved, error = _plan_apart(bench, gathered, name, destroy=destroy, refresh_only=refresh_only)
        modules[name] = replace(changes, note=f"planned by itself: {reason}")
        if moved is not None:
            drift[name] = moved
        if error is None:
            problems = [item for item in problems if item not in told]
        elif not told:
            problems.append(error)
    ordered = [name for name in gathered.files if name in modules]
    return replace(
        plan,
        modules={name: modules[name] for name in ordered},
        drift={name: drift[name] for name in ordered if name in drift},
        problems=tuple(problems),
        complete=plan.complete and not any(item.error for item in modules.values()),
    )


def _plan_apart(
    bench: Bench, gathered: Gathered, name: str, *, destroy: bool, refresh_only: bool
) -> tuple[ModuleChanges, ModuleChanges | None, Diagnostic | None]:
    module = bench.project.module(name)
    missing = [read for read in gathered.files[name].uses if gathered.known.get(read, ()) is None]
    composed = {part.module.name for part in gathered.parts}
    missing += [
        read
        for read in gathered.files[name].uses
        if read in composed and ((found := gathered.states.get(read)) is None or not found.applied)
    ]
    if missing:
        message = f"it cannot be planned before {', '.join(missing)} {'is' if len(missing) == 1 else 'are'} applied"
        hint = f"tfgen apply {' '.join(f'--module {read}' for read in missing)} --with-dependencies"
        changes = ModuleChanges(name, composed=False, error=message)
        return changes, None, Diagnostic(name, name, message, hint)
    try:
        execution.init(bench, module)
        with execution.plan_file(bench, module.name) as saved:
            execution.plan(bench, module, out=saved, destroy=destroy, lock=False, extra=_extra(refresh_only))
            changes, moved = execution.read_saved(bench, module, saved)
    except StepFailed as error:
        return ModuleChanges(name, composed=False, error=error.message), None, _failure(name, error)
    return changes, moved, None


def _failure(name: str, error: StepFailed) -> Diagnostic:
    place = re.search(r"^\s*on (\S+) line (\d+)", error.message, re.MULTILINE)
    where = f"terraform/{name}/{place[1]}:{place[2]}" if place else name
    return Diagnostic(name, where, error.message, error.hint)


def _read_dump(line: str) -> Iterator[Mapping[str, Any]]:
    """Give the state of terraform's event "Emergency state dump", if the line is whole."""
    with suppress(ValueError, KeyError, TypeError):
        found = json.loads(line)["state"]
        if isinstance(found, dict):
            yield found


def _identity(found: State | None) -> tuple[str, int] | None:
    return None if found is None else (found.lineage, found.serial)


def _finish(plan: ComposedPlan, gathered: Gathered, locks: Future[tuple[Diagnostic, ...]] | None) -> ComposedPlan:
    warned = locks.result() if locks is not None else ()
    return replace(plan, problems=(*plan.problems, *gathered.problems, *warned), readers=gathered.readers)


def _init_digest(tools: _Tools, modules: Sequence[ModuleFiles], wiring: Wiring) -> str:
    """Hash everything that decides what init does: terraform, providers, modules, and the modules they call."""
    digest = hashlib.sha256(f"{tools.version} {tools.providers.mirror}".encode())
    called: dict[Path, None] = {}
    for files in modules:
        digest.update(f"\0{files.module.name}\0".encode())
        lock = files.folder / ".terraform.lock.hcl"
        digest.update(lock.read_bytes() if lock.is_file() else b"")
        for name, source in (*files.sources.items(), *files.documents.items()):
            if _DECIDES_INIT.search(source) or name in files.documents:
                digest.update(name.encode() + b"\0" + source)
        digest.update(repr(wiring.own_providers.get(files.module.name)).encode())
        called |= dict.fromkeys(called_folders(files))
    for folder in called:
        for path in sorted((*folder.glob("*.tf"), *folder.glob("*.tf.json"))):
            digest.update(str(path).encode() + b"\0" + path.read_bytes())
    return digest.hexdigest()
