"""Terraform's diagnostics about the scratch root, told in terms of the user's tree, templates and spec."""

from __future__ import annotations

import difflib
import os
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tfgen import troubles
from tfgen.assets import templates_root
from tfgen.changes import ERROR, WARNING, Diagnostic, split_address
from tfgen.errors import TfgenError
from tfgen.model import Module, Project
from tfgen.scratch import Scratch
from tfgen.wiring import Wiring
from tfgen.yamldoc import load_document

_MARK = re.compile(r"Rendered by tfgen from ([\w./-]+\.(?:tf|tftest\.hcl));")
_EXPRESSION = re.compile(r"\{\{.*?\}\}")
_UPSTREAM = re.compile(r"\bvar\.(upstream_[\w-]+)")
_LOCAL = re.compile(r"\blocal\.([A-Za-z_][\w-]*)")
_STATE = re.compile(r"\bdata\.terraform_remote_state\.([A-Za-z_][\w-]*)")
_UNKNOWN_KEYS = re.compile(r"Invalid (for_each|count) argument")
_NOISE = ("Backend configuration ignored",)
_ALIKE = 0.4


@dataclass
class Locator:
    """Translates diagnostics.

    Attributes:
        scratch: Where the scratch root is.
        wiring: What stands in it.
    """

    scratch: Scratch
    wiring: Wiring
    _spec: dict[str, str] = field(default_factory=dict)

    @property
    def _project(self) -> Project:
        return self.scratch.project

    def is_noise(self, raw: Mapping[str, Any]) -> bool:
        """True for a warning that only the scratch root gives."""
        return raw.get("severity") == WARNING and str(raw.get("summary", "")).startswith(_NOISE)

    def locate(self, raw: Mapping[str, Any]) -> Diagnostic:
        """Translate one diagnostic as terraform prints it with `-json`."""
        place = raw.get("range") or {}
        path, line, column, name = self._place(place)
        identifier, address = split_address(str(raw.get("address") or ""))
        module = self._by_identifier(identifier) or self._by_name(name)
        message = self.text(_message(raw), module)
        template = template_of(self._project, path, line) if path is not None else ""
        where = self._shown(path, line, column) if path is not None else ""
        return Diagnostic(
            module=module.name if module else "",
            where=where or (module.name if module else ""),
            message=message,
            hint=self._hint(raw, message, module),
            address=address if identifier else "",
            severity=str(raw.get("severity", ERROR)),
            template=template,
            spec=self._entry(module) if module and template else "",
        )

    def text(self, text: str, module: Module | None) -> str:
        """Take everything that only the scratch root knows out of a text."""
        names = self.wiring.upstream_names.get(module.name, {}) if module else {}
        text = _UPSTREAM.sub(lambda match: names.get(match[1], match[0]), text)
        for other in self._project.modules:
            text = text.replace(f"../{other.name}/", f"{self._tree}/{other.name}/")
            text = text.replace(f"module.{other.identifier}.", "" if other == module else f"{other.name}: ")
        for folder in (self.scratch.root, self.scratch.tree):
            text = text.replace(f"{folder}/", f"{self._tree}/")
        return text.replace(f"{self.scratch.mirror}/", "")

    @property
    def _tree(self) -> str:
        return self._project.tree.name

    def _place(self, place: Mapping[str, Any]) -> tuple[Path | None, int, int, str]:
        """Return the user's file, line and column, and the module's name."""
        if not place.get("filename"):
            return None, 0, 0, ""
        path = Path(os.path.normpath(self.scratch.root / place["filename"]))
        line, column = place["start"]["line"], place["start"]["column"]
        if path.is_relative_to(self.scratch.tree):
            inner = path.relative_to(self.scratch.tree).as_posix()
            origin = self.wiring.origins.get((inner, line))
            if origin is not None:
                return self._project.tree / origin.path, origin.line, 0, origin.module
            if inner.startswith("."):
                return None, 0, 0, ""
            return self._project.tree / inner, line, column, inner.partition("/")[0]
        if path.is_relative_to(self.scratch.mirror):
            return self._project.root / path.relative_to(self.scratch.mirror), line, column, ""
        return path, line, column, ""

    def _shown(self, path: Path, line: int, column: int) -> str:
        path = Path(os.path.normpath(path))
        name = path.relative_to(self._project.root) if path.is_relative_to(self._project.root) else path
        return f"{name}:{line}:{column}" if column else f"{name}:{line}"

    def _hint(self, raw: Mapping[str, Any], message: str, module: Module | None) -> str:
        if module is None or raw.get("severity") == WARNING:
            return ""
        if _UNKNOWN_KEYS.match(str(raw.get("summary", ""))):
            first = " ".join(f"--module {name}" for name in self._upstream(raw, module))
            return f"its keys are known once what it reads is applied: tfgen apply {first}" if first else ""
        return troubles.explain(message, module=module.name, reads=[read.name for read in module.reads])

    def _upstream(self, raw: Mapping[str, Any], module: Module) -> list[str]:
        """Return the modules that an expression reads; all that the module reads if it names none."""
        snippet = raw.get("snippet") or {}
        values = " ".join(str(value.get("traversal", "")) for value in snippet.get("values") or ())
        text = f"{snippet.get('code', '')} {values}"
        named = {*_LOCAL.findall(text), *_STATE.findall(text)}
        named |= {name.removeprefix("upstream_") for name in _UPSTREAM.findall(text)}
        found = [read.name for read in module.reads if read.identifier in named]
        return found or [read.name for read in module.reads]

    def _by_identifier(self, identifier: str) -> Module | None:
        return next((module for module in self._project.modules if module.identifier == identifier), None)

    def _by_name(self, name: str) -> Module | None:
        return next((module for module in self._project.modules if module.name == name), None)

    def _entry(self, module: Module) -> str:
        if module.name not in self._spec:
            self._spec[module.name] = spec_entry(self._project, module)
        return self._spec[module.name]


