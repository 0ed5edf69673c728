"""A graph over names: who needs whom. Pure, no I/O, no knowledge of modules or terraform."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping

Graph = Mapping[str, Collection[str]]
"""Name → the names it needs. Every name that is needed is a key, too."""


def find_cycle(graph: Graph) -> tuple[str, ...]:
    """Return one cycle as a path that ends where it began (`a, b, a`); empty if there is none."""
    finished: set[str] = set()
    for start in graph:
        if start in finished:
            continue
        path: list[str] = []
        stack: list[tuple[str, bool]] = [(start, False)]
        while stack:
            name, leaving = stack.pop()
            if leaving:
                finished.add(name)
                path.pop()
            elif name in path:
                return (*path[path.index(name) :], name)
            elif name not in finished:
                path.append(name)
                stack.append((name, True))
                stack.extend((need, False) for need in reversed(_sorted(graph.get(name, ()))))
    return ()


def topological_order(graph: Graph) -> tuple[str, ...]:
    """Return the names so that each comes after everything it needs; ties keep the graph's order.

    Raises:
        ValueError: The graph has a cycle.
    """
    queue = ReadyQueue(graph)
    order: list[str] = []
    while ready := queue.ready():
        queue.start(ready[0])
        queue.finish(ready[0])
        order.append(ready[0])
    return tuple(order)


def reverse(graph: Graph) -> dict[str, tuple[str, ...]]:
    """Return the graph with every edge turned round: name → the names that need it."""
    users: dict[str, list[str]] = {name: [] for name in graph}
    for name, needs in graph.items():
        for need in _sorted(needs):
            users[need].append(name)
    return {name: tuple(names) for name, names in users.items()}


def ancestors(graph: Graph, names: Iterable[str]) -> frozenset[str]:
    """Return everything that these names need, directly or not, without the names themselves."""
    start = set(names)
    seen: set[str] = set()
    pending = list(start)
    while pending:
        for need in graph.get(pending.pop(), ()):
            if need not in seen:
                seen.add(need)
                pending.append(need)
    return frozenset(seen - start)


def descendants(graph: Graph, names: Iterable[str]) -> frozenset[str]:
    """Return everything that needs these names, directly or not, without the names themselves."""
    return ancestors(reverse(graph), names)


def restrict(graph: Graph, names: Collection[str]) -> dict[str, tuple[str, ...]]:
    """Return the graph over these names only; an indirect need becomes a direct one.

    Leaving a name out must not lose the order of those around it: if c needs b and b needs a,
    then without b, c needs a.
    """
    wanted = [name for name in graph if name in names]
    result: dict[str, tuple[str, ...]] = {}
    for name in wanted:
        needed = ancestors(graph, [name])
        result[name] = tuple(other for other in wanted if other in needed)
    return result


class ReadyQueue:
    """Hands out names as soon as everything they need is finished.

    Args:
        graph: The whole graph.

    Raises:
        ValueError: The graph has a cycle.
    """

    def __init__(self, graph: Graph) -> None:
        if cycle := find_cycle(graph):
            raise ValueError(" → ".join(cycle))
        self._waiting = {name: set(needs) for name, needs in graph.items()}
        self._users = reverse(graph)
        self._running: set[str] = set()

    def ready(self) -> tuple[str, ...]:
        """Return what may be started now, in the graph's order."""
        return tuple(name for name, needs in self._waiting.items() if not needs)

    def start(self, name: str) -> None:
        """Take a ready name out of the queue."""
        if self._waiting[name]:
            raise ValueError(f"{name} still needs {', '.join(sorted(self._waiting[name]))}")
        del self._waiting[name]
        self._running.add(name)

    def finish(self, name: str) -> None:
        """Mark a started name as finished; its users may become ready."""
        self._running.remove(name)
        for user in self._users[name]:
            if user in self._waiting:
                self._waiting[user].discard(name)

    def drop(self, name: str) -> None:
        """Take a name out without ever starting it."""
        del self._waiting[name]

    @property
    def waiting(self) -> tuple[str, ...]:
        """Names that were not started yet."""
        return tuple(self._waiting)

    @property
    def running(self) -> frozenset[str]:
        """Names that were started and are not finished."""
        return frozenset(self._running)


def _sorted(names: Collection[str]) -> list[str]:
    # Sets have no order of their own; everything else keeps the one it was written in.
    return sorted(names) if isinstance(names, (set, frozenset)) else list(names)
