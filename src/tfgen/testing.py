"""`tfgen test`: the Terraform tests of modules, and the tests beside their Lambda functions. Nothing is called.

Terraform runs with mocked providers, a data directory of its own and no backend. What a test forgot to mock finds
a closed port of this machine instead of AWS.
"""

from __future__ import annotations

import re
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from functools import partial
from importlib.util import find_spec
from pathlib import Path

from tfgen import isolation, offline, process, terraform
from tfgen.errors import Interrupted, TfgenError
from tfgen.locating import template_of
from tfgen.mirror import ProviderSource
from tfgen.model import Module, Project
from tfgen.process import Children
from tfgen.runner import default_parallelism
from tfgen.testevents import Failure, Outcome, read_junit, read_terraform

PASSED = "passed"
FAILED = "failed"
NONE = "no tests"

TERRAFORM = "terraform"
LAMBDA = "lambda"

_NOWHERE = "http://127.0.0.1:9"
"""The discard port: nothing listens there."""
_PYTEST = ("-q", "-p", "no:cacheprovider", "-o", "junit_family=xunit1", "--import-mode=importlib")


@dataclass(frozen=True)
class Suite:
    """The tests of one module, or of one Lambda function.

    Attributes:
        name: The module's full name, or the function's folder.
        kind: `terraform` or `lambda`.
        status: `passed`, `failed` or `no tests`.
        passed: How many tests passed.
        failures: What did not.
        seconds: How long it took.
    """

    name: str
    kind: str
    status: str
    passed: int
    failures: tuple[Failure, ...]
    seconds: float


@dataclass(frozen=True)
class _Tools:
    project: Project
    binary: str
    env: Mapping[str, str]
    source: ProviderSource
    children: Children
    on_suite: Callable[[str], None]


def run_tests(
    project: Project,
    modules: Sequence[Module],
    caller: Mapping[str, str],
    on_suite: Callable[[str], None],
    *,
    parallelism: int | None = None,
) -> tuple[Suite, ...]:
    """Run the tests of modules and of the Lambda functions that they ship.

    Args:
        project: The project, rendered and packaged.
        modules: Which modules; with all of them goes what the functions have in common.
        caller: The environment tfgen was started with.
        on_suite: Told what begins, one line each.
        parallelism: Suites at once; None for the default.

    Raises:
        TfgenError: Terraform or pytest is missing or does not fit.
        Interrupted: The user stopped it.
    """
    tools = _prepare(project, caller, on_suite)
    functions = _functions(project, modules)
    if functions:
        _require_pytest()
    jobs: list[Callable[[], Suite]] = [partial(_terraform, tools, module) for module in modules]
    jobs += [partial(_lambda, tools, folder) for folder in functions]
    with tools.children.forwarding(), ThreadPoolExecutor(parallelism or default_parallelism()) as pool:
        # The shared plugin cache is not made for several writers: the first module fills it.
        first = [job() for job in jobs[:1]] if tools.source.downloads else []
        suites = (*first, *pool.map(_call, jobs[len(first) :]))
    if tools.children.stopping:
        raise Interrupted
    return suites


def _call(job: Callable[[], Suite]) -> Suite:
    return job()


def _prepare(project: Project, caller: Mapping[str, str], on_suite: Callable[[str], None]) -> _Tools:
    # No credentials are let through and no emulator is started, whatever the environment is.
    environment = replace(project.environments[project.default_environment], endpoint=_NOWHERE)
    tool = offline.prepare(project, caller, environment)
    env = {**tool.env, "AWS_MAX_ATTEMPTS": "1", "AWS_ENDPOINT_URL_STS": _NOWHERE}
    return _Tools(project, tool.binary, env, tool.source, Children(), on_suite)


def _functions(project: Project, modules: Sequence[Module]) -> list[Path]:
    """Return the folders of functions that have tests; what they share is tested when all modules are."""
    lambdas = project.root / "lambdas"
    names = [function.name for module in modules for function in module.functions]
    if names and len(modules) == len(project.modules):
        names.insert(0, "common")
    return [lambdas / name for name in names if (lambdas / name / "tests").is_dir()]


def _require_pytest() -> None:
    if find_spec("pytest") is None:
        raise TfgenError(
            f"pytest, which the tests of the Lambda functions need, is not installed for {sys.executable}",
            hint=f"{sys.executable} -m pip install pytest -r lambdas/requirements.txt",
            where="lambdas/",
            code="pytest-missing",
        )


def _terraform(tools: _Tools, module: Module) -> Suite:
    started = time.monotonic()
    folder = tools.project.tree / module.name
    if not any((*folder.glob("*.tftest.*"), *folder.glob("tests/*.tftest.*"))):
        return Suite(module.name, TERRAFORM, NONE, 0, (), 0.0)
    tools.on_suite(f"testing {module.name}")
    data = tools.project.work / "test" / module.name
    env = isolation.module_environment(tools.env, data_dir=data)
    init = process.run(terraform.init_argv(tools.binary, backend=False), cwd=folder, env=env, children=tools.children)
    if init.returncode:
        outcome = Outcome(0, (Failure(f"terraform/{module.name}", "terraform init", init.stderr.strip()),))
    else:
        done = process.run(terraform.test_argv(tools.binary), cwd=folder, env=env, children=tools.children)
        outcome = read_terraform(done.stdout, done.returncode, done.stderr)
    failures = tuple(_placed(tools.project, module, failure) for failure in outcome.failures)
    return _suite(module.name, TERRAFORM, outcome, failures, started)


def _placed(project: Project, module: Module, failure: Failure) -> Failure:
    """Tell a place in the module's folder as one of the project, with the template behind a rendered file."""
    file, _, rest = failure.where.partition(":")
    if failure.where.startswith("terraform/"):
        return failure
    path = project.tree / module.name / file
    line = int(match[0]) if (match := re.match(r"\d+", rest)) else 0
    template = template_of(project, path, line) if line and path.is_file() else ""
    where = f"terraform/{module.name}/{failure.where}" if failure.where else f"terraform/{module.name}"
    return replace(failure, where=where, template=template)


def _lambda(tools: _Tools, folder: Path) -> Suite:
    started = time.monotonic()
    tools.on_suite(f"testing lambdas/{folder.name}")
    report = tools.project.work / "test" / f"{folder.name}.xml"
    report.parent.mkdir(parents=True, exist_ok=True)
    report.unlink(missing_ok=True)
    env = {**tools.env, "PYTHONDONTWRITEBYTECODE": "1"}
    tests = f"lambdas/{folder.name}/tests"
    argv = [sys.executable, "-m", "pytest", *_PYTEST, f"--junit-xml={report}", tests]
    done = process.run(argv, cwd=tools.project.root, env=env, children=tools.children)
    text = report.read_bytes() if report.is_file() else b""
    outcome = read_junit(text, done.returncode, done.stdout + done.stderr, tests)
    return _suite(f"lambdas/{folder.name}", LAMBDA, outcome, outcome.failures, started)


def _suite(name: str, kind: str, outcome: Outcome, failures: tuple[Failure, ...], started: float) -> Suite:
    status = FAILED if failures else PASSED if outcome.passed else NONE
    return Suite(name, kind, status, outcome.passed, failures, time.monotonic() - started)


def failures_of(suites: Sequence[Suite]) -> Iterator[Failure]:
    """Yield every failure, suite by suite."""
    for suite in suites:
        yield from suite.failures
