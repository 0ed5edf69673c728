"""The Terraform files of one module, read for composing: what it gives, takes and configures, and where."""

from __future__ import annotations

import json
import os
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tfgen.hcl import Block, Traversal, find_traversals, has_errors, read_blocks, unquote
from tfgen.model import Environment, Module, Project

EVERYTHING = "*"
"""Stands among the outputs that are read where a file uses them in a way that names none."""

_REMOTE = ("data", "terraform_remote_state")
_KEY = re.compile(r'\bkey\s*[=:]\s*"([^"$]+)"')
_PATH = re.compile(r'\bpath\s*[=:]\s*"([^"$]+)"')
_BUCKET = re.compile(r'\bbucket\s*[=:]\s*(?:"([^"$]*)"|(var\.[\w-]+))')
_ALIAS = re.compile(r"([A-Za-z_][\w-]*)\s*=\s*$")
_MERGE = re.compile(r"([A-Za-z_][\w-]*)\s*=\s*merge\(\s*$")
_PAIR = re.compile(r'\b(source|version)\s*[=:]\s*"([^"]*)"')
_LOCAL_SOURCE = re.compile(rb'^\s*source\s*=\s*"(\.{1,2}/[^"]*)"', re.MULTILINE)
_REGISTRY = "registry.terraform.io"


@dataclass(frozen=True)
class Place:
    """A line of a module's file."""

    file: str
    line: int


@dataclass(frozen=True)
class Given:
    """An output: its name, whether terraform hides it, and where it stands."""

    name: str
    sensitive: bool
    place: Place


@dataclass(frozen=True)
class Taken:
    """A variable: its name, the texts of type and default (None: a value is required), and where it stands."""

    name: str
    type: str
    default: str | None
    place: Place


@dataclass(frozen=True)
class Provider:
    """A provider configuration.

    Attributes:
        name: Local name, `aws`.
        alias: Empty for the default configuration.
        text: The block as it stands.
        place: Where it stands.
        start: Offset of its first byte in the file.
        end: Offset behind its last byte.
        variables: The variables it uses.
        plain: True if it uses nothing but variables.
    """

    name: str
    alias: str
    text: str
    place: Place
    start: int
    end: int
    variables: tuple[str, ...]
    plain: bool


@dataclass(frozen=True)
class Import:
    """An `import` block: the texts of its arguments, and where it stands."""

    to: str
    id: str
    for_each: str
    place: Place
    start: int
    end: int


@dataclass(frozen=True)
class StateRead:
    """A `terraform_remote_state` block.

    Attributes:
        name: Its label.
        module: Full name of the module whose state it reads; empty if that is none of this project.
        place: Where it stands.
        start: Offset of its first byte in the file.
        end: Offset behind its last byte.
    """

    name: str
    module: str
    place: Place
    start: int
    end: int


@dataclass(frozen=True)
class ModuleFiles:
    """Everything about a module's files that composing needs.

    Attributes:
        module: The module.
        folder: Its folder.
        sources: Its `.tf` files by name.
        documents: Its `.tf.json` files by name.
        outputs: What it gives, by name.
        variables: What it takes, by name.
        providers: Its provider configurations.
        required: Required providers: local name → (source address, version constraint).
        imports: Its import blocks.
        states: The states it reads.
        uses: The outputs it reads: module → names, or EVERYTHING.
        passed: The outputs it must be given: `uses`, and what is mentioned beside.
        backend: Type of its backend, and its `path` for a local one.
        backend_settings: The arguments of its backend, as texts.
        broken: Files that cannot be parsed.
    """

    module: Module
    folder: Path
    sources: Mapping[str, bytes]
    documents: Mapping[str, bytes]
    outputs: Mapping[str, Given]
    variables: Mapping[str, Taken]
    providers: tuple[Provider, ...]
    required: Mapping[str, tuple[str, str]]
    imports: tuple[Import, ...]
    states: tuple[StateRead, ...]
    uses: Mapping[str, frozenset[str]]
    passed: Mapping[str, frozenset[str]]
    backend: tuple[str, str]
    broken: tuple[str, ...]
    backend_settings: Mapping[str, str] = field(default_factory=dict)


def read_module(project: Project, environment: Environment, module: Module) -> ModuleFiles:
    """Read a module's files."""
    return _Reader(project, environment, module).read()


