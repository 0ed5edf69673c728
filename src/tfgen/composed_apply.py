"""The composed plan itself, applied: one terraform for all modules, and their states split out of its state afterwards.

In this order: plan, approve, backend-config by itself, lock every state, apply, write each module's state where it
changed, release, remove the composed state. Whatever ends it in between, what was made is in the composed state, and
`unsplit` finds that.
"""

from __future__ import annotations

import itertools
import time
from collections.abc import Collection, Mapping
from contextlib import suppress
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tfgen import (
    approval,
    approving,
    backend_planning,
    composed_object,
    deployment,
    execution,
    gathering,
    journal,
    leases,
    readiness,
    refusals,
    retries,
    state,
    unsplit,
)
from tfgen.approval import Approval
from tfgen.approving import CONTINUE, DESTROY, Wishes
from tfgen.changes import ComposedPlan
from tfgen.composed_object import ModuleNote, Note
from tfgen.composed_results import Tracker, to_results
from tfgen.errors import Interrupted, TfgenError
from tfgen.events import Event
from tfgen.model import BACKEND_CONFIG, Environment, Project
from tfgen.places import Caller, Choices, Place, Run
from tfgen.runner import DONE, SKIPPED, Ask, Result
from tfgen.sessions import note_result, session
from tfgen.state_writing import Backend, Holder, StateLocks

if TYPE_CHECKING:
    from tfgen.compose import Applied, Composition

APPLY = "apply"
COMPOSED = "composed"


def apply(place: Place, choices: Choices, wishes: Wishes, ask: Ask | None, selected: Collection[str]) -> Run | None:
    """Apply modules as one, after one approval; backend-config first and by itself.

    Args:
        place: Where; the run is open.
        choices: How to run.
        wishes: How the plan is approved.
        ask: Asks the user; None where nobody can be asked.
        selected: The modules that take part.

    Returns:
        How it went; None if they cannot be applied as one and nobody insists.

    Raises:
        TfgenError: They cannot be applied as one, or something is missing before the first change.
        Interrupted: The user stopped it.
    """
    from tfgen.compose import open_composition

    project, environment = place.bench.project, place.bench.environment
    if state.bucket_exists(place.clients, environment.state_bucket):
        state.check_bucket_owner(place.clients, environment.state_bucket, project.name)
        if BACKEND_CONFIG in selected:
            backend_planning.settle_backend(place, choices)
    if choices.modules:
        deployment.check_upstream(place, set(selected))
    composed = set(selected) - {BACKEND_CONFIG}
    with (
        execution.plan_file(place.bench, f"{BACKEND_CONFIG}-shown") as saved,
        open_composition(place.bench, place.clients, modules=composed) as composition,
    ):
        job = _Job(place, composition, choices, wishes, ask, APPLY)
        with approving.interruptible(place):
            found = job.look(saved if BACKEND_CONFIG in selected else None)
        if job.must_go_apart(found):
            return None
        shown = _changed(found)
        if not shown.modules:
            return approving.whole_run(place, APPLY, {})
        readiness.check(place, shown.modules)
        approved = approving.agree(place, found, shown, choices, wishes, ask)
        if approved is None:
            return approving.whole_run(place, APPLY, {name: approving.cancelled(place, name) for name in shown.modules})
        results = job.apply_backend(shown, approved, saved) if BACKEND_CONFIG in shown.modules else {}
        rest = shown.modules.keys() - {BACKEND_CONFIG}
        if rest and all(result.ok for result in results.values()):
            results |= job.carry_out(_narrowed(shown, rest), approved)
        elif rest:
            results |= {name: job.skip(name) for name in shown.modules if name in rest}
    return approving.whole_run(place, APPLY, results)


def destroy(
    place: Place, choices: Choices, wishes: Wishes, ask: Ask | None, order: Mapping[str, tuple[str, ...]]
) -> Run | None:
    """Destroy modules as one, after one approval; backend-config last and by itself, if it is among them.

    Args:
        place: Where; the run is open.
        choices: How to run.
        wishes: How the plan is approved.
        ask: Asks the user; None where nobody can be asked.
        order: The modules, as a graph in the order of destruction.

    Returns:
        How it went; None if they cannot be destroyed as one and nobody insists.

    Raises:
        TfgenError: They cannot be destroyed as one, or something is missing before the first change.
        Interrupted: The user stopped it.
    """
    from tfgen.compose import open_composition

    composed = set(order) - {BACKEND_CONFIG}
    results: dict[str, Result] = {}
    if composed:
        with open_composition(place.bench, place.clients, modules=composed, destroy=True) as composition:
            job = _Job(place, composition, choices, wishes, ask, DESTROY)
            with approving.interruptible(place):
                found = job.look(None)
            if job.must_go_apart(found):
                return None
            readiness.check(place, composed)
            shown = _changed(found)
            approved = approving.agree(place, found, shown, choices, replace(wishes, approved=None), ask, DESTROY)
            if approved is None:
                return approving.whole_run(place, DESTROY, {name: approving.cancelled(place, name) for name in order})
            results = job.carry_out(shown, approved) if shown.modules else {}
    if BACKEND_CONFIG in order and all(result.ok for result in results.values()):
        results |= _destroy_backend(place, choices, wishes, ask)
    elif BACKEND_CONFIG in order:
        results[BACKEND_CONFIG] = Result(
            BACKEND_CONFIG, SKIPPED, reason="a module failed", cause=_first_failed(results)
        )
        note_result(place, results[BACKEND_CONFIG])
    return approving.whole_run(place, DESTROY, results)


