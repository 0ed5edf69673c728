"""Spec and blueprints → Project: every name resolved, every setting filled in, all problems at once."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from tfgen.blueprint import Blueprint, list_blueprints, load_blueprint
from tfgen.errors import SpecError, TfgenError
from tfgen.graph import find_cycle
from tfgen.hcl import HclText, read_remote_states
from tfgen.model import BACKEND_CONFIG, EMULATOR_ACCOUNT, Environment, Function, Module, Project, Reference
from tfgen.schema import applies, find_outputs, map_outputs, suggest, validate, with_defaults
from tfgen.spec import Spec
from tfgen.yamldoc import Document, KeyPath

DEFAULT_ENVIRONMENT = "local"
COMMON = "common"

_RESERVED = frozenset({
    # the locals that rendered files define themselves
    "tags", "extra_tags", "name_prefix", "account_id", "partition", "region",
    # HCL's own words, and the arguments of a module call
    "for", "if", "in", "null", "true", "false", "count", "each", "local", "module", "path", "self", "terraform", "var",
    "data", "resource", "output", "variable", "provider", "lifecycle", "version", "source", "providers", "depends_on",
    "connection", "provisioner",
})  # fmt: skip
_STANDARD_TAGS = ("Project", "Module", "Environment", "ManagedBy", "Owner")
_MAX_PORT = 65_535
_LOOPBACK = ("127.0.0.1", "localhost", "::1")


def with_handwritten_reads(project: Project, users: Mapping[str, Mapping[str, bytes]]) -> Project:
    """Let `terraform_remote_state` blocks in users' own files count as dependencies (the seed's style).

    Args:
        project: The resolved project.
        users: The users' `.tf` files: module name → file name → bytes.

    Raises:
        SpecError: Such a block reads a module that comes later.
    """
    keys = {module.state_key: module for module in project.modules}
    problems: list[TfgenError] = []
    modules = []
    for module in project.modules:
        found: dict[str, None] = {}
        for file, source in users.get(module.name, {}).items():
            for state in read_remote_states(source):
                target = keys.get(state.key)
                if target is None or target.name in {read.name for read in module.reads}:
                    continue
                found[target.name] = None
                if project.modules.index(target) >= project.modules.index(module):
                    where = f"terraform/{module.name}/{file}:{state.line}:1"
                    hint = "a module may only read modules with a lower number"
                    message = f"{module.name} reads {target.name}, which does not come before it"
                    problems.append(TfgenError(message, hint=hint, where=where, code="spec"))
        modules.append(replace(module, also_reads=tuple(sorted(found))) if found else module)
    if problems:
        raise SpecError(problems)
    return replace(project, modules=tuple(modules))


def name_problem(short_name: str) -> tuple[str, str] | None:
    """Return what is wrong with a module's short name and what would be right; None if it can be used."""
    if not _is_short_name(short_name):
        hint = "write up to 40 lower-case letters, digits and hyphens, beginning with a letter: invoices"
        return f"'{short_name}' is not a module's name", hint
    if _identifier(short_name) in _RESERVED:
        return f"'{short_name}' is a reserved word", "choose another name"
    return None


@dataclass
class _Entry:
    """A module of the spec while it is being resolved."""

    name: str
    number: str
    short_name: str
    path: KeyPath
    value: Mapping[str, Any]
    blueprint: Blueprint | None = None
    reads: dict[str, str] = field(default_factory=dict)


def build_model(spec: Spec, template_roots: Sequence[Path]) -> tuple[Project, Mapping[str, Blueprint]]:
    """Resolve a spec against the blueprints.

    Args:
        spec: The project's YAML files.
        template_roots: Folders with blueprints, the project's own first.

    Returns:
        The project, and the blueprints that it uses by name.

    Raises:
        SpecError: Anything does not fit; all problems at once, each with its place.
    """
    resolver = _Resolver(spec, template_roots)
    project = resolver.project()
    if resolver.problems or project is None:
        raise SpecError(resolver.problems)
    return project, resolver.blueprints