@dataclass
class _Reader:
    project: Project
    environment: Environment
    module: Module
    outputs: dict[str, Given] = field(default_factory=dict)
    variables: dict[str, Taken] = field(default_factory=dict)
    providers: list[Provider] = field(default_factory=list)
    required: dict[str, tuple[str, str]] = field(default_factory=dict)
    imports: list[Import] = field(default_factory=list)
    states: list[StateRead] = field(default_factory=list)
    backend: tuple[str, str] = ("", "")
    backend_settings: Mapping[str, str] = field(default_factory=dict)

    def read(self) -> ModuleFiles:
        folder = self.project.tree / self.module.name
        sources, documents = _load(folder)
        blocks = {name: read_blocks(source) for name, source in sources.items()}
        for name, found in blocks.items():
            for block in found:
                self._block(name, sources[name], block)
        for name, source in documents.items():
            self._document(name, source)
        uses, passed = _Uses(sources, documents, blocks, self.states).find()
        return ModuleFiles(
            module=self.module,
            folder=folder,
            sources=sources,
            documents=documents,
            outputs=self.outputs,
            variables=self.variables,
            providers=tuple(self.providers),
            required=self.required,
            imports=tuple(self.imports),
            states=tuple(self.states),
            uses=uses,
            passed=passed,
            backend=self.backend,
            backend_settings=self.backend_settings,
            broken=tuple(name for name, source in sources.items() if has_errors(source)),
        )

    def _block(self, name: str, source: bytes, block: Block) -> None:
        place = Place(name, block.line)
        label = block.labels[0] if block.labels else ""
        if block.type == "output":
            known = self.outputs.get(label)
            hidden = block.attributes.get("sensitive") == "true" or (known is not None and known.sensitive)
            self.outputs[label] = Given(label, hidden, place)
        elif block.type == "variable":
            self.variables[label] = Taken(
                label, block.attributes.get("type", "any"), block.attributes.get("default"), place
            )
        elif block.type == "provider":
            self.providers.append(_provider(block, source, place))
        elif block.type == "import":
            to, identity, each = (block.attributes.get(part, "") for part in ("to", "id", "for_each"))
            self.imports.append(Import(to, identity, each, place, block.start, block.end))
        elif block.type == "data" and block.labels[:1] == _REMOTE[1:]:
            target = self._target(block)
            self.states.append(StateRead(block.labels[1], target, place, block.start, block.end))
        elif block.type == "terraform":
            self._settings(block)

    def _settings(self, block: Block) -> None:
        for inner in block.blocks:
            if inner.type == "required_providers":
                for name, text in inner.attributes.items():
                    pairs = dict(_PAIR.findall(text))
                    source = pairs.get("source", f"hashicorp/{name}")
                    self.required[name] = (full_source(source), pairs.get("version", ""))
            elif inner.type == "backend":
                self.backend = (inner.labels[0], unquote(inner.attributes.get("path", "")) or "")
                self.backend_settings = inner.attributes

    def _document(self, name: str, source: bytes) -> None:
        try:
            document = json.loads(source)
        except ValueError:
            return
        if not isinstance(document, dict):
            return
        for label, body in _entries(document.get("output")):
            self.outputs[label] = Given(label, body.get("sensitive") is True, Place(name, 1))
        for label, body in _entries(document.get("variable")):
            default = json.dumps(body["default"]) if "default" in body else None
            self.variables[label] = Taken(label, str(body.get("type", "any")), default, Place(name, 1))

    def _target(self, block: Block) -> str:
        """Return the module whose state the block reads; empty if it must be read as it is."""
        if {"count", "for_each", "defaults", "workspace"} & block.attributes.keys():
            return ""
        config = block.attributes.get("config", "")
        kind = unquote(block.attributes.get("backend", ""))
        if kind == "s3":
            key, bucket = _KEY.search(config), _BUCKET.search(config)
            if key is None or (bucket is not None and bucket[1] not in (None, self.environment.state_bucket)):
                return ""
            return next((other.name for other in self.project.modules if other.state_key == key[1]), "")
        if kind == "local" and (path := _PATH.search(config)):
            wanted = os.path.normpath(self.project.tree / self.module.name / path[1])
            for other in self.project.modules:
                if os.path.dirname(wanted) == str(self.project.tree / other.name) and other is not self.module:  # noqa: PTH120
                    return other.name
        return ""