def recover(project: Project, environment: Environment, caller: Caller, run: str) -> Run:
    """Split the composed state that a run left, and do nothing else.

    Args:
        project: The project.
        environment: Where.
        caller: Who calls, and how.
        run: The run's id, or its beginning.

    Raises:
        TfgenError: There is none, its run is at work, or a state has gone on since.
        Interrupted: The user stopped it.
    """
    modules = [module.name for module in project.modules]
    with session(project, environment, caller, Choices(), verb="recover", modules=modules, recovers=run) as place:
        return Run(place.bench.run_dir.name, "recover", environment, (), place.bench.run_dir)


@dataclass
class _Job:
    """One composed apply or destroy."""

    place: Place
    composition: Composition
    choices: Choices
    wishes: Wishes
    ask: Ask | None
    verb: str
    _results: dict[str, Result] = field(default_factory=dict)

    def look(self, saved: Path | None) -> ComposedPlan:
        """Plan, and backend-config by itself if it takes part: its plan is then left in a file."""

        def compose(_place: Place, _mode: str) -> ComposedPlan:
            return self.composition.plan()

        if saved is not None:
            return backend_planning.look(self.place, compose, saved)
        return backend_planning.compose_patiently(self.place, compose)

    def must_go_apart(self, found: ComposedPlan) -> bool:
        """True if the modules cannot be applied as one and may be applied one by one instead.

        Raises:
            TfgenError: They cannot, and somebody insists; or they cannot be planned at all.
        """
        reasons = gathering.unappliable(self.composition.gathered)
        if not reasons:
            waiting = [problem for problem in found.errors if backend_planning.is_later(problem.message)]
            if not waiting or len(waiting) != len(found.errors):
                approving.refuse_errors(found)
                return False
            reasons = {item.module: refusals.INCOMPLETE.say(message=item.message) for item in waiting}
        lines = "".join(f"\n  {name}: {reason}" for name, reason in reasons.items())
        if self.choices.insists:
            raise TfgenError(
                f"the modules cannot be {_PAST[self.verb]} as one:{lines}",
                hint=f"tfgen {self.verb} --per-module takes them one by one",
                code="not-composable",
            )
        text = f"the modules cannot be {_PAST[self.verb]} as one, they are taken one by one:{lines}"
        self.place.bench.on_event(Event("warning", text))
        return True

    def apply_backend(self, shown: ComposedPlan, approved: Approval, saved: Path) -> dict[str, Result]:
        """Apply backend-config by itself: the locks and the states of the others live in what it makes.

        What is applied is the very plan that was shown, unless it deletes: before that, buckets may have to be emptied.
        """
        place, wishes, ask = self.place, self.wishes, self.ask
        loses = any(change.loses for change in shown.modules[BACKEND_CONFIG].resources)

        def work(name: str, asker: Ask) -> Result:
            module = place.bench.project.module(name)
            decide = approving.compare_each(place, approved, wishes, asker if ask else None, APPLY)
            result = deployment.apply_module(place, module, self.choices, decide, None if loses else saved)
            if result.ok:
                backend_planning.remember_applied(place, module)
            return result

        edges: dict[str, tuple[str, ...]] = {BACKEND_CONFIG: ()}
        run = deployment.run_modules(place, APPLY, edges, work, self.choices, ask or deployment.refuse_to_ask)
        return {result.module: result for result in run.results}

    def carry_out(self, shown: ComposedPlan, approved: Approval) -> dict[str, Result]:
        """Lock, apply what was approved, split, release; again for a failure that passes by itself.

        Raises:
            TfgenError: Somebody holds a lock, it is not what was approved any more, or a state cannot be written.
            Interrupted: The user stopped it; what was made by then is in the modules' states.
        """
        bench, clients, children = self.place.bench, self.place.clients, self.place.bench.children
        backend = gathering.backend_of(self.composition.gathered, bench.project, bench.environment)
        locks = StateLocks(clients, backend, _holder(self.place, self.verb))
        file = bench.run_dir / composed_object.FILE
        timeout = leases.to_seconds(bench.lock_timeout)
        locks.take(self._keys(), timeout=timeout, stopping=lambda: children.stopping)
        try:
            bench.journal.write(journal.COMPOSED, phase="locked", run=bench.run_dir.name)
            note = self._attempts(shown, approved, backend)
            locks.release()
            bench.journal.write(journal.COMPOSED, phase="released", run=bench.run_dir.name)
            if note is not None:
                unsplit.remove(bench, clients, note, file)
        finally:
            # What was made and is in no module's state keeps its locks.
            if not file.exists():
                locks.release()
            self._report()
        if children.stopping:
            run = approving.whole_run(self.place, self.verb, self._results)
            raise Interrupted(hint=deployment.interrupted_hint(run, self.verb))
        return self._results

    def skip(self, name: str) -> Result:
        """Note that a module was not begun because backend-config failed."""
        result = Result(name, SKIPPED, reason=f"{BACKEND_CONFIG} failed", cause=BACKEND_CONFIG)
        note_result(self.place, result)
        return result

    def _attempts(self, shown: ComposedPlan, approved: Approval, backend: Backend) -> Note | None:
        """Apply until it is done or fails for good; returns what the composed state that is there was made from."""
        bench = self.place.bench
        for attempt in itertools.count(1):
            if attempt > 1 or not self.composition.is_current():
                shown = self._plan_again(approved)
            for name in self._results.keys() - shown.modules.keys():
                self._results[name] = _done(self._results[name])
            if not shown.modules:
                break
            note = self._note(backend, shown)
            applied = self._apply(shown, note)
            kind = retries.find_transient(applied.raw) if applied.status else None
            if kind is None or attempt >= retries.ATTEMPTS or bench.children.stopping:
                return note
            unsplit.remove(bench, self.place.clients, note, bench.run_dir / composed_object.FILE)
            execution.wait_to_retry(bench, "", APPLY, kind.name, attempt, applied.error)
        return None

    def _plan_again(self, approved: Approval) -> ComposedPlan:
        """Plan once more, with the states locked, and compare with what was approved."""
        with approving.interruptible(self.place):
            found = backend_planning.compose_patiently(
                self.place, lambda _place, _mode: self.composition.plan(warns=False)
            )
        approving.refuse_errors(found)
        shown = _changed(found)
        approving.guard_losses(self.place.bench.environment, shown, self.choices)
        differences = [item for changes in shown.modules.values() for item in approval.compare(approved, changes)]
        for item in differences:
            self.place.bench.on_event(Event("warning", f"not as approved: {item}", module=item.module))
        stops = bool(differences) and self.wishes.on_difference != CONTINUE
        if stops and (self.ask is None or not approving.answer(self.place, self.wishes, shown, self.choices, self.ask)):
            raise approving.difference_error(differences, self.verb)
        return shown

    def _apply(self, shown: ComposedPlan, note: Note) -> Applied:
        """Apply the plan on the composed state, then write each module's state; results are kept."""
        bench, clients = self.place.bench, self.place.clients
        file = bench.run_dir / composed_object.FILE
        bench.journal.write(journal.COMPOSED, phase="planned", run=note.run, note=note.to_document())
        names = {bench.project.module(name).identifier: name for name in shown.modules}
        tracker = Tracker(names, bench.on_event)
        for name in shown.modules:
            if name not in self._results:
                bench.journal.write(journal.MODULE_BEGIN, module=name)
                bench.on_event(Event("start", module=name))
            bench.on_event(Event("step", module=name, step=self.verb))
        self._empty_buckets(shown)
        composed_object.write_file(file, self.composition.document)
        started: list[int] = []
        begun = time.monotonic()
        try:
            with composed_object.following(clients, note, file, self.composition.document, bench.on_event) as follower:
                bench.journal.write(journal.COMPOSED, phase="applying", run=note.run)
                applied = self._run(file, tracker, started)
        except BaseException:
            self._give_up(note, file, started)
            raise
        bench.journal.write(journal.COMPOSED, phase="applied", run=note.run, status=applied.status)
        written = self._split(note, file, applied.dumped, follower.document)
        results = to_results(
            shown, tracker, applied, written, interrupted=bench.children.stopping, seconds=time.monotonic() - begun
        )
        for name, result in results.items():
            before = self._results.get(name)
            counts = result.counts if before is None else before.counts + result.counts
            self._results[name] = replace(result, counts=counts)
        return applied

    def _split(self, note: Note, file: Path, *seen: Mapping[str, Any] | None) -> tuple[str, ...]:
        bench = self.place.bench
        try:
            document = unsplit.newest(bench.project, bench.environment, note, file, *seen)
            return unsplit.split(bench, self.place.clients, note, document)
        except TfgenError as error:
            raise TfgenError(
                f"what was made is in the composed state, but not in the modules' states: {error.message}",
                where=error.where or str(file),
                hint=error.hint if error.code == "composed-state" else unsplit.way_out(note),
                code="unsplit",
            ) from None

    def _give_up(self, note: Note, file: Path, started: Collection[int]) -> None:
        """Leave nothing behind where terraform did not begin, and write what it made where it did."""
        bench, clients = self.place.bench, self.place.clients
        if started:
            self._split(note, file)
            unsplit.remove(bench, clients, note, file)
            return
        file.unlink(missing_ok=True)
        composed_object.reserve_of(file).unlink(missing_ok=True)
        with suppress(TfgenError):
            composed_object.remove_copy(clients, note)

    def _run(self, file: Path, tracker: Tracker, started: list[int]) -> Applied:
        bench = self.place.bench
        mark = bench.next_step(APPLY)
        bench.journal.write(journal.STEP_BEGIN, **mark, argv=["terraform", APPLY], log=f"{COMPOSED}-{APPLY}.log")

        def on_start(pid: int) -> None:
            started.append(pid)
            bench.journal.write(journal.PROCESS, **mark, pid=pid)

        applied = self.composition.apply(file, on_line=tracker.feed, on_start=on_start)
        bench.journal.write(journal.STEP_END, **mark, status=applied.status)
        return applied

    def _note(self, backend: Backend, shown: ComposedPlan) -> Note:
        bench = self.place.bench
        gathered, run = self.composition.gathered, bench.run_dir.name
        modules = {}
        for part in gathered.parts:
            found = gathered.states.get(part.module.name)
            lineage, serial = (found.lineage, found.serial) if found is not None else ("", 0)
            modules[part.module.name] = ModuleNote(
                part.module.identifier, part.module.state_key, lineage, serial, part.module.name in shown.modules
            )
        return Note(
            run=run,
            project=bench.project.name,
            environment=bench.environment.name,
            verb=self.verb,
            owner=_holder(self.place, self.verb).who,
            since=time.strftime("%Y-%m-%d %H:%M:%S UTC", time.gmtime()),
            lineage=str(self.composition.document["lineage"]),
            key=composed_object.copy_key(unsplit.key_prefix(bench.project), run),
            backend=backend,
            modules=modules,
        )

    def _keys(self) -> list[str]:
        return [part.module.state_key for part in self.composition.gathered.parts]

    def _empty_buckets(self, shown: ComposedPlan) -> None:
        for name, changes in shown.modules.items():
            doomed = {item.address for item in changes.resources if item.loses and item.type == "aws_s3_bucket"}
            deployment.empty_buckets(self.place, self.place.bench.project.module(name), doomed)

    def _report(self) -> None:
        """Write down how each module ended."""
        bench = self.place.bench
        for result in self._results.values():
            note_result(self.place, result)
            bench.on_event(Event("end", text=_line(result), module=result.module, status=result.status))


