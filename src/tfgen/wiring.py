"""The scratch root as text: one provider block, one call per module, upstream outputs passed as objects.

Pure: module files and values in, file contents out, with the user's line behind each generated one.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from tfgen.changes import OUTPUT_SEPARATOR
from tfgen.composed_state import ProviderKey
from tfgen.hcl import find_traversals, read_blocks, to_hcl
from tfgen.model import Module
from tfgen.modulefiles import EVERYTHING, Import, ModuleFiles, Place, Provider, full_source
from tfgen.state import Output
from tfgen.variables import Value

ROOT = ".root"
"""The scratch root's folder; it stands beside the modules' folders, so that `../` means the same in all of them."""

ROOT_FILE = f"{ROOT}/main.tf"
ADDED_FILE = "tfgen_composed.tf"

_UNKNOWN = "jsondecode(terraform_data.unknown.id)"
_BUILTIN = "terraform.io/"
_LITERAL = re.compile(r'^("([^"\\$%]|\\.|[$%](?!\{))*"|[0-9]+)$')


@dataclass(frozen=True)
class Part:
    """A module that is composed: its files, and the values of its variables."""

    files: ModuleFiles
    values: Mapping[str, Value]

    @property
    def module(self) -> Module:
        """The module."""
        return self.files.module


@dataclass(frozen=True)
class Origin:
    """The user's line behind a generated one; `path` is relative to the rendered tree, or absolute."""

    module: str
    path: str
    line: int


@dataclass(frozen=True)
class Wiring:
    """The scratch root.

    Attributes:
        contents: Path below the scratch tree → content, for files that are generated or rewritten.
        origins: (path, line) of a generated file → the user's place.
        own_providers: Module → provider configurations that stay in it.
        upstream_names: Module → names of the variables that carry upstream outputs → what they stand for.
    """

    contents: Mapping[str, bytes]
    origins: Mapping[tuple[str, int], Origin]
    own_providers: Mapping[str, tuple[ProviderKey, ...]]
    upstream_names: Mapping[str, Mapping[str, str]]


Known = Mapping[str, Mapping[str, Output] | None]
"""Modules that are not composed: the outputs in their state, or None if nothing is known of them."""


def wire(parts: Sequence[Part], known: Known, *, values: bool = True) -> Wiring:
    """Write the scratch root.

    Args:
        parts: The composed modules, in order.
        known: The outputs of modules that are not composed.
        values: False for validating: variables then stay unknown, as in a module by itself.
    """
    return _Writer(parts, known, values).write()


