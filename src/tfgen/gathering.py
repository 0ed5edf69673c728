"""What a composed plan is made of: each module's files, values and state, and which module cannot take part."""

from __future__ import annotations

import hashlib
import os
import re
from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from pathlib import Path

from tfgen import graph, refusals, state
from tfgen.aws import Aws
from tfgen.changes import WARNING, Diagnostic, Readers
from tfgen.composed_state import StatePart
from tfgen.errors import TfgenError
from tfgen.hcl import read_attributes, unquote
from tfgen.mirror import locked_versions
from tfgen.model import BACKEND_CONFIG, Environment, Module, Project
from tfgen.modulefiles import EVERYTHING, ModuleFiles, called_folders, full_source, read_module
from tfgen.scratch import find_conflicts
from tfgen.state import Output, State
from tfgen.state_writing import Backend
from tfgen.variables import Value, effective_values
from tfgen.wiring import Known, Part, Wiring

_NAMED_PROVIDER = re.compile(r"versions for provider ([\w./-]+\w)")
_BACKENDS = ("", "local", "s3")
_BACKEND_SETTINGS = frozenset(
    {
        "allowed_account_ids", "bucket", "dynamodb_table", "encrypt", "key", "kms_key_id", "max_retries", "region",
        "retry_mode", "use_lockfile",
    }
)  # fmt: skip
"""Settings of the S3 backend that say nothing about how a state is written, or that are heeded."""
_BY_ITSELF = "tfgen plan --per-module plans the modules one by one"


@dataclass(frozen=True)
class Gathered:
    """Everything that a composed plan starts from.

    Attributes:
        files: The modules' files, in order; backend-config is not among them.
        values: The values of their variables.
        states: Their states; None for a module that was never applied. A module read by others has an entry, too.
        apart: Modules that cannot be composed → why; each is planned by itself.
        failed: Modules that cannot be planned at all → why.
        problems: What is wrong with them, and what else should be known.
    """

    files: Mapping[str, ModuleFiles]
    values: Mapping[str, Mapping[str, Value]]
    states: Mapping[str, State | None]
    apart: Mapping[str, str] = field(default_factory=dict)
    failed: Mapping[str, str] = field(default_factory=dict)
    problems: tuple[Diagnostic, ...] = ()

    @property
    def parts(self) -> tuple[Part, ...]:
        """The modules that are composed."""
        left_out = {*self.apart, *self.failed}
        return tuple(Part(files, self.values[name]) for name, files in self.files.items() if name not in left_out)

    @property
    def known(self) -> Known:
        """The outputs of the others, as far as their states have them."""
        composed = {part.module.name for part in self.parts}
        return {name: _outputs(found) for name, found in self.states.items() if name not in composed}

    @property
    def readers(self) -> Readers:
        """Who reads which output."""
        found: dict[str, dict[str, list[str]]] = {}
        for name, files in self.files.items():
            for read, outputs in files.uses.items():
                given = self.files[read].outputs if read in self.files else {}
                for output in sorted(given if EVERYTHING in outputs else outputs):
                    found.setdefault(read, {}).setdefault(output, []).append(name)
        return {read: {key: tuple(names) for key, names in outputs.items()} for read, outputs in found.items()}

    def state_parts(self, wiring: Wiring) -> list[StatePart]:
        """Return the states of the composed modules."""
        return [
            StatePart(part.module.identifier, found, wiring.own_providers.get(part.module.name, ()))
            for part in self.parts
            if (found := self.states.get(part.module.name)) is not None
        ]

    def only(self, names: Collection[str]) -> Gathered:
        """Take part of the modules; the others count by what their states give."""
        return replace(
            self,
            files={name: files for name, files in self.files.items() if name in names},
            apart={name: reason for name, reason in self.apart.items() if name in names},
            problems=tuple(problem for problem in self.problems if problem.module in names),
        )

    def without(self, reasons: Mapping[str, str]) -> Gathered:
        """Take modules out of the composition."""
        return replace(self, apart={**self.apart, **reasons})


def gather_files(
    project: Project,
    environment: Environment,
    *,
    values: bool = True,
    backend_config: bool = False,
) -> Gathered:
    """Read the modules' files and values, and find those that cannot be composed.

    Args:
        project: The project, rendered.
        environment: Whose values count.
        values: False for validating, where variables have none.
        backend_config: Whether backend-config takes part.
    """
    modules = [module for module in project.modules if backend_config or module.name != BACKEND_CONFIG]
    files = {module.name: read_module(project, environment, module) for module in modules}
    found: dict[str, Mapping[str, Value]] = {}
    apart: dict[str, str] = {}
    for name, item in files.items():
        try:
            found[name] = effective_values(item.folder, var_files(project, environment, name))
        except TfgenError as error:
            found[name] = {}
            apart[name] = refusals.VALUES.say(where=_shown(project, error.where), message=error.message)
        missing = [
            key for key, variable in item.variables.items() if variable.default is None and key not in found[name]
        ]
        if values and missing and name not in apart:
            apart[name] = refusals.NO_VALUE.say(name=missing[0])
        if values and item.backend[0] not in _BACKENDS:
            apart.setdefault(name, refusals.BACKEND.say(kind=item.backend[0]))
    apart |= _outside(project, files)
    apart |= _other_versions(files)
    apart |= _other_sources(files)
    apart |= find_conflicts([item for name, item in files.items() if name not in apart])
    notes = tuple(_foreign_states(project, files))
    return Gathered(files, found, {}, apart, {}, notes)


