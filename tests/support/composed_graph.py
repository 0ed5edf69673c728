"""The graph of resources that terraform draws of a whole project, composed; asks no AWS."""

from __future__ import annotations

import os
import re
import subprocess
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from graphlib import TopologicalSorter

from tfgen import isolation, mirror, terraform
from tfgen.gathering import gather_files
from tfgen.hcl import read_blocks
from tfgen.model import Project
from tfgen.modulefiles import ModuleFiles
from tfgen.scratch import open_scratch, write_lock, write_scratch
from tfgen.wiring import wire

_RESOURCE = re.compile(r"(?<![\w.])(aws_\w+\.\w+)")
_LOCAL = re.compile(r"(?<![\w.])local\.(\w+)")
_NODE = re.compile(r'"module\.(\w+)\.((?:module\.\w+\.)*)((?:data\.)?\w+\.\w+)[^"]*"')


@dataclass(frozen=True, order=True)
class Node:
    """A resource of a module; all its instances are one."""

    module: str
    address: str

    @property
    def type(self) -> str:
        """The resource's type; empty for a data source."""
        return "" if self.address.startswith("data.") else self.address.partition(".")[0]


@dataclass(frozen=True)
class ComposedGraph:
    """Which resource waits for which.

    Attributes:
        needs: Resource → resources that it waits for; what follows from others is left out.
        handed: Module that gives, module that reads → the resources that the outputs in between are made of.
        mentioned: Resource → resources of its module that its own block mentions.
    """

    needs: Mapping[Node, tuple[Node, ...]]
    handed: Mapping[tuple[str, str], frozenset[Node]]
    mentioned: Mapping[Node, frozenset[Node]]

    @cached_property
    def before(self) -> Mapping[Node, frozenset[Node]]:
        """Resource → everything that is made before it."""
        found: dict[Node, frozenset[Node]] = {}
        for node in TopologicalSorter(self.needs).static_order():
            found[node] = frozenset(self.needs[node]).union(*(found[need] for need in self.needs[node]))
        return found


def draw(project: Project) -> ComposedGraph:
    """Compose a rendered project and let terraform draw it.

    Args:
        project: The project, rendered; its zips are not needed.
    """
    environment = project.environments[project.default_environment]
    gathered = gather_files(project, environment, values=False)
    names = {part.module.identifier: part.module.name for part in gathered.parts}
    assert not gathered.apart
    caller = {name: os.environ[name] for name in ("PATH", "HOME") if name in os.environ}
    config = mirror.write_cli_config(mirror.find_provider_source(caller), project.work)
    env = dict(isolation.isolate(caller, environment, work=project.work, cli_config=config).env)
    binary = terraform.find_binary(caller)
    files = [part.files for part in gathered.parts]
    with open_scratch(project, "graph") as scratch:
        write_scratch(scratch, files, wire(gathered.parts, gathered.known, values=False))
        write_lock(scratch, files, kept=False)
        subprocess.run(terraform.init_argv(binary), cwd=scratch.root, env=env, check=True, capture_output=True)
        drawn = subprocess.run([binary, "graph"], cwd=scratch.root, env=env, check=True, capture_output=True, text=True)
    needs: dict[Node, dict[Node, None]] = {}
    for line in drawn.stdout.splitlines():
        nodes = list(_nodes(line, names))
        for node in nodes:
            needs.setdefault(node, {})
        if len(nodes) == 2:
            needs[nodes[0]][nodes[1]] = None
    return ComposedGraph({node: tuple(found) for node, found in needs.items()}, *_read(files))


def _read(
    modules: Sequence[ModuleFiles],
) -> tuple[dict[tuple[str, str], frozenset[Node]], dict[Node, frozenset[Node]]]:
    """Read who hands what to whom, and what each resource mentions, from the files themselves."""
    texts = {files.module.name: _Texts.of(files) for files in modules}
    handed = {
        (given, files.module.name): texts[given].resources(texts[given].outputs[name] for name in outputs)
        for files in modules
        for given, outputs in files.uses.items()
    }
    mentioned = {
        Node(name, address): own.resources([text])
        for name, own in texts.items()
        for address, text in own.blocks.items()
    }
    return handed, mentioned


@dataclass(frozen=True)
class _Texts:
    """A module's expressions by name."""

    module: str
    blocks: Mapping[str, str]
    outputs: Mapping[str, str]
    named: Mapping[str, str]

    @classmethod
    def of(cls, files: ModuleFiles) -> _Texts:
        blocks, outputs, named = {}, {}, {}
        for source in files.sources.values():
            for block in read_blocks(source):
                if block.type == "resource":
                    blocks[".".join(block.labels)] = source[block.start : block.end].decode()
                elif block.type == "output":
                    outputs[block.labels[0]] = block.attributes["value"]
                elif block.type == "locals":
                    named.update(block.attributes)
        return cls(files.module.name, blocks, outputs, named)

    def resources(self, texts: Iterable[str]) -> frozenset[Node]:
        """Find the resources that expressions are made of, through locals."""
        left, seen, found = list(texts), set[str](), set[str]()
        while left:
            text = left.pop()
            found.update(_RESOURCE.findall(text))
            more = set(_LOCAL.findall(text)) & self.named.keys() - seen
            seen |= more
            left += [self.named[name] for name in more]
        return frozenset(Node(self.module, address) for address in found)


def _nodes(line: str, names: Mapping[str, str]) -> Iterator[Node]:
    for identifier, nested, address in _NODE.findall(line.partition(" [")[0]):
        yield Node(names[identifier], f"{nested}{address}")