@dataclass
class _Writer:
    parts: Sequence[Part]
    known: Known
    values: bool
    lines: list[str] = field(default_factory=list)
    contents: dict[str, bytes] = field(default_factory=dict)
    origins: dict[tuple[str, int], Origin] = field(default_factory=dict)
    names: dict[str, dict[str, str]] = field(default_factory=dict)
    own: dict[str, tuple[ProviderKey, ...]] = field(default_factory=dict)

    def write(self) -> Wiring:
        self.composed = {part.module.name: part for part in self.parts}
        self._required()
        lifted = self._providers()
        for part in self.parts:
            self._call(part)
        for part in self.parts:
            self._outputs(part)
        for part in self.parts:
            self._child(part, lifted)
        if any(_UNKNOWN in line for line in self.lines):
            self._add('resource "terraform_data" "unknown" {\n}')
        self.contents[ROOT_FILE] = ("\n".join(self.lines) + "\n").encode()
        return Wiring(self.contents, self.origins, self.own, self.names)

    # the root

    def _add(self, text: str, part: Part | None = None, place: Place | None = None) -> None:
        for line in text.split("\n"):
            self.lines.append(line)
            if part is not None and place is not None:
                path = place.file if place.file.startswith("/") else f"{part.module.name}/{place.file}"
                self.origins[ROOT_FILE, len(self.lines)] = Origin(part.module.name, path, place.line)

    def _required(self) -> None:
        sources: dict[str, str] = {}
        for part in self.parts:
            for name, (source, _) in part.files.required.items():
                if not source.startswith(_BUILTIN):
                    sources.setdefault(name, source)
        if sources:
            inner = "\n".join(f"    {name} = {{ source = {to_hcl(source)} }}" for name, source in sources.items())
            self._add(f"terraform {{\n  required_providers {{\n{inner}\n  }}\n}}")

    def _providers(self) -> dict[str, set[str]]:
        """Write each default provider configuration once; returns module → names that the root gives it."""
        chosen: dict[str, str] = {}
        lifted: dict[str, set[str]] = {}
        for part in self.parts:
            kept: list[ProviderKey] = []
            names = lifted.setdefault(part.module.name, set())
            for provider in part.files.providers:
                text = self._resolved(part, provider)
                key = " ".join(text.split()) if text is not None else None
                if key is not None and provider.name not in chosen:
                    chosen[provider.name] = key
                    self._add(text or "", part, provider.place)
                if key is not None and chosen.get(provider.name) == key:
                    names.add(provider.name)
                else:
                    source = part.files.required.get(provider.name, (full_source(provider.name), ""))[0]
                    kept.append((source, provider.alias))
            self.own[part.module.name] = tuple(kept)
        return lifted

    def _resolved(self, part: Part, provider: Provider) -> str | None:
        """Return a default configuration with its variables' values in their place; None if it must stay."""
        if provider.alias or not provider.plain:
            return None
        source = provider.text.encode() + b"\n"
        edits = []
        for item in find_traversals(source, "var"):
            text = self._text_of(part, item.parts[1]) if len(item.parts) == 2 else None
            if text is None:
                return None
            edits.append((item.start, item.ends[1], text.encode()))
        return _edit(source, edits).decode().rstrip("\n")

    def _text_of(self, part: Part, name: str) -> str | None:
        if name in part.values:
            return part.values[name].text
        variable = part.files.variables.get(name)
        if variable is None:
            return None
        if variable.default is None:
            return None if self.values else f"var.{_root_variable(part, name)}"
        return variable.default

    def _call(self, part: Part) -> None:
        files = part.files
        self._add(f"module {to_hcl(part.module.identifier)} {{\n  source = {to_hcl(f'../{part.module.name}')}")
        for name, variable in files.variables.items():
            if not self.values:
                self._add(f"  {name} = var.{_root_variable(part, name)}", part, variable.place)
            elif name in part.values:
                value = part.values[name]
                self._add(f"  {name} = {value.text}", part, Place(str(value.path), value.line))
        self.names[part.module.name] = names = {}
        for read, outputs in files.passed.items():
            name = _upstream_variable(part, self._identifier(read, files))
            state = next(state for state in files.states if state.module == read)
            names[name] = f"data.terraform_remote_state.{state.name}.outputs"
            self._add(f"  {name} = {self._served(read, outputs)}", part, state.place)
        self._add("}")
        if not self.values:
            for name, variable in files.variables.items():
                text = f"variable {to_hcl(_root_variable(part, name))} {{\n  type = {variable.type}\n}}"
                self._add(text, part, variable.place)
        for index, block in enumerate(files.imports):
            self._import(part, index, block)

    def _identifier(self, name: str, files: ModuleFiles) -> str:
        found = next((read.identifier for read in files.module.reads if read.name == name), "")
        if not found and name in self.composed:
            found = self.composed[name].module.identifier
        return found or name.replace("-", "_")

    def _served(self, name: str, wanted: Iterable[str]) -> str:
        wanted = set(wanted)
        if name in self.composed:
            upstream = self.composed[name]
            given = upstream.files.outputs
            chosen = sorted(given if EVERYTHING in wanted else wanted & given.keys())
            reference = f"module.{upstream.module.identifier}"
            # Remote state loses the mark; what reads it marks it again where it wants to.
            texts = {
                key: f"nonsensitive({reference}.{key})" if given[key].sensitive else f"{reference}.{key}"
                for key in chosen
            }
            return _object(texts)
        outputs = self.known.get(name)
        if outputs is None:
            return _UNKNOWN if EVERYTHING in wanted else _object(dict.fromkeys(sorted(wanted), _UNKNOWN))
        chosen = sorted(outputs if EVERYTHING in wanted else wanted & outputs.keys())
        return _object({key: typed(outputs[key].value, outputs[key].type) for key in chosen})

    def _import(self, part: Part, index: int, block: Import) -> None:
        to = f"module.{part.module.identifier}.{block.to}"
        if not block.for_each:
            given = f"module.{part.module.identifier}.{_import_output(index)}"
            identity = block.id if _LITERAL.match(block.id) else given
            self._add(f"import {{\n  to = {to}\n  id = {identity}\n}}", part, block.place)
            return
        given = f"module.{part.module.identifier}.{_import_output(index)}"
        to = re.sub(r"\[\s*(?:[^\[\]]|\[[^\]]*\])*\beach\.[^\]]*\]", "[each.value.index]", to, count=1)
        text = f"import {{\n  for_each = {given}\n  to = {to}\n  id = each.value.id\n}}"
        self._add(text, part, block.place)

    def _outputs(self, part: Part) -> None:
        for name, output in part.files.outputs.items():
            hidden = "\n  sensitive = true" if output.sensitive else ""
            label = to_hcl(f"{part.module.identifier}{OUTPUT_SEPARATOR}{name}")
            text = f"output {label} {{\n  value = module.{part.module.identifier}.{name}{hidden}\n}}"
            self._add(text, part, output.place)

    # the modules

    def _child(self, part: Part, lifted: Mapping[str, set[str]]) -> None:
        served = {state.name: state.module for state in part.files.states if state.module}
        variables = {
            module: _upstream_variable(part, self._identifier(module, part.files)) for module in served.values()
        }
        for name, source in part.files.sources.items():
            edits = [
                *_without_backend(source),
                *_without_states(name, part.files),
                *_without_providers(name, part.files, lifted[part.module.name]),
                *_without_imports(name, part.files),
                *_upstream_references(source, served, variables),
                *_root_paths(source),
            ]
            if edits:
                self.contents[f"{part.module.name}/{name}"] = _edit(source, edits)
        self._added(part, variables)

    def _added(self, part: Part, variables: Mapping[str, str]) -> None:
        path = f"{part.module.name}/{ADDED_FILE}"
        lines: list[str] = []
        for name in variables.values():
            lines += [f"variable {to_hcl(name)} {{", "  type = any", "}"]
        for index, block in enumerate(part.files.imports):
            if text := _import_value(block):
                self.origins |= {
                    (path, len(lines) + offset): Origin(
                        part.module.name, f"{part.module.name}/{block.place.file}", block.place.line
                    )
                    for offset in range(1, text.count("\n") + 4)
                }
                lines += [f"output {to_hcl(_import_output(index))} {{", *f"  value = {text}".split("\n"), "}"]
        if lines:
            self.contents[path] = ("\n".join(lines) + "\n").encode()