def with_states(gathered: Gathered, project: Project, environment: Environment, clients: Aws) -> Gathered:
    """Fetch the states in parallel; a state that cannot be used fails its module and those that read it."""
    wanted = {*gathered.files, *(read for files in gathered.files.values() for read in files.uses)}
    modules = [module for module in project.modules if module.name in wanted]
    reader = _States(gathered, environment, clients)
    clients.client("s3")
    with ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(reader.read, modules))
    states = {module.name: answer for module, answer in zip(modules, answers, strict=True) if not _is_error(answer)}
    errors = {module.name: answer for module, answer in zip(modules, answers, strict=True) if _is_error(answer)}
    failed: dict[str, str] = {}
    problems = list(gathered.problems)
    for name, error in errors.items():
        if isinstance(error, TfgenError):
            failed[name] = error.message
            problems.append(Diagnostic(name, error.where, error.message, f"{error.hint}; {_BY_ITSELF}".lstrip("; ")))
    edges = {name: tuple(files.uses) for name, files in gathered.files.items()}
    edges |= {name: () for name in wanted if name not in edges}
    for name in graph.descendants(edges, list(failed)) if failed else ():
        cause = next(cause for cause in failed if name in graph.descendants(edges, [cause]))
        failed.setdefault(name, f"it reads {cause}, whose state cannot be read")
    kept = {name: answer for name, answer in states.items() if not isinstance(answer, TfgenError)}
    return replace(gathered, states=kept, failed=failed, problems=tuple(problems))


def unappliable(gathered: Gathered) -> dict[str, str]:
    """Return why modules cannot be applied as one, by module: what cannot be composed, or be planned only."""
    found = dict(gathered.apart)
    found |= {name: refusals.FAILED_STATE.say(message=reason) for name, reason in gathered.failed.items()}
    for part in gathered.parts:
        kind, settings = part.files.backend[0], part.files.backend_settings
        if kind != "s3":
            found[part.module.name] = refusals.LOCAL_STATE.say()
        elif strange := sorted(settings.keys() - _BACKEND_SETTINGS):
            found[part.module.name] = refusals.BACKEND_SETTING.say(name=strange[0])
    return {name: found[name] for name in gathered.files if name in found}


def backend_of(gathered: Gathered, project: Project, environment: Environment) -> Backend:
    """Return where the states of composed modules are: the environment's backend file wins over their own blocks."""
    settings: dict[str, str] = {}
    for part in gathered.parts:
        settings |= part.files.backend_settings
    path = project.tree / "environments" / f"{environment.name}.s3.tfbackend"
    if path.is_file():
        settings |= {name: text for name, (text, _) in read_attributes(path.read_bytes()).items()}
    return Backend(
        bucket=environment.state_bucket,
        table=environment.lock_table,
        locking=project.locking,
        encrypt=settings.get("encrypt") == "true",
        kms_key_id=unquote(settings.get("kms_key_id", "")) or "",
    )


def lock_warnings(project: Project, environment: Environment, clients: Aws) -> tuple[Diagnostic, ...]:
    """Say whose state is locked right now: what is planned may be out of date in a moment."""
    try:
        locks = state.list_locks(clients, environment.state_bucket, environment.lock_table)
    except TfgenError:
        # Looking at locks is a courtesy; a role that plans need not be allowed to.
        return ()
    modules = {f"{environment.state_bucket}/{module.state_key}": module.name for module in project.modules}
    found: dict[str, Diagnostic] = {}
    for lock in locks:
        name = modules.get(lock.path)
        if name is not None:
            who, operation = lock.info.get("Who", "somebody"), lock.info.get("Operation", "")
            since = lock.info.get("Created", "")
            message = f"its state is locked by {who} since {since} ({operation}): what is shown may change"
            found[name] = Diagnostic(name, name, message, severity=WARNING)
    return tuple(found.values())


def var_files(project: Project, environment: Environment, name: str) -> tuple[Path, ...]:
    """Return the environment's var-files for a module that exist."""
    folder = project.tree / "environments"
    paths = (folder / f"{environment.name}.tfvars", folder / environment.name / f"{name}.tfvars")
    return tuple(path for path in paths if path.is_file())


