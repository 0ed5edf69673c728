"""Project → files, in memory: every path of the rendered tree with its bytes. Touches nothing."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from tfgen.blueprint import Blueprint
from tfgen.errors import SpecError, TfgenError
from tfgen.hcl import Block, HclText, Traversal, read_blocks, read_remote_states, read_traversals, to_hcl, unquote
from tfgen.hcljson import is_json, read_json_locals, read_json_outputs
from tfgen.mocks import MockedState, Surroundings, find_providers, guess
from tfgen.model import BACKEND_CONFIG, Environment, Module, Project
from tfgen.names import find_clashes
from tfgen.providers import lock_providers
from tfgen.schema import applies, suggest
from tfgen.templating import Templates

CUSTOM_CHANGES = "<!-- Custom changes: everything below this line is yours and is kept -->"
GLOBALS_LINK = "global.auto.tfvars"
LOCK_FILE = ".terraform.lock.hcl"
MARK = "Rendered by tfgen from"

_MEMBER = re.compile(rb"\blocal\.([A-Za-z_][\w-]*)\.[A-Za-z_]")
_HANDWRITTEN = "Terraform written by hand: nothing is rendered into this folder."
_BACKEND_WIDTH = len("allowed_account_ids")


@dataclass(frozen=True)
class File:
    """One file of the rendered tree.

    Attributes:
        content: Its bytes; empty for a link.
        link: Where it points, relative to its folder; empty for an ordinary file.
        template: The template it came from, `storage/main.tf.j2`.
    """

    content: bytes
    link: str = ""
    template: str = ""


@dataclass(frozen=True)
class Variable:
    """A variable of a rendered module, as its README shows it."""

    name: str
    type: str
    default: str
    description: str


@dataclass(frozen=True)
class Output:
    """An output of a module.

    Attributes:
        name: Its name.
        description: What it is.
        sensitive: True if terraform hides its value.
        value: Source text of its value; empty in a JSON file.
    """

    name: str
    description: str
    sensitive: bool
    value: str = ""


@dataclass(frozen=True)
class Edge:
    """One module reading outputs of another: what the dependency graph is made of.

    Attributes:
        reader: Full name of the reading module.
        read: Full name of the module that is read.
        outputs: The outputs it really uses, sorted.
    """

    reader: str
    read: str
    outputs: tuple[str, ...]


@dataclass(frozen=True)
class Ejected:
    """What plain Terraform without tfgen has to know.

    Attributes:
        bucket: The state of backend-config is in the bucket that it made.
        functions: The Lambda functions, with their modules.
    """

    bucket: bool = False
    functions: tuple[Shipped, ...] = ()


@dataclass(frozen=True)
class Shipped:
    """A Lambda function and the module that ships it."""

    name: str
    module: str


@dataclass(frozen=True)
class RenderedTree:
    """Everything that one project renders to.

    Attributes:
        files: By path below `terraform/`, sorted.
        outputs: Outputs of each module by module name.
        edges: Who reads which output of whom.
    """

    files: Mapping[str, File]
    outputs: Mapping[str, Mapping[str, Output]]
    edges: tuple[Edge, ...]


UserFiles = Mapping[str, Mapping[str, bytes]]
"""Terraform files (`.tf`, `.tf.json`) that users wrote beside the rendered ones, or edited: module → name → bytes."""


@dataclass(frozen=True)
class _Reader:
    """A place that reads an output: the module, and file with line and column."""

    module: str
    where: str


def plan_files(
    project: Project,
    blueprints: Mapping[str, Blueprint],
    templates: Templates,
    user_files: UserFiles | None = None,
    ejected: Ejected | None = None,
) -> RenderedTree:
    """Render a project in memory.

    Args:
        project: The resolved project.
        blueprints: The blueprints its modules use, by name.
        templates: Where templates come from.
        user_files: The users' own and edited `.tf` files, whose outputs and references count too.
        ejected: Given, the files are plain Terraform that nothing tells tfgen by.

    Raises:
        TfgenError: A template is wrong; names its file and line.
        SpecError: References do not resolve; all of them at once.
    """
    return _Renderer(project, blueprints, templates, user_files or {}, ejected).render()


class _Renderer:
    def __init__(
        self,
        project: Project,
        blueprints: Mapping[str, Blueprint],
        templates: Templates,
        user_files: UserFiles,
        ejected: Ejected | None,
    ) -> None:
        self.ejected = ejected
        self.project = project
        self.blueprints = blueprints
        self.templates = templates
        self.user_files = user_files
        self.users: Mapping[str, bytes] = {}
        self.sources: Sequence[bytes] = ()
        self.environment = project.environments[project.default_environment]
        self.files: dict[str, File] = {}
        self.outputs: dict[str, dict[str, Output]] = {}
        self.edges: list[Edge] = []
        self.problems: list[TfgenError] = []
        self.unresolved: dict[tuple[str, str], list[_Reader]] = {}
        self.identifiers = {module.identifier: module for module in project.modules}
        self.by_name = {module.name: module for module in project.modules}
        self.state_keys = {module.state_key: module.name for module in project.modules}
        self.locks: dict[str, File] = {}
        self.named: dict[str, list[bytes]] = {}
        self.samples: dict[str, dict[str, Any]] = {}

    def render(self) -> RenderedTree:
        for module in self.project.modules:
            self._module(module)
        self._report_unresolved()
        self._report_clashes()
        if self.problems:
            raise SpecError(self.problems)
        self._environments()
        self._lock_file("", self.project.providers)
        self._add("README.md", "_shared/MAP.md.j2", self._map_context())
        self._add("terraform.tfvars", "_shared/terraform.tfvars.j2", {"environment": self.environment})
        return RenderedTree(dict(sorted(self.files.items())), self.outputs, tuple(self.edges))

    # one module

    def _module(self, module: Module) -> None:
        blueprint = self.blueprints[module.blueprint]
        if not module.frame:
            self._handwritten_module(module)
            return
        context = self._context(module)
        rendered = dict(self._own_files(module, blueprint, context))
        rendered["variables.tf"] = self._variables(blueprint, context)
        rendered |= self._shared_files(module, context)
        self.users = self.user_files.get(module.name, {})
        for name, (template, text) in rendered.items():
            self._put(f"{module.name}/{name}", template, text)
        self.files[f"{module.name}/{GLOBALS_LINK}"] = File(b"", link="../terraform.tfvars")
        self._lock_file(f"{module.name}/", {**self.project.providers, **module.providers})
        sources = {name: text.encode() for name, (_, text) in rendered.items()}
        self.sources = [*sources.values(), *self.users.values()]
        self.named[module.name] = [*({**sources, **self.users}).values()]
        blocks = self._read(module, sources)
        self._check_variables(module, blueprint, blocks)
        used = self._check_references(module, sources, {name: part for name, (part, _) in rendered.items()})
        self._make_samples(module, blueprint, blocks)
        self._tests(module, blueprint, context, used)
        self._add(f"{module.name}/README.md", "_shared/README.md.j2", {
            **context,
            "blueprint": blueprint,
            "variables": _variables(blocks),
            "outputs": tuple(self.outputs[module.name].values()),
            "reads": [{"name": name, "outputs": _code_list(names)} for name, names in used.items()],
        })  # fmt: skip

    def _handwritten_module(self, module: Module) -> None:
        """Look at a module that nothing is rendered for: what it gives, what it reads, where its state is."""
        self.users = self.user_files.get(module.name, {})
        self._read(module, {})
        self._check_backend(module)
        self._make_samples(module, self.blueprints[module.blueprint], {})
        read = self._handwritten()
        self.edges += [Edge(module.name, name, tuple(sorted(read[name]))) for name in module.also_reads]

    def _check_backend(self, module: Module) -> None:
        """Refuse a state that tfgen would look for in vain."""
        if any(is_json(name) for name in self.users):
            return  # it may stand there, and is not looked for
        where = f"terraform/{module.name}"
        for name, source in self.users.items():
            for block in read_blocks(source):
                for inner in block.blocks if block.type == "terraform" else ():
                    if inner.type == "backend":
                        where = f"terraform/{module.name}/{name}:{inner.line}:1"
                        if inner.labels[:1] == ("s3",) and unquote(inner.attributes.get("key", "")) == module.state_key:
                            return
        message = f"{module.name} does not keep its state where tfgen looks for it"
        backend = f'terraform {{ backend "s3" {{ key = "{module.state_key}" }} }}'
        hint = f"{backend}; what is in another state is moved by terraform init -migrate-state"
        self.problems.append(TfgenError(message, hint=hint, where=where))

    def _own_files(
        self, module: Module, blueprint: Blueprint, context: Mapping[str, Any]
    ) -> Iterable[tuple[str, tuple[str, str]]]:
        del module
        for template in blueprint.templates:
            if template != "variables.tf.j2":
                name = f"{blueprint.name}/{template}"
                text = self.templates.render(name, context)
                if text.strip():  # a file that the settings leave empty is not written
                    yield template.removesuffix(".j2"), (name, text)

    def _variables(self, blueprint: Blueprint, context: Mapping[str, Any]) -> tuple[str, str]:
        text = self.templates.render("_shared/variables.tf.j2", context)
        own = f"{blueprint.name}/variables.tf.j2"
        if "variables.tf.j2" not in blueprint.templates:
            return "_shared/variables.tf.j2", text
        added = self.templates.render(own, context).strip("\n")
        return own, f"{text}\n{added}\n" if added else text

    def _shared_files(self, module: Module, context: Mapping[str, Any]) -> dict[str, tuple[str, str]]:
        names = {
            "versions.tf": "versions.tf.j2",
            "providers.tf": "providers.tf.j2",
            "locals.tf": "locals.tf.j2",
        }
        local = module.name == BACKEND_CONFIG and not (self.ejected and self.ejected.bucket)
        names["backend.tf"] = "backend_local.tf.j2" if local else "backend.tf.j2"
        if module.reads:
            names["remote_state.tf"] = "remote_state.tf.j2"
        return {
            name: (f"_shared/{template}", self.templates.render(f"_shared/{template}", context))
            for name, template in names.items()
        }

    # its tests

    def _tests(
        self, module: Module, blueprint: Blueprint, context: Mapping[str, Any], used: Mapping[str, Sequence[str]]
    ) -> None:
        """Render the Terraform tests: the mocks that all have in common, then the blueprint's own runs."""
        required = (*self.project.providers, *module.providers)
        handwritten = [source for name, source in self.users.items() if not is_json(name)]
        mocks = {
            "mocked_providers": find_providers(required, handwritten),
            "mocked_states": self._mocked_states(module, used),
            "mocked_zones": [f"{self.environment.region}{letter}" for letter in "abcdef"],
        }
        head = self.templates.render("_shared/mocks.tftest.hcl.j2", {**context, **mocks})
        own = {name: f"{blueprint.name}/tests/{name}" for name in blueprint.tests}
        for name, template in (own or {"plan.tftest.hcl.j2": "_shared/plan.tftest.hcl.j2"}).items():
            body = self.templates.render(template, {**context, **mocks}).strip("\n")
            if body:
                self._put(f"{module.name}/tests/{name.removesuffix('.j2')}", template, f"{head}\n{body}\n")

    def _mocked_states(self, module: Module, used: Mapping[str, Sequence[str]]) -> list[MockedState]:
        """Return what stands in for the modules it reads; sensitive outputs are named by its locals, read or not."""
        found = []
        for read in module.reads:
            hidden = [name for name, output in self.outputs[read.name].items() if output.sensitive]
            names = sorted({*used.get(read.name, ()), *hidden} & self.outputs[read.name].keys())
            found.append(MockedState(read.identifier, {name: self.samples[read.name][name] for name in names}))
        for label, target in self._handwritten_labels().items():
            found.append(MockedState(label, dict(sorted(self.samples.get(target, {}).items()))))
        return found

    def _make_samples(self, module: Module, blueprint: Blueprint, blocks: Mapping[str, Sequence[Block]]) -> None:
        prefix = f"{self.project.name}-{self.environment.name}-{module.short_name}"
        around = Surroundings(prefix, self.environment.region, self.environment.account)
        defaults = {variable.name: variable.default for variable in _variables(blocks)}
        outputs = self.outputs[module.name]
        self.samples[module.name] = {
            name: blueprint.samples.get(name, guess(name, output.value, defaults, around))
            for name, output in outputs.items()
        }
        for name in blueprint.samples.keys() - outputs.keys():
            message = f"the sample '{name}' is for an output that {module.name} does not have"
            where = f"templates/{blueprint.name}/blueprint.yaml"
            self.problems.append(TfgenError(message, hint=suggest(name, sorted(outputs)), where=where))

    def _context(self, module: Module) -> dict[str, Any]:
        return {
            "project": self.project,
            "module": module,
            "modules": self.project.modules,
            "settings": module.settings,
            "environment": self.environment,
            "providers": {**self.project.providers, **module.providers},
            "aliases": self._aliases(module),
            "locking": _locking(self.project.locking, self.environment),
            "state_key_alias": state_key_alias(self.project, self.environment),
        }

    def _aliases(self, module: Module) -> list[HclText]:
        """Name each read module's outputs, marking sensitive ones again: remote state loses the mark."""
        width = max((len(read.identifier) for read in module.reads), default=0)
        lines = []
        for read in module.reads:
            source = f"data.terraform_remote_state.{read.identifier}.outputs"
            hidden = [output.name for output in self.outputs.get(read.name, {}).values() if output.sensitive]
            if hidden:
                marks = ", ".join(f"{name} = sensitive({source}.{name})" for name in hidden)
                source = f"merge({source}, {{ {marks} }})"
            lines.append(HclText(f"{read.identifier.ljust(width)} = {source}"))
        return lines

    # what a module gives and reads

    def _read(self, module: Module, sources: Mapping[str, bytes]) -> dict[str, tuple[Block, ...]]:
        wanted = {name: source for name, source in sources.items() if name in ("variables.tf", "outputs.tf")}
        blocks = {name: read_blocks(source) for name, source in wanted.items()}
        found = [*blocks.get("outputs.tf", ())]
        given: dict[str, Output] = {}
        for name, source in self.users.items():
            if is_json(name):
                for output, body in read_json_outputs(source).items():
                    given[output] = Output(output, str(body.get("description", "")), body.get("sensitive") is True)
            else:
                found += read_blocks(source)
        for block in found:
            if block.type == "output" and block.labels:
                description = unquote(block.attributes.get("description", "")) or ""
                sensitive = block.attributes.get("sensitive") == "true"
                given[block.labels[0]] = Output(
                    block.labels[0], description, sensitive, block.attributes.get("value", "")
                )
        self.outputs[module.name] = given
        return blocks

    def _check_variables(self, module: Module, blueprint: Blueprint, blocks: Mapping[str, Sequence[Block]]) -> None:
        """Refuse a varying setting without its variable: terraform would ignore an environment's value."""
        declared = {variable.name for variable in _variables(blocks)}
        parts = blueprint.settings.get("properties", {})
        for name in blueprint.varying:
            if name not in declared and applies(parts[name], module.settings):
                message = f"the setting '{name}' varies, but {module.name} has no variable of that name"
                hint = f"declare it in templates/{blueprint.name}/variables.tf.j2, or take out 'varies'"
                where = f"templates/{blueprint.name}/blueprint.yaml"
                self.problems.append(TfgenError(message, hint=hint, where=where))

    def _check_references(
        self, module: Module, sources: Mapping[str, bytes], templates: Mapping[str, str]
    ) -> dict[str, tuple[str, ...]]:
        used: dict[str, set[str]] = {read.name: set() for read in module.reads}
        for name, source in sources.items():
            if name != "remote_state.tf":
                self._check_file(module, source, f"templates/{templates[name]}", used, templates[name])
        for name, source in self.users.items():
            self._check_file(module, source, f"terraform/{module.name}/{name}", used, "")
        handwritten = self._handwritten()
        for name, outputs in handwritten.items():
            used.get(name, set()).update(outputs)
        begun = bool(self.users or self.blueprints[module.blueprint].templates)  # else its files are still to come
        for name, where in [(read.name, read.where) for read in module.reads if begun and not used[read.name]]:
            hint = f"take it out of 'reads', or use local.{self.by_name[name].identifier}.<output>"
            self.problems.append(
                TfgenError(f"{module.name} declares that it reads {name}, but does not", hint=hint, where=where)
            )
        found = {name: tuple(sorted(outputs)) for name, outputs in used.items()}
        edges = {**found, **{name: tuple(sorted(handwritten[name])) for name in module.also_reads}}
        self.edges += [Edge(module.name, name, outputs) for name, outputs in edges.items()]
        return found

    def _handwritten(self) -> dict[str, set[str]]:
        """Return which outputs of which modules the user's own remote state blocks read; all, if it cannot be told."""
        labels = self._handwritten_labels()
        found: dict[str, set[str]] = {name: set() for name in labels.values()}
        for source in self.users.values():
            for traversal in read_traversals(source, "data", {"terraform_remote_state"}):
                parts = traversal.parts
                if len(parts) > 4 and parts[2] in labels and parts[3] == "outputs":
                    found[labels[parts[2]]].add(parts[4])
        return {name: outputs or {"*"} for name, outputs in found.items()}

    def _handwritten_labels(self) -> dict[str, str]:
        """Return the labels of the user's own remote state blocks, and the module that each reads."""
        return {
            state.label: self.state_keys[state.key]
            for source in self.users.values()
            for state in read_remote_states(source)
            if state.key in self.state_keys
        }

    def _check_file(
        self,
        module: Module,
        source: bytes,
        place: str,
        used: dict[str, set[str]],
        template: str,
    ) -> None:
        if is_json(place):
            found = read_json_locals(source, self.identifiers)
        else:
            self._check_names(source, place, template)
            found = read_traversals(source, "local", self.identifiers)
        for traversal in found:
            target = self.identifiers[traversal.parts[1]]
            if target.name not in used:
                where = self._line(place, template, traversal)
                hint = f"add '{target.short_name}' to the reads of {module.name} or of its blueprint"
                message = f"{module.name} uses {'.'.join(traversal.parts[:3])} but does not read {target.name}"
                self.problems.append(TfgenError(message, hint=hint, where=where))
                continue
            name = traversal.parts[2] if len(traversal.parts) > 2 else ""
            if name not in self.outputs[target.name]:
                where = self._line(place, template, traversal)
                if where == place:  # not in the template's text: a setting names it
                    where = _setting_of(module, target.name) or place
                reader = _Reader(module.name, where)
                readers = self.unresolved.setdefault((target.name, name), [])
                if reader not in readers:
                    readers.append(reader)
            used[target.name].add(name)

    def _report_unresolved(self) -> None:
        """Report each output that is read and does not exist once, with everybody who reads it."""
        for (target, name), readers in self.unresolved.items():
            outputs = sorted(self.outputs[target])
            if name:
                message, hint = f"{target} has no output '{name}'", suggest(name, outputs)
            else:
                identifier = self.by_name[target].identifier
                message = f"local.{identifier} stands for all outputs of {target}, which hides what is read"
                hint = f"write local.{identifier}.<output>: {', '.join(outputs)}"
            if len(readers) > 1:
                places = ", ".join(f"{reader.module} ({reader.where})" for reader in readers)
                message = f"{message}; it is read in {len(readers)} places: {places}"
            self.problems.append(TfgenError(message, hint=hint, where=readers[0].where))

    def _report_clashes(self) -> None:
        """Report two modules that would give one name to AWS, which only the second apply would find out."""
        for clash in find_clashes(self.named):
            first, second = clash.modules
            message = f"{second} and {first} would both make an {clash.type} called {clash.name}"
            hint = f"give {second} another name: a module's short name is part of what it makes"
            self.problems.append(TfgenError(message, hint=hint, where=f"terraform/{second}"))

    def _check_names(self, source: bytes, place: str, template: str) -> None:
        """Refuse `local.x.y` where x is neither a module nor a local value: a module's name was mistyped."""
        strange = {name.decode() for name in _MEMBER.findall(source)} - self.identifiers.keys()
        if not strange:
            return
        known = {
            name
            for other in self.sources
            if b"locals" in other
            for block in read_blocks(other)
            if block.type == "locals"
            for name in block.attributes
        }
        for traversal in read_traversals(source, "local", strange - known):
            name = traversal.parts[1]
            hint = suggest(name, sorted({*self.identifiers, *known}))
            where = self._line(place, template, traversal)
            message = f"'local.{name}' is neither a module nor a local value"
            self.problems.append(TfgenError(message, hint=hint, where=where))

    def _line(self, place: str, template: str, traversal: Traversal) -> str:
        if not template:
            return f"{place}:{traversal.line}:{traversal.column}"
        text = ".".join(traversal.parts[:3])
        wanted = re.compile(rf"(?<![\w.-]){re.escape(text)}(?![\w-])")
        for number, line in enumerate(self.templates.source(template).splitlines(), 1):
            if found := wanted.search(line):
                return f"{place}:{number}:{found.start() + 1}"
        return place

    # the whole tree

    def _environments(self) -> None:
        for environment in self.project.environments.values():
            context = {
                "environment": environment,
                "project": self.project,
                "locking": _locking(self.project.locking, environment),
                "state_key_alias": state_key_alias(self.project, environment),
            }
            base = f"environments/{environment.name}"
            self._add(f"{base}.tfvars", "_shared/environment.tfvars.j2", context)
            self._add(f"{base}.s3.tfbackend", "_shared/environment.s3.tfbackend.j2", context)
            for name, values in environment.values.items():
                if values:
                    lines = _assignments(values)
                    self._add(f"{base}/{name}.tfvars", "_shared/module.tfvars.j2", {"values": lines})

    def _lock_file(self, folder: str, required: Mapping[str, Mapping[str, str]]) -> None:
        """Add the dependency lock file; most modules require the same, so it is written once and copied."""
        path, key = f"{folder}{LOCK_FILE}", repr(required)
        if key not in self.locks:
            locked = lock_providers(required)
            if not locked:
                return
            self._add(path, "_shared/lock.hcl.j2", {"locked": locked})
            self.locks[key] = self.files[path]
        self.files[path] = self.locks[key]

    def _map_context(self) -> dict[str, Any]:
        readers: dict[str, list[str]] = {module.name: [] for module in self.project.modules}
        for edge in self.edges:
            readers[edge.read].append(edge.reader)
        rows = []
        for index, module in enumerate(self.project.modules):
            rows.append({
                "name": module.name,
                "page": f"{module.name}/README.md" if module.frame else f"{module.name}/",
                "node": module.identifier,
                "summary": self.blueprints[module.blueprint].summary if module.frame else _HANDWRITTEN,
                "facts": self.blueprints[module.blueprint].facts,
                "redeploy": self.blueprints[module.blueprint].redeploy,
                "reads": ", ".join((*(read.name for read in module.reads), *module.also_reads)) or "none",
                "read_by": ", ".join(readers[module.name]) or "none",
                "enter": f"cd {module.name}" if index == 0 else f"cd ../{module.name}",
            })  # fmt: skip
        edges = [
            {
                "reader": edge.reader,
                "read": edge.read,
                "outputs": _code_list(edge.outputs),
                "from_node": self.by_name[edge.read].identifier,
                "to_node": self.by_name[edge.reader].identifier,
            }
            for edge in self.edges
        ]
        return {
            "environment": self.environment,
            "rows": rows,
            "edges": edges,
            "ejected": self.ejected is not None,
            "in_bucket": self.ejected is not None and self.ejected.bucket,
            "functions": self.ejected.functions if self.ejected else (),
        }

    def _add(self, path: str, template: str, context: Mapping[str, Any]) -> None:
        text = self.templates.render(template, {"project": self.project, **context})
        self._put(path, template, text)

    def _put(self, path: str, template: str, text: str) -> None:
        finished = _finish(path, text) if self.ejected else _finish_marked(path, template, text)
        self.files[path] = File(finished.encode(), template=template)