_PAST = {APPLY: "applied", DESTROY: "destroyed"}


def _destroy_backend(place: Place, choices: Choices, wishes: Wishes, ask: Ask | None) -> dict[str, Result]:
    def work(name: str, asker: Ask) -> Result:
        decide = deployment.ask_each(place, choices, asker, DESTROY, wishes.resumes)
        return deployment.destroy_module(place, place.bench.project.module(name), choices, decide)

    edges: dict[str, tuple[str, ...]] = {BACKEND_CONFIG: ()}
    run = deployment.run_modules(place, DESTROY, edges, work, choices, ask or deployment.refuse_to_ask)
    return {result.module: result for result in run.results}


def _changed(found: ComposedPlan) -> ComposedPlan:
    return _narrowed(found, {name for name, changes in found.modules.items() if changes.changed})


def _narrowed(found: ComposedPlan, names: Collection[str]) -> ComposedPlan:
    return replace(found, modules={name: changes for name, changes in found.modules.items() if name in names})


def _first_failed(results: Mapping[str, Result]) -> str:
    return next((name for name, result in results.items() if not result.ok and not result.cause), "")


def _holder(place: Place, verb: str) -> Holder:
    claim = leases.make_claim(place.bench.run_dir.name, verb, (), ())
    return Holder(claim.run, claim.owner, unsplit.operation(verb), place.bench.version)


def _done(result: Result) -> Result:
    """Return the result of a module in which the next plan found nothing left to do."""
    return replace(result, status=DONE, reason="", hint="", cause="", code="")


def _line(result: Result) -> str:
    return result.counts.past() if result.ok else result.reason.partition("\n")[0]