def typed(value: Any, kind: Any) -> str:
    """Write a value of a state so that it keeps the type that the state gives it."""
    if value is None or isinstance(kind, str) or not isinstance(kind, list):
        return to_hcl(value)
    word, inner = kind[0], kind[1]
    if word in ("list", "set"):
        return f"to{word}([{', '.join(typed(item, inner) for item in value)}])"
    if word == "map":
        return f"tomap({_object({to_hcl(key): typed(item, inner) for key, item in value.items()})})"
    if word == "object":
        return _object({to_hcl(key): typed(item, inner.get(key)) for key, item in value.items()})
    if word == "tuple":
        return f"[{', '.join(typed(item, part) for item, part in zip(value, inner, strict=True))}]"
    return to_hcl(value)


def _object(texts: Mapping[str, str]) -> str:
    return "{ " + ", ".join(f"{key} = {text}" for key, text in texts.items()) + " }" if texts else "{}"


def _root_variable(part: Part, name: str) -> str:
    return f"{part.module.identifier}{OUTPUT_SEPARATOR}{name}"


def _upstream_variable(part: Part, identifier: str) -> str:
    name = f"upstream_{identifier}"
    while name in part.files.variables:
        name += "_"
    return name


def _import_output(index: int) -> str:
    return f"tfgen_import_{index}"