@dataclass(frozen=True)
class _States:
    gathered: Gathered
    environment: Environment
    clients: Aws

    def read(self, module: Module) -> State | TfgenError | None:
        """Return a module's state, None if there is none, or why it cannot be used."""
        try:
            return self._read(module)
        except TfgenError as error:
            return error

    def _read(self, module: Module) -> State | None:
        files = self.gathered.files.get(module.name)
        kind, path = files.backend if files else ("", "")
        if files is not None and kind == "local":
            return state.read_local(Path(os.path.normpath(files.folder / (path or "terraform.tfstate"))))
        bucket, key = self.environment.state_bucket, module.state_key
        data = state.read_bytes(self.clients, bucket, key)
        digest = self._digest(f"{bucket}/{key}-md5") if data is None else ""
        if digest:
            raise TfgenError(
                "the state is missing, though the lock table remembers it",
                hint="restore the object from the bucket's version history",
                where=f"s3://{bucket}/{key}",
                code="state",
            )
        return None if data is None else state.parse_state(data, where=f"s3://{bucket}/{key}")

    def _digest(self, lock_id: str) -> str:
        try:
            answer = self.clients.client("dynamodb").get_item(
                TableName=self.environment.lock_table, Key={"LockID": {"S": lock_id}}, ConsistentRead=True
            )
        except Exception:
            # No table, or no right to look: then nothing is remembered.
            return ""
        text: str = answer.get("Item", {}).get("Digest", {}).get("S", "")
        return "" if text == hashlib.md5(b"").hexdigest() else text  # noqa: S324 - terraform's own choice


def _is_error(answer: object) -> bool:
    return isinstance(answer, TfgenError)


def _outputs(found: State | None) -> Mapping[str, Output] | None:
    return found.outputs if found is not None and found.applied else None


def _outside(project: Project, files: Mapping[str, ModuleFiles]) -> dict[str, str]:
    """Find modules that call a module which the scratch root cannot mirror: it is not below the project's folder."""
    found: dict[str, str] = {}
    for name, item in files.items():
        for folder in called_folders(item):
            if not folder.is_relative_to(project.root):
                found.setdefault(name, refusals.OUTSIDE.say(path=os.path.relpath(folder, item.folder)))
    return found


def _other_versions(files: Mapping[str, ModuleFiles]) -> dict[str, str]:
    """Find modules whose dependency lock file selects another version of a provider than most."""
    locked = {name: locked_versions(item.folder) for name, item in files.items()}
    found: dict[str, str] = {}
    for address in {address for versions in locked.values() for address in versions}:
        chosen = Counter(versions[address][0] for versions in locked.values() if address in versions)
        usual = chosen.most_common(1)[0][0]
        for name, versions in locked.items():
            if address in versions and versions[address][0] != usual:
                short = address.rpartition("/")[2]
                found[name] = refusals.PROVIDER_VERSION.say(provider=short, version=versions[address][0], usual=usual)
    return found


def _other_sources(files: Mapping[str, ModuleFiles]) -> dict[str, str]:
    """Find modules that call another provider by a name that is taken."""
    taken: dict[str, str] = {}
    found: dict[str, str] = {}
    for name, item in files.items():
        for local, (source, _) in item.required.items():
            if taken.setdefault(local, source) != source:
                found[name] = refusals.PROVIDER_SOURCE.say(name=local, source=source, other=taken[local])
    return found


def other_constraints(files: Sequence[ModuleFiles]) -> dict[str, str]:
    """Find the modules whose version constraint of a provider is not the usual one: init could not reconcile them."""
    found: dict[str, str] = {}
    for local in {local for item in files for local in item.required}:
        chosen = Counter(item.required[local][1] for item in files if local in item.required)
        usual = chosen.most_common(1)[0][0]
        for item in files:
            if local in item.required and item.required[local][1] != usual:
                version = item.required[local][1] or "any version"
                found[item.module.name] = refusals.PROVIDER_CONSTRAINT.say(
                    name=local, version=version, usual=usual or "any version"
                )
    return found


def missing_provider(files: Sequence[ModuleFiles], error: str) -> dict[str, str]:
    """Find the modules that need a provider which init could not get; nothing if most of them do."""
    named = {full_source(source) for source in _NAMED_PROVIDER.findall(error)}
    found = {
        item.module.name: refusals.PROVIDER_MISSING.say(source=source)
        for item in files
        for source, _ in item.required.values()
        if source in named
    }
    return found if len(found) * 2 < len(files) else {}


def _foreign_states(project: Project, files: Mapping[str, ModuleFiles]) -> list[Diagnostic]:
    found = []
    for name, item in files.items():
        for read in item.states:
            if not read.module:
                where = f"{project.tree.name}/{name}/{read.place.file}:{read.place.line}"
                message = f"data.terraform_remote_state.{read.name} is no module of this project: it is read as it is"
                found.append(Diagnostic(name, where, message, severity=WARNING))
    return found


def _shown(project: Project, where: str) -> str:
    path = Path(where)
    return path.relative_to(project.root).as_posix() if path.is_relative_to(project.root) else where