class _Resolver:
    def __init__(self, spec: Spec, template_roots: Sequence[Path]) -> None:
        self.spec = spec
        self.document = spec.document
        self.value: Mapping[str, Any] = spec.document.value
        self.folders = list_blueprints(template_roots)
        self.blueprints: dict[str, Blueprint] = {}
        self.problems: list[TfgenError] = []

    def project(self) -> Project | None:
        entries = self._entries()
        self._read_blueprints(entries)
        self._resolve_reads(entries)
        self._check_functions(entries)
        self._check_once(entries)
        self._check_names(entries)
        self._check_frames(entries)
        default = self.value.get("default_environment", DEFAULT_ENVIRONMENT)
        if default not in self.spec.environments:
            hint = suggest(default, sorted(self.spec.environments))
            self._refuse(f"there is no environment '{default}'", ("default_environment",), hint)
        self._check_tags()
        overlays = {name: self._overlay(document, entries) for name, document in self.spec.environments.items()}
        if self.problems:
            return None
        settings = {entry.name: self._settings(entry) for entry in entries}
        environments = {
            name: self._environment(name, document, entries, settings, overlays[name])
            for name, document in self.spec.environments.items()
        }
        if self.problems:
            return None
        return self._assemble(entries, settings, environments, default)

    def _assemble(
        self,
        entries: Sequence[_Entry],
        settings: Mapping[str, Mapping[str, Any]],
        environments: Mapping[str, Environment],
        default: str,
    ) -> Project:
        prefix = self.value.get("state", {}).get("key_prefix", "")
        references = {entry.name: _reference(entry, prefix) for entry in entries}
        terraform = with_defaults(self.value.get("terraform", {}), _terraform_schema())
        return Project(
            root=self.spec.root,
            spec_path=self.spec.path,
            name=self.value["project"],
            owner=self.value["owner"],
            region=self.value["region"],
            tags=dict(self.value.get("tags", {})),
            required_version=terraform["required_version"],
            providers=_providers(terraform.get("providers", {})),
            locking=tuple(self.value.get("state", {}).get("locking", ("dynamodb", "lockfile"))),
            default_environment=default,
            environments=environments,
            modules=tuple(
                Module(
                    name=entry.name,
                    number=entry.number,
                    short_name=entry.short_name,
                    identifier=_identifier(entry.short_name),
                    blueprint=entry.value["blueprint"],
                    settings={**settings[entry.name], **environments[default].values.get(entry.name, {})},
                    reads=tuple(replace(references[name], where=where) for name, where in entry.reads.items()),
                    functions=tuple(Function(name, f"artifacts/{name}.zip") for name in self._functions(entry)),
                    providers=entry.value.get("providers", {}),
                    state_key=references[entry.name].state_key,
                    frame=entry.value.get("frame", True),
                )
                for entry in entries
            ),
        )

    def _refuse(
        self,
        message: str,
        path: KeyPath,
        hint: str = "",
        *,
        key: bool = False,
        document: Document | None = None,
    ) -> None:
        self.problems.append((document or self.document).problem(message, path, hint=hint, key=key))

    def _of(self, entry: _Entry) -> Blueprint:
        return self.blueprints[entry.value["blueprint"]]

    # names

    def _entries(self) -> list[_Entry]:
        entries = []
        for name, value in self.value["modules"].items():
            number, short_name = _split(name)
            path: KeyPath = ("modules", name)
            entries.append(_Entry(name, number, short_name, path, value))
            if not number and name != BACKEND_CONFIG:
                hint = "write a number of 2 to 4 digits, a hyphen and words joined by hyphens: 08-invoices"
                self._refuse(f"'{name}' is not a module's name", path, hint, key=True)
            elif problem := name_problem(short_name):
                message, hint = problem
                self._refuse(message, path, hint, key=True)
        self._check_unique(entries)
        return sorted(entries, key=lambda entry: (int(entry.number or -1), entry.name))

    def _check_unique(self, entries: Sequence[_Entry]) -> None:
        numbers: dict[int, str] = {}
        names: dict[str, str] = {}
        for entry in entries:
            if entry.number and (first := numbers.setdefault(int(entry.number), entry.name)) != entry.name:
                self._refuse(
                    f"the number {entry.number} is taken by {first}", entry.path, "choose a free one", key=True
                )
            if (first := names.setdefault(_identifier(entry.short_name), entry.name)) != entry.name:
                self._refuse(
                    f"the name '{entry.short_name}' is taken by {first}", entry.path, "choose another", key=True
                )

    def _read_blueprints(self, entries: Sequence[_Entry]) -> None:
        for entry in entries:
            name = entry.value["blueprint"]
            path: KeyPath = (*entry.path, "blueprint")
            if name not in self.folders:
                self._refuse(f"there is no blueprint '{name}'", path, suggest(name, sorted(self.folders)))
                continue
            if name == BACKEND_CONFIG and entry.name != BACKEND_CONFIG:
                hint = "name another blueprint"
                self._refuse("only the module backend-config is rendered from backend-config", path, hint)
            if name not in self.blueprints:
                try:
                    self.blueprints[name] = load_blueprint(name, self.folders[name])
                except SpecError as error:
                    self.problems.extend(error.problems)
                    continue
            entry.blueprint = self.blueprints[name]

    # dependencies

    def _resolve_reads(self, entries: Sequence[_Entry]) -> None:
        names = {known: entry for entry in entries for known in (entry.name, entry.short_name)}
        wanted: dict[str, list[tuple[_Entry, KeyPath]]] = {}
        for entry in entries:
            wanted[entry.name] = list(self._targets(entry, names))
        cycle = find_cycle({name: [target.name for target, _ in found] for name, found in wanted.items()})
        if cycle:
            path = next(path for target, path in wanted[cycle[0]] if target.name == cycle[1])
            hint = "take one of these out of the reads"
            self._refuse(f"modules read each other in a cycle: {' → '.join(cycle)}", path, hint)
        for entry in entries:
            for target, path in wanted[entry.name]:
                if int(target.number or -1) >= int(entry.number or -1) and not {
                    entry.name,
                    target.name,
                } <= set(cycle):
                    hint = "a module may only read modules with a lower number"
                    self._refuse(f"{entry.name} reads {target.name}, which comes later", path, hint)
            found = {target.name: (int(target.number or -1), path) for target, path in wanted[entry.name]}
            for name, (_, path) in sorted(found.items(), key=lambda item: item[1][0]):
                declared_by_blueprint = path[-1] == "blueprint"
                blueprint = f"templates/{entry.value['blueprint']}/blueprint.yaml"
                entry.reads[name] = blueprint if declared_by_blueprint else self.document.place(path)

    def _targets(self, entry: _Entry, names: Mapping[str, _Entry]) -> Iterator[tuple[_Entry, KeyPath]]:
        own = [(name, (*entry.path, "reads", index)) for index, name in enumerate(entry.value.get("reads", ()))]
        given = entry.blueprint.reads if entry.blueprint else ()
        declared = [*((name, (*entry.path, "blueprint")) for name in given), *own, *self._named(entry)]
        for name, path in declared:
            if name == BACKEND_CONFIG:
                self._refuse("the state bucket's own module cannot be read", path, "its names are variables")
            elif name in names:
                yield names[name], path
            else:
                known = sorted(other.short_name for other in names.values() if other.number)
                self._refuse(f"{entry.name} reads '{name}', which is no module", path, suggest(name, known))

    def _named(self, entry: _Entry) -> Iterator[tuple[str, KeyPath]]:
        """Yield the modules whose outputs the settings name: `storage.orders_table_arn` reads storage."""
        if entry.blueprint is None:
            return
        schema, given = entry.blueprint.settings, entry.value.get("settings", {})
        for output, path in find_outputs(with_defaults(given, schema), schema):
            default = path[0] not in given
            place: KeyPath = (*entry.path, "blueprint") if default else (*entry.path, "settings", *path)
            yield output.partition(".")[0], place

    def _check_functions(self, entries: Sequence[_Entry]) -> None:
        owners: dict[str, str] = {}
        for entry in entries:
            for name in self._functions(entry):
                if name == COMMON:
                    hint = "choose another name for the module"
                    self._refuse(f"lambdas/{COMMON}/ is what all functions share", entry.path, hint, key=True)
                if (first := owners.setdefault(name, entry.name)) != entry.name:
                    message = f"the function '{name}' already belongs to {first}"
                    hint = "a function has one module: copy it in lambdas/ under another name"
                    self._refuse(message, (*entry.path, "blueprint"), hint)

    def _functions(self, entry: _Entry) -> tuple[str, ...]:
        return entry.blueprint.functions_of(_identifier(entry.short_name)) if entry.blueprint else ()

    def _check_once(self, entries: Sequence[_Entry]) -> None:
        firsts: dict[str, str] = {}
        for entry in entries:
            if entry.blueprint is None or not entry.blueprint.once:
                continue
            if (first := firsts.setdefault(entry.blueprint.name, entry.name)) != entry.name:
                message = f"a project has one module of the blueprint '{entry.blueprint.name}': {first}"
                hint = "use another blueprint, or one of your own: tfgen blueprints new NAME"
                self._refuse(message, (*entry.path, "blueprint"), hint)

    def _check_names(self, entries: Sequence[_Entry]) -> None:
        """Refuse a name that AWS would refuse during the apply."""
        longest = max(self.spec.environments, key=len)
        for entry in entries:
            limit = entry.blueprint.name_limit if entry.blueprint else None
            name = f"{self.value['project']}-{longest}-{entry.short_name}"
            if limit is not None and len(name) > limit:
                message = (
                    f"names in this module begin with '{name}': {len(name)} characters, AWS leaves room for {limit}"
                )
                hint = f"shorten the module's name by {len(name) - limit}"
                self._refuse(message, entry.path, hint, key=True)

    def _check_frames(self, entries: Sequence[_Entry]) -> None:
        """Refuse what does nothing for a module that nothing is rendered for."""
        for entry in entries:
            if entry.value.get("frame", True) or entry.blueprint is None:
                continue
            for key in ("reads", "settings", "providers"):
                if key in entry.value:
                    hint = "take it out, or 'frame: false'; its own files say what it reads and needs"
                    self._refuse(f"'{key}' has no effect with frame: false", (*entry.path, key), hint, key=True)
            if entry.blueprint.templates or entry.blueprint.functions or entry.name == BACKEND_CONFIG:
                hint = "frame: false is for Terraform written by hand: blueprint: empty"
                self._refuse(f"the blueprint '{entry.blueprint.name}' needs its frame", (*entry.path, "frame"), hint)

    def _check_tags(self) -> None:
        for name in self.value.get("tags", {}):
            if name in _STANDARD_TAGS:
                self._refuse(f"the tag '{name}' is set by tfgen", ("tags", name), "choose another key", key=True)

    # settings and environments

    def _settings(self, entry: _Entry) -> Mapping[str, Any]:
        schema = self._of(entry).settings
        given = entry.value.get("settings", {})
        for problem in validate(given, schema, (*entry.path, "settings")):
            self._refuse(problem.message, problem.path, problem.hint, key=problem.key)
        filled: Mapping[str, Any] = with_defaults(given, schema)
        for name, part in schema.get("properties", {}).items():
            counts = applies(part, filled)
            if name in given and not counts:
                self._refuse_idle(part["when"], filled, (*entry.path, "settings", name), self.document)
            elif counts and name not in filled and name not in schema.get("required", ()):
                hint = part.get("description", f"add {name}: …")
                self._refuse(f"'{name}' is missing", (*entry.path, "settings"), hint)
        return dict(map_outputs(filled, schema, _as_hcl))

    def _refuse_idle(
        self, when: Mapping[str, Sequence[Any]], filled: Mapping[str, Any], path: KeyPath, document: Document
    ) -> None:
        """Refuse a setting that would do nothing beside the others, rather than pass it over."""
        others = {other: values for other, values in when.items() if filled.get(other) not in values}
        there = " and ".join(f"{other}: {filled.get(other)}" for other in others)
        wanted = " and ".join(f"{other}: {' or '.join(map(str, values))}" for other, values in others.items())
        message, hint = f"'{path[-1]}' has no effect with {there}", f"take it out, or write {wanted}"
        self._refuse(message, path, hint, key=True, document=document)

    def _key_of(self, entry: _Entry, document: Document) -> str:
        """Return the name by which an environment calls a module: the full or the short one."""
        return entry.name if entry.name in document.value.get("modules", {}) else entry.short_name

    def _overlay(self, document: Document, entries: Sequence[_Entry]) -> dict[str, Mapping[str, Any]]:
        names = {known: entry for entry in entries for known in (entry.name, entry.short_name)}
        found: dict[str, Mapping[str, Any]] = {}
        for name, values in document.value.get("modules", {}).items():
            path: KeyPath = ("modules", name)
            entry = names.get(name)
            if entry is None:
                hint = suggest(name, sorted(entry.short_name for entry in entries))
                self._refuse(f"there is no module '{name}'", path, hint, key=True, document=document)
            elif entry.name in found:
                self._refuse(f"{entry.name} stands here twice", path, "join the two", key=True, document=document)
            elif entry.blueprint is not None:
                self._check_overlay(values, entry.blueprint, path, document)
                found[entry.name] = values
        return found

    def _check_overlay(
        self, values: Mapping[str, Any], blueprint: Blueprint, path: KeyPath, document: Document
    ) -> None:
        known = blueprint.settings.get("properties", {})
        for name in values:
            if name in known and name not in blueprint.varying:
                hint = "set it in config/project.yaml; only these vary: " + ", ".join(blueprint.varying)
                self._refuse(
                    f"'{name}' is the same in every environment",
                    (*path, name),
                    hint,
                    key=True,
                    document=document,
                )
        optional = {**blueprint.settings, "required": []}
        for problem in validate(values, optional, path):
            self._refuse(problem.message, problem.path, problem.hint, key=problem.key, document=document)

    def _environment(
        self,
        name: str,
        document: Document,
        entries: Sequence[_Entry],
        settings: Mapping[str, Mapping[str, Any]],
        overlay: Mapping[str, Mapping[str, Any]],
    ) -> Environment:
        value = document.value
        endpoint = value.get("endpoint")
        self._check_place(value, document)
        state = {**self.value.get("state", {}), **value.get("state", {})}
        for key in ("bucket", "lock_table"):
            if key not in state:
                self._refuse(f"'{key}' of the state is missing", ("state",), f"state: {{{key}: …}}", document=document)
        values = {}
        for entry in entries:
            merged = _merge(settings[entry.name], overlay.get(entry.name, {}), self._of(entry).settings)
            parts = self._of(entry).settings.get("properties", {})
            counting = [key for key in self._of(entry).varying if applies(parts[key], settings[entry.name])]
            values[entry.name] = {key: merged[key] for key in counting if key in merged}
            for key in overlay.get(entry.name, {}):
                if key in parts and key not in counting:
                    place: KeyPath = ("modules", self._key_of(entry, document), key)
                    self._refuse_idle(parts[key]["when"], settings[entry.name], place, document)
        return Environment(
            name=name,
            account=value.get("account", EMULATOR_ACCOUNT),
            endpoint=endpoint.rstrip("/") if endpoint else None,
            region=value.get("region", self.value["region"]),
            state_bucket=state.get("bucket", ""),
            lock_table=state.get("lock_table", ""),
            credentials=tuple(value.get("credentials", ())),
            values=values,
            composed=value.get("apply", self.value.get("apply", "modules")) == "composed",
            embedded=bool(endpoint) and value.get("embedded", urlsplit(endpoint).hostname in _LOOPBACK),
        )

    def _check_place(self, value: Mapping[str, Any], document: Document) -> None:
        if ("account" in value) == ("endpoint" in value):
            hint = 'account: "123456789012" for AWS, endpoint: http://127.0.0.1:4566 for an emulator'
            self._refuse("an environment has exactly one of account and endpoint", (), hint, document=document)
        elif "endpoint" in value:
            self._check_endpoint(value["endpoint"], document)
        elif not value.get("credentials"):
            hint = "credentials: [profile]"
            self._refuse("an environment with an account names its credentials", (), hint, document=document)

    def _check_endpoint(self, endpoint: str, document: Document) -> None:
        host = (urlsplit(endpoint).hostname or "").rstrip(".")
        if host == "amazonaws.com" or host.endswith((".amazonaws.com", ".amazonaws.com.cn", ".aws")):
            hint = 'name the account instead: account: "123456789012"'
            self._refuse("the endpoint is AWS itself, not an emulator", ("endpoint",), hint, document=document)
        port = endpoint.rstrip("/").rpartition(":")[2]
        if port.isdigit() and not 0 < int(port) <= _MAX_PORT:
            hint = f"a port is a number from 1 to {_MAX_PORT}"
            self._refuse(f"there is no port {port}", ("endpoint",), hint, document=document)


