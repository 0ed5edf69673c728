"""The reference project deployed from nothing as one, and destroyed, beside the original document's typed commands."""

from __future__ import annotations

from tests.benchmarks.measure import Budget, Subject, measure, show
from tests.benchmarks.stage import TFGEN, Stage
from tests.benchmarks.whole import module_names, typed
from tests.support.project import TestProject
from tfgen.model import BACKEND_CONFIG

_APPLY, _DESTROY = 0.45, 0.5
_INIT = "terraform init -input=false"


def show_composed_apply(stage: Stage) -> None:
    """Deploy and destroy once each way, each on an emulator of its own and from nothing."""
    by_hand, as_one = stage.untouched("typed"), stage.untouched("composed")
    names = module_names(by_hand)
    # What somebody types stands in a shell: init and apply in each folder, then on to the next.
    applied = measure(
        (
            typed(by_hand, "init and apply, typed", f"{_INIT}\nterraform apply -input=false -auto-approve", names),
            _as_one(as_one, "tfgen apply --composed", "apply"),
        ),
        runs=1,
        warm_up=False,
    )
    print("\nfirst deploy of the reference project")
    show(applied, [Budget("tfgen apply --composed", "init and apply, typed", _APPLY, with_cpu=True)])
    # backend-config stays, as with tfgen: the states are in it.
    doomed = [name for name in reversed(names) if name != BACKEND_CONFIG]
    destroyed = measure(
        (
            typed(by_hand, "destroy, typed", "terraform destroy -input=false -auto-approve", doomed),
            _as_one(as_one, "tfgen destroy --composed", "destroy"),
        ),
        runs=1,
        warm_up=False,
    )
    print("\ndestroying it again")
    show(destroyed, [Budget("tfgen destroy --composed", "destroy, typed", _DESTROY, with_cpu=True)])


def _as_one(project: TestProject, name: str, verb: str) -> Subject:
    argv = [TFGEN, verb, "--env", "local", "--composed", "--auto-approve"]
    return Subject(name, argv, project.root, project.environment)
