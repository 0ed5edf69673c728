"""Rendering projects of 10, 100 and 1,000 modules: how time and memory grow with their number."""

from __future__ import annotations

import tempfile
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

from tests.benchmarks.measure import Subject, measure, show, verdict
from tests.benchmarks.stage import TFGEN, Stage

SIZES = (10, 100, 1_000)
_RUNS, _RUNS_OF_SMALL = 3, 15
_COLD_SECONDS, _UNCHANGED_SECONDS, _MEBIBYTES = 5, 1, 300
_GROWTH = 1.3
"""The most that a module of the largest project may cost, in modules of the one before."""

_BLUEPRINT = """\
summary: A queue, and what the modules before it give.
settings:
  type: object
  additionalProperties: false
  properties:
    label: {type: string, default: none}
    days: {type: integer, minimum: 1, default: 4, varies: true}
holds: One queue.
"""
_MAIN = """\
resource "aws_sqs_queue" "this" {
  name                      = "${local.name_prefix}-{{ module.short_name | text }}"
  message_retention_seconds = var.days * 86400
  sqs_managed_sse_enabled   = true
  tags                      = merge(local.tags, { Label = {{ settings.label | hcl }} })
}
{% for read in module.reads %}

locals {
  from_{{ read.identifier | ident }} = local.{{ read.identifier | ident }}.queue_arn
}
{% endfor %}
"""
_VARIABLES = """\
variable "days" {
  description = "Days a message waits."
  type        = number
  default     = {{ settings.days | hcl }}
}
"""
_OUTPUTS = """\
output "queue_arn" {
  description = "ARN of the queue."
  value       = aws_sqs_queue.this.arn
}
"""
_LOCAL = "endpoint: http://127.0.0.1:4566\nstate: {bucket: shop-local-tfstate, lock_table: shop-local-tflock}\n"
_PRODUCTION = """\
account: "123456789012"
credentials: [profile]
state: {bucket: shop-production-tfstate, lock_table: shop-production-tflock}
"""


def make_project(root: Path, count: int) -> None:
    """Write a project whose modules read one neighbour and one module from further below each."""
    lines = ["version: 1", "project: shop", "owner: team", "region: eu-west-1", "modules:"]
    lines.append("  backend-config: {blueprint: backend-config}")
    for number in range(count - 1):
        reads = sorted({number - 1, number // 2} if number else set())
        names = ", ".join(f"part{read}" for read in reads)
        lines.append(f"  {number:04d}-part{number}:")
        lines.append(f"    {{blueprint: part, reads: [{names}], settings: {{label: number {number}}}}}")
    files = {
        "config/project.yaml": "\n".join(lines) + "\n",
        "config/environments/local.yaml": _LOCAL,
        "config/environments/production.yaml": _PRODUCTION,
        "templates/part/blueprint.yaml": _BLUEPRINT,
        "templates/part/main.tf.j2": _MAIN,
        "templates/part/variables.tf.j2": _VARIABLES,
        "templates/part/outputs.tf.j2": _OUTPUTS,
    }
    for name, text in files.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)


def show_scaling(stage: Stage) -> None:
    """Measure a first render and one with nothing to do."""
    cold, unchanged = [], []
    for count in SIZES:
        root = stage.folder / f"scaling-{count}"
        make_project(root, count)
        aside = _move_aside(root / "terraform", root / ".tfgen")
        cold.append(Subject(f"{count} modules, first render", [TFGEN, "render"], root, stage.env, aside))
        unchanged.append(Subject(f"{count} modules, nothing changed", [TFGEN, "render"], root, stage.env))
    # What one module more costs is a difference of the small ones: a few milliseconds must not decide it.
    table = measure(cold[:-1], runs=_RUNS_OF_SMALL) | measure(cold[-1:], runs=_RUNS)
    table |= measure(unchanged, runs=_RUNS)
    largest = stage.folder / f"scaling-{SIZES[-1]}"
    copy = Subject("cp -r of that tree: the disk's share", ["cp", "-r", "terraform", "copy"], largest, stage.env)
    table |= measure([replace(copy, before=_move_aside(largest / "copy"))], runs=_RUNS)
    print(f"\nrendering {', '.join(f'{count:,}' for count in SIZES)} modules")
    show(table, [], {cold[-1].name: _MEBIBYTES})
    for subject, seconds in ((cold[-1], _COLD_SECONDS), (unchanged[-1], _UNCHANGED_SECONDS)):
        found = table[subject.name].milliseconds / 1000
        verdict(f"{subject.name}, seconds", f"{found:.2f}", seconds, found)
    start, middle, most = (table[subject.name].cpu_milliseconds for subject in cold)
    each_of_middle = (middle - start) / (SIZES[1] - SIZES[0])
    each_of_most = (most - middle) / (SIZES[2] - SIZES[1])
    growth = each_of_most / each_of_middle
    verdict("processor time of one more module, 1,000 / 100", f"{growth:.2f}", _GROWTH, growth)


def _move_aside(*paths: Path) -> Callable[[], None]:
    """Make room for what is written next, without removing anything.

    After many files were removed, ext4 looks past all their inodes for each new file, for some seconds: three times
    the time of the render that is measured.
    """

    def move() -> None:
        for path in filter(Path.exists, paths):
            path.rename(Path(tempfile.mkdtemp(dir=path.parents[1])) / path.name)

    return move
