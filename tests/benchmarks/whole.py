"""The whole project in one terraform process beside its modules one by one, on the deployed reference project."""

from __future__ import annotations

import shlex
import subprocess
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

from tests.benchmarks.measure import Budget, Subject, add_up, measure, show, verdict
from tests.benchmarks.stage import TFGEN, Stage
from tests.support.emulator import free_port
from tests.support.processes import PROVIDER, watch
from tests.support.project import TestProject
from tfgen import workflow

_RUNS = 3
_PLAN = (TFGEN, "plan", "--env", "local")


def show_plan(stage: Stage) -> None:
    """Measure the plan of the whole: with nothing to do, and with a change that runs through several modules."""
    project = _typable(stage)
    print("\nplan of the whole reference project, nothing changed")
    _show_plan(project)
    with _readdressed(project):
        print("\nplan of the whole reference project, another CIDR for the network")
        _show_plan(project)


def show_validate(stage: Stage) -> None:
    """Measure validating the whole; for that nothing needs to be deployed."""
    stage.tfgen("check", cwd=stage.project)  # leaves the settings that typed commands find the provider by
    project = TestProject(stage.project, free_port())
    for module in module_names(project):
        project.typed("terraform init -input=false -backend=false", project.root / "terraform" / module)
    one_by_one = f"{len(module_names(project))} x terraform validate"
    table = measure(
        (
            typed(project, one_by_one, "terraform validate"),
            Subject("tfgen check", [TFGEN, "check"], project.root, stage.env),
        ),
        runs=_RUNS,
    )
    print("\nvalidate of the whole reference project")
    show(table, [Budget("tfgen check", one_by_one, 0.2)])


def show_memory(stage: Stage) -> None:
    """Count the provider's processes while the whole is planned, and add up what all processes take."""
    project = stage.deployed
    with _readdressed(project):
        process = subprocess.Popen(
            _PLAN,
            cwd=project.root,
            env=project.environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        samples = watch(process)
    if process.returncode:
        raise SystemExit(f"tfgen plan ended with status {process.returncode}")
    most = max(samples, key=lambda sample: sample.mebibytes)
    print(f"\nmemory while the whole reference project is planned, {len(samples)} looks")
    for name, mebibytes in sorted(most.by_program().items()):
        print(f"  {name:<40}{mebibytes:>8.0f} MiB at the moment when all took most")
    print(f"  {'all together':<40}{most.mebibytes:>8.0f} MiB")
    at_once = max(sample.count(PROVIDER) for sample in samples)
    verdict("provider processes at once", str(at_once), 1, at_once)


def _show_plan(project: TestProject) -> None:
    count = len(module_names(project))
    init, plan, shown = (f"{count} x {verb}" for verb in ("init", "plan -out", "show -json"))
    parts = measure(
        (
            typed(project, init, "terraform init -input=false"),
            typed(project, plan, "terraform plan -input=false -out=bench.tfplan VALUES"),
            typed(project, shown, "terraform show -json bench.tfplan"),
            Subject("tfgen plan", _PLAN, project.root, project.environment),
        ),
        runs=_RUNS,
        warm_up=False,  # deploying has done that
    )
    for plan_file in (project.root / "terraform").glob("*/bench.tfplan"):
        plan_file.unlink()
    everything = "all that, one by one"
    table = {**parts, everything: add_up([parts[name] for name in (init, plan, shown)])}
    show(table, [Budget("tfgen plan", everything, 0.25), Budget("tfgen plan", plan, 0.4)])


def _typable(stage: Stage) -> TestProject:
    """Return the deployed project, initialised for typed commands too: tfgen keeps data folders of its own."""
    project = stage.deployed
    for module in module_names(project):
        project.typed("terraform init -input=false", project.root / "terraform" / module)
    return project


def typed(project: TestProject, name: str, command: str, modules: Sequence[str] = ()) -> Subject:
    """Return what somebody types without tfgen: one command in each module's folder, one after the other.

    Args:
        project: The project.
        name: Of the subject.
        command: The command; VALUES in it stands for the flags that give a module its values.
        modules: The modules in order; all of them by default.
    """
    lines = ["set -eu"]
    for module in modules or module_names(project):
        folder = shlex.quote(str(project.root / "terraform" / module))
        lines += [f"cd {folder}", command.replace("VALUES", project.typed_values(module))]
    return Subject(name, ["sh", "-c", "\n".join(lines)], project.root, project.typed_environment)


def module_names(project: TestProject) -> list[str]:
    """Return the modules' full names in order."""
    return [module.name for module in workflow.load_project(project.root).project.modules]


@contextmanager
def _readdressed(project: TestProject) -> Iterator[None]:
    """Give the network another CIDR, which replaces what is in it and in its readers, and take it back."""
    spec = project.root / "config" / "project.yaml"
    before = spec.read_text(encoding="utf-8")
    spec.write_text(before.replace("cidr: 10.0.0.0/16", "cidr: 10.7.0.0/16"), encoding="utf-8")
    project.tfgen("render")
    try:
        yield
    finally:
        spec.write_text(before, encoding="utf-8")
        project.tfgen("render")
