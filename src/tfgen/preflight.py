"""What must be right in an AWS account before the first change, and how all that is found is said at once."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from tfgen import aws
from tfgen.aws import Aws
from tfgen.errors import TfgenError
from tfgen.events import Event, OnEvent
from tfgen.model import Environment, Module, Project

_ENABLED = ("opt-in-not-required", "opted-in")
_SMALL_QUOTA = 100


@dataclass(frozen=True)
class Finding:
    """One thing that is not as it should be.

    Attributes:
        text: What is wrong.
        mend: The command or step that mends it.
        blocks: True if an apply would fail because of it; otherwise it only limits what works.
    """

    text: str
    mend: str
    blocks: bool = True


def report(findings: Sequence[Finding], where: str, on_event: OnEvent) -> None:
    """Warn of what only limits, and refuse to go on with what blocks.

    Args:
        findings: Everything that is not as it should be.
        where: What was looked at, in words.
        on_event: Told the warnings.

    Raises:
        TfgenError: Something would make the run fail; all of it, each with what mends it.
    """
    for finding in findings:
        if not finding.blocks:
            on_event(Event("warning", f"{finding.text}: {finding.mend}"))
    blocking = [finding for finding in findings if finding.blocks]
    if blocking:
        lines = [f"  {finding.text}\n    → {finding.mend}" for finding in blocking]
        count = "one thing" if len(blocking) == 1 else f"{len(blocking)} things"
        raise TfgenError(
            f"{where} is not ready, {count} to mend:\n" + "\n".join(lines),
            hint="mend them, then repeat the command; nothing was changed",
            code="preflight",
        )


def find(project: Project, environment: Environment, clients: Aws) -> tuple[Finding, ...]:
    """Return everything in an account that is not as it should be.

    Credentials and account are known to be right by then (`accounts.check_account`): until STS has
    answered nothing else may be asked.
    """
    checks = (_region, _api_gateway_role, _mail, _lambda_quota)
    return tuple(finding for single in checks for finding in _careful(single, project, environment, clients))


def _careful(
    single: Callable[[Project, Environment, Aws], Iterator[Finding]],
    project: Project,
    environment: Environment,
    clients: Aws,
) -> Iterator[Finding]:
    """Run one check; not being allowed to look is a finding of its own, not a failure."""
    try:
        yield from single(project, environment, clients)
    except Exception as error:
        what = single.__name__.strip("_").replace("_", " ")
        yield Finding(
            f"cannot check {what}: {aws.error_code(error)}",
            "allow the deployer to look (docs/how-to/first-aws-deploy.md), or check it by hand",
            blocks=False,
        )


def _region(_project: Project, environment: Environment, clients: Aws) -> Iterator[Finding]:
    answer = clients.client("ec2").describe_regions(RegionNames=[environment.region], AllRegions=True)
    status = answer["Regions"][0].get("OptInStatus") if answer["Regions"] else "not-opted-in"
    if status not in (*_ENABLED, None):
        yield Finding(
            f"region {environment.region} is not enabled in this account",
            f"aws account enable-region --region-name {environment.region}",
        )


def _api_gateway_role(project: Project, environment: Environment, clients: Aws) -> Iterator[Finding]:
    module = _blueprint(project, "api-ingestion")
    if module is None or _value(environment, module, "manage_account_role") is True:
        return
    if not clients.client("apigateway").get_account().get("cloudwatchRoleArn"):
        yield Finding(
            f"API Gateway has no role to write logs with in {environment.region}",
            f"set manage_account_role: true for {module.name} in config/environments/{environment.name}.yaml, "
            "or make a role with AmazonAPIGatewayPushToCloudWatchLogs, then: aws apigateway update-account "
            "--patch-operations op=replace,path=/cloudwatchRoleArn,value=ROLE_ARN",
        )


def _mail(project: Project, environment: Environment, clients: Aws) -> Iterator[Finding]:
    module = _blueprint(project, "notification")
    if module is None:
        return
    client = clients.client("sesv2")
    roles = _blueprint(project, "iam")
    sender = _value(environment, roles, "sender") if roles is not None else None
    if sender and not _is_verified(client, sender):
        yield Finding(
            f"SES will not send for {sender} before that identity is verified",
            f"after the first apply of {module.name} follow the link mailed to {sender} (for a domain: set its "
            f"DKIM records); see: aws sesv2 get-email-identity --email-identity {sender}",
            blocks=False,
        )
    if not client.get_account().get("ProductionAccessEnabled", False):
        yield Finding(
            "SES is in the sandbox: 200 mails a day, verified recipients only",
            "verify each recipient (aws sesv2 create-email-identity --email-identity ADDRESS), or ask for "
            "production access: aws sesv2 put-account-details --production-access-enabled …",
            blocks=False,
        )


def _lambda_quota(project: Project, environment: Environment, clients: Aws) -> Iterator[Finding]:
    if not any(module.functions for module in project.modules):
        return
    limit = clients.client("lambda").get_account_settings()["AccountLimit"]
    quota, free = limit["ConcurrentExecutions"], limit.get("UnreservedConcurrentExecutions", 0)
    wanted = sum(
        max(0, int(_value(environment, module, "reserved_concurrency") or 0)) * len(module.functions)
        for module in project.modules
    )
    ask = (
        "aws service-quotas request-service-quota-increase --service-code lambda --quota-code L-B99A9384 "
        f"--desired-value 1000 --region {environment.region}"
    )
    if wanted and free - wanted < _SMALL_QUOTA:
        yield Finding(
            f"Lambda's quota leaves {free} concurrent executions; {wanted} are to be reserved and AWS keeps "
            f"{_SMALL_QUOTA} free",
            f"{ask}, or reserve less",
        )
    elif quota < _SMALL_QUOTA:
        yield Finding(f"Lambda's quota is {quota} concurrent executions", ask, blocks=False)


def _is_verified(client: Any, sender: str) -> bool:
    for identity in (sender, sender.rpartition("@")[2]):
        try:
            answer = client.get_email_identity(EmailIdentity=identity)
        except Exception as error:
            if aws.error_code(error) != "NotFoundException":
                raise
            continue
        if answer.get("VerifiedForSendingStatus"):
            return True
    return False


def _blueprint(project: Project, name: str) -> Module | None:
    return next((module for module in project.modules if module.blueprint == name), None)


def _value(environment: Environment, module: Module, name: str) -> Any:
    return environment.values.get(module.name, {}).get(name, module.settings.get(name))