def _merge(base: Mapping[str, Any], over: Mapping[str, Any], schema: Mapping[str, Any]) -> dict[str, Any]:
    """Lay an environment's values over the project's: key by key where the schema names the keys."""
    merged = dict(base)
    for name, value in over.items():
        part: Mapping[str, Any] = schema.get("properties", {}).get(name, {})
        nested = isinstance(value, dict) and isinstance(base.get(name), dict) and "properties" in part
        merged[name] = _merge(base[name], value, part) if nested else value
    return merged


def _split(name: str) -> tuple[str, str]:
    number, _, rest = name.partition("-")
    if number.isascii() and number.isdigit() and 2 <= len(number) <= 4 and _is_short_name(rest):
        return number, rest
    return "", name


def _is_short_name(text: str) -> bool:
    words = text.split("-")
    good = all(word.isascii() and word.isalnum() and word == word.lower() for word in words)
    return good and text[:1].isalpha() and len(text) <= 40


def _identifier(short_name: str) -> str:
    return short_name.replace("-", "_")


def _as_hcl(output: str) -> HclText:
    """Write `api-ingestion.api_id` as HCL reads it; its form was checked with the settings."""
    short_name, _, name = output.partition(".")
    return HclText(f"local.{_identifier(short_name)}.{name}")


def _reference(entry: _Entry, prefix: str) -> Reference:
    key = f"{prefix}{entry.name}/terraform.tfstate"
    return Reference(entry.name, entry.short_name, _identifier(entry.short_name), key)


def _terraform_schema() -> Mapping[str, Any]:
    from tfgen.spec import SPEC_SCHEMA

    schema: Mapping[str, Any] = SPEC_SCHEMA["properties"]["terraform"]
    return schema


def _providers(given: Mapping[str, Any]) -> Mapping[str, Mapping[str, str]]:
    constraints: Mapping[str, Any] = {"aws": "~> 5.100", **given}
    return {
        name: {"source": f"hashicorp/{name}", "version": value} if isinstance(value, str) else dict(value)
        for name, value in constraints.items()
    }
