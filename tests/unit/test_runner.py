from __future__ import annotations

import threading
import time

from hypothesis import given, settings
from hypothesis import strategies as st

from tests.unit.test_graph import acyclic
from tfgen import graph
from tfgen.errors import Interrupted, TfgenError
from tfgen.planning import Plan
from tfgen.process import Children
from tfgen.runner import Question, Result, StepFailed, default_parallelism, walk


def run(edges, work, *, parallelism=2, children=None, ask=lambda question: True):
    events = []
    results = walk(
        edges, work, parallelism=parallelism, children=children or Children(), on_event=events.append, ask=ask
    )
    return results, events


@settings(max_examples=60, deadline=None)
@given(acyclic(), st.integers(1, 4), st.data())
def test_whatever_fails_the_graph_is_respected_and_everything_has_a_result(edges, parallelism, data):
    failing = set(data.draw(st.lists(st.sampled_from(sorted(edges)), unique=True, max_size=2))) if edges else set()
    lock, done, running, most = threading.Lock(), set(), set(), [0]

    def work(name, _ask):
        with lock:
            assert set(edges[name]) <= done, "everything it needs is done"
            running.add(name)
            most[0] = max(most[0], len(running))
        if name in failing:
            with lock:
                running.discard(name)
            raise TfgenError("no")
        with lock:
            running.discard(name)
            done.add(name)
        return Result(name, "done")

    results, _ = run(edges, work, parallelism=parallelism)
    assert list(results) == list(edges)
    assert most[0] <= parallelism
    doomed = {name for name in edges if graph.ancestors(edges, [name]) & failing}
    for name, result in results.items():
        if name in doomed:
            assert result.status == "skipped"
            assert result.cause in failing
        else:
            assert result.status == ("failed" if name in failing else "done")


def test_independent_modules_overlap():
    barrier = threading.Barrier(3, timeout=10)

    def work(name, _ask):
        if name != "base":
            barrier.wait()
        return Result(name, "done")

    results, _ = run({"base": (), "a": ("base",), "b": ("base",), "c": ("base",)}, work, parallelism=3)
    assert {result.status for result in results.values()} == {"done"}


def test_a_module_starts_as_soon_as_it_can_not_level_by_level():
    slow = threading.Event()

    def work(name, _ask):
        if name == "slow":
            assert slow.wait(10), "b ran while slow was still running"
        if name == "b":
            slow.set()
        return Result(name, "done")

    results, _ = run({"slow": (), "a": (), "b": ("a",)}, work)
    assert {result.status for result in results.values()} == {"done"}


def test_questions_are_asked_one_at_a_time_in_the_callers_thread():
    here, open_questions = threading.current_thread(), []

    def ask(question):
        assert threading.current_thread() is here
        assert not open_questions
        open_questions.append(question)
        time.sleep(0.02)
        open_questions.clear()
        return question.module == "a"

    def work(name, asker):
        return Result(
            name, "done" if asker(Question(name, "apply", "", Plan())) else "cancelled", reason="not approved"
        )

    results, _ = run({"a": (), "b": (), "c": ("b",)}, work, ask=ask)
    assert {name: result.status for name, result in results.items()} == {
        "a": "done",
        "b": "cancelled",
        "c": "cancelled",
    }
    assert results["c"].cause == "b"


def test_an_interruption_cancels_what_has_not_begun():
    children = Children()

    def work(name, _ask):
        children.interrupt()
        time.sleep(0.3)
        raise Interrupted

    results, events = run({"a": (), "b": ("a",), "c": ()}, work, parallelism=1, children=children)
    assert {result.status for result in results.values()} == {"cancelled"}
    (note,) = [event for event in events if event.kind == "note"]
    assert note.text.startswith("interrupted: waiting for terraform")


def test_ctrl_c_at_a_question_stops_the_run():
    children = Children()

    def ask(_question):
        raise KeyboardInterrupt

    def work(name, asker):
        return Result(name, "done" if asker(Question(name, "apply", "", Plan())) else "cancelled")

    results, _ = run({"a": (), "b": ("a",)}, work, children=children, ask=ask)
    assert children.stopping
    assert {result.status for result in results.values()} == {"cancelled"}


def test_a_bug_in_a_worker_does_not_hang_the_run(tmp_path):
    def work(name, _ask):
        if name == "a":
            raise ZeroDivisionError("oh")
        raise StepFailed("Error: no", hint="do", log=tmp_path / "x.log")

    results, events = run({"a": (), "b": ()}, work)
    assert results["a"].code == "bug"
    assert results["a"].reason == "this is a bug in tfgen: ZeroDivisionError: oh"
    assert "ZeroDivisionError" in results["a"].log.read_text()
    assert results["a"].log.stat().st_mode & 0o077 == 0
    results["a"].log.unlink()
    assert results["b"].log == tmp_path / "x.log"
    assert results["b"].hint == "do"
    assert [event.kind for event in events].count("end") == 2


def test_default_parallelism_is_small_and_positive():
    assert 1 <= default_parallelism() <= 4