def template_of(project: Project, path: Path, line: int) -> str:
    """Return the template and line that a rendered file's line comes from; empty for another file."""
    try:
        lines = path.read_text(encoding="utf-8", errors="replace").splitlines()
    except OSError:
        return ""
    mark = _MARK.search(lines[0]) if lines else None
    if mark is None or not 0 < line <= len(lines):
        return ""
    names = [f"{mark[1]}.j2"]
    if path.name == "variables.tf":
        names.append("_shared/variables.tf.j2")
    best = max((_alike(project, name, lines[line - 1]) for name in names), key=lambda found: found[0])
    return best[1] if best[0] >= _ALIKE else f"templates/{names[0]}"


def spec_entry(project: Project, module: Module) -> str:
    """Return where the module stands in the spec; empty if that cannot be read."""
    path = project.spec_path
    name = path.relative_to(project.root).as_posix() if path.is_relative_to(project.root) else str(path)
    try:
        return load_document(path, name).place(("modules", module.name), key=True)
    except TfgenError:
        return ""


def _alike(project: Project, name: str, wanted: str) -> tuple[float, str]:
    own = project.root / "templates" / name
    path = own if own.exists() else templates_root() / name
    try:
        lines = path.read_text(encoding="utf-8").splitlines()
    except OSError:
        return 0.0, ""
    matcher = difflib.SequenceMatcher(b=wanted.strip())
    best = (0.0, "")
    for number, text in enumerate(lines, 1):
        parts = _EXPRESSION.split(text.strip())
        literal = sum(map(len, parts))
        if literal > 2 and re.fullmatch(".*".join(map(re.escape, parts)), wanted.strip()):
            # The line itself, values filled in; the most of it that is no value wins.
            best = max(best, (float(literal), f"templates/{name}:{number}"), key=lambda found: found[0])
        matcher.set_seq1(text.strip())
        if matcher.real_quick_ratio() > best[0] and (ratio := matcher.ratio()) > best[0]:
            best = ratio, f"templates/{name}:{number}"
    return best


def _message(raw: Mapping[str, Any]) -> str:
    summary, detail = str(raw.get("summary", "")).strip(), str(raw.get("detail", "")).strip()
    return f"{summary}: {detail}" if detail else summary
