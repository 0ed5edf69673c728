"""Known errors of terraform and the AWS provider, as data: what each means, and the exact next command."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from tfgen.planning import parse_lock


@dataclass(frozen=True)
class Trouble:
    """A known error.

    Attributes:
        name: Its identifier.
        pattern: What terraform says; named groups may be used in the texts.
        cause: What it means.
        next: What to do. `{module}`, `{address}`, `{reads}` and the groups are filled in.
    """

    name: str
    pattern: re.Pattern[str]
    cause: str
    next: str


def _known(name: str, pattern: str, cause: str, then: str) -> Trouble:
    return Trouble(name, re.compile(pattern, re.IGNORECASE | re.DOTALL), cause, then)


TROUBLES: Sequence[Trouble] = (
    _known(
        "state-not-saved",
        r"Failed to (?:save|persist) state|Error saving state|errored\.tfstate",
        "what was made is in errored.tfstate in the module's folder, because the state could not be written",
        "mend what kept it from being written (credentials, network, disk), then: tfgen apply --resume",
    ),
    _known(
        "expired-token",
        r"ExpiredToken|RequestExpired|security token included in the request is expired|SSO session .*expired",
        "the credentials have expired",
        "log in again (aws sso login, or a new token), then: tfgen apply --resume",
    ),
    _known(
        "bad-credentials",
        r"InvalidClientTokenId|UnrecognizedClientException|SignatureDoesNotMatch|No valid credential sources found",
        "AWS does not know these credentials",
        "look at what is used: tfgen doctor; then repeat the command",
    ),
    _known(
        "upstream-output",
        r"Unable to find remote state"
        r"|Unsupported attribute.*(?:terraform_remote_state|This object does not have an attribute named)",
        "an output of {reads} is missing",
        "tfgen apply --module {module} --with-dependencies",
    ),
    _known(
        "state-bucket",
        r'S3 bucket "[^"]+" does not exist',
        "the bucket with the states is not there yet",
        "tfgen apply makes it",
    ),
    _known(
        "state-digest",
        r"state data in S3 does not have the expected content",
        "the state in the bucket and its digest in the lock table do not belong together: a write was cut off",
        "wait a minute and repeat the command; if it stays, compare with the bucket's version history and remove the "
        "item of {module} that ends in -md5 from the lock table",
    ),
    _known(
        "bucket-not-empty",
        r"(?:S3 Bucket \((?P<bucket>[^)]+)\).*)?BucketNotEmpty",
        "bucket {bucket} still holds objects, and tfgen never deletes data in AWS",
        "keep what you need, then empty it with all versions (S3 console, Empty, or aws s3 rm s3://{bucket} "
        "--recursive and the old versions) and repeat the command",
    ),
    _known(
        "bucket-name-taken",
        r"\bBucketAlreadyExists\b",
        "somebody else in AWS has a bucket of this name: names are shared by all accounts",
        "choose another name in the spec or the environment, then: tfgen render && tfgen apply",
    ),
    _known(
        "scheduled-for-deletion",
        r"scheduled for deletion|pending (?:deletion|import)|KMSInvalidState",
        "the key or secret is still waiting for its deletion",
        "take it back (aws kms cancel-key-deletion, aws secretsmanager restore-secret), then: "
        "tfgen import {module} '{address}' ID",
    ),
    _known(
        "already-exists",
        r"already ?exists|AlreadyOwnedByYou|ResourceInUseException|EntityAlreadyExists",
        "it was made outside this state",
        "take it over with: tfgen import {module} '{address}' ID; or remove it",
    ),
    _known(
        "logging-role",
        r"CloudWatch Logs role ARN must be set in account settings",
        "API Gateway has no role to write logs with in this account and region",
        "set manage_account_role: true for {module} in the environment's file, then: tfgen render && tfgen apply",
    ),
    _known(
        "iam-propagation",
        r"role defined for the function cannot be assumed|Invalid principal in policy|cannot be assumed",
        "a new role is not known everywhere yet, or it may not be assumed by this service",
        "wait half a minute, then: tfgen apply --resume; if it stays, look at the role's trust policy",
    ),
    _known(
        "access-denied",
        r"(?:AccessDenied|UnauthorizedOperation|AuthorizationError|not authorized to perform)"
        r"(?=.*perform:? (?P<action>[a-z0-9-]+:\w+))?",
        "the credentials may not do this: {action}",
        "allow it to the deployer (docs/how-to/first-aws-deploy.md), then: tfgen apply --resume",
    ),
    _known(
        "deletion-protection",
        r"deletion protection|DeletionProtectionEnabled|OperationNotPermitted.*protect",
        "it is protected against deletion",
        "if its data may go, switch the protection off in the environment's file, tfgen render, "
        "tfgen apply --module {module}, and repeat the command",
    ),
    _known(
        "subnet-conflict",
        r"InvalidSubnet\.Conflict|conflicts with another subnet|InvalidVpcRange",
        "the address range is in use in this network already",
        "choose another cidr for {module} in the spec, then: tfgen render && tfgen plan",
    ),
    _known(
        "quota",
        r"LimitExceeded|QuotaExceeded|TooManyBuckets|limit .* has been (?:reached|exceeded)",
        "a quota of the account is used up",
        "ask for more (aws service-quotas list-service-quotas, request-service-quota-increase) or remove something, "
        "then: tfgen apply --resume",
    ),
    _known(
        "region-off",
        r"OptInRequired|region .* is not enabled|not subscribed to this service",
        "the region or the service is not enabled in this account",
        "aws account enable-region --region-name REGION, then: tfgen apply --resume",
    ),
    _known(
        "still-used",
        r"DependencyViolation|DeleteConflict|has a dependent object|must detach all|ResourceInUse\b",
        "something outside this module's state still uses {address}",
        "find and remove the user (tfgen graph shows those in the project; tfgen destroy --module {module} "
        "--with-dependents takes them along), then repeat the command",
    ),
    _known(
        "identity-not-verified",
        r"(?:Email address|identity) is not verified|MailFromDomainNotVerified",
        "SES does not send for an address or domain that is not verified",
        "follow the link that was mailed to it (aws sesv2 get-email-identity), then: tfgen apply --resume",
    ),
    _known(
        "in-progress",
        r"OperationAborted|conflicting conditional operation|in progress for resource|ConcurrentModification",
        "AWS is still busy with the last change of it",
        "wait a minute, then: tfgen apply --resume",
    ),
    _known(
        "dependency-lock",
        r"Inconsistent dependency lock file|Provider dependency changes detected"
        r"|does not match configured version constraint"
        r"|checksums? .*recorded in the dependency lock file|doesn't match any of the checksums",
        "the provider at hand is none that the dependency lock file allows",
        "tfgen providers lock, look at what changed, and commit it",
    ),
    _known(
        "provider-missing",
        r"Failed to (?:query available provider packages|install provider)|could not connect to registry",
        "the provider could not be had",
        "is there a network? else let TFGEN_PROVIDER_MIRROR name a mirror: tfgen doctor says what is found",
    ),
    _known(
        "disk-full",
        r"no space left on device|disk quota exceeded",
        "the disk is full",
        "free some space, then: tfgen apply --resume",
    ),
    _known(
        "stale-plan",
        r"Saved plan is stale",
        "the state was changed by somebody else between plan and apply",
        "tfgen apply --resume plans it again",
    ),
)


def find_trouble(error: str) -> Trouble | None:
    """Return the first known trouble in an error of terraform; None if there is none."""
    return next((trouble for trouble in TROUBLES if trouble.pattern.search(error)), None)


def explain(error: str, *, module: str, reads: Sequence[str] = ()) -> str:
    """Return what a known error of terraform means and what mends it; empty for an unknown one."""
    if lock := parse_lock(error):
        return (
            f"{lock.who} holds the state lock since {lock.created} ({lock.operation}). Wait for it "
            f"(--lock-timeout 5m); if that process is gone: tfgen unlock {module} --id {lock.id}"
        )
    trouble = find_trouble(error)
    if trouble is None:
        return ""
    match = trouble.pattern.search(error)
    address = re.search(r"^\s*with ([^\s,]+),", error, re.MULTILINE)
    values = {
        "bucket": "BUCKET",
        "action": "the error names it",
        **{name: value for name, value in (match.groupdict() if match else {}).items() if value},
        "module": module,
        "reads": ", ".join(reads) or "the modules it reads",
        "address": address[1] if address else "ADDRESS",
    }
    return f"{_fill(trouble.cause, values)}: {_fill(trouble.next, values)}"


def _fill(text: str, values: dict[str, str]) -> str:
    return re.sub(r"\{(\w+)\}", lambda match: values[match[1]], text)