def _setting_of(module: Module, target: str) -> str:
    """Return the place in the spec where a module says that it reads another one, empty if its blueprint does."""
    return next((read.where for read in module.reads if read.name == target and "blueprint.yaml" not in read.where), "")


def state_key_alias(project: Project, environment: Environment) -> str:
    """Return the alias of the key that encrypts the states of an environment."""
    return f"alias/{project.name}-{environment.name}-state"


def _finish_marked(path: str, template: str, text: str) -> str:
    mark = f"{MARK} {template.removesuffix('.j2')}; change the spec or the blueprint instead."
    body = _finish(path, text)
    return f"<!-- {mark} -->\n\n{body}\n{CUSTOM_CHANGES}\n" if path.endswith(".md") else f"# {mark}\n\n{body}"


def _finish(path: str, text: str) -> str:
    lines = (text.rstrip("\n") if path.endswith(".md") else text.strip("\n")).split("\n")
    return "\n".join(_squeeze(lines)) + "\n"


def _squeeze(lines: Sequence[str]) -> list[str]:
    """Drop blank lines after a blank line: a template's conditions leave them behind."""
    return [line for index, line in enumerate(lines) if line.strip() or index == 0 or lines[index - 1].strip()]


def _locking(kinds: Sequence[str], environment: Environment) -> list[HclText]:
    lines = []
    if "dynamodb" in kinds:
        lines.append(HclText(f"{'dynamodb_table'.ljust(_BACKEND_WIDTH)} = {to_hcl(environment.lock_table)}"))
    if "lockfile" in kinds:
        lines.append(HclText(f"{'use_lockfile'.ljust(_BACKEND_WIDTH)} = true"))
    return lines


def _assignments(values: Mapping[str, Any]) -> list[HclText]:
    """Lay values out as `terraform fmt` does: what stands in one line is aligned."""
    text = to_hcl(dict(sorted(values.items())))
    return [HclText(line.removeprefix("  ")) for line in text.split("\n")[1:-1]]


def _variables(blocks: Mapping[str, Sequence[Block]]) -> list[Variable]:
    return [
        Variable(
            name=block.labels[0],
            type=block.attributes.get("type", "any"),
            default=block.attributes.get("default", "required"),
            description=unquote(block.attributes.get("description", "")) or "",
        )
        for block in blocks.get("variables.tf", ())
        if block.type == "variable"
    ]


def _code_list(names: Sequence[str]) -> str:
    return ", ".join(f"`{name}`" for name in names)
