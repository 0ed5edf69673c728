from __future__ import annotations

import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tfgen import graph

DIAMOND = {"a": (), "b": ("a",), "c": ("a",), "d": ("b", "c")}


@st.composite
def acyclic(draw: st.DrawFn) -> dict[str, tuple[str, ...]]:
    """Any graph without a cycle, its names in any order."""
    size = draw(st.integers(0, 12))
    names = [f"m{number}" for number in range(size)]
    edges = {
        name: tuple(draw(st.lists(st.sampled_from(names[:index]), unique=True))) if index else ()
        for index, name in enumerate(names)
    }
    return {name: edges[name] for name in draw(st.permutations(names))}


def test_order_comes_after_needs_and_keeps_ties_as_written():
    assert graph.topological_order(DIAMOND) == ("a", "b", "c", "d")
    assert graph.topological_order({"z": (), "a": ()}) == ("z", "a")


def test_neighbours_near_and_far():
    assert graph.ancestors(DIAMOND, ["d"]) == {"a", "b", "c"}
    assert graph.descendants(DIAMOND, ["a"]) == {"b", "c", "d"}
    assert graph.reverse(DIAMOND) == {"a": ("b", "c"), "b": ("d",), "c": ("d",), "d": ()}


def test_restricting_keeps_indirect_needs():
    assert graph.restrict({"a": (), "b": ("a",), "c": ("b",)}, {"a", "c"}) == {"a": (), "c": ("a",)}


def test_a_cycle_is_shown_as_a_path():
    assert graph.find_cycle({"a": ("c",), "b": ("a",), "c": ("b",)}) == ("a", "c", "b", "a")
    assert graph.find_cycle({"a": ("a",)}) == ("a", "a")
    assert graph.find_cycle({"x": (), "a": ("x", "b"), "b": ("a",)}) == ("a", "b", "a")
    assert graph.find_cycle(DIAMOND) == ()
    with pytest.raises(ValueError, match="a → b → a"):
        graph.topological_order({"a": ("b",), "b": ("a",)})


def test_the_queue_refuses_to_start_too_early():
    queue = graph.ReadyQueue(DIAMOND)
    with pytest.raises(ValueError, match="d still needs b, c"):
        queue.start("d")


@given(acyclic())
def test_every_order_respects_the_graph(edges):
    order = graph.topological_order(edges)
    assert sorted(order) == sorted(edges)
    for name, needs in edges.items():
        assert all(order.index(need) < order.index(name) for need in needs)


@given(acyclic(), st.data())
def test_any_choice_of_what_to_start_and_finish_respects_the_graph(edges, data):
    queue = graph.ReadyQueue(edges)
    finished: set[str] = set()
    while queue.waiting or queue.running:
        choices = [("start", name) for name in queue.ready()] + [("finish", name) for name in sorted(queue.running)]
        assert choices, "there is always something to do"
        what, name = data.draw(st.sampled_from(choices))
        if what == "start":
            assert set(edges[name]) <= finished
            queue.start(name)
        else:
            queue.finish(name)
            finished.add(name)
    assert finished == set(edges)


@given(acyclic())
def test_independent_names_are_ready_together(edges):
    queue = graph.ReadyQueue(edges)
    assert set(queue.ready()) == {name for name, needs in edges.items() if not needs}


@given(acyclic(), st.data())
def test_one_edge_back_makes_a_cycle_that_is_found(edges, data):
    pairs = [(name, need) for name in edges for need in graph.ancestors(edges, [name])]
    if not pairs:
        return
    name, need = data.draw(st.sampled_from(pairs))
    broken = {**edges, need: (*edges[need], name)}
    cycle = graph.find_cycle(broken)
    assert cycle[0] == cycle[-1]
    assert all(later in broken[earlier] for earlier, later in itertools.pairwise(cycle))


@given(acyclic(), st.data())
def test_restricting_loses_no_order(edges, data):
    if not edges:
        return
    some = set(data.draw(st.lists(st.sampled_from(sorted(edges)), unique=True)))
    smaller = graph.restrict(edges, some)
    assert set(smaller) == some
    for name in some:
        assert graph.ancestors(smaller, [name]) == graph.ancestors(edges, [name]) & some
