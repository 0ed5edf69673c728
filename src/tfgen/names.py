"""Names that two modules would both give to AWS, as far as the rendered text tells. Pure.

A name is compared as text: with the module's own local values put in, and nothing else left in it than what is the
same in every module of an environment. What a `for_each` or another resource decides is not looked at.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

from tfgen.hcl import read_blocks

UNIQUE = {
    "aws_athena_workgroup": "name",
    "aws_cloudwatch_composite_alarm": "alarm_name",
    "aws_cloudwatch_dashboard": "dashboard_name",
    "aws_cloudwatch_event_rule": "name",
    "aws_cloudwatch_log_group": "name",
    "aws_cloudwatch_metric_alarm": "alarm_name",
    "aws_dynamodb_table": "name",
    "aws_glue_catalog_database": "name",
    "aws_iam_policy": "name",
    "aws_iam_role": "name",
    "aws_kinesis_firehose_delivery_stream": "name",
    "aws_kms_alias": "name",
    "aws_lambda_function": "function_name",
    "aws_s3_bucket": "bucket",
    "aws_scheduler_schedule_group": "name",
    "aws_sesv2_configuration_set": "configuration_set_name",
    "aws_sns_topic": "name",
    "aws_sqs_queue": "name",
}
"""Resource types whose name is given once in an account and region, and the attribute that holds it, as the pages of
the AWS provider describe them. Alarms of both kinds share their names."""

_SHARED = frozenset({"aws_cloudwatch_composite_alarm", "aws_cloudwatch_metric_alarm"})
_PREFIXED = re.compile(rb'"[^"\n]*\$\{local\.name_prefix\}[^"\n]*"')
_LOCAL = re.compile(r"\blocal\.([A-Za-z_][\w-]*)")
_REFERENCE = re.compile(r"\b(?:var|local|data|each|count|module|path|self|terraform|aws_\w+)\.[\w.-]+")
_SAME_EVERYWHERE = re.compile(
    r"var\.(?:project_name|environment|aws_region)|data\.aws_(?:caller_identity|partition|region)\.[\w.-]+"
)
_DEPTH = 8


@dataclass(frozen=True)
class Clash:
    """A name that two modules give.

    Attributes:
        type: Resource type, `aws_sqs_queue`.
        name: The name as its module writes it.
        modules: The two modules, in the order of the project.
    """

    type: str
    name: str
    modules: tuple[str, str]


def find_clashes(sources: Mapping[str, Iterable[bytes]]) -> tuple[Clash, ...]:
    """Find names that two modules give to a resource of one type.

    Args:
        sources: The `.tf` files of each module, in the order of the project.
    """
    files = {module: tuple(found) for module, found in sources.items()}
    written: dict[bytes, list[str]] = {}
    for module, found in files.items():
        for text in {text for source in found for text in _PREFIXED.findall(source)}:
            written.setdefault(text, []).append(module)
    suspects = {module for modules in written.values() if len(modules) > 1 for module in modules}
    given: dict[tuple[str, str], tuple[str, str]] = {}
    clashes = []
    for module in (name for name in files if name in suspects):
        for type_, name, canonical in _names(files[module]):
            key = ("alarm" if type_ in _SHARED else type_, canonical)
            first, _ = given.setdefault(key, (module, name))
            if first != module:
                clashes.append(Clash(type_, name, (first, module)))
    return tuple(clashes)


def _names(sources: Iterable[bytes]) -> Iterator[tuple[str, str, str]]:
    """Yield type, name as written and name to compare of each resource whose name is known."""
    blocks = [block for source in sources for block in read_blocks(source)]
    own = {name: text for block in blocks if block.type == "locals" for name, text in block.attributes.items()}
    for block in blocks:
        if block.type == "resource" and block.labels and block.labels[0] in UNIQUE:
            written = block.attributes.get(UNIQUE[block.labels[0]], "")
            canonical = _canonical(written, own)
            if canonical:
                yield block.labels[0], _shown(written, own), canonical


def _canonical(expression: str, own: Mapping[str, str]) -> str:
    """Return an expression with local values put in; empty if it holds what may differ between modules."""
    for _ in range(_DEPTH):
        expression, count = _LOCAL.subn(lambda found: own.get(found[1], found[0]), expression)
        if not count:
            break
    references = _REFERENCE.findall(expression)
    return expression if all(_SAME_EVERYWHERE.fullmatch(reference) for reference in references) else ""


def _shown(expression: str, own: Mapping[str, str]) -> str:
    """Return a name as a person would write it: `<project>-<environment>-orders`."""
    whole = _LOCAL.fullmatch(expression)
    text = own.get(whole[1], expression) if whole else expression
    return re.sub(r"\$\{[^}]*\}", "…", text.strip('"').replace("${local.name_prefix}", "<project>-<environment>"))
