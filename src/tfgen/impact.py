"""What a change means for the modules: which must be applied again and why, and what is lost.

Answered in two ways: from a composed plan, which knows, and from two rendered trees with the facts of the
blueprints, which needs neither an account nor terraform.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from tfgen.blueprint import Blueprint, Fact
from tfgen.changes import DELETE, NO_OP, REPLACE, ComposedPlan, ModuleChanges, OutputChange
from tfgen.hcl import Block, read_blocks
from tfgen.model import Environment, Module, Project
from tfgen.planning import PROTECTED_TYPES
from tfgen.render import RenderedTree

_DOCUMENTS = (".md", ".tfvars", ".hcl")
_ALL = "*"
_FEW = 4
_ADDED, _REMOVED = "(added)", "(removed)"


@dataclass(frozen=True)
class ModuleImpact:
    """What a change means for one module.

    Attributes:
        name: Its full name.
        apply: True if it has to be applied.
        certain: False if an apply may turn out to have nothing to do.
        reasons: Why, or why not, one sentence each.
        replaced: Addresses of resources that are replaced.
        destroyed: Addresses of resources that are destroyed.
        losses: What holds data and goes.
        risks: What the blueprint says about such a change.
        outputs: The outputs that have another value afterwards.
    """

    name: str
    apply: bool = False
    certain: bool = True
    reasons: tuple[str, ...] = ()
    replaced: tuple[str, ...] = ()
    destroyed: tuple[str, ...] = ()
    losses: tuple[str, ...] = ()
    risks: tuple[str, ...] = ()
    outputs: tuple[str, ...] = ()


@dataclass(frozen=True)
class Side:
    """A project at one moment.

    Attributes:
        project: The project.
        blueprints: The blueprints its modules use.
        tree: What it renders to.
        users: The users' own files: module → file name → bytes.
        functions: A hash of the sources of each Lambda function.
    """

    project: Project
    blueprints: Mapping[str, Blueprint]
    tree: RenderedTree
    users: Mapping[str, Mapping[str, bytes]]
    functions: Mapping[str, str]


# from a composed plan


def from_plan(plan: ComposedPlan) -> tuple[ModuleImpact, ...]:
    """Tell which modules must be applied and why, at the level of outputs."""
    inputs: dict[str, list[tuple[str, OutputChange]]] = {name: [] for name in plan.modules}
    for module, outputs in plan.readers.items():
        for output, readers in outputs.items():
            change = plan.modules[module].outputs.get(output) if module in plan.modules else None
            for reader in readers if change else ():
                if reader in inputs and change:
                    inputs[reader].append((module, change))
    return tuple(_planned_impact(changes, inputs[name], plan) for name, changes in plan.modules.items())


def _planned_impact(
    changes: ModuleChanges, inputs: Sequence[tuple[str, OutputChange]], plan: ComposedPlan
) -> ModuleImpact:
    changed = [(module, output) for module, output in inputs if output.action != NO_OP]
    sentences = [f"reads {module}.{output.name}, which {_becomes(plan.modules[module], output)}"
                 for module, output in changed]  # fmt: skip
    if changes.error:
        reasons = [f"cannot be planned: {changes.error.partition(chr(10))[0]}"]
    elif changes.changed:
        reasons = sentences or ["its own configuration changed"]
    elif changed:
        reasons = [f"{sentence}, but nothing of it follows here" for sentence in sentences]
    else:
        busy = [f"{module}.{output.name}" for module, output in inputs if plan.modules[module].changed]
        reasons = [f"reads only {_few(busy)}, which {'stays' if len(busy) == 1 else 'stay'}"] if busy else []
    gone = [change for change in changes.resources if change.loses and not change.deposed]
    return ModuleImpact(
        name=changes.name,
        apply=changes.changed or bool(changes.error),
        certain=not changes.error,
        reasons=tuple(reasons),
        replaced=tuple(change.address for change in gone if change.action == REPLACE),
        destroyed=tuple(change.address for change in gone if change.action == DELETE),
        losses=tuple(change.address for change in gone if change.type in PROTECTED_TYPES),
        outputs=tuple(output.name for output in changes.changed_outputs),
    )


def _few(names: Sequence[str]) -> str:
    more = f" and {len(names) - _FEW} more" if len(names) > _FEW else ""
    return ", ".join(names[:_FEW]) + more


def _becomes(module: ModuleChanges, output: OutputChange) -> str:
    if output.action == DELETE:
        return "goes away"
    if output.action == "create":
        return "is new"
    if output.known:
        return "changes"
    return "will be replaced" if _is_replaced(module, output) else "may change (known after apply)"


def _is_replaced(module: ModuleChanges, output: OutputChange) -> bool:
    """True if the output shows something of a resource that is replaced."""
    shown = set(_leaves(output.before))
    return any(
        attribute.unknown and not attribute.sensitive and shown & set(_leaves(attribute.before))
        for change in module.resources
        if change.action == REPLACE
        for attribute in change.attributes
    )


def _leaves(value: Any) -> Iterator[str]:
    if isinstance(value, Mapping):
        for item in value.values():
            yield from _leaves(item)
    elif isinstance(value, list):
        for item in value:
            yield from _leaves(item)
    elif isinstance(value, str) and value:
        yield value


# from two rendered trees


@dataclass
class _Found:
    """What is known of one module so far."""

    reasons: list[str] = field(default_factory=list)
    risks: list[str] = field(default_factory=list)
    losses: list[str] = field(default_factory=list)
    destroyed: list[str] = field(default_factory=list)
    outputs: set[str] = field(default_factory=set)
    apply: bool = False
    certain: bool = True


@dataclass(frozen=True)
class _Difference:
    """What is different in one module between two sides."""

    settings: frozenset[str] = frozenset()
    attributes: frozenset[str] = frozenset()
    removed: tuple[str, ...] = ()
    outputs: frozenset[str] = frozenset()
    functions: tuple[str, ...] = ()
    files: tuple[str, ...] = ()


def from_trees(before: Side, after: Side, environment: str) -> tuple[ModuleImpact, ...]:
    """Tell the same from the trees of two revisions and the facts of the blueprints.

    Args:
        before: The earlier side.
        after: The later side.
        environment: The environment whose values count.
    """
    names = [module.name for module in after.project.modules]
    impacts: list[ModuleImpact] = []
    changing: dict[str, set[str]] = {}
    for module in after.project.modules:
        found = _Found()
        if module.name not in {other.name for other in before.project.modules}:
            found.apply = True
            found.reasons.append("is new")
        else:
            _follow(module, _differ(module.name, before, after, environment), after, changing, found)
        changing[module.name] = found.outputs
        impacts.append(_impact(module.name, found))
    gone = [module for module in before.project.modules if module.name not in names]
    return (*impacts, *(_removed(module, before) for module in gone))


def _follow(
    module: Module, difference: _Difference, after: Side, changing: Mapping[str, set[str]], found: _Found
) -> None:
    facts = after.blueprints[module.blueprint].facts
    read = _changed_reads(module, after, changing)
    for fact in facts:
        if _applies(fact, difference, read):
            _take(fact, after.tree.outputs[module.name], found)
    for text in sorted(read):
        found.apply = True
        found.reasons.append(f"reads {text}, which gets another value")
    words = _words(difference)
    if words:
        found.apply = True
        found.reasons[:0] = words
    found.outputs |= difference.outputs
    found.destroyed += difference.removed
    found.losses += [
        address
        for address in difference.removed
        if address.partition(".")[0] in PROTECTED_TYPES and address not in found.losses
    ]


def _take(fact: Fact, outputs: Mapping[str, Any], found: _Found) -> None:
    found.apply = True
    text = f"{fact.change}: {fact.risk}"
    if fact.risk != "none" and text not in found.risks:
        found.risks.append(text)
    if fact.loses_data and text not in found.losses:
        found.losses.append(text)
    found.outputs |= set(outputs) if _ALL in fact.outputs else set(fact.outputs) & set(outputs)


def _applies(fact: Fact, difference: _Difference, read: Mapping[str, str]) -> bool:
    return bool(
        difference.settings & set(fact.settings)
        or any(_touches(difference.attributes, text) for text in fact.attributes)
        or any(address.partition(".")[0] in fact.removed for address in difference.removed)
        or set(read.values()) & set(fact.reads)
        or (fact.code and difference.functions)
    )


def _touches(attributes: frozenset[str], text: str) -> bool:
    return text in attributes or ("." not in text and any(name.startswith(f"{text}.") for name in attributes))


def _changed_reads(module: Module, after: Side, changing: Mapping[str, set[str]]) -> dict[str, str]:
    """Return the outputs it reads that change: `00-foundation.vpc_id` → `foundation.vpc_id`."""
    identifiers = {reference.name: reference.identifier for reference in module.reads}
    return {
        f"{edge.read}.{output}": f"{identifiers[edge.read]}.{output}"
        for edge in after.tree.edges
        if edge.reader == module.name and edge.read in identifiers
        for output in (sorted(changing[edge.read]) if _ALL in edge.outputs else edge.outputs)
        if output in changing.get(edge.read, ())
    }


def _words(difference: _Difference) -> list[str]:
    words = []
    if difference.settings:
        words.append(f"changed in the spec: {', '.join(sorted(difference.settings))}")
    if difference.functions:
        words.append(f"the code of {', '.join(difference.functions)} changed")
    if difference.files:
        words.append(f"changed: {', '.join(difference.files)}")
    return words


def _impact(name: str, found: _Found) -> ModuleImpact:
    return ModuleImpact(
        name=name,
        apply=found.apply,
        reasons=tuple(found.reasons),
        destroyed=tuple(found.destroyed),
        losses=tuple(found.losses),
        risks=tuple(found.risks),
        outputs=tuple(sorted(found.outputs)),
    )


def _removed(module: Module, before: Side) -> ModuleImpact:
    found = _resources(_blocks(module.name, before))
    addresses = sorted(address for address in found if not address.startswith("data."))
    return ModuleImpact(
        name=module.name,
        apply=True,
        reasons=("is not in the spec any more: destroy it before its configuration is gone",),
        destroyed=tuple(addresses),
        losses=tuple(address for address in addresses if address.partition(".")[0] in PROTECTED_TYPES),
    )


def _differ(name: str, before: Side, after: Side, environment: str) -> _Difference:
    old, new = _blocks(name, before), _blocks(name, after)
    old_resources, new_resources = _resources(old), _resources(new)
    attributes = {
        f"{address.split('.')[-2]}.{attribute}"
        for address in old_resources.keys() | new_resources.keys()
        for attribute in _changed_attributes(old_resources.get(address), new_resources.get(address))
    }
    old_outputs, new_outputs = (_outputs(blocks) for blocks in (old, new))
    functions = [function.name for function in after.project.module(name).functions]
    return _Difference(
        settings=frozenset(_changed_settings(name, before, after, environment)),
        attributes=frozenset(attributes),
        removed=tuple(
            sorted(name for name in old_resources.keys() - new_resources.keys() if not name.startswith("data."))
        ),
        outputs=frozenset(
            output
            for output in old_outputs.keys() | new_outputs.keys()
            if old_outputs.get(output) != new_outputs.get(output)
        ),
        functions=tuple(name for name in functions if before.functions.get(name) != after.functions.get(name)),
        files=tuple(_changed_files(name, before, after)),
    )


def _changed_settings(name: str, before: Side, after: Side, environment: str) -> Iterator[str]:
    old, new = (_settings(side, name, environment) for side in (before, after))
    for key in sorted(old.keys() | new.keys()):
        if old.get(key) != new.get(key):
            yield key


def _settings(side: Side, name: str, environment: str) -> dict[str, Any]:
    project = side.project
    module, place = project.module(name), _environment(project, environment)
    return {
        **module.settings,
        **place.values.get(name, {}),
        "project": project.name,
        "owner": project.owner,
        "region": place.region,
        "state_bucket": place.state_bucket,
        "state_lock_table": place.lock_table,
    }


def _environment(project: Project, name: str) -> Environment:
    return project.environments.get(name) or project.environments[project.default_environment]


def _changed_files(name: str, before: Side, after: Side) -> Iterator[str]:
    old, new = _files(name, before), _files(name, after)
    for path in sorted(old.keys() | new.keys()):
        if old.get(path) != new.get(path):
            yield path


def _files(name: str, side: Side) -> dict[str, bytes]:
    """Return the module's configuration; what only describes it, or is told by settings, is left out."""
    rendered = {
        path.removeprefix(f"{name}/"): file.content
        for path, file in side.tree.files.items()
        if path.startswith(f"{name}/") and not file.link and not path.endswith(_DOCUMENTS)
    }
    return {**rendered, **side.users.get(name, {})}


def _blocks(name: str, side: Side) -> list[Block]:
    return [
        block for path, source in _files(name, side).items() if path.endswith(".tf") for block in read_blocks(source)
    ]


def _resources(blocks: Sequence[Block]) -> dict[str, Mapping[str, str]]:
    return {
        ("data." if block.type == "data" else "") + ".".join(block.labels): _flat(block)
        for block in blocks
        if block.type in ("resource", "data") and len(block.labels) == 2
    }


def _outputs(blocks: Sequence[Block]) -> dict[str, str]:
    return {
        block.labels[0]: block.attributes.get("value", "")
        for block in blocks
        if block.type == "output" and block.labels
    }


def _flat(block: Block) -> dict[str, str]:
    """Return a block's attributes; a block inside it counts as one attribute, with all it holds."""
    found = dict(block.attributes)
    for inner in block.blocks:
        found[inner.type] = found.get(inner.type, "") + repr((inner.labels, _flat(inner)))
    return found


def _changed_attributes(old: Mapping[str, str] | None, new: Mapping[str, str] | None) -> list[str]:
    if old is None or new is None:
        return [_ADDED if old is None else _REMOVED]
    return [name for name in old.keys() | new.keys() if old.get(name) != new.get(name)]