@dataclass
class _Uses:
    """Finds which outputs of which module the files read."""

    sources: Mapping[str, bytes]
    documents: Mapping[str, bytes]
    blocks: Mapping[str, Sequence[Block]]
    states: Sequence[StateRead]
    uses: dict[str, set[str]] = field(default_factory=dict)
    mentioned: dict[str, set[str]] = field(default_factory=dict)
    aliases: dict[str, str] = field(default_factory=dict)

    def find(self) -> tuple[dict[str, frozenset[str]], dict[str, frozenset[str]]]:
        served = {state.name: state.module for state in self.states if state.module}
        for module in served.values():
            self.uses.setdefault(module, set())
            self.mentioned.setdefault(module, set())
        for name, source in self.sources.items():
            if served and b"terraform_remote_state" in source:
                self._direct(source, self.blocks[name], served)
        for source in self.sources.values():
            if self.aliases:
                self._aliased(source)
        for source in self.documents.values():
            self._quoted(source.decode("utf-8", "replace"), served)
        return (
            {module: frozenset(names) for module, names in self.uses.items()},
            {module: frozenset(names | self.mentioned[module]) for module, names in self.uses.items()},
        )

    def _direct(self, source: bytes, blocks: Sequence[Block], served: Mapping[str, str]) -> None:
        inside: list[tuple[int, int]] = []
        for traversal in find_traversals(source, "data"):
            if traversal.parts[1:2] != _REMOTE[1:] or traversal.parts[2:3] == () or traversal.parts[2] not in served:
                continue
            module = served[traversal.parts[2]]
            if alias := _alias(source, traversal, blocks):
                self.aliases[alias[0]] = module
                inside.append(alias[1:])
            elif len(traversal.parts) < 5:
                self.uses[module].add(EVERYTHING)
            elif any(start <= traversal.start < end for start, end in inside):
                self.mentioned[module].add(traversal.parts[4])
            else:
                self.uses[module].add(traversal.parts[4])

    def _aliased(self, source: bytes) -> None:
        for traversal in find_traversals(source, "local"):
            if len(traversal.parts) > 1 and traversal.parts[1] in self.aliases:
                module = self.aliases[traversal.parts[1]]
                self.uses[module].add(traversal.parts[2] if len(traversal.parts) > 2 else EVERYTHING)

    def _quoted(self, text: str, served: Mapping[str, str]) -> None:
        """A JSON file is not parsed for expressions: what it names is taken as read."""
        for name, output in re.findall(r"\blocal\.([\w-]+)\.([\w-]+)", text):
            if name in self.aliases:
                self.uses[self.aliases[name]].add(output)
        for name, module in served.items():
            if f"terraform_remote_state.{name}" in text:
                self.uses[module].add(EVERYTHING)


def called_folders(files: ModuleFiles) -> tuple[Path, ...]:
    """Return the folders of the modules that a module calls by a relative path, those that they call included."""
    found: dict[Path, None] = {}
    _called(files.folder, files.sources.values(), found)
    return tuple(found)


def full_source(source: str) -> str:
    """Return a provider's source address with its host."""
    parts = source.lower().split("/")
    if len(parts) == 1:
        parts.insert(0, "hashicorp")
    if len(parts) == 2:
        parts.insert(0, _REGISTRY)
    return "/".join(parts)


def _called(folder: Path, sources: Iterable[bytes], found: dict[Path, None]) -> None:
    for source in sources:
        for text in _LOCAL_SOURCE.findall(source):
            # Terraform joins such paths as text, too: a link on the way is not followed.
            target = Path(os.path.normpath(folder / text.decode()))
            if target not in found and target.is_dir():
                found[target] = None
                _called(target, [path.read_bytes() for path in target.glob("*.tf")], found)


def _load(folder: Path) -> tuple[dict[str, bytes], dict[str, bytes]]:
    sources: dict[str, bytes] = {}
    documents: dict[str, bytes] = {}
    # Terraform merges override files last.
    for path in sorted(folder.iterdir(), key=lambda path: (_is_override(path.name), path.name)):
        if path.name.startswith(".") or not path.is_file():
            continue
        if path.name.endswith(".tf"):
            sources[path.name] = path.read_bytes()
        elif path.name.endswith(".tf.json"):
            documents[path.name] = path.read_bytes()
    return sources, documents


def _is_override(name: str) -> bool:
    stem = name.removesuffix(".json").removesuffix(".tf")
    return stem == "override" or stem.endswith("_override")


def _provider(block: Block, source: bytes, place: Place) -> Provider:
    text = source[block.start : block.end]
    wrapped = text + b"\n"
    variables = tuple(sorted({item.parts[1] for item in find_traversals(wrapped, "var") if len(item.parts) > 1}))
    roots = ("local", "data", "module", "path", "each", "provider")
    plain = not any(find_traversals(wrapped, root) for root in roots) and not re.search(rb"\baws_\w+\.", text)
    return Provider(
        name=block.labels[0],
        alias=unquote(block.attributes.get("alias", "")) or "",
        text=text.decode("utf-8", "replace"),
        place=place,
        start=block.start,
        end=block.end,
        variables=variables,
        plain=plain,
    )


def _alias(source: bytes, traversal: Traversal, blocks: Sequence[Block]) -> tuple[str, int, int] | None:
    """Return the local value that stands for all outputs, and the range of its expression."""
    if len(traversal.parts) != 4:
        return None
    for block in blocks:
        if block.type == "locals" and block.start <= traversal.start < block.end:
            before = source[block.start : traversal.start].decode("utf-8", "replace")
            after = source[traversal.ends[3] :].lstrip(b" \t")[:1]
            match = _ALIAS.search(before) if after in (b"\n", b"\r", b"}", b"#", b"/", b"") else _MERGE.search(before)
            if match is None:
                return None
            length = len(block.attributes.get(match[1], "").encode())
            return match[1], traversal.start, traversal.start + length
    return None


def _entries(value: Any) -> Iterator[tuple[str, Mapping[str, Any]]]:
    """Yield the blocks of a JSON file: an object by label, or a list of such objects."""
    for part in value if isinstance(value, list) else [value]:
        if isinstance(part, dict):
            for label, body in part.items():
                inner = body[0] if isinstance(body, list) and body else body
                yield label, inner if isinstance(inner, dict) else {}