def _import_value(block: Import) -> str:
    """Return what the module must give so that the root can import; nothing for a literal id."""
    if not block.for_each:
        return "" if _LITERAL.match(block.id) else block.id
    index = re.search(r"\[(.*)\]\s*$", block.to, re.DOTALL)
    parts = {"id": _iterated(block.id), "index": _iterated(index[1] if index else "null")}
    return f"{{ for tfgen_key, tfgen_value in {block.for_each} : tfgen_key => {_object(parts)} }}"


def _iterated(text: str) -> str:
    source = f"x = {text}\n".encode()
    names = {"key": b"tfgen_key", "value": b"tfgen_value"}
    edits = [
        (item.start, item.ends[1], names[item.parts[1]])
        for item in find_traversals(source, "each")
        if len(item.parts) > 1 and item.parts[1] in names
    ]
    return _edit(source, edits).decode().removeprefix("x = ").rstrip("\n")


Edits = Iterable[tuple[int, int, bytes]]


def _edit(source: bytes, edits: Edits) -> bytes:
    """Replace parts of a file; of edits within another one only the outer counts."""
    done: list[bytes] = []
    position = 0
    for start, end, text in sorted(edits, key=lambda edit: (edit[0], -edit[1])):
        if start >= position:
            done += [source[position:start], text]
            position = end
    return b"".join((*done, source[position:]))


def _blank(source: bytes, start: int, end: int) -> tuple[int, int, bytes]:
    """Take something out without moving a line."""
    return start, end, b"\n" * source[start:end].count(b"\n")


def _without_backend(source: bytes) -> Edits:
    if b"backend" in source or b"cloud" in source:
        for block in read_blocks(source):
            if block.type == "terraform":
                for inner in block.blocks:
                    if inner.type in ("backend", "cloud"):
                        yield _blank(source, inner.start, inner.end)


def _without_states(name: str, files: ModuleFiles) -> Edits:
    for state in files.states:
        if state.module and state.place.file == name:
            yield _blank(files.sources[name], state.start, state.end)


def _without_providers(name: str, files: ModuleFiles, lifted: set[str]) -> Edits:
    for provider in files.providers:
        if provider.place.file == name and not provider.alias and provider.name in lifted:
            yield _blank(files.sources[name], provider.start, provider.end)


def _without_imports(name: str, files: ModuleFiles) -> Edits:
    for block in files.imports:
        if block.place.file == name:
            yield _blank(files.sources[name], block.start, block.end)


def _upstream_references(source: bytes, served: Mapping[str, str], variables: Mapping[str, str]) -> Edits:
    if served and b"terraform_remote_state" in source:
        for item in find_traversals(source, "data"):
            kind, name, attribute = (*item.parts[1:4], "", "", "")[:3]
            if kind == "terraform_remote_state" and name in served and attribute == "outputs":
                yield item.start, item.ends[3], f"var.{variables[served[name]]}".encode()


def _root_paths(source: bytes) -> Edits:
    """In a module by itself both are the same; in the scratch root only the root's is as it was."""
    if b"path.module" in source:
        for item in find_traversals(source, "path"):
            if item.parts[1:] == ("module",):
                yield item.start, item.ends[1], b"path.root"
